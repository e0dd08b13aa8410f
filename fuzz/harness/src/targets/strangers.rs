//! A router with a stream and a subscription that nobody has connected yet. Datagrams come from anywhere: any bytes,
//! checks with the right password or damaged ones, pieces of a handshake in any order. Nothing leaves but to addresses
//! from which a valid check came.

use super::named;
use crate::offer::Offered;
use crate::peer::{Peer, SERVER, Sent, address, offer, router};
use crate::script::Script;
use crate::time::{Timed, epoch, wall};
use media::{EndReason, Estimation, Event, Incoming, Protocol, Router, Wanted};
use model::{StreamId, SubscriptionId};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The most datagrams that wait on their way to the peer.
const MAX_WAITING: usize = 32;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut world = World::new();
    while !script.is_empty() {
        world.step(&mut script);
    }
    world.close();
}

struct World {
    now: Instant,
    router: Router,
    mid: StreamId,
    peers: [Peer; 2],
    /// From the router to the peers, and from them, not yet delivered.
    down: Vec<Vec<u8>>,
    up: [Vec<Vec<u8>>; 2],
    /// From where a valid check came.
    valid: HashSet<SocketAddr>,
    ended: usize,
}

impl Timed for World {
    fn now(&mut self) -> &mut Instant {
        &mut self.now
    }

    fn due(&self) -> Option<Instant> {
        self.router.poll_timeout()
    }

    fn timeout(&mut self) {
        let mut out = Sent::default();
        self.router.handle_timeout(self.now, wall(self.now), &mut out);
        self.sent(out);
    }
}

impl World {
    fn new() -> Self {
        let now = epoch();
        let mut router = router(Some(Estimation::default()));
        let mid = StreamId::parse("anna#1").expect("an id");
        let sid = SubscriptionId::parse("bob#1").expect("an id");
        let answer = router.publish(now, &mid, &offer(Offered::PUBLISHER)).expect("an answer");
        let publisher = Peer::new(now, address(0), &answer);
        let answer = router
            .subscribe(now, &mid, &sid, &offer(Offered::SUBSCRIBER), Wanted::default())
            .expect("an answer");
        let subscriber = Peer::new(now, address(1), &answer);
        let (down, up) = (Vec::new(), [Vec::new(), Vec::new()]);
        Self { now, router, mid, peers: [publisher, subscriber], down, up, valid: HashSet::new(), ended: 0 }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let kind = script.below(8);
        let (source, who) = (address(script.byte() % 40), script.below(2));
        match kind {
            0 => self.any(source, script.chunk()),
            1 => {
                let check = self.peers[who].check(true, script.bit());
                self.check(source, check);
            }
            2 => {
                let mut check = self.peers[who].check(script.bit(), script.bit());
                // All but the last eight bytes, which are a checksum that nobody needs, is covered by the password.
                let at = usize::from(script.byte()) % (check.len() - 8);
                check[at] ^= script.byte().max(1);
                self.any(source, &check);
            }
            3 => {
                let check = self.peers[who].check(false, script.bit());
                let answered = self.receive(source, check);
                assert!(answered.len() <= 1, "it is told that it has the wrong role");
                assert!(answered.iter().all(|(to, data)| *to == source && data.len() <= 200));
            }
            4 => {
                let sent = self.peers[who].drive(self.now);
                self.up[who].extend(sent);
                self.up[who].truncate(MAX_WAITING);
            }
            5 => self.piece(source, who, script),
            6 => self.pass(Duration::from_millis(u64::from(script.u16()) >> script.below(8))),
            _ => {
                let which = script.below(MAX_WAITING);
                if !self.down.is_empty() {
                    let datagram = self.down.remove(which % self.down.len());
                    let sent = self.peers[who].receive(self.now, &datagram);
                    self.up[who].extend(sent);
                    self.up[who].truncate(MAX_WAITING);
                }
            }
        }
    }

    /// Bytes of a stranger's. They are no check that is valid: nobody guesses a password.
    fn any(&mut self, source: SocketAddr, data: &[u8]) {
        let sent = self.receive(source, data.to_vec());
        assert!(sent.is_empty() || (self.valid.contains(&source) && Peer::is_dtls(data)), "{sent:?}");
    }

    fn check(&mut self, source: SocketAddr, check: Vec<u8>) {
        let asked = check.len();
        let before = self.router.stats().drops;
        let sent = self.receive_after(source, check, |world| {
            world.valid.insert(source);
        });
        if self.router.stats().drops == before {
            let [(to, answer)] = &sent[..] else { panic!("one answer to a check, not {sent:?}") };
            assert!(*to == source && answer.len() <= asked + 8, "an amplifier");
        } else {
            assert!(sent.is_empty());
        }
    }

    /// A datagram of a handshake, perhaps damaged.
    fn piece(&mut self, source: SocketAddr, who: usize, script: &mut Script<'_>) {
        let (which, changes) =
            (script.below(MAX_WAITING), script.list(3, |script| (script.u16(), script.byte())));
        let cut = (script.byte() & 7 == 7).then(|| script.u16());
        let waiting = self.up[who].len();
        if waiting == 0 {
            return;
        }
        let mut datagram = self.up[who].remove(which % waiting);
        for (at, bits) in changes {
            let at = usize::from(at) % datagram.len();
            datagram[at] ^= bits;
        }
        if let Some(cut) = cut {
            datagram.truncate(usize::from(cut) % datagram.len());
        }
        self.receive(source, datagram);
    }

    fn receive(&mut self, source: SocketAddr, data: Vec<u8>) -> Vec<(SocketAddr, Vec<u8>)> {
        self.receive_after(source, data, |_| {})
    }

    fn receive_after(
        &mut self,
        source: SocketAddr,
        mut data: Vec<u8>,
        before: impl FnOnce(&mut Self),
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        before(self);
        let mut out = Sent::default();
        let mut batch = [Incoming { source, local: SERVER, protocol: Protocol::Udp, data: &mut data }];
        self.router.receive(self.now, wall(self.now), &mut batch, &mut out);
        self.sent(out)
    }

    fn sent(&mut self, out: Sent) -> Vec<(SocketAddr, Vec<u8>)> {
        for (to, data) in &out.0 {
            assert!(self.valid.contains(to) || data.first() == Some(&1), "{to} has not shown a password");
            if Peer::is_dtls(data) && self.down.len() < MAX_WAITING {
                self.down.push(data.clone());
            }
        }
        while let Some(event) = self.router.poll_event() {
            let ends = matches!(event, Event::StreamEnded { .. } | Event::SubscriptionEnded { .. });
            self.ended += usize::from(ends);
            assert!(self.ended <= 2);
            let live = matches!(event, Event::StreamLive { .. });
            assert!(!live, "no media came");
            if let Event::StreamEnded { reason: EndReason::NeverConnected, .. } = event {
                assert!(self.now >= epoch() + Duration::from_secs(30));
            }
        }
        let stats = self.router.stats();
        assert_eq!(stats.streams + stats.subscriptions + self.ended as u64, 2);
        assert_eq!(stats.media_in + stats.media_out, 0);
        out.0
    }

    /// It ends as it should, and nothing is left.
    fn close(mut self) {
        let mut out = Sent::default();
        let there = self.router.describe(&self.mid).is_some();
        assert_eq!(self.router.unpublish(self.now, &self.mid.clone(), &mut out), there);
        // That a stream is unpublished is no news to who did it.
        self.ended += usize::from(there);
        self.sent(out);
        let stats = self.router.stats();
        assert_eq!((stats.streams, stats.subscriptions, stats.connected), (0, 0, 0));
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    // A check, a first flight, and whatever the other side says to it, back and forth.
    let handshake = |who: u8| {
        let check = [1, who, who, 1];
        let flight = [4, who, who];
        let up = [5, who, who, 0, 0, 0];
        let down = [7, who, who, 0];
        let round = [[up; 3].concat(), [down; 5].concat()].concat();
        [&check[..], &flight, &round, &round, &round].concat()
    };
    let stun = [0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let hello = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    named([
        ("handshake", handshake(0)),
        ("both", [handshake(0), handshake(1), vec![6, 0, 0, 0xff, 0xff, 0]].concat()),
        ("stun", [&[0, 3, 0, 20][..], &stun].concat()),
        ("dtls-of-a-stranger", [&[0, 3, 0, 25][..], &hello].concat()),
        ("dtls", [&[1, 3, 0, 1, 0, 3, 0, 25][..], &hello].concat()),
        ("damaged-check", vec![2, 3, 0, 1, 1, 40, 1]),
        ("wrong-role", vec![3, 3, 0, 1]),
        ("never-connected", vec![6, 0, 0, 0x80, 0, 0, 1, 0, 0, 1]),
        ("consent-lost", [handshake(0), [6, 0, 0, 0x40, 0, 0].repeat(4)].concat()),
        ("many-paths", (0..40).flat_map(|from| [1, from, 0, 0]).collect()),
        (
            "damaged-hello",
            [vec![1, 0, 0, 1, 4, 0, 0, 5, 0, 0, 0, 2, 0, 60, 7, 0, 70, 1, 0], handshake(0)].concat(),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::{Script, World, seeds};

    fn played(name: &str) -> World {
        let (_, input) = seeds().into_iter().find(|(seed, _)| seed == name).unwrap();
        let (mut script, mut world) = (Script::new(&input), World::new());
        while !script.is_empty() {
            world.step(&mut script);
        }
        world
    }

    /// Seeds are bytes, and what they mean changes with the target.
    #[test]
    fn the_seeds_do_what_their_names_say() {
        assert_eq!(played("handshake").router.stats().handshakes, 1);
        assert_eq!(played("both").router.stats().handshakes, 2);
        assert_eq!(played("never-connected").ended, 2);
        assert_eq!(played("consent-lost").ended, 2);
        assert_eq!(played("damaged-check").router.stats().drops, 1);
    }
}
