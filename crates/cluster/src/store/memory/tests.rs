use std::sync::atomic::{AtomicU64, Ordering};

use model::room::limits::USER_EXPIRY_MS;
use model::{MediaInfo, Notice};

use super::*;
use crate::Role;

/// A store whose time the test sets.
struct Story {
    store: MemoryStore,
    now_us: Arc<AtomicU64>,
}

fn story() -> Story {
    let now_us = Arc::new(AtomicU64::new(5_000_000));
    let clock = Arc::clone(&now_us);
    Story { store: MemoryStore::with_clock(Arc::new(move || clock.load(Ordering::Relaxed))), now_us }
}

impl Story {
    fn wait_ms(&self, ms: u64) {
        self.now_us.fetch_add(ms * 1000, Ordering::Relaxed);
    }
}

fn rid(text: &str) -> RoomId {
    RoomId::parse(text).unwrap()
}

fn uid(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn mid(text: &str) -> StreamId {
    StreamId::parse(text).unwrap()
}

fn node(text: &str) -> NodeId {
    NodeId::parse(text).unwrap()
}

fn owner(connection: u64) -> Owner {
    Owner { signal: node("signal"), connection }
}

fn stream(user: &str, id: &str) -> Stream {
    let info = r#"{"audio":true,"video":true,"audiotype":0,"videotype":0}"#;
    Stream { mid: mid(id), uid: uid(user), sfu: node("sfu"), info: MediaInfo::parse(info).unwrap() }
}

#[tokio::test]
async fn rooms_are_apart_whatever_their_names() {
    let store = story().store;
    for name in ["a", "a ", "A", "a/b", "*", ">", "{a}"] {
        let joined =
            store.join(&rid(name), &uid("ann"), &owner(1), Takeover::Replace, Expiry::NEVER).await.unwrap();
        assert_eq!(joined.state.users.len(), 1, "{name:?}");
        assert_eq!(joined.event.unwrap().rid, rid(name));
    }
}

#[tokio::test]
async fn a_join_answers_the_room_right_after_it() {
    let store = story().store;
    store.join(&rid("room"), &uid("ann"), &owner(1), Takeover::Replace, Expiry::NEVER).await.unwrap();
    store.add_stream(&rid("room"), &owner(1), stream("ann", "a1"), Expiry::NEVER).await.unwrap();
    let joined =
        store.join(&rid("room"), &uid("bob"), &owner(2), Takeover::Replace, Expiry::NEVER).await.unwrap();
    assert_eq!(joined.event.unwrap().version, joined.state.version);
    assert_eq!(joined.state, store.snapshot(&rid("room")).await.unwrap());
    assert_eq!(joined.state.streams, [stream("ann", "a1")]);
}

#[tokio::test]
async fn a_room_that_nobody_is_in_refuses_changes_and_is_empty_to_readers() {
    let store = story().store;
    let not_there = Err(StoreError::Refused(Refusal::NotOwner));
    let data = JsonText::parse("1").unwrap();
    assert_eq!(store.broadcast(&rid("room"), &uid("ann"), &owner(1), data).await, not_there);
    assert_eq!(store.stream_ended(&rid("room"), &mid("a1"), &node("sfu")).await, Ok(None));
    assert_eq!(
        store.find_stream(&rid("room"), &mid("a1")).await,
        Err(StoreError::Refused(Refusal::NoSuchStream))
    );
    let state = store.snapshot(&rid("room")).await.unwrap();
    assert!(state.users.is_empty() && state.streams.is_empty());
}

#[tokio::test]
async fn versions_never_go_back_when_a_room_empties_and_comes_again() {
    let story = story();
    let (store, room) = (&story.store, rid("room"));
    let mut last = 0;
    for _ in 0..5 {
        let joined =
            store.join(&room, &uid("ann"), &owner(1), Takeover::Replace, Expiry::NEVER).await.unwrap();
        assert!(joined.state.version > last, "later than what was said of the empty room");
        let left = store.leave(&room, &uid("ann"), &owner(1)).await.unwrap();
        // Whoever still has the room's last version but one learns that nobody is there any more.
        let EventsSince::Snapshot(state) = store.events_since(&room, left.event.version - 1).await.unwrap()
        else {
            panic!("a room that is forgotten has no events")
        };
        assert!(state.version > left.event.version);
        assert!(state.users.is_empty());
        last = state.version;
        // The clock stands still, and then even goes back.
        story.now_us.fetch_sub(100, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_user_who_falls_silent_expires_and_one_who_is_kept_alive_does_not() {
    let story = story();
    let (store, room) = (&story.store, rid("room"));
    store.join(&room, &uid("ann"), &owner(1), Takeover::Replace, Expiry::NEVER).await.unwrap();
    store.join(&room, &uid("bob"), &owner(2), Takeover::Replace, Expiry::NEVER).await.unwrap();
    story.wait_ms(USER_EXPIRY_MS - 1);
    let bob = Member { rid: room.clone(), uid: uid("bob"), owner: owner(2) };
    let stranger = Member { owner: owner(3), ..bob.clone() };
    let nowhere = Member { rid: rid("elsewhere"), ..bob.clone() };
    let kept = store.keep_alive(&[stranger, bob, nowhere]).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.held).collect::<Vec<_>>(), [false, true, false]);
    let version = store.snapshot(&room).await.unwrap().version;
    assert_eq!(kept[1].version, version);
    assert_eq!(store.expire().await.unwrap(), []);
    story.wait_ms(1);
    let expired = store.expire().await.unwrap();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].version, version + 1);
    assert_eq!(*expired[0].notices, [Notice::PeerLeave { uid: uid("ann") }]);
    assert_eq!(store.expire().await.unwrap(), []);
}

#[tokio::test]
async fn an_sfu_learns_which_of_its_streams_no_room_knows() {
    let story = story();
    let (store, room) = (&story.store, rid("room"));
    store.join(&room, &uid("ann"), &owner(1), Takeover::Replace, Expiry::NEVER).await.unwrap();
    store.add_stream(&room, &owner(1), stream("ann", "a1"), Expiry::NEVER).await.unwrap();
    let streams = [(room.clone(), mid("a1")), (room.clone(), mid("a2")), (rid("gone"), mid("a1"))];
    assert_eq!(store.hold_streams(&node("sfu"), &streams).await.unwrap(), streams[1..]);
    assert_eq!(store.hold_streams(&node("sfu-2"), &streams).await.unwrap(), streams);
}

#[tokio::test]
async fn what_a_dead_node_left_is_taken_out_of_all_rooms_in_rounds() {
    let store = story().store;
    for n in 0..1000 {
        store
            .join(&rid(&format!("room {n}")), &uid("ann"), &owner(n), Takeover::Replace, Expiry::NEVER)
            .await
            .unwrap();
    }
    let gone = Gone::Signal { id: node("signal"), before: u64::MAX };
    let (mut rounds, mut changed) = (0, 0);
    loop {
        let events = store.release(&gone).await.unwrap();
        if events.is_empty() {
            break;
        }
        rounds += 1;
        changed += events.len();
    }
    assert_eq!(changed, 1000);
    assert!(rounds > 1, "others get their turn in between");
    assert!(store.rooms.lock().get(&rid("room 7")).is_none(), "an empty room is forgotten");
}

#[tokio::test]
async fn a_call_that_comes_too_late_changes_nothing() {
    let story = story();
    let (store, room) = (&story.store, rid("room"));
    let run = NodeRun { role: Role::Signal, id: node("signal"), started: 1 };
    let in_time = Expiry(Some(store.beat(&run).await.unwrap()));
    store.join(&room, &uid("ann"), &owner(1), Takeover::Replace, in_time).await.unwrap();
    story.wait_ms(1);
    let joined = store.join(&room, &uid("bob"), &owner(1), Takeover::Replace, in_time).await;
    assert_eq!(joined, Err(StoreError::Late));
    let added = store.add_stream(&room, &owner(1), stream("ann", "a1"), in_time).await;
    assert_eq!(added, Err(StoreError::Late));
    let state = store.snapshot(&room).await.unwrap();
    assert_eq!((state.users.len(), state.streams.len()), (1, 0));
}

#[tokio::test]
async fn the_beats_of_each_run_are_counted_until_it_is_forgotten() {
    let store = story().store;
    let run = |started| NodeRun { role: Role::Signal, id: node("signal"), started };
    for started in [1, 2, 1] {
        store.beat(&run(started)).await.unwrap();
    }
    assert_eq!(store.runs().await.unwrap(), [(run(1), 2), (run(2), 1)]);
    store.forget_run(&run(1), 1).await.unwrap();
    store.forget_run(&run(2), 1).await.unwrap();
    assert_eq!(store.runs().await.unwrap(), [(run(1), 2)], "it has beaten since");
}

#[tokio::test]
async fn many_at_once_make_one_log_without_gaps() {
    let store = Arc::new(story().store);
    let users = (0..8u64).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (room, uid) = (rid("room"), uid(&format!("user {n}")));
            let mut versions = Vec::new();
            versions.push(
                store
                    .join(&room, &uid, &owner(n), Takeover::Replace, Expiry::NEVER)
                    .await
                    .unwrap()
                    .event
                    .unwrap()
                    .version,
            );
            for _ in 0..100 {
                let data = JsonText::parse("1").unwrap();
                versions.push(store.broadcast(&room, &uid, &owner(n), data).await.unwrap().version);
                tokio::task::yield_now().await;
            }
            versions
        })
    });
    let mut versions = Vec::new();
    for user in users.collect::<Vec<_>>() {
        versions.extend(user.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions.len(), 808);
    assert!(versions.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[tokio::test]
async fn rooms_come_page_by_page_in_the_order_of_their_ids() {
    let Story { store, .. } = story();
    assert_eq!(store.rooms(None, 10).await.unwrap(), RoomPage::default());
    for name in ["c", "a", "e", "b", "d"] {
        store.join(&rid(name), &uid("ann"), &owner(1), Takeover::Replace, Expiry::NEVER).await.unwrap();
    }
    store.add_stream(&rid("b"), &owner(1), stream("ann", "m"), Expiry::NEVER).await.unwrap();
    let page = async |after: Option<&str>, limit| {
        let page = store.rooms(after.map(rid).as_ref(), limit).await.unwrap();
        let rooms: Vec<_> = page.rooms.iter().map(|room| (room.rid.to_string(), room.streams)).collect();
        assert!(page.rooms.iter().all(|room| room.users == 1 && room.version > 0));
        (rooms, page.next.map(|rid| rid.to_string()))
    };
    let named =
        |names: &[&str]| names.iter().map(|name| (name.to_string(), usize::from(*name == "b"))).collect();
    assert_eq!(page(None, 2).await, (named(&["a", "b"]), Some("b".to_owned())));
    assert_eq!(page(Some("b"), 2).await, (named(&["c", "d"]), Some("d".to_owned())));
    assert_eq!(page(Some("d"), 2).await, (named(&["e"]), None));
    assert_eq!(page(Some("bb"), 3).await, (named(&["c", "d", "e"]), None), "after one that is gone");
    assert_eq!(page(Some("e"), 3).await, (named(&[]), None));
}
