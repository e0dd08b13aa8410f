//! A publisher: synthetic tracks, a key frame at the start and whenever one is asked for.

use std::time::Instant;

use str0m::media::{Direction, Mid};
use str0m::rtp::RtpWrite;
use str0m::{Event, IceConnectionState, Rtc};
use tokio::sync::watch;
use tokio::time::timeout;

use super::source::Source;
use super::thread::Handle;
use super::transport::{Codecs, Offered, Role, payload_type};
use super::{MediaThread, TrackKind, VideoRate};
use crate::PATIENCE;

/// What a publisher sends.
#[derive(Debug, Clone)]
pub struct PublisherConfig {
    /// The tracks, one m-line each, in this order.
    pub tracks: Vec<TrackKind>,
    /// How much video.
    pub video: VideoRate,
    /// What the offer names.
    pub codecs: Codecs,
    /// Loses every n-th packet on the way to the server; 0: none.
    pub lose_every: u32,
    /// Whether packets follow by themselves once connected.
    pub sends: bool,
}

impl Default for PublisherConfig {
    fn default() -> Self {
        Self {
            tracks: vec![TrackKind::Audio, TrackKind::Video],
            video: VideoRate::default(),
            codecs: Codecs::Common,
            lose_every: 0,
            sends: true,
        }
    }
}

/// What a publisher has sent and heard.
#[derive(Debug, Clone, Default)]
pub struct Emission {
    /// When ICE and DTLS were through.
    pub connected_at: Option<Instant>,
    /// The server has ended the connection, or it was lost.
    pub ended: bool,
    /// Packets sent, of all tracks.
    pub packets: u64,
    /// How often the server asked for a key frame.
    pub key_frame_requests: u64,
}

/// A publishing peer connection.
pub struct Publisher {
    offer: String,
    offered: Option<Offered>,
    handle: Handle,
    emission: watch::Receiver<Emission>,
}

impl Publisher {
    /// Makes an offer; nothing is sent before its answer.
    pub fn new(thread: &MediaThread, config: &PublisherConfig) -> Self {
        let (sender, emission) = watch::channel(Emission::default());
        let sources = config.tracks.iter().zip(0u8..);
        let sources = sources.map(|(kind, track)| (None, Source::new(track, *kind, config.video))).collect();
        let mut sequence = [0u8; 2];
        getrandom::fill(&mut sequence).expect("the system gives random bytes");
        // In the lower half: a first number near the wrap could leave a receiver in doubt (RFC 3711 3.3.1).
        let first_sequence = u64::from(u16::from_be_bytes(sequence) >> 1);
        let emitter = Emitter { sources, first_sequence, sends: config.sends, emission: sender };
        let role = Role::Publisher(emitter);
        let mut offered = Offered::new(&config.tracks, Direction::SendOnly, config.codecs, role);
        offered.lose_every(config.lose_every);
        Self { offer: offered.sdp.clone(), offered: Some(offered), handle: thread.handle(), emission }
    }

    /// The offer SDP.
    pub fn offer(&self) -> &str {
        &self.offer
    }

    /// Takes the server's answer and connects; one that str0m refuses fails the test.
    pub fn accept(&mut self, answer: &str) {
        let offered = self.offered.take().expect("an offer is answered once");
        match offered.accept(answer) {
            Ok(transport) => self.handle.add(transport),
            Err(error) => panic!("the answer cannot be used: {error}\n{answer}"),
        }
    }

    /// Counters as of now.
    pub fn emission(&self) -> Emission {
        self.emission.borrow().clone()
    }

    /// Waits until the counters meet a condition.
    pub async fn until(&mut self, what: &str, condition: impl FnMut(&Emission) -> bool) -> Emission {
        let found = timeout(PATIENCE, self.emission.wait_for(condition)).await;
        match found.map(|result| result.map(|emission| emission.clone())) {
            Ok(Ok(emission)) => emission,
            _ => panic!("the publisher never came to this: {what}; it had {:?}", self.emission.borrow()),
        }
    }

    /// Waits until ICE and DTLS are through.
    pub async fn connected(&mut self) -> Emission {
        self.until("connected", |emission| emission.connected_at.is_some()).await
    }

    /// Closes the connection in good order (DTLS close_notify).
    pub fn close(&self) {
        self.handle.close();
    }

    /// Stops answering without a word, as a machine that lost its network.
    pub fn vanish(&self) {
        self.handle.forget();
    }
}

/// The publisher's side in the media thread.
#[derive(Debug)]
pub(super) struct Emitter {
    sources: Vec<(Option<Mid>, Source)>,
    first_sequence: u64,
    sends: bool,
    emission: watch::Sender<Emission>,
}

impl Emitter {
    /// The offer's m-lines, in the order of the tracks.
    pub(super) fn with_m_lines(mut self, mids: &[Mid]) -> Self {
        for ((slot, _), mid) in self.sources.iter_mut().zip(mids) {
            *slot = Some(*mid);
        }
        self
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.sources.iter().filter_map(|(_, source)| source.due()).min()
    }

    /// Hands one packet that is due to str0m; false when none is.
    pub(super) fn send_next(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        for (mid, source) in &mut self.sources {
            let Some(mid) = *mid else { continue };
            let Some(packet) = source.next(now) else { continue };
            let Some(pt) = payload_type(rtc, mid) else { continue };
            let mut direct = rtc.direct_api();
            let Some(stream) = direct.stream_tx_by_mid(mid, None) else { continue };
            let sequence = (self.first_sequence + packet.content.counter).into();
            let write = RtpWrite::new(pt, sequence, packet.timestamp, now, packet.payload);
            let video = source.kind() == TrackKind::Video;
            stream.write_rtp(write.marker(video && packet.last).nackable(video));
            self.emission.send_modify(|emission| emission.packets += 1);
            return true;
        }
        false
    }

    pub(super) fn event(&mut self, event: &Event, rtc: &Rtc, now: Instant) {
        match event {
            Event::Connected => {
                self.start(rtc, now);
                self.emission.send_modify(|emission| emission.connected_at = Some(now));
            }
            Event::KeyframeRequest(request) => {
                for (_, source) in self.sources.iter_mut().filter(|(mid, _)| *mid == Some(request.mid)) {
                    source.key_frame();
                }
                self.emission.send_modify(|emission| emission.key_frame_requests += 1);
            }
            Event::Closed | Event::IceConnectionStateChange(IceConnectionState::Disconnected) => self.ended(),
            _ => {}
        }
    }

    pub(super) fn ended(&mut self) {
        self.emission.send_modify(|emission| emission.ended = true);
    }

    fn start(&mut self, rtc: &Rtc, now: Instant) {
        if !self.sends {
            return;
        }
        for (mid, source) in &mut self.sources {
            let accepted =
                mid.and_then(|mid| rtc.media(mid)).is_some_and(|media| media.direction().is_sending());
            if accepted {
                source.start(now);
            }
        }
    }
}
