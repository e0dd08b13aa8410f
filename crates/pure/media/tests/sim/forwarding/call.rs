//! Publishers and subscribers that send raw packets, connected to a router without a network in between.

use super::client::Client;
use super::offer::{self, Answer, Ids, Line};
use super::publisher::{Habits, Publisher};
use crate::network::Dice;
use media::{
    COALESCE, Config, DatagramSink, DtlsIdentity, Estimation, Incoming, Limits, Protocol, Router, SendBatch,
    Wanted,
};
use model::ids::{StreamId, SubscriptionId};
use rtp::srtp::Profile;
use sdp::Kind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A frame of six packets or a little more, now and then a key frame; nothing odd.
const HABITS: Habits = Habits {
    nothing: 0,
    foreign: 0,
    leaps: 0,
    keys: 1,
    late_starts: 0,
    frame_packets: 11,
    even: true,
    pace: 1,
};

/// Keeps what the router sends.
#[derive(Default)]
struct Kept(Vec<(SocketAddr, Vec<u8>)>);

impl DatagramSink for Kept {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(batch.iter().map(|datagram| (datagram.to, datagram.data.to_vec())));
    }
}

pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) router: Router,
    pub(crate) publishers: Vec<Publisher>,
    pub(crate) subscribers: Vec<(Client, Answer)>,
    /// How long the next client waits after its check before it shakes hands.
    pub(crate) hesitation: Duration,
    /// How long the next client hears nothing of its handshake.
    pub(crate) deafness: Duration,
    start: Instant,
}

impl Call {
    /// `estimation`: of what each subscriber's network carries.
    pub(crate) fn new(estimation: Option<Estimation>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way")]
        let now = Instant::now();
        let dtls = Arc::new(DtlsIdentity::generate().unwrap());
        let candidates = vec![SocketAddr::new(SERVER, 40_000)];
        let router = Router::new(Config {
            dtls,
            candidates,
            tcp: None,
            estimation,
            coalesce: COALESCE,
            limits: Limits::default(),
        });
        Self {
            now,
            router,
            publishers: Vec::new(),
            subscribers: Vec::new(),
            hesitation: Duration::ZERO,
            deafness: Duration::ZERO,
            start: now,
        }
    }

    pub(crate) fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + (self.now - self.start)
    }

    /// A stream, named after its number.
    pub(crate) fn publish(&mut self, kinds: &[Kind]) {
        let lines = lines(kinds);
        let mid = StreamId::parse(&format!("p{}#1", self.publishers.len())).unwrap();
        let answer = self.router.publish(self.now, &mid, &offer::write("sendonly", &lines)).unwrap();
        let (client, _) = self.connect(Profile::AeadAes128Gcm, &answer);
        let number = self.publishers.len();
        self.publishers.push(Publisher::new(
            self.now,
            client,
            lines,
            number,
            HABITS,
            Dice::new(number as u64),
        ));
    }

    pub(crate) fn subscribe(&mut self, stream: usize, kinds: &[Kind], profile: Profile) {
        let mid = StreamId::parse(&format!("p{stream}#1")).unwrap();
        let sid = SubscriptionId::parse(&format!("s{}#1", self.subscribers.len())).unwrap();
        let text = offer::write("recvonly", &lines(kinds));
        let answer = self.router.subscribe(self.now, &mid, &sid, &text, Wanted::default()).unwrap();
        let connected = self.connect(profile, &answer);
        self.subscribers.push(connected);
    }

    fn connect(&mut self, profile: Profile, answer: &str) -> (Client, Answer) {
        let hesitation = std::mem::take(&mut self.hesitation);
        let port = 20_000 + (self.publishers.len() + 1_000 * self.subscribers.len()) as u16;
        let mut client = Client::new(self.now, SocketAddr::from(([127, 0, 1, 1], port)), profile);
        let answer = Answer::read(answer);
        client.accept(&answer.ufrag, &answer.pwd);
        self.receive(client.address, &mut [client.check()]);
        self.now += hesitation;
        let mut waiting = client.connect(self.now);
        let deaf_until = self.now + std::mem::take(&mut self.deafness);
        while self.now < deaf_until || waiting.is_empty() {
            self.receive(client.address, &mut waiting);
            self.pass(Duration::from_millis(50));
            let due = client.due.is_some_and(|due| due <= self.now);
            waiting = if due { client.connect(self.now) } else { Vec::new() };
        }
        while !waiting.is_empty() {
            let sent = self.receive(client.address, &mut waiting);
            let address = client.address;
            let to_client = sent.iter().filter(|(to, data)| *to == address && data[0] < 128);
            waiting = to_client.flat_map(|(_, data)| client.receive(self.now, data)).collect();
        }
        assert!(client.keys.is_some());
        (client, answer)
    }

    /// The router receives these datagrams. Returns what it sends.
    pub(crate) fn receive(
        &mut self,
        source: SocketAddr,
        datagrams: &mut [Vec<u8>],
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut batch: Vec<Incoming<'_>> = datagrams
            .iter_mut()
            .map(|data| Incoming { source, local: SERVER, protocol: Protocol::Udp, data })
            .collect();
        let (mut kept, wall) = (Kept::default(), self.wall());
        self.router.receive(self.now, wall, &mut batch, &mut kept);
        kept.0
    }

    /// Time passes. Returns what the router sends.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<(SocketAddr, Vec<u8>)> {
        self.now += time;
        let (mut kept, wall) = (Kept::default(), self.wall());
        self.router.handle_timeout(self.now, wall, &mut kept);
        kept.0
    }

    /// Everybody's media up to now.
    pub(crate) fn media(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let now = self.now;
        let of = |publisher: &mut Publisher| {
            let source = publisher.client.address;
            publisher.produce(now).into_iter().map(move |(data, ..)| (source, data)).collect::<Vec<_>>()
        };
        self.publishers.iter_mut().flat_map(of).collect()
    }
}

/// Datagrams as the router takes them.
pub(crate) fn incoming(datagrams: &mut [(SocketAddr, Vec<u8>)]) -> Vec<Incoming<'_>> {
    datagrams
        .iter_mut()
        .map(|(source, data)| Incoming { source: *source, local: SERVER, protocol: Protocol::Udp, data })
        .collect()
}

/// M-lines as a browser offers them.
fn lines(kinds: &[Kind]) -> Vec<Line> {
    let ids = |audio_level| Ids { mid: 1, abs_send_time: 2, transport_cc: 3, audio_level };
    let line = |(at, kind): (usize, &Kind)| match kind {
        Kind::Audio => Line {
            kind: *kind,
            mid: at.to_string(),
            payload_type: 111,
            rtx: None,
            nack: false,
            ids: ids(4),
            ssrcs: None,
        },
        Kind::Video => Line {
            kind: *kind,
            mid: at.to_string(),
            payload_type: 96,
            rtx: Some(97),
            nack: true,
            ids: ids(0),
            ssrcs: None,
        },
    };
    kinds.iter().enumerate().map(line).collect()
}
