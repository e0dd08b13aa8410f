//! Who comes and who goes.

use super::{SERVER, Scene};
use crate::forwarding::client::Client;
use crate::forwarding::offer::{self, Answer, Line};
use crate::forwarding::profile::CERTIFICATE;
use crate::forwarding::publisher::Publisher;
use crate::forwarding::tap::{Outgoing, Tap};
use crate::network::Dice;
use crate::storms::device::{Device, Role};
use crate::storms::ledger::Ledger;
use crate::storms::listener::Listener;
use crate::storms::troubles::MAX_DEVICES;
use crate::world::{Outgoing as Kept, mid, sid};
use dimpl::DtlsCertificate;
use media::{Restart, Wanted};
use rtp::NtpTime;
use rtp::srtp::Profile;
use sdp::Kind;
use std::net::SocketAddr;
use std::sync::LazyLock;

/// One for each device: who has another's address must not be taken for it.
static CERTIFICATES: LazyLock<Vec<DtlsCertificate>> = LazyLock::new(|| {
    let generate = |_| dimpl::certificate::generate_self_signed_certificate().unwrap();
    (0..MAX_DEVICES + 2).map(generate).collect()
});

/// What a device's stream or subscription is called.
pub(super) fn name(number: usize) -> String {
    format!("n{number}")
}

impl Scene {
    /// An address that nobody has: one in three was somebody's.
    pub(in crate::storms) fn address(&mut self, same: Option<SocketAddr>) -> SocketAddr {
        if !self.vacant.is_empty() && self.dice.chance(33) {
            let at = self.dice.below(self.vacant.len() as u64) as usize;
            return self.vacant.swap_remove(at);
        }
        let number = self.by_address.len() + self.vacant.len() + self.devices.len();
        let ip = same.map_or(([198, 51, 100, self.dice.below(250) as u8]).into(), |same| same.ip());
        let port = 20_000 + (number as u16) * 16 + self.dice.below(16) as u16;
        let address = SocketAddr::new(ip, port);
        if self.by_address.contains_key(&address) || self.vacant.contains(&address) || address == SERVER {
            return self.address(same);
        }
        address
    }

    fn client(&mut self) -> Client {
        let profile = Profile::ALL[self.dice.below(3) as usize];
        let address = self.address(None);
        let certificate = CERTIFICATES[self.devices.len()].clone();
        Client::with_certificate(self.now, address, profile, certificate)
    }

    /// An offer of the next device, with the fingerprint of its own certificate.
    fn offer(&self, direction: &str, lines: &[Line]) -> String {
        let certificate = &CERTIFICATES[self.devices.len()];
        offer::write(direction, lines).replace(&CERTIFICATE.fingerprint_str(), &certificate.fingerprint_str())
    }

    fn add(&mut self, role: Role, offer: String) {
        let links = (self.script.link(&mut self.dice), self.script.link(&mut self.dice));
        let ntp = NtpTime::from_bits((3_000_000_000 + self.dice.below(900_000_000)) << 32);
        let device = Device::new(self.now, role, links, ntp, offer);
        self.by_address.insert(device.address(), self.devices.len());
        self.paths.add(self.clocks.now(self.now));
        self.devices.push(device);
    }

    pub(in crate::storms) fn publish(&mut self) {
        let kinds = self.script.kinds(&mut self.dice);
        let mut lines = offer::lines(&mut self.dice, &kinds);
        for line in &mut lines {
            line.ssrcs = Some((self.dice.roll() as u32, self.dice.roll() as u32));
        }
        let (mut client, number) = (self.client(), self.devices.len());
        let offer = self.offer("sendonly", &lines);
        let answer = self.router.publish(self.clocks.now(self.now), &mid(&name(number)), &offer).unwrap();
        let answer = Answer::read(&answer);
        client.accept(&answer.ufrag, &answer.pwd);
        let (habits, dice) = (self.script.habits(), Dice::new(self.dice.roll()));
        let publisher = Publisher::new(self.now, client, lines, number, habits, dice);
        self.ledgers.insert(number, Ledger::default());
        self.untimed.insert(number);
        self.add(Role::Publisher(Box::new(publisher)), offer);
    }

    /// Somebody subscribes to one of the streams, if there is one.
    pub(in crate::storms) fn subscribe(&mut self) {
        let streams = self.publishers();
        if !streams.is_empty() {
            let stream = streams[self.dice.below(streams.len() as u64) as usize];
            self.subscribe_to(stream);
        }
    }

    pub(in crate::storms) fn subscribe_to(&mut self, stream: usize) {
        let Role::Publisher(publisher) = &self.devices[stream].role else { unreachable!() };
        let offered: Vec<Kind> = publisher.lines.iter().map(|line| line.kind).collect();
        let lines = offer::lines(&mut self.dice, &offered);
        let (mut client, number) = (self.client(), self.devices.len());
        let (text, now) = (self.offer("recvonly", &lines), self.clocks.now(self.now));
        let answer = self
            .router
            .subscribe(now, &mid(&name(stream)), &sid(&name(number)), &text, Wanted::default())
            .unwrap();
        let answer = Answer::read(&answer);
        client.accept(&answer.ufrag, &answer.pwd);
        let outgoing = lines.iter().enumerate().filter_map(|(at, line)| Outgoing::of(line, at, &answer));
        let tap = Tap::new(outgoing.collect());
        let listener = Listener::new(self.now, client, tap, stream);
        self.add(Role::Listener(Box::new(listener)), text);
    }

    /// A device begins ICE anew: the router answers wherever it has what the device thinks of.
    pub(in crate::storms) fn restart(&mut self, at: usize) {
        if self.devices[at].gone {
            return;
        }
        let (now, offer) = (self.clocks.now(self.now), self.devices[at].restart(self.now));
        let (mid, sid) = (mid(&name(at)), sid(&name(at)));
        let restart = match self.devices[at].listener() {
            Some(_) => Restart::Subscription(&sid),
            None => Restart::Publish(&mid),
        };
        let answer = self.router.restart(now, restart, &offer);
        assert_eq!(answer.is_ok(), self.paths.transports[at].alive, "{answer:?}");
        if let Ok(answer) = answer {
            let answer = Answer::read(&answer);
            self.devices[at].client().accept(&answer.ufrag, &answer.pwd);
            self.paths.restarted(now, at);
        }
    }

    /// A device leaves, in one way or another.
    pub(in crate::storms) fn leave(&mut self, at: usize) {
        match self.dice.below(3) {
            0 => self.devices[at].gone = true,
            1 => {
                for data in self.devices[at].leave(self.now) {
                    self.send(at, vec![crate::storms::device::Sent::Other(data)]);
                }
            }
            _ => self.remove(at),
        }
    }

    /// The owner ends what a device had, if it is still there.
    pub(in crate::storms) fn remove(&mut self, at: usize) {
        let (alive, now) = (self.paths.transports[at].alive, self.clocks.now(self.now));
        let mut out = Kept::default();
        let found = match self.devices[at].listener() {
            Some(_) => self.router.unsubscribe(now, &sid(&name(at)), &mut out),
            None => self.router.unpublish(now, &mid(&name(at)), &mut out),
        };
        assert_eq!(found, alive);
        // Its subscribers' ends are told after it.
        let events: Vec<_> = std::iter::from_fn(|| self.router.poll_event()).collect();
        self.dispatch(out, None);
        self.paths.ended(at);
        events.iter().for_each(|event| self.note(event));
        self.devices[at].gone |= !alive;
    }
}
