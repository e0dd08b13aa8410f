//! The same steps on two stores, which must answer the same.
//!
//! Versions are compared within a room's life, from its first join on; while nobody is in a room, every
//! version that is said of it must be later than all before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cluster::store::{Clock, MemoryStore};
use cluster::{Expiry, Member, RedisStore, Store, StoreError};
use model::room::limits::RoomLimits;
use model::{
    EventsSince, Gone, JsonText, Notice, Owner, RoomEvent, RoomId, RoomState, Stream, StreamId, Takeover,
    User, UserId,
};

use super::people::node;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Join {
        rid: RoomId,
        uid: UserId,
        owner: Owner,
        takeover: Takeover,
        late: bool,
    },
    Leave {
        rid: RoomId,
        uid: UserId,
        owner: Owner,
    },
    Add {
        rid: RoomId,
        owner: Owner,
        stream: Stream,
        late: bool,
    },
    Remove {
        rid: RoomId,
        uid: UserId,
        owner: Owner,
        mid: StreamId,
    },
    Say {
        rid: RoomId,
        uid: UserId,
        owner: Owner,
        data: JsonText,
    },
    Ended {
        rid: RoomId,
        mid: StreamId,
        sfu: String,
    },
    KeepAlive(Vec<Member>),
    Hold {
        sfu: String,
        streams: Vec<(RoomId, StreamId)>,
    },
    Snapshot(RoomId),
    /// So many events back from the room's latest.
    Since(RoomId, u64),
    Find(RoomId, StreamId),
    Wait(u64),
    Expire,
    Release(Gone),
}

/// One of the two stores, and what it said about versions.
struct Side {
    store: Arc<dyn Store>,
    /// The version of a room's first join in its present life.
    first: BTreeMap<RoomId, u64>,
    latest: BTreeMap<RoomId, u64>,
}

/// Both stores.
pub(super) struct Pair {
    sides: [Side; 2],
    now_us: Arc<AtomicU64>,
    people: BTreeMap<RoomId, BTreeSet<UserId>>,
}

/// Everything that a step can answer, with relative versions.
#[derive(Debug, PartialEq)]
enum Answer {
    State(RoomState),
    Joined(RoomState, Option<RoomEvent>),
    Left(RoomEvent, Vec<Stream>),
    Event(Option<RoomEvent>),
    Removed(RoomEvent, Stream),
    Events(Vec<RoomEvent>),
    Kept(Vec<(u64, bool)>),
    Unknown(Vec<(RoomId, StreamId)>),
    Found(Stream),
    Nothing,
}

impl Pair {
    /// The Redis must be empty, and `now_us` later than at any earlier use.
    pub(super) fn new(redis: RedisStore, now_us: Arc<AtomicU64>, limits: RoomLimits) -> Self {
        let time = Arc::clone(&now_us);
        let clock: Clock = Arc::new(move || time.load(Ordering::Relaxed));
        let memory = MemoryStore::with_clock(Arc::clone(&clock)).with_limits(limits);
        let side = |store| Side { store, first: BTreeMap::new(), latest: BTreeMap::new() };
        let redis = redis.with_clock(clock).with_limits(limits);
        let sides = [side(Arc::new(memory) as Arc<dyn Store>), side(Arc::new(redis))];
        Self { sides, now_us, people: BTreeMap::new() }
    }

    /// Takes a step on both.
    pub(super) async fn step(&mut self, step: &Step) {
        self.now_us.fetch_add(300, Ordering::Relaxed);
        if let Step::Wait(ms) = step {
            self.now_us.fetch_add(ms * 1000, Ordering::Relaxed);
        }
        let mut answers = Vec::new();
        let now_ms = self.now_us.load(Ordering::Relaxed) / 1000;
        for side in &mut self.sides {
            let there: BTreeSet<RoomId> = self.people.keys().cloned().collect();
            answers.push(side.take(step, now_ms, &there).await);
        }
        assert_eq!(answers[1], answers[0], "Redis answers otherwise after {step:?}");
        self.note(answers.swap_remove(0));
    }

    fn note(&mut self, answer: Result<Answer, StoreError>) {
        let events = match answer {
            Ok(Answer::Joined(_, event) | Answer::Event(event)) => event.into_iter().collect(),
            Ok(Answer::Left(event, _) | Answer::Removed(event, _)) => vec![event],
            Ok(Answer::Events(events)) => events,
            _ => Vec::new(),
        };
        for event in events {
            let people = self.people.entry(event.rid.clone()).or_default();
            for notice in &*event.notices {
                match notice {
                    Notice::PeerJoin(user) => drop(people.insert(user.uid.clone())),
                    Notice::PeerLeave { uid } => drop(people.remove(uid)),
                    _ => {}
                }
            }
        }
        self.people.retain(|_, people| !people.is_empty());
        for side in &mut self.sides {
            side.first.retain(|rid, _| self.people.contains_key(rid));
        }
    }
}

impl Side {
    async fn take(
        &mut self,
        step: &Step,
        now_ms: u64,
        there: &BTreeSet<RoomId>,
    ) -> Result<Answer, StoreError> {
        let store = Arc::clone(&self.store);
        let expiry = |late: bool| Expiry(Some(if late { now_ms - 1 } else { now_ms }));
        Ok(match step {
            Step::Join { rid, uid, owner, takeover, late } => {
                let joined = store.join(rid, uid, owner, *takeover, expiry(*late)).await?;
                self.first.entry(rid.clone()).or_insert(joined.state.version);
                let event = joined.event.map(|event| self.event(event));
                Answer::Joined(self.state(rid, joined.state, true), event)
            }
            Step::Leave { rid, uid, owner } => {
                let left = store.leave(rid, uid, owner).await?;
                Answer::Left(self.event(left.event), left.streams)
            }
            Step::Add { rid, owner, stream, late } => {
                let event = store.add_stream(rid, owner, stream.clone(), expiry(*late)).await?;
                Answer::Event(Some(self.event(event)))
            }
            Step::Remove { rid, uid, owner, mid } => {
                let removed = store.remove_stream(rid, uid, owner, mid).await?;
                Answer::Removed(self.event(removed.event), removed.stream)
            }
            Step::Say { rid, uid, owner, data } => {
                let event = store.broadcast(rid, uid, owner, data.clone()).await?;
                Answer::Event(Some(self.event(event)))
            }
            Step::Ended { rid, mid, sfu } => {
                let event = store.stream_ended(rid, mid, &node(sfu)).await?;
                Answer::Event(event.map(|event| self.event(event)))
            }
            Step::KeepAlive(members) => self.kept(&*store, members, there).await?,
            Step::Hold { sfu, streams } => Answer::Unknown(store.hold_streams(&node(sfu), streams).await?),
            Step::Snapshot(rid) => {
                Answer::State(self.state(rid, store.snapshot(rid).await?, there.contains(rid)))
            }
            Step::Since(rid, back) => self.since(&*store, rid, *back, there.contains(rid)).await?,
            Step::Find(rid, mid) => Answer::Found(store.find_stream(rid, mid).await?),
            Step::Wait(_) => Answer::Nothing,
            Step::Expire => Answer::Events(self.swept(store.expire().await?)),
            Step::Release(gone) => Answer::Events(self.swept(store.release(gone).await?)),
        })
    }

    async fn kept(
        &mut self,
        store: &dyn Store,
        members: &[Member],
        there: &BTreeSet<RoomId>,
    ) -> Result<Answer, StoreError> {
        let kept = store.keep_alive(members).await?;
        assert_eq!(kept.len(), members.len());
        // Of a room that nobody is in, only what comes after it counts.
        let before = self.latest.clone();
        let mut answers = Vec::new();
        for (member, kept) in members.iter().zip(kept) {
            let rid = &member.rid;
            let version = if there.contains(rid) {
                self.version(rid, kept.version)
            } else {
                assert!(Some(&kept.version) > before.get(rid), "nobody is in {rid}");
                self.latest.insert(rid.clone(), kept.version);
                0
            };
            answers.push((version, kept.held));
        }
        Ok(Answer::Kept(answers))
    }

    async fn since(
        &mut self,
        store: &dyn Store,
        rid: &RoomId,
        back: u64,
        there: bool,
    ) -> Result<Answer, StoreError> {
        let after = self.latest.get(rid).copied().unwrap_or_default().wrapping_sub(back);
        Ok(match store.events_since(rid, after).await? {
            EventsSince::Events(events) => {
                Answer::Events(events.into_iter().map(|event| self.event(event)).collect())
            }
            EventsSince::Snapshot(state) => Answer::State(self.state(rid, state, there)),
        })
    }

    fn swept(&mut self, mut events: Vec<RoomEvent>) -> Vec<RoomEvent> {
        events.sort_by(|a, b| a.rid.cmp(&b.rid));
        events.into_iter().map(|event| self.event(event)).collect()
    }

    /// A version of a room that somebody is in.
    fn version(&mut self, rid: &RoomId, version: u64) -> u64 {
        let latest = self.latest.entry(rid.clone()).or_default();
        *latest = version.max(*latest);
        let first = self.first.get(rid).unwrap_or_else(|| panic!("{rid} lives"));
        version.checked_sub(*first).unwrap_or_else(|| panic!("{version} of {rid} is before its first join"))
            + 1
    }

    fn event(&mut self, event: RoomEvent) -> RoomEvent {
        let notices = event.notices.iter().cloned().map(|notice| match notice {
            Notice::PeerJoin(user) => Notice::PeerJoin(self.user(&event.rid, user)),
            Notice::PeerMove { user, from } => Notice::PeerMove { user: self.user(&event.rid, user), from },
            other => other,
        });
        let notices = notices.collect();
        RoomEvent { version: self.version(&event.rid, event.version), notices, ..event }
    }

    fn user(&self, rid: &RoomId, user: User) -> User {
        User { since: user.since - self.first[rid] + 1, ..user }
    }

    fn state(&mut self, rid: &RoomId, state: RoomState, there: bool) -> RoomState {
        if !there {
            assert!(Some(&state.version) > self.latest.get(rid), "nobody is in {rid}");
            self.latest.insert(rid.clone(), state.version);
            return RoomState { version: 0, ..state };
        }
        let users = state.users.into_iter().map(|user| self.user(rid, user)).collect();
        RoomState { version: self.version(rid, state.version), users, streams: state.streams }
    }
}
