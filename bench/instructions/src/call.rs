//! One publisher, its subscribers and the router between them, in virtual time and without a network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use loadtest::client::{Client, Clock, Direction, Event, Identity, Kind, Offering, Outgoing};
use media::{
    COALESCE, Config, DatagramSink, DtlsIdentity, Estimation, Incoming, Limits, Protocol, Router, SendBatch,
    Wanted,
};
use model::ids::{StreamId, SubscriptionId};

use crate::case::{Case, SUBSCRIBERS, WINDOW};
use crate::collected::{Taker, collected_part};
use crate::hearing;
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

/// What is estimated has a way to go, one way, and each subscriber's is so much longer than that of the one before.
const WAY: Duration = Duration::from_millis(10);
const LONGER: Duration = Duration::from_micros(700);

/// A client and its address.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    /// How long datagrams take from here to the router, and back.
    pub(crate) way: Duration,
}

/// A datagram on its way.
pub(crate) struct Flight {
    pub(crate) arrives: Instant,
    pub(crate) source: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) datagram: Vec<u8>,
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
    estimated: bool,
    pub(crate) flying: Vec<Flight>,
}

/// Plays a case, and says what became of it.
pub(crate) fn play(case: Case) -> anyhow::Result<Played> {
    let mut watch = Watch::start()?;
    let mut call = Call::new(case)?;
    call.set_up(case)?;
    let mut taker = Taker::default();
    let media = if case.is_estimated() {
        hearing::play(&mut call, WINDOW, &mut taker, &mut watch)?
    } else {
        play_schedule(&mut call, case, &mut taker, &mut watch)
    };
    let expected = media * SUBSCRIBERS as u64;
    ensure!(taker.media == expected, "{} packets were forwarded, not {expected}", taker.media);
    watch.check(&call.router, &taker.delays, expected, case.is_estimated())?;
    Ok(Played { packets: taker.media, datagrams: taker.datagrams, processor: processor::features() })
}

/// The counted part, all of whose datagrams are made before it. Returns how many of them were media.
fn play_schedule(call: &mut Call, case: Case, taker: &mut Taker, watch: &mut Watch) -> u64 {
    let schedule = Schedule::of(call, case, WINDOW);
    let (clock, end) = (call.clock, call.now + WINDOW);
    let mut datagrams = schedule.datagrams;
    let mut batches = Schedule::batches(&mut datagrams, local());
    watch.begin(call.now, &call.router);
    collected_part(&mut call.router, &mut batches, (clock, end), taker, watch);
    schedule.media
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
            estimation: case.is_estimated().then(Estimation::default),
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
            estimated: case.is_estimated(),
            flying: Vec::new(),
        })
    }

    /// Until media flows to everybody, or has ended where there is to be none.
    fn set_up(&mut self, case: Case) -> anyhow::Result<()> {
        let mid = stream()?;
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
        let way = if self.estimated { WAY + LONGER * u32::try_from(number)? } else { Duration::ZERO };
        self.peers.push(Peer { client, address: ([203, 0, 113, 1], port).into(), way });
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
        self.run_clients();
        self.run_router();
        loop {
            let arrived = self.arrived();
            if arrived.is_empty() {
                return;
            }
            for flight in arrived {
                self.deliver(flight);
            }
        }
    }

    /// What has arrived by now, in the order in which it left.
    pub(crate) fn arrived(&mut self) -> Vec<Flight> {
        let now = self.now;
        self.flying.extract_if(.., |flight| flight.arrives <= now).collect()
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
        let arrives = self.now;
        while let Some((_, source, datagram)) = self.sealed() {
            // Before the publisher is connected nothing can be sealed.
            if self.sending && !datagram.is_empty() {
                self.flying.push(Flight { arrives, source, to: SERVER.into(), datagram });
            }
        }
    }

    pub(crate) fn run_clients(&mut self) {
        let (now, flying) = (self.now, &mut self.flying);
        for Peer { client, address, way } in &mut self.peers {
            if client.poll_timeout().is_some_and(|due| due <= now) {
                client.handle_timeout(now, &mut |to, datagram| {
                    let (arrives, source) = (now + *way, *address);
                    flying.push(Flight { arrives, source, to, datagram: datagram.to_vec() });
                });
            }
            while let Some(event) = client.poll_event() {
                self.source.key_frame |= matches!(event, Event::KeyFrameWanted { .. });
            }
        }
    }

    fn run_router(&mut self) {
        if self.router.poll_timeout().is_some_and(|due| due <= self.now) {
            let mut out = Flown::default();
            self.router.handle_timeout(self.now, self.wall(), &mut out);
            self.dispatch(out);
        }
    }

    fn deliver(&mut self, flight: Flight) {
        if !flight.is_for_router() {
            return self.deliver_to_client(flight);
        }
        let Flight { source, mut datagram, .. } = flight;
        let incoming = Incoming { source, local: local(), protocol: Protocol::Udp, data: &mut datagram };
        let mut out = Flown::default();
        self.router.receive(self.now, self.wall(), &mut [incoming], &mut out);
        self.dispatch(out);
    }

    pub(crate) fn deliver_to_client(&mut self, flight: Flight) {
        let Flight { source, to, mut datagram, .. } = flight;
        let (now, flying) = (self.now, &mut self.flying);
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.address == to) else { return };
        let arrives = now + peer.way;
        let header = peer.client.handle(now, source, &mut datagram, &mut |destination, reply| {
            flying.push(Flight { arrives, source: to, to: destination, datagram: reply.to_vec() });
        });
        if let Some(header) = header {
            peer.client.receive(now, &header, &mut datagram, false);
        }
    }

    fn dispatch(&mut self, out: Flown) {
        self.fly(out.0);
        while self.router.poll_event().is_some() {}
    }

    /// The router has sent this.
    pub(crate) fn fly(&mut self, sent: Vec<(SocketAddr, Vec<u8>)>) {
        for (to, datagram) in sent {
            let way =
                self.peers.iter().find(|peer| peer.address == to).map_or(Duration::ZERO, |peer| peer.way);
            self.flying.push(Flight { arrives: self.now + way, source: SERVER.into(), to, datagram });
        }
    }
}

impl Flight {
    pub(crate) fn is_for_router(&self) -> bool {
        self.to == SERVER.into()
    }
}

/// The name of the stream.
pub(crate) fn stream() -> anyhow::Result<StreamId> {
    Ok(StreamId::parse("stream")?)
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
