//! The scripts do what the model says: random steps on both, and those that reach the limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cluster::{Member, RedisStore};
use model::room::limits::{
    MAX_LOG_BYTES, MAX_LOG_EVENTS, MAX_STREAMS_PER_USER, MAX_USERS, RoomLimits, USER_EXPIRY_MS,
};
use model::{Gone, RoomId, Takeover};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use servers::Redis;

use super::pair::{Pair, Step};
use super::people::{config, data, mid, node, owner, owner_at, rid, stream_at, uid};

const ROOMS: [&str; 3] = ["room", "a}b{c:* ?\\", "комната 🦆"];
const USERS: [&str; 4] = ["ann", "Bob", "%7B} \"x\"", "ünı"];
const SIGNALS: [&str; 2] = ["s1", "s1.x"];
const SFUS: [&str; 2] = ["f1", "f1-"];

fn room() -> impl Strategy<Value = RoomId> {
    prop_oneof![4 => Just(0usize), 1 => 1..ROOMS.len()].prop_map(|n| rid(ROOMS[n]))
}

fn user() -> impl Strategy<Value = model::UserId> {
    (0..USERS.len()).prop_map(|n| uid(USERS[n]))
}

fn speaker() -> impl Strategy<Value = model::Owner> {
    prop_oneof![Just(7), Just(8), Just(100), Just(u64::MAX - 1)]
        .prop_map(|connection| owner_at(SIGNALS[usize::from(connection == 8)], connection))
}

fn thing() -> impl Strategy<Value = model::StreamId> {
    (0..20u8).prop_map(|n| mid(&format!("ann#{n:02} :{{}}")))
}

fn sfu() -> impl Strategy<Value = String> {
    (0..SFUS.len()).prop_map(|n| SFUS[n].to_owned())
}

fn step() -> impl Strategy<Value = Step> {
    let takeover = prop_oneof![Just(Takeover::Replace), Just(Takeover::Resume)];
    let late = || prop_oneof![9 => Just(false), 1 => Just(true)];
    let member = (room(), user(), speaker()).prop_map(|(rid, uid, owner)| Member { rid, uid, owner });
    let before = prop_oneof![Just(8u64), Just(100), Just(u64::MAX)];
    prop_oneof![
        12 => (room(), user(), speaker(), takeover, late())
            .prop_map(|(rid, uid, owner, takeover, late)| Step::Join { rid, uid, owner, takeover, late }),
        3 => (room(), user(), speaker()).prop_map(|(rid, uid, owner)| Step::Leave { rid, uid, owner }),
        14 => (room(), user(), speaker(), thing(), sfu(), 0..300usize, late()).prop_map(
            |(rid, uid, owner, mid, sfu, more, late)| {
                Step::Add { rid, owner, stream: stream_at(&sfu, &uid, mid.as_str(), more), late }
            }
        ),
        4 => (room(), user(), speaker(), thing())
            .prop_map(|(rid, uid, owner, mid)| Step::Remove { rid, uid, owner, mid }),
        5 => (room(), user(), speaker(), prop_oneof![9 => 0..50usize, 1 => Just(250_000)]).prop_map(
            |(rid, uid, owner, size)| {
                Step::Say { rid, uid, owner, data: data(&format!("[ \"{}\" ,\n1.50]", "ä\\u0001".repeat(size / 10))) }
            }
        ),
        3 => (room(), thing(), sfu()).prop_map(|(rid, mid, sfu)| Step::Ended { rid, mid, sfu }),
        3 => prop::collection::vec(member, 1..6).prop_map(Step::KeepAlive),
        3 => (sfu(), prop::collection::vec((room(), thing()), 1..6))
            .prop_map(|(sfu, streams)| Step::Hold { sfu, streams }),
        2 => room().prop_map(Step::Snapshot),
        4 => (room(), prop_oneof![4 => 0..12u64, 1 => Just(u64::MAX / 2), 1 => Just(u64::MAX)])
            .prop_map(|(rid, back)| Step::Since(rid, back)),
        2 => (room(), thing()).prop_map(|(rid, mid)| Step::Find(rid, mid)),
        3 => (1..40_000u64).prop_map(Step::Wait),
        2 => Just(Step::Expire),
        1 => (0..SIGNALS.len(), before)
            .prop_map(|(n, before)| Step::Release(Gone::Signal { id: node(SIGNALS[n]), before })),
        1 => sfu().prop_map(|sfu| Step::Release(Gone::Sfu { id: node(&sfu) })),
    ]
}

/// Pairs of stores, one after the other, on one Redis.
struct Pairs {
    redis: Redis,
    runtime: tokio::runtime::Runtime,
    now_us: Arc<AtomicU64>,
    limits: RoomLimits,
}

impl Pairs {
    fn new(limits: RoomLimits) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let now_us = Arc::new(AtomicU64::new(1_700_000_000_000_000));
        Self { redis: Redis::start(), runtime, now_us, limits }
    }

    fn run(&self, steps: &[Step]) {
        self.redis.cli(&["FLUSHALL"]);
        // A whole second.
        let next = |now: u64| Some((now / 1_000_000 + 2) * 1_000_000);
        self.now_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
        self.runtime.block_on(async {
            let store = RedisStore::connect(&config(vec![self.redis.url()])).unwrap();
            let mut pair = Pair::new(store, Arc::clone(&self.now_us), self.limits);
            for step in steps {
                pair.step(step).await;
            }
        });
    }
}

#[test]
fn redis_does_what_memory_does() {
    // So few that the steps come up against them.
    let pairs = Pairs::new(RoomLimits { users: 3, streams_per_user: 4 });
    let config = Config { cases: 80, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let steps = prop::collection::vec(step(), 100..300);
    TestRunner::new(config)
        .run(&steps, |steps| {
            pairs.run(&steps);
            Ok(())
        })
        .unwrap();
    // Nothing is left of a room that nobody is in.
    let leave = USERS
        .iter()
        .map(|user| Step::Release(Gone::Signal { id: node(SIGNALS[user.len() % 2]), before: u64::MAX }));
    let mut steps = vec![Step::Join {
        rid: rid("room"),
        uid: uid("ann"),
        owner: owner(7),
        takeover: Takeover::Replace,
        late: false,
    }];
    steps.extend(leave);
    pairs.run(&steps);
    let keys = pairs.redis.cli(&["KEYS", "*"]);
    assert!(keys.trim().ends_with(":last") && keys.trim().lines().count() == 1, "{keys}");
}

#[test]
fn redis_has_the_limits_that_memory_has() {
    let pairs = Pairs::new(RoomLimits::default());
    let room = rid("room");
    let join = |n: u64| Step::Join {
        rid: room.clone(),
        uid: uid(&format!("user {n}")),
        owner: owner(n),
        takeover: Takeover::Replace,
        late: false,
    };
    let add = |n: u64, m: usize, more| Step::Add {
        rid: room.clone(),
        owner: owner(n),
        stream: stream_at("f1", &uid(&format!("user {n}")), &format!("{n} {m}"), more),
        late: false,
    };
    let users = u64::try_from(MAX_USERS).unwrap();
    let mut steps: Vec<Step> = (0..=users).map(join).collect();
    steps.push(Step::Release(Gone::Signal { id: node("s1"), before: 100 }));
    pairs.run(&steps);

    let mut steps: Vec<Step> = (0..50).map(join).collect();
    let adds = (0..50).flat_map(|n| (0..=MAX_STREAMS_PER_USER).map(move |m| (n, m)));
    steps.extend(adds.map(|(n, m)| add(n, m, 3900)));
    pairs.run(&steps);

    let say = |size: usize| Step::Say {
        rid: room.clone(),
        uid: uid("user 0"),
        owner: owner(0),
        data: data(&format!("\"{}\"", "x".repeat(size))),
    };
    let kept = u64::try_from(MAX_LOG_EVENTS).unwrap();
    let mut steps = vec![join(0)];
    steps.extend((0..=kept).map(|_| say(1)));
    steps.extend([kept - 1, kept, kept + 1].map(|back| Step::Since(room.clone(), back)));
    // Eight that fill the log to the last byte, the room's id and the user's with them; then a small one.
    steps.extend((0..8).map(|_| say(MAX_LOG_BYTES / 8 - "room".len() - "user 0".len() - 2 * 64 - 2)));
    steps.extend([7, 8, 9].map(|back| Step::Since(room.clone(), back)));
    steps.push(say(0));
    steps.extend([7, 8, 9].map(|back| Step::Since(room.clone(), back)));
    pairs.run(&steps);

    // Steps are 0.3 ms apart: the first look is in the last millisecond of the minute.
    pairs.run(&[join(0), Step::Wait(USER_EXPIRY_MS - 1), Step::Expire, Step::Expire, Step::Expire]);
}
