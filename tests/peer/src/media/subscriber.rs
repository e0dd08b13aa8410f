//! A subscriber: receives, checks and counts.

use std::time::{Duration, Instant};

use str0m::media::{Direction, KeyframeRequestKind, Mid};
use str0m::rtp::RtpPacket;
use str0m::{Event, IceConnectionState, Rtc};
use tokio::sync::watch;
use tokio::time::timeout;

use super::tally::Header;
use super::thread::Handle;
use super::transport::{Codecs, Offered, Role, kind_of};
use super::{MediaThread, Reception, TrackKind};
use crate::PATIENCE;

/// What a subscriber offers to receive.
#[derive(Debug, Clone)]
pub struct SubscriberConfig {
    /// One m-line each, in this order.
    pub tracks: Vec<TrackKind>,
    /// What the offer names.
    pub codecs: Codecs,
    /// Loses every n-th packet on the way from the server; 0: none.
    pub lose_every: u32,
}

impl Default for SubscriberConfig {
    fn default() -> Self {
        Self { tracks: vec![TrackKind::Audio, TrackKind::Video], codecs: Codecs::Common, lose_every: 0 }
    }
}

/// A subscribing peer connection.
pub struct Subscriber {
    offer: String,
    offered: Option<Offered>,
    handle: Handle,
    reception: watch::Receiver<Reception>,
}

impl Subscriber {
    /// Makes an offer; nothing is sent before its answer.
    pub fn new(thread: &MediaThread, config: &SubscriberConfig) -> Self {
        let (sender, reception) = watch::channel(Reception::default());
        let role = Role::Subscriber(Receiver::new(sender));
        let mut offered = Offered::new(&config.tracks, Direction::RecvOnly, config.codecs, role);
        offered.lose_every(config.lose_every);
        Self { offer: offered.sdp.clone(), offered: Some(offered), handle: thread.handle(), reception }
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
    pub fn reception(&self) -> Reception {
        self.reception.borrow().clone()
    }

    /// Waits until the counters meet a condition, and asserts that nothing wrong was received.
    pub async fn until(&mut self, what: &str, condition: impl FnMut(&Reception) -> bool) -> Reception {
        self.until_within(what, PATIENCE, condition).await
    }

    /// The same with a patience of the caller's own.
    pub async fn until_within(
        &mut self,
        what: &str,
        patience: Duration,
        condition: impl FnMut(&Reception) -> bool,
    ) -> Reception {
        let found = timeout(patience, self.reception.wait_for(condition)).await;
        let reception = match found.map(|result| result.map(|reception| reception.clone())) {
            Ok(Ok(reception)) => reception,
            _ => panic!("the subscriber never came to this: {what}; it had {:#?}", self.reception.borrow()),
        };
        assert!(reception.wrong.is_empty(), "received what was not sent: {:#?}", reception.wrong);
        reception
    }

    /// Waits until so many whole frames of both kinds are there.
    pub async fn frames(&mut self, audio: u64, video: u64) -> Reception {
        let what = format!("{audio} frames of audio and {video} of video");
        self.until(&what, |reception| reception.has_frames(audio, video)).await
    }

    /// Asks the server for a key frame (PLI).
    pub fn request_key_frame(&self) {
        self.handle.request_key_frame();
    }

    /// Closes the connection in good order (DTLS close_notify).
    pub fn close(&self) {
        self.handle.close();
    }

    /// Stops answering without a word.
    pub fn vanish(&self) {
        self.handle.forget();
    }
}

/// The subscriber's side in the media thread.
#[derive(Debug)]
pub(super) struct Receiver {
    reception: watch::Sender<Reception>,
    m_lines: Vec<Mid>,
}

impl Receiver {
    pub(super) fn new(reception: watch::Sender<Reception>) -> Self {
        Self { reception, m_lines: Vec::new() }
    }

    /// The offer's m-lines.
    pub(super) fn with_m_lines(self, m_lines: Vec<Mid>) -> Self {
        Self { m_lines, ..self }
    }

    pub(super) fn count_datagram(&self, length: usize) {
        self.reception.send_modify(|reception| {
            reception.datagrams += 1;
            reception.wire_bytes += length as u64;
        });
    }

    pub(super) fn event(&mut self, event: Event, rtc: &Rtc, now: Instant) {
        match event {
            Event::Connected => self.reception.send_modify(|reception| reception.connected_at = Some(now)),
            Event::RtpPacket(packet) => self.packet(&packet, rtc),
            Event::Closed | Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.ended("");
            }
            _ => {}
        }
    }

    pub(super) fn request_key_frame(&mut self, rtc: &mut Rtc) {
        let mut direct = rtc.direct_api();
        for mid in &self.m_lines {
            if let Some(stream) = direct.stream_rx_by_mid(*mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
    }

    pub(super) fn ended(&mut self, why: &str) {
        self.reception.send_modify(|reception| {
            reception.ended = true;
            if !why.is_empty() {
                reception.complain(format!("the connection ended with an error: {why}"));
            }
        });
    }

    fn packet(&mut self, packet: &RtpPacket, rtc: &Rtc) {
        let kind = kind_of(rtc, packet.header.payload_type);
        let header = Header {
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
        };
        self.reception.send_modify(|reception| match kind {
            Some(kind) => reception.add(kind, header, &packet.payload, packet.timestamp),
            None => {
                reception
                    .complain(format!("payload type {:?} was not agreed on", packet.header.payload_type));
            }
        });
    }
}
