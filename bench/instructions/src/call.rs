//! One publisher, its subscribers and the router between them, in virtual time and without a network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use loadtest::client::{Client, Clock, Direction, Event, Identity, Kind, Offering, Outgoing};
use media::{
    COALESCE, Config, DatagramSink, DtlsIdentity, Incoming, Limits, Protocol, Router, SendBatch, Wanted,
};
use model::ids::{StreamId, SubscriptionId};

use crate::case::{Case, SUBSCRIBERS, WINDOW};
use crate::collected::{Taker, collected_part};
use crate::processor;
use crate::report::Played;
use crate::schedule::Schedule;
use crate::source::Source;
use crate::watch::Watch;

/// How often the clients and the router get their turn while the call is set up.
pub(crate) const TURN: Duration = Duration::from_millis(1);

/// Between two joins, so that reports and checks of the clients are spread over time.
const BETWEEN_JOINS: Duration = Duration::from_millis(47);

/// From the last join to the counted part: handshakes, a key frame, and the first reports.
const WARM_UP: Duration = Duration::from_secs(3);

/// An idle call has been so for so long.
const SILENCE: Duration = Duration::from_secs(1);

/// Where the router is.
const SERVER: ([u8; 4], u16) = ([192, 0, 2, 1], 40_000);

/// A client and its address.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
}

/// The call while it is set up.
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) clock: Clock,
    pub(crate) router: Router,
    /// The first one publishes.
    pub(crate) peers: Vec<Peer>,
    pub(crate) source: Source,
    identity: Arc<Identity>,
    sending: bool,
    /// On their way: source, destination, datagram.
    flying: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

/// Plays a case, and says what became of it.
pub(crate) fn play(case: Case) -> anyhow::Result<Played> {
    let mut watch = Watch::start()?;
    let mut call = Call::new(case)?;
    call.set_up(case)?;
    let schedule = Schedule::of(&mut call, case, WINDOW);
    let (mut router, clock, end) = (call.router, call.clock, call.now + WINDOW);
    let mut taker = Taker::default();
    let mut datagrams = schedule.datagrams;
    let mut batches = Schedule::batches(&mut datagrams, local());
    watch.begin(call.now, &router);
    collected_part(&mut router, &mut batches, (clock, end), &mut taker, &mut watch);
    let expected = schedule.media * SUBSCRIBERS as u64;
    ensure!(taker.media == expected, "{} packets were forwarded, not {expected}", taker.media);
    watch.check(&router, &taker.delays, expected)?;
    Ok(Played { packets: taker.media, datagrams: taker.datagrams, processor: processor::features() })
}

pub(crate) fn local() -> IpAddr {
    SERVER.0.into()
}

impl Call {
    fn new(case: Case) -> anyhow::Result<Self> {
        // The only look at the clock: from here on the call's time is its own.
        let now = Instant::now();
        let dtls = Arc::new(DtlsIdentity::generate()?);
        let config = Config {
            dtls,
            candidates: vec![SERVER.into()],
            tcp: None,
            estimation: None,
            coalesce: COALESCE,
            limits: Limits::default(),
        };
        Ok(Self {
            now,
            clock: Clock { at: now, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) },
            router: Router::new(config),
            peers: Vec::new(),
            source: Source::new(case == Case::Spaced),
            identity: Arc::new(Identity::generate(case.profile())?),
            sending: true,
            flying: Vec::new(),
        })
    }

    /// Until media flows to everybody, or has ended where there is to be none.
    fn set_up(&mut self, case: Case) -> anyhow::Result<()> {
        let mid = StreamId::parse("stream")?;
        self.join(Direction::Publish, |router, now, offer| router.publish(now, &mid, offer))?;
        for number in 0..SUBSCRIBERS {
            let sid = SubscriptionId::parse(&format!("subscription-{number}"))?;
            self.join(Direction::Subscribe, |router, now, offer| {
                router.subscribe(now, &mid, &sid, offer, Wanted::default())
            })?;
            self.run_for(BETWEEN_JOINS);
        }
        self.run_for(WARM_UP);
        let connected = self.peers.iter().filter(|peer| peer.client.is_connected()).count();
        ensure!(connected == 1 + SUBSCRIBERS, "only {connected} clients are connected");
        ensure!(
            self.peers.iter().all(|peer| peer.client.profile() == Some(case.profile())),
            "another cipher"
        );
        self.source.has_video = case.has_video();
        self.sending = case.has_media();
        if !case.has_media() {
            self.run_for(SILENCE);
        }
        self.settle();
        Ok(())
    }

    /// What waits for the rest of its frame leaves before the counted part begins.
    fn settle(&mut self) {
        let end = self.now + COALESCE;
        while self.now <= end {
            self.now += TURN;
            self.take_turn();
        }
    }

    fn join<E: std::error::Error + Send + Sync + 'static>(
        &mut self,
        direction: Direction,
        ask: impl FnOnce(&mut Router, Instant, &str) -> Result<String, E>,
    ) -> anyhow::Result<()> {
        let number = self.peers.len();
        let offer = Offering::new(&self.identity, direction, &[Kind::Audio, Kind::Video], "instructions")?;
        let answer = ask(&mut self.router, self.now, offer.sdp())?;
        let client = offer.accept(self.now, self.clock, &answer).context("the answer")?;
        let port = 20_000 + u16::try_from(number)?;
        self.peers.push(Peer { client, address: ([203, 0, 113, 1], port).into() });
        Ok(())
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.now += TURN;
            self.send_media();
            self.take_turn();
        }
    }

    fn take_turn(&mut self) {
        self.run_timers();
        while !self.flying.is_empty() {
            self.deliver();
        }
    }

    pub(crate) fn wall(&self) -> SystemTime {
        wall(self.clock, self.now)
    }

    /// Takes from the source what is due, sealed by the publisher.
    pub(crate) fn sealed(&mut self) -> Option<(Instant, SocketAddr, Vec<u8>)> {
        let publisher = self.peers.first_mut()?;
        let payload = self.source.next(self.now.saturating_duration_since(self.clock.at))?;
        let packet =
            Outgoing { marker: payload.marker, timestamp: payload.timestamp, payload: &payload.bytes };
        let at = self.clock.at + payload.at;
        let mut buffer = vec![0; payload.bytes.len() + 100];
        let len = publisher.client.send(at, payload.track, &packet, &mut buffer).unwrap_or(0);
        buffer.truncate(len);
        Some((at, publisher.address, buffer))
    }

    fn send_media(&mut self) {
        while let Some((_, source, datagram)) = self.sealed() {
            // Before the publisher is connected nothing can be sealed.
            if self.sending && !datagram.is_empty() {
                self.flying.push((source, SERVER.into(), datagram));
            }
        }
    }

    fn run_timers(&mut self) {
        let (now, flying) = (self.now, &mut self.flying);
        for Peer { client, address } in &mut self.peers {
            if client.poll_timeout().is_some_and(|due| due <= now) {
                client.handle_timeout(now, &mut |to, datagram| {
                    flying.push((*address, to, datagram.to_vec()));
                });
            }
            while let Some(event) = client.poll_event() {
                self.source.key_frame |= matches!(event, Event::KeyFrameWanted { .. });
            }
        }
        if self.router.poll_timeout().is_some_and(|due| due <= now) {
            let mut out = Flown::default();
            self.router.handle_timeout(now, self.wall(), &mut out);
            self.dispatch(out);
        }
    }

    fn deliver(&mut self) {
        for (source, to, mut datagram) in std::mem::take(&mut self.flying) {
            if to == SERVER.into() {
                let incoming =
                    Incoming { source, local: local(), protocol: Protocol::Udp, data: &mut datagram };
                let mut out = Flown::default();
                self.router.receive(self.now, self.wall(), &mut [incoming], &mut out);
                self.dispatch(out);
            } else {
                self.deliver_to_client(source, to, &mut datagram);
            }
        }
    }

    fn deliver_to_client(&mut self, source: SocketAddr, to: SocketAddr, datagram: &mut [u8]) {
        let (now, flying) = (self.now, &mut self.flying);
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.address == to) else { return };
        let header = peer.client.handle(now, source, datagram, &mut |destination, reply| {
            flying.push((to, destination, reply.to_vec()));
        });
        if let Some(header) = header {
            peer.client.receive(now, &header, datagram, false);
        }
    }

    fn dispatch(&mut self, out: Flown) {
        self.flying.extend(out.0.into_iter().map(|(to, datagram)| (SERVER.into(), to, datagram)));
        while self.router.poll_event().is_some() {}
    }
}

/// The time of day at a moment of the call.
pub(crate) fn wall(clock: Clock, now: Instant) -> SystemTime {
    clock.wall + now.saturating_duration_since(clock.at)
}

/// What the router sends while the call is set up.
#[derive(Default)]
struct Flown(Vec<(SocketAddr, Vec<u8>)>);

impl DatagramSink for Flown {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(batch.iter().map(|datagram| (datagram.to, datagram.data.to_vec())));
    }
}
