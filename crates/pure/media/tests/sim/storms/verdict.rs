//! After the storm: whoever is still within his time is connected and gets media, whoever comes is served, and when all
//! have left nothing is left.

use super::paths::{CONNECT_TIMEOUT, CONSENT_TIMEOUT};
use super::scene::Scene;
use super::tally;
use std::time::{Duration, Instant};

/// From the end of trouble until media flows: a check, which may be 2.5 s away; a key frame, asked for every 2 s at
/// least; a packet, about every 300 ms.
const RECOVERY: Duration = Duration::from_secs(6);

/// In this time something comes of each track.
const FLOW: Duration = Duration::from_secs(2);

/// Whoever has tried for longer than this may not connect in time: he repeats his messages ever more slowly.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Who is to be alive, and when he is to be well at the latest.
struct Expected {
    at: usize,
    by: Instant,
}

impl Scene {
    /// Whoever is alive now and has time enough.
    fn expected(&mut self) -> Vec<Expected> {
        let (now, mut expected) = (self.clocks.now(self.now), Vec::new());
        for at in 0..self.devices.len() {
            let transport = self.paths.transports[at];
            if !transport.alive || self.devices[at].gone {
                continue;
            }
            // The address may be another's who has gone without a word.
            let free = self.paths.free_at(self.devices[at].address(), at).unwrap_or(now).max(now);
            let connected = self.is_connected(at) && self.devices[at].connected.is_some();
            let (last, by) = match transport.heard {
                Some(heard) if connected => (heard + CONSENT_TIMEOUT, free + RECOVERY),
                _ => (transport.made + HANDSHAKE, transport.made + CONNECT_TIMEOUT + RECOVERY),
            };
            // It may have been waiting for answers itself.
            let patient = self.devices[at].gives_up() > self.now + RECOVERY + (free - now);
            let disturbed = transport.disturbed && !connected;
            if patient && !disturbed && last > free + RECOVERY {
                expected.push(Expected { at, by: self.now + (by - now) });
            }
        }
        expected
    }

    /// All who have time enough get media in the end, and so does who comes now.
    pub(super) fn all_is_well(&mut self) {
        let newest = self.devices.len();
        self.publish();
        self.subscribe_to(newest);
        let expected = self.expected();
        assert!(expected.iter().any(|one| one.at == newest + 1), "who comes now has time enough");
        let last = expected.iter().map(|one| one.by).max().unwrap();
        self.run_for(last - self.now);
        let before: Vec<Vec<u64>> = expected.iter().map(|one| self.counts(one.at)).collect();
        self.run_for(FLOW);
        let alive = |scene: &Self, at: usize| scene.paths.transports[at].alive;
        for (one, before) in expected.iter().zip(before) {
            let stream = self.devices[one.at].listener().map(|listener| listener.stream);
            let ended = stream.is_some_and(|stream| !alive(self, stream));
            if ended {
                continue;
            }
            assert!(alive(self, one.at), "{} had time enough, and is over", one.at);
            assert!(self.is_connected(one.at), "{} had time enough to connect", one.at);
            let flows = stream.is_none_or(|stream| expected.iter().any(|one| one.at == stream));
            let now = self.counts(one.at);
            assert!(
                !flows || before.iter().zip(&now).all(|(before, now)| now > before),
                "nothing comes to {}: {before:?}, {now:?}",
                one.at
            );
            if flows && stream.is_some() {
                self.tally.add(tally::FLOWS);
            }
        }
    }

    fn counts(&mut self, at: usize) -> Vec<u64> {
        self.devices[at].listener().map(|listener| listener.counts()).unwrap_or_default()
    }

    /// Everybody goes, and nothing is left.
    pub(super) fn everybody_leaves(&mut self) {
        self.next_trouble = None;
        for at in 0..self.devices.len() {
            if self.paths.transports[at].alive {
                self.leave(at);
            }
        }
        // Whoever still thinks he is there finds out, and whoever left without a word is found out.
        self.devices.iter_mut().for_each(|device| device.gone = true);
        self.run_for(CONSENT_TIMEOUT + Duration::from_secs(1));
        self.look();
        assert_eq!(self.router.holdings(), media::Holdings::default());
        let stats = self.router.stats();
        assert_eq!((stats.streams, stats.subscriptions, stats.connected), (0, 0, 0));
        assert_eq!(self.router.poll_timeout(), None, "nothing waits for nobody");
    }
}
