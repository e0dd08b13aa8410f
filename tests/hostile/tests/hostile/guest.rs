//! A client whose keys, socket and SDP the tests can reach: it does what an honest one does, and whatever else is wanted.

use crate::wire::Credentials;
use loadtest::client::{
    Arrival, Client, Clock, CloseReason, Direction, Event, Identity, Kind, Offering, Outgoing, Profile,
};
use peer::{PATIENCE, Peer, Refusal};
use serde_json::json;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};
use tokio::time::timeout;

/// Larger than any datagram of the server's.
const DATAGRAM: usize = 2048;
/// How long one step waits for a datagram at the most.
const STEP: Duration = Duration::from_millis(10);

static IDENTITY: LazyLock<Arc<Identity>> =
    LazyLock::new(|| Arc::new(Identity::generate(Profile::AeadAes128Gcm).expect("an identity")));

/// What a guest wants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wish<'a> {
    Publish,
    /// To have this stream.
    Subscribe(&'a str),
}

/// A packet that came.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) ssrc: u32,
    /// As on the wire.
    pub(crate) sequence: u16,
    pub(crate) arrival: Arrival,
    /// Its length as a datagram.
    pub(crate) wire: usize,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Guest {
    pub(crate) client: Client,
    socket: tokio::net::UdpSocket,
    /// The same socket for others to send from.
    twin: UdpSocket,
    /// Where the server is.
    pub(crate) server: SocketAddr,
    pub(crate) offer: String,
    pub(crate) answer: String,
    /// The stream that was published, or the subscription.
    pub(crate) id: String,
    /// Everything that it has sent by itself.
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) heard: Vec<Heard>,
    /// Datagrams of any kind, and their bytes.
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    pub(crate) key_frames_wanted: u64,
    pub(crate) closed: Option<CloseReason>,
    /// Nothing is done once the ClientHello has left.
    stops_at_hello: bool,
}

impl Guest {
    pub(crate) async fn new(peer: &Peer, rid: &str, wish: Wish<'_>, kinds: &[Kind]) -> Self {
        Self::try_new(peer, rid, wish, kinds, str::to_owned).await.expect("the server takes the offer")
    }

    /// With an offer that was changed on its way.
    pub(crate) async fn try_new(
        peer: &Peer,
        rid: &str,
        wish: Wish<'_>,
        kinds: &[Kind],
        edit: impl Fn(&str) -> String,
    ) -> Result<Self, Refusal> {
        let direction = if matches!(wish, Wish::Publish) { Direction::Publish } else { Direction::Subscribe };
        let offering = Offering::new(&IDENTITY, direction, kinds, "guest").expect("an offer");
        let offer = offering.sdp().to_owned();
        let jsep = json!({"type": "offer", "sdp": edit(&offer)});
        let minfo = json!({"audio": true, "video": true, "audiotype": 0, "videotype": 1});
        let (answer, id) = match wish {
            Wish::Publish => {
                (peer.request("publish", json!({"rid": rid, "jsep": jsep, "minfo": minfo})).await?, "mid")
            }
            Wish::Subscribe(mid) => {
                (peer.request("subscribe", json!({"rid": rid, "mid": mid, "jsep": jsep})).await?, "sid")
            }
        };
        let id = answer[id].as_str().expect("an id").to_owned();
        let answer = answer["jsep"]["sdp"].as_str().expect("an SDP").to_owned();
        let clock = Clock { at: Instant::now(), wall: SystemTime::now() };
        let client = offering.accept(Instant::now(), clock, &answer).expect("an answer that can be used");
        let twin = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        twin.set_nonblocking(true).expect("a socket that does not block");
        let socket = twin.try_clone().and_then(tokio::net::UdpSocket::from_std).expect("its twin");
        let server = client.candidates()[0];
        Ok(Self {
            client,
            socket,
            twin,
            server,
            offer,
            answer,
            id,
            sent: Vec::new(),
            heard: Vec::new(),
            datagrams: 0,
            bytes: 0,
            key_frames_wanted: 0,
            closed: None,
            stops_at_hello: false,
        })
    }

    /// Who may check its transport.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::of(&self.offer, &self.answer)
    }

    /// Its socket once more.
    pub(crate) fn twin(&self) -> UdpSocket {
        self.twin.try_clone().expect("a twin")
    }

    /// Sends a datagram from its address, whatever is in it.
    pub(crate) fn send_raw(&self, datagram: &[u8]) {
        // A full buffer loses it, as a network would.
        drop(self.twin.send_to(datagram, self.server));
    }

    /// Sends an RTP packet, sealed, whatever it says of itself. `header` bytes of it are left in the clear.
    pub(crate) fn send_rtp(&mut self, plain: &[u8], header: usize) {
        let mut bytes = plain.to_vec();
        bytes.resize(plain.len() + rtp::srtp::MAX_RTP_OVERHEAD, 0);
        let written = rtp::Written { header_len: header, len: plain.len() };
        let keys = self.client.sealing().expect("a connection");
        if let Ok(length) = keys.seal_rtp(&mut bytes, written, 0) {
            self.send_raw(&bytes[..length]);
        }
    }

    /// Sends an RTCP compound, sealed, whatever it says.
    pub(crate) fn send_rtcp(&mut self, plain: &[u8]) {
        let mut bytes = plain.to_vec();
        bytes.resize(plain.len() + rtp::srtp::MAX_RTCP_OVERHEAD, 0);
        let keys = self.client.sealing().expect("a connection");
        let length = keys.seal_rtcp(&mut bytes, plain.len()).expect("a compound that can be sealed");
        self.send_raw(&bytes[..length]);
    }

    /// Sends the next packet of a track as an honest client does.
    pub(crate) fn speak(&mut self, track: usize, timestamp: u32, payload: &[u8]) {
        let mut buffer = [0; DATAGRAM];
        let packet = Outgoing { marker: true, timestamp, payload };
        let length = self.client.send(Instant::now(), track, &packet, &mut buffer).expect("a connection");
        self.send_raw(&buffer[..length]);
        self.sent.push(buffer[..length].to_vec());
    }

    /// Waits a moment for what comes, takes it, and does what is due.
    pub(crate) async fn step(&mut self) {
        let mut buffer = [0; DATAGRAM];
        let due =
            self.client.poll_timeout().map_or(STEP, |due| due.saturating_duration_since(Instant::now()));
        let mut came = timeout(due.min(STEP), self.socket.recv_from(&mut buffer)).await.ok();
        while let Some(Ok((length, from))) = came {
            self.take(from, &mut buffer[..length]);
            if self.stops_at_hello && self.hello().is_some() {
                return;
            }
            came = self.socket.try_recv_from(&mut buffer).ok().map(Ok);
        }
        self.drive(|client, send| client.handle_timeout(Instant::now(), send));
    }

    /// Steps until it is so.
    pub(crate) async fn until(&mut self, what: &str, condition: impl FnMut(&Self) -> bool) {
        self.until_within(what, PATIENCE, condition).await;
    }

    /// The same with a patience of the caller's own.
    pub(crate) async fn until_within(
        &mut self,
        what: &str,
        patience: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) {
        let deadline = Instant::now() + patience;
        while !condition(self) {
            assert!(Instant::now() < deadline, "not within {patience:?}: {what}; closed: {:?}", self.closed);
            self.step().await;
        }
    }

    pub(crate) async fn connected(&mut self) {
        self.until("connected", |guest| guest.client.is_connected()).await;
    }

    /// Hears so many packets more.
    pub(crate) async fn hears(&mut self, more: usize) {
        let wanted = self.heard.len() + more;
        self.until(&format!("{more} packets more"), |guest| guest.heard.len() >= wanted).await;
    }

    /// Goes on as far as its ClientHello, and does nothing more unless it is told to. Returns that.
    pub(crate) async fn half_open(&mut self) -> Vec<u8> {
        self.stops_at_hello = true;
        self.until("a ClientHello", |guest| guest.hello().is_some()).await;
        self.stops_at_hello = false;
        self.hello().cloned().expect("a ClientHello")
    }

    fn hello(&self) -> Option<&Vec<u8>> {
        self.sent.iter().find(|datagram| is_dtls(datagram))
    }

    /// Leaves out the numbers of a track up to this one.
    pub(crate) fn skip_to(&mut self, track: usize, number: u64) {
        let packet = Outgoing { marker: false, timestamp: 0, payload: &[] };
        while self.client.next_sequence(track).is_some_and(|next| next < number) {
            self.client.send(Instant::now(), track, &packet, &mut [0; DATAGRAM]);
        }
    }

    fn take(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        self.datagrams += 1;
        self.bytes += datagram.len() as u64;
        let wire = datagram.len();
        let now = Instant::now();
        let header = self.drive(|client, send| client.handle(now, from, datagram, send));
        let Some(header) = header else { return };
        if let Some(received) = self.client.receive(now, &header, datagram, true) {
            self.heard.push(Heard {
                ssrc: header.ssrc,
                sequence: header.sequence,
                arrival: received.arrival,
                wire,
                payload: received.payload.unwrap_or_default().to_vec(),
            });
        }
    }

    fn drive<T>(&mut self, act: impl FnOnce(&mut Client, &mut dyn FnMut(SocketAddr, &[u8])) -> T) -> T {
        let (sent, socket) = (&mut self.sent, &self.socket);
        let result = act(&mut self.client, &mut |to, datagram| {
            drop(socket.try_send_to(datagram, to));
            sent.push(datagram.to_vec());
        });
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Connected => {}
                Event::KeyFrameWanted { .. } => self.key_frames_wanted += 1,
                Event::Closed(reason) => self.closed = Some(reason),
            }
        }
        result
    }
}

/// By the first byte (RFC 7983 section 7).
pub(crate) fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

/// RTP or RTCP.
pub(crate) fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191))
}
