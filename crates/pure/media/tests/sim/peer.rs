//! A client: str0m with an address, a network and a memory.

use crate::network::Link;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpPacket;
use str0m::rtp::rtcp::SenderInfo;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// A frame that was received.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) mid: Mid,
    pub(crate) time: MediaTime,
    pub(crate) data: std::sync::Arc<[u8]>,
    pub(crate) key: bool,
    pub(crate) sender: Option<SenderInfo>,
}

/// What it is to send or receive: kind and m-line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Media {
    pub(crate) audio: Option<Mid>,
    pub(crate) video: Option<Mid>,
}

/// One peer connection of a client.
pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    pub(crate) up: Link,
    pub(crate) down: Link,
    pub(crate) media: Media,
    pub(crate) wakes: Instant,
    pub(crate) connected: Option<Instant>,
    pub(crate) closed: Option<Instant>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) packets: Vec<RtpPacket>,
    pub(crate) key_frame_requests: Vec<Instant>,
    /// What it sent and what it received, in datagrams.
    pub(crate) sent: usize,
    pub(crate) received: usize,
}

impl Peer {
    /// A client that is about to offer audio, video or both, and its offer.
    pub(crate) fn offering(
        now: Instant,
        address: SocketAddr,
        config: RtcConfig,
        direction: Direction,
        kinds: &[MediaKind],
    ) -> (Self, String, SdpPendingOffer) {
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap()).unwrap();
        let mut changes = rtc.sdp_api();
        let mut media = Media { audio: None, video: None };
        for &kind in kinds {
            let mid = changes.add_media(kind, direction, Some("stream".into()), None, None);
            match kind {
                MediaKind::Audio => media.audio = Some(mid),
                MediaKind::Video => media.video = Some(mid),
            }
        }
        let (offer, pending) = changes.apply().unwrap();
        let peer = Self {
            rtc,
            address,
            up: Link::default(),
            down: Link::default(),
            media,
            wakes: now,
            connected: None,
            closed: None,
            frames: Vec::new(),
            packets: Vec::new(),
            key_frame_requests: Vec::new(),
            sent: 0,
            received: 0,
        };
        (peer, offer.to_sdp_string(), pending)
    }

    pub(crate) fn accept(&mut self, pending: SdpPendingOffer, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        if let Some(mid) = self.media.video {
            // Its own bound on retransmissions would decide the tests with much loss.
            if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
                stream.set_rtx_cache(2048, Duration::from_secs(3), None);
            }
        }
    }

    /// An offer of a connection that stands, to begin ICE anew.
    pub(crate) fn offering_restart(&mut self) -> (String, SdpPendingOffer) {
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(true);
        let (offer, pending) = changes.apply().unwrap();
        (offer.to_sdp_string(), pending)
    }

    pub(crate) fn receive(&mut self, now: Instant, source: SocketAddr, data: &[u8]) {
        self.received += 1;
        let Ok(contents) = data.try_into() else { return };
        let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
        let _ = self.rtc.handle_input(Input::Receive(now, receive));
    }

    /// Lets the client act. Returns what it sends.
    pub(crate) fn drive(&mut self, now: Instant) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut sent = Vec::new();
        if !self.rtc.is_alive() {
            self.wakes = now + Duration::from_secs(3600);
            return sent;
        }
        let _ = self.rtc.handle_input(Input::Timeout(now));
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    // With a round trip of 0 its bandwidth estimation asks for "now" for ever.
                    self.wakes = at.max(now + Duration::from_millis(1));
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    sent.push((transmit.destination, transmit.contents.to_vec()));
                }
                Ok(Output::Event(event)) => self.note(now, event),
                Err(_) => {
                    self.closed.get_or_insert(now);
                    self.wakes = now + Duration::from_secs(3600);
                    break;
                }
            }
        }
        self.sent += sent.len();
        sent
    }

    fn note(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected => {
                self.connected.get_or_insert(now);
            }
            Event::Closed => {
                self.closed.get_or_insert(now);
            }
            Event::MediaData(data) => self.frames.push(Frame {
                mid: data.mid,
                time: data.time,
                key: data.is_keyframe(),
                sender: data.last_sender_info,
                data: data.data,
            }),
            Event::RtpPacket(packet) => self.packets.push(packet),
            Event::KeyframeRequest(_) => self.key_frame_requests.push(now),
            _ => {}
        }
    }

    pub(crate) fn payload_type(&mut self, mid: Mid, codec: str0m::format::Codec) -> Pt {
        let writer = self.rtc.writer(mid).unwrap();
        writer.payload_params().find(|params| params.spec().codec == codec).unwrap().pt()
    }

    /// The numbers of the video frames that came, in order; a damaged one fails the test.
    pub(crate) fn video_numbers(&self) -> Vec<u32> {
        let video = self.frames.iter().filter(|frame| Some(frame.mid) == self.media.video);
        video.map(|frame| crate::media::number_of(&frame.data).expect("a frame as it was sent")).collect()
    }

    /// The numbers of the Opus packets that came, in order.
    pub(crate) fn audio_numbers(&self) -> Vec<u32> {
        let audio = self.frames.iter().filter(|frame| Some(frame.mid) == self.media.audio);
        audio.map(|frame| crate::media::opus_number(&frame.data).expect("a packet as it was sent")).collect()
    }
}
