//! What the others in a room hear is what happened in it, whatever becomes of the events on their
//! way.
//!
//! Random people do random things in a room. Its events go over a network that loses, doubles and
//! reorders them, to a node with a view and several listeners, who come at any time. Gaps are filled
//! from the room, whose log is forgotten now and then, and which is forgotten as a whole when it is
//! empty.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Applied, EventsSince, Gone, JsonText, MediaInfo, NodeId, Notice, Owner, Room, RoomEvent, RoomId,
    RoomState, RoomView, Stream, StreamId, Takeover, User, UserId, view,
};
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
enum Step {
    Join(u8, u8),
    Resume(u8, u8),
    Leave(u8, u8),
    Add(u8, u8, u8),
    Remove(u8, u8, u8),
    Say(u8, u8),
    Ended(u8, u8),
    KeepAlive(u8, u8),
    Hold(u8, u8),
    Wait(u16),
    Expire,
    Release(u8),
    ForgetLog,
    Deliver(Index),
    Double(Index),
    Lose(Index),
    Missed,
    Listen,
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 0..4u8;
    let owner = || 0..3u8;
    let mid = || 0..6u8;
    let sfu = || 0..2u8;
    prop_oneof![
        8 => (user(), owner()).prop_map(|(u, o)| Step::Join(u, o)),
        4 => (user(), owner()).prop_map(|(u, o)| Step::Resume(u, o)),
        3 => (user(), owner()).prop_map(|(u, o)| Step::Leave(u, o)),
        8 => (user(), owner(), mid()).prop_map(|(u, o, m)| Step::Add(u, o, m)),
        3 => (user(), owner(), mid()).prop_map(|(u, o, m)| Step::Remove(u, o, m)),
        4 => (user(), owner()).prop_map(|(u, o)| Step::Say(u, o)),
        2 => (mid(), sfu()).prop_map(|(m, s)| Step::Ended(m, s)),
        2 => (user(), owner()).prop_map(|(u, o)| Step::KeepAlive(u, o)),
        2 => (mid(), sfu()).prop_map(|(m, s)| Step::Hold(m, s)),
        1 => (1..40_000u16).prop_map(Step::Wait),
        1 => Just(Step::Expire),
        1 => (0..4u8).prop_map(Step::Release),
        1 => Just(Step::ForgetLog),
        20 => any::<Index>().prop_map(Step::Deliver),
        4 => any::<Index>().prop_map(Step::Double),
        4 => any::<Index>().prop_map(Step::Lose),
        1 => Just(Step::Missed),
        2 => Just(Step::Listen),
    ]
}

fn uid(n: u8) -> UserId {
    UserId::parse(&format!("user {n}")).unwrap()
}

fn mid(n: u8) -> StreamId {
    StreamId::parse(&format!("stream {n}")).unwrap()
}

fn sfu(n: u8) -> NodeId {
    NodeId::parse(["sfu-0", "sfu-1", "signal-0", "signal-1"][usize::from(n)]).unwrap()
}

/// A dead node: either SFU, or either signalling node.
fn gone(n: u8) -> Gone {
    if n < 2 { Gone::Sfu { id: sfu(n) } } else { Gone::Signal { id: sfu(n), before: u64::MAX } }
}

fn owner(n: u8) -> Owner {
    Owner { signal: sfu(2 + n % 2), connection: n.into() }
}

fn stream(user: u8, id: u8) -> Stream {
    let info = r#"{"audio":true,"video":true,"audiotype":0,"videotype":0}"#;
    Stream { mid: mid(id), uid: uid(user), sfu: sfu(id % 2), info: MediaInfo::parse(info).unwrap() }
}

/// A room as somebody knows it who has only a list and what they were told since. Believes nothing
/// that contradicts what it knows.
#[derive(Clone, Debug, Default)]
struct Heard {
    users: BTreeMap<UserId, User>,
    streams: BTreeMap<StreamId, Stream>,
    said: BTreeSet<String>,
}

impl Heard {
    fn list(state: &RoomState) -> Self {
        Self {
            users: state.users.iter().map(|user| (user.uid.clone(), user.clone())).collect(),
            streams: state.streams.iter().map(|stream| (stream.mid.clone(), stream.clone())).collect(),
            said: BTreeSet::new(),
        }
    }

    fn hear(&mut self, notices: &[Notice]) {
        for notice in notices {
            match notice {
                Notice::PeerJoin(user) => {
                    let before = self.users.insert(user.uid.clone(), user.clone());
                    assert_eq!(before, None, "joined twice: {notice:?}");
                }
                Notice::PeerLeave { uid } => {
                    assert!(self.users.remove(uid).is_some(), "left without being there: {notice:?}");
                    let left_behind = self.streams.values().any(|stream| stream.uid == *uid);
                    assert!(!left_behind, "left before their streams: {notice:?}");
                }
                Notice::StreamAdd(stream) => {
                    assert!(self.users.contains_key(&stream.uid), "a stream of nobody: {notice:?}");
                    let before = self.streams.insert(stream.mid.clone(), stream.clone());
                    assert_eq!(before, None, "added twice: {notice:?}");
                }
                Notice::StreamRemove { uid, mid, .. } => {
                    let stream = self.streams.remove(mid);
                    assert_eq!(stream.map(|stream| stream.uid).as_ref(), Some(uid), "{notice:?}");
                }
                Notice::Broadcast { uid, data } => {
                    assert!(self.users.contains_key(uid), "said by nobody: {notice:?}");
                    assert!(self.said.insert(data.as_str().to_owned()), "said twice: {notice:?}");
                }
                Notice::PeerMove { user, from } => {
                    let before = self.users.insert(user.uid.clone(), user.clone());
                    assert_eq!(before, Some(User { owner: from.clone(), ..user.clone() }), "{notice:?}");
                }
                Notice::PeerKick { uid, owner } => {
                    let speaks = self.users.get(uid).map(|user| &user.owner);
                    assert_ne!(speaks, Some(owner), "kicked who still speaks: {notice:?}");
                }
            }
        }
    }

    fn state(&self, version: u64) -> RoomState {
        RoomState {
            version,
            users: self.users.values().cloned().collect(),
            streams: self.streams.values().cloned().collect(),
        }
    }
}

/// One who joined at a version, and must hear all that came later.
struct Listener {
    joined: RoomState,
    heard: Heard,
    must_hear: BTreeSet<String>,
}

/// A node that hears of the room over a bad network.
#[derive(Default)]
struct Node {
    view: Option<RoomView>,
    listeners: Vec<Listener>,
    /// Whether a gap was filled with a state, in which broadcasts are lost.
    was_reset: bool,
}

impl Node {
    fn listen(&mut self, state: RoomState) {
        self.view.get_or_insert_with(|| RoomView::new(&state));
        let heard = Heard::list(&state);
        self.listeners.push(Listener { joined: state, heard, must_hear: BTreeSet::new() });
    }

    fn event(&mut self, event: &RoomEvent, room: &Room) {
        let Some(view) = &mut self.view else { return };
        match view.apply(event) {
            Applied::Stale => {}
            Applied::Deliver(notices) => self.deliver(event.version, &notices),
            Applied::Gap { after } => self.fill(after, room),
        }
    }

    fn deliver(&mut self, version: u64, notices: &[Notice]) {
        for listener in &mut self.listeners {
            if listener.joined.version < version {
                listener.heard.hear(notices);
            }
        }
    }

    fn fill(&mut self, after: u64, room: &Room) {
        match room.events_since(after) {
            EventsSince::Events(events) => {
                for event in &events {
                    let applied = self.view.as_mut().unwrap().apply(event);
                    let Applied::Deliver(notices) = applied else { panic!("a gap in the log: {applied:?}") };
                    self.deliver(event.version, &notices);
                }
            }
            EventsSince::Snapshot(state) => self.reset(&state),
        }
    }

    fn reset(&mut self, state: &RoomState) {
        let view = self.view.as_mut().unwrap();
        let had = view.version();
        let missed = view.reset(state);
        for listener in &mut self.listeners {
            if listener.joined.version <= had {
                listener.heard.hear(&missed);
            } else {
                listener.heard.hear(&view::difference(&listener.joined, state));
            }
        }
        self.was_reset = true;
    }
}

struct World {
    room: Room,
    now: u64,
    network: Vec<RoomEvent>,
    node: Node,
    /// Told of every event in order: what the events alone say.
    witness: Heard,
    words: u32,
}

impl World {
    fn new() -> Self {
        Self {
            room: Room::new(RoomId::parse("room").unwrap(), 1000),
            now: 0,
            network: Vec::new(),
            node: Node::default(),
            witness: Heard::default(),
            words: 0,
        }
    }

    fn run(&mut self, step: &Step) {
        let version = self.room.version();
        if let Some(event) = self.act(step) {
            assert_eq!(event.version, version + 1, "each change has the next version");
            assert!(!event.notices.is_empty(), "an event says something");
            self.witness.hear(&event.notices);
            for listener in &mut self.node.listeners {
                for notice in &*event.notices {
                    if let Notice::Broadcast { data, .. } = notice {
                        listener.must_hear.insert(data.as_str().to_owned());
                    }
                }
            }
            self.network.push(event);
            assert_eq!(self.room.version(), version + 1);
        } else {
            assert_eq!(self.room.version(), version, "no change without an event: {step:?}");
        }
        assert_eq!(self.witness.state(self.room.version()), self.room.snapshot(), "after {step:?}");
        if self.room.is_empty() && matches!(step, Step::ForgetLog) {
            self.room = Room::new(RoomId::parse("room").unwrap(), self.room.version() + 1000);
        }
    }

    fn act(&mut self, step: &Step) -> Option<RoomEvent> {
        let (room, now) = (&mut self.room, self.now);
        match *step {
            Step::Join(u, o) => return room.join(&uid(u), &owner(o), Takeover::Replace, now).unwrap(),
            Step::Resume(u, o) => return room.join(&uid(u), &owner(o), Takeover::Resume, now).unwrap(),
            Step::Leave(u, o) => return room.leave(&uid(u), &owner(o)).ok().map(|left| left.event),
            Step::Add(u, o, m) => return room.add_stream(&owner(o), stream(u, m), now).ok(),
            Step::Remove(u, o, m) => {
                return room.remove_stream(&uid(u), &owner(o), &mid(m)).ok().map(|removed| removed.event);
            }
            Step::Say(u, o) => {
                self.words += 1;
                let data = JsonText::parse(&self.words.to_string()).unwrap();
                return room.broadcast(&uid(u), &owner(o), data).ok();
            }
            Step::Ended(m, s) => return room.stream_ended(&mid(m), &sfu(s)),
            Step::Expire => return room.expire(now),
            Step::Release(n) => return room.release(&gone(n)),
            Step::KeepAlive(u, o) => {
                let _held = room.keep_alive(&uid(u), &owner(o), now);
            }
            Step::Hold(m, s) => {
                let _known = room.hold_stream(&mid(m), &sfu(s), now);
            }
            Step::Wait(ms) => self.now += u64::from(ms),
            Step::ForgetLog => room.forget_log(),
            _ => self.travel(step),
        }
        None
    }

    /// What the network does.
    fn travel(&mut self, step: &Step) {
        let place = |index: &Index| (!self.network.is_empty()).then(|| index.index(self.network.len()));
        match step {
            Step::Deliver(index) => {
                if let Some(at) = place(index) {
                    let event = self.network.remove(at);
                    self.node.event(&event, &self.room);
                }
            }
            Step::Double(index) => {
                if let Some(at) = place(index) {
                    self.node.event(&self.network[at].clone(), &self.room);
                }
            }
            Step::Lose(index) => {
                if let Some(at) = place(index) {
                    self.network.remove(at);
                }
            }
            Step::Missed => {
                if let Some(view) = &self.node.view {
                    self.node.fill(view.version(), &self.room);
                }
            }
            Step::Listen => self.node.listen(self.room.snapshot()),
            _ => unreachable!("not of the network: {step:?}"),
        }
    }

    /// All that is under way arrives, and the version that every keep-alive answers is seen.
    fn settle(&mut self) {
        for event in std::mem::take(&mut self.network) {
            self.node.event(&event, &self.room);
        }
        if let Some(view) = &self.node.view
            && view.version() < self.room.version()
        {
            self.node.fill(view.version(), &self.room);
        }
    }

    fn check(&self) {
        let truth = self.room.snapshot();
        let Some(view) = &self.node.view else { return };
        assert_eq!(view.state(), truth);
        for listener in &self.node.listeners {
            assert_eq!(listener.heard.state(truth.version), truth);
            if self.node.was_reset {
                assert!(listener.heard.said.is_subset(&listener.must_hear));
            } else {
                assert_eq!(listener.heard.said, listener.must_hear);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everybody_hears_everything_once_and_in_order(steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.settle();
        world.check();
    }
}
