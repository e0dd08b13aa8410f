//! The router's door: what comes in and goes out is looked at here, before the network has any part in it.

use super::{LOCAL, SERVER, Scene};
use crate::network::InFlight;
use crate::storms::device::Role;
use crate::storms::paths::{CONNECT_TIMEOUT, CONSENT_TIMEOUT, PAUSE_AFTER};
use crate::storms::tally;
use crate::world::Outgoing as Kept;
use media::{EndReason, Event, Incoming, Protocol};
use rtp::packet::is_rtcp;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A timer fires up to this much later than it was set to: the wheel's tick, and the least time between two calls.
const TICK: Duration = Duration::from_millis(3);

/// The timer that waits for a connection may be later.
const COMMON: Duration = Duration::from_millis(23);

impl Scene {
    /// The router receives these, in batches; a check comes alone, so that it is known where its answer belongs.
    pub(super) fn receive(&mut self, flights: Vec<InFlight>) {
        let (now, wall) = (self.clocks.now(self.now), self.clocks.wall(self.now));
        let mut flights = flights.into_iter().peekable();
        while let Some(first) = flights.next() {
            let is_stun = |flight: &InFlight| flight.data.first().is_some_and(|first| *first < 20);
            let asked_from = is_stun(&first).then_some(first.from);
            let mut batch = vec![first];
            while asked_from.is_none()
                && let Some(flight) = flights.next_if(|flight| !is_stun(flight))
            {
                batch.push(flight);
            }
            batch.iter().for_each(|flight| self.look_at(now, flight));
            let incoming = |flight: &'_ mut InFlight| (flight.from, std::mem::take(&mut flight.data));
            let mut datagrams: Vec<_> = batch.iter_mut().map(incoming).collect();
            let mut batch: Vec<Incoming<'_>> = datagrams
                .iter_mut()
                .map(|(source, data)| Incoming {
                    source: *source,
                    local: LOCAL,
                    protocol: Protocol::Udp,
                    data,
                })
                .collect();
            let mut out = Kept::default();
            self.router.receive(now, wall, &mut batch, &mut out);
            self.dispatch(out, asked_from);
        }
    }

    fn look_at(&mut self, now: Instant, flight: &InFlight) {
        let check = self.paths.came(now, flight.from, &flight.data);
        let away = |heard: Instant| self.timed >= heard + PAUSE_AFTER + TICK;
        if let Some((at, Some(_))) = check.filter(|(_, heard)| heard.is_some_and(away))
            && let Some(listener) = self.devices[at].listener()
        {
            listener.begin_anew();
            self.tally.add(tally::RESUMED);
        }
        let check = check.map(|(at, _)| at);
        let owner = self.by_address.get(&flight.from).copied();
        self.digest.add(self.now - self.start, "in", check.or(owner), &flight.data);
        // What is not taken now may be taken later, and has then only been late.
        let taken = owner.filter(|at| self.paths.transports[*at].selected == Some(flight.from));
        let taken = taken.filter(|at| self.is_connected(*at));
        if flight.data.first().is_some_and(|first| (128..192).contains(first)) {
            self.look_at_media(taken, flight);
        }
        self.stranger.overhear(check, taken, flight);
    }

    fn look_at_media(&mut self, taken: Option<usize>, flight: &InFlight) {
        let report = is_rtcp(&flight.data);
        let mut hasher = DefaultHasher::new();
        flight.data.hash(&mut hasher);
        let new = self.came.insert(hasher.finish());
        self.media += u64::from(new && !report);
        let Some(source) = ssrc(&flight.data) else { return };
        match taken {
            Some(_) if !report => drop(self.sources.insert(source)),
            // Of a track that is known, in time, and for the first time.
            Some(at) if new && self.sources.contains(&source) && flight.at == self.now => {
                self.untimed.remove(&at);
            }
            _ => {}
        }
    }

    /// What the router sends, and what it tells.
    pub(super) fn dispatch(&mut self, out: Kept, asked_from: Option<SocketAddr>) {
        for (from, to, data) in out.0 {
            assert_eq!(from, LOCAL);
            self.paths.sent(to, data.len());
            let here = self.paths.at(to);
            match data[0] {
                0..=3 => assert_eq!(Some(to), asked_from, "an answer to whoever did not ask"),
                20..=63 => assert!(!here.is_empty(), "DTLS to where nobody is: {to}"),
                _ => {
                    let whose = here.iter().copied().find(|at| self.is_for(*at, &data));
                    self.judge(whose.expect("media to where somebody is whom it is for"), &data);
                }
            }
            self.digest.add(self.now - self.start, "out", here.first().copied(), &data);
            let Some(link) = self.by_address.get(&to).map(|at| self.devices[*at].down) else { continue };
            for arrival in link.arrivals(self.now, &mut self.dice) {
                self.flights.post(arrival, SERVER, to, data.clone());
            }
        }
        while let Some(event) = self.router.poll_event() {
            self.note(&event);
        }
    }

    /// Whether a media datagram is for a device: by the SSRC that it is sent under, or because it can open it.
    fn is_for(&mut self, at: usize, data: &[u8]) -> bool {
        let Some(ssrc) = ssrc(data) else { return false };
        match &mut self.devices[at].role {
            Role::Listener(listener) => {
                let mut lines = listener.tap.lines.iter();
                lines.any(|line| line.ssrc == ssrc || line.rtx_ssrc == Some(ssrc))
            }
            // A publisher gets no media, and nothing that is not authentic and new.
            Role::Publisher(publisher) => {
                let receiver = publisher.client.onlooker.as_mut().filter(|_| is_rtcp(data));
                receiver.is_some_and(|receiver| receiver.open_rtcp(&mut data.to_vec()).is_ok())
            }
        }
    }

    /// Media leaves for a device.
    fn judge(&mut self, at: usize, data: &[u8]) {
        let heard = self.paths.transports[at].heard.unwrap();
        let silent = self.timed.saturating_duration_since(heard);
        assert!(silent < PAUSE_AFTER + TICK, "sent to {at}, who has been silent for {silent:?}");
        let wall = self.clocks.wall(self.now);
        let Role::Listener(listener) = &mut self.devices[at].role else { return };
        if is_rtcp(data) {
            return listener.judge_rtcp(self.now, data, !self.untimed.contains(&listener.stream));
        }
        listener.judge_rtp(self.now, wall, data, &self.ledgers[&listener.stream]);
        self.tally.add(tally::FORWARDED);
    }

    /// Whatever ends has a reason.
    pub(super) fn note(&mut self, event: &Event) {
        self.digest.note(self.now - self.start, event);
        let (name, reason) = match event {
            Event::StreamEnded { mid, reason } => (mid.as_str(), *reason),
            Event::SubscriptionEnded { sid, reason } => (sid.as_str(), *reason),
            Event::StreamLive { .. } => return self.tally.add(tally::LIVE_STREAMS),
            Event::SubscriptionLive { .. } => return self.tally.add(tally::LIVE_SUBSCRIPTIONS),
            Event::Speaking { .. } => return,
            Event::BranchEnded { .. }
            | Event::LayersWanted { .. }
            | Event::SubscriptionPaused { .. }
            | Event::SubscriptionResumed { .. } => {
                unreachable!("there are no branches, no layers, and nothing is estimated")
            }
        };
        let at: usize = name.trim_start_matches('n').parse().unwrap();
        let (transport, device) = (self.paths.transports[at], &mut self.devices[at]);
        assert!(transport.alive, "it ends twice");
        let now = self.clocks.now(self.now);
        let silent = transport.heard.is_none_or(|heard| now >= heard + CONSENT_TIMEOUT);
        let late = now >= transport.made + CONNECT_TIMEOUT;
        match reason {
            EndReason::HandshakeFailed | EndReason::WrongFingerprint if transport.disturbed => {}
            EndReason::NeverConnected | EndReason::HandshakeFailed => assert!(late, "{reason} of {name}"),
            EndReason::ConsentLost => assert!(silent, "{reason} of {name}"),
            EndReason::Closed => assert!(device.said_goodbye, "{reason} of {name}"),
            EndReason::WrongFingerprint => unreachable!("{reason}"),
            EndReason::StreamGone => {
                let stream = device.listener().map(|listener| listener.stream).unwrap();
                assert!(!self.paths.transports[stream].alive, "{reason} of {name}");
            }
        }
        self.paths.ended(at);
        self.tally.ended(reason);
    }

    /// What the router has is what there is, within its bounds; and nothing outlives its time.
    pub(in crate::storms) fn look(&mut self) {
        let (stats, holdings) = (self.router.stats(), self.router.holdings());
        let alive: Vec<usize> =
            (0..self.devices.len()).filter(|at| self.paths.transports[*at].alive).collect();
        let streams = self.publishers().len();
        assert!(stats.media_in <= self.media, "something was taken twice");
        assert_eq!((stats.streams as usize, stats.subscriptions as usize), (streams, alive.len() - streams));
        let names = alive.len() + self.paths.waiting();
        assert_eq!((holdings.names, holdings.events), (names, 0));
        assert!(holdings.addresses <= 32 * alive.len() && holdings.timers <= 8 * alive.len(), "{holdings:?}");
        assert!(holdings.chunks <= 64 * streams && holdings.waiting <= 256 * streams, "{holdings:?}");
        for at in alive {
            let transport = self.paths.transports[at];
            let connected = self.is_connected(at);
            let until = match transport.heard {
                Some(heard) if connected => heard + CONSENT_TIMEOUT + TICK,
                _ => transport.made + CONNECT_TIMEOUT + COMMON,
            };
            assert!(self.timed < until, "{at} outlives its time");
        }
    }

    /// Whether the router has a device's keys.
    pub(in crate::storms) fn is_connected(&mut self, at: usize) -> bool {
        let stream = self.devices[at].listener().map_or(at, |listener| listener.stream);
        let Some(detail) = self.router.describe(&crate::world::mid(&super::membership::name(stream))) else {
            return false;
        };
        let longest = Duration::from_secs(20);
        let sid = super::membership::name(at);
        if stream == at {
            return detail.connected;
        }
        let one = detail.subscriptions.iter().find(|one| one.sid.as_str() == sid);
        assert!(one.is_none_or(|one| one.round_trip.is_none_or(|trip| trip < longest)), "{one:?}");
        one.is_some_and(|one| one.connected)
    }
}

/// Under which a media datagram is sent; `None`: it is too short for one.
fn ssrc(data: &[u8]) -> Option<u32> {
    let bytes = data.get(if is_rtcp(data) { 4 } else { 8 }..)?;
    bytes.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc))
}
