//! One peer connection: a str0m session, its socket, and what it is for.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use super::TrackKind;
use super::publisher::Emitter;
use super::subscriber::Receiver;

/// With a round trip of zero some of str0m's timers ask for "now" for ever.
const MIN_TIMER: Duration = Duration::from_millis(1);

/// What an offer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codecs {
    /// Opus and VP8, which every client has.
    #[default]
    Common,
    /// H.264 and PCMU, which the server does not forward.
    Foreign,
}

/// What a connection is for.
#[derive(Debug)]
pub(super) enum Role {
    Publisher(Emitter),
    Subscriber(Receiver),
}

/// A peer connection.
pub(super) struct Transport {
    rtc: Rtc,
    pub(super) socket: UdpSocket,
    local: SocketAddr,
    timer: Instant,
    pub(super) role: Role,
    lose: Lose,
}

/// An offer that waits for its answer.
pub(super) struct Offered {
    pub(super) sdp: String,
    pending: SdpPendingOffer,
    transport: Transport,
}

/// Loses every n-th media packet, for tests of repair.
#[derive(Debug, Default)]
struct Lose {
    every: u32,
    count: u32,
}

impl Lose {
    /// RTP by its first byte (RFC 7983), but not RTCP (RFC 5761), is counted.
    fn takes(&mut self, datagram: &[u8]) -> bool {
        if self.every == 0 || !is_rtp(datagram) {
            return false;
        }
        self.count += 1;
        self.count.is_multiple_of(self.every)
    }
}

pub(super) fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind))
}

impl Offered {
    /// An offer with these tracks, one m-line each.
    pub(super) fn new(tracks: &[TrackKind], direction: Direction, codecs: Codecs, role: Role) -> Self {
        let socket =
            UdpSocket::bind("127.0.0.1:0".parse().expect("an address")).expect("a UDP socket on loopback");
        let local = socket.local_addr().expect("a bound socket has an address");
        let mut rtc = config(codecs).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").expect("loopback is a valid candidate"));
        let mut changes = rtc.sdp_api();
        let mut add = |kind: &TrackKind| {
            let kind = if *kind == TrackKind::Audio { MediaKind::Audio } else { MediaKind::Video };
            changes.add_media(kind, direction, Some("stream".to_owned()), None, None)
        };
        let mids: Vec<Mid> = tracks.iter().map(&mut add).collect();
        let (offer, pending) = changes.apply().expect("an offer with at least one track");
        let sdp = offer.to_sdp_string();
        let role = match role {
            Role::Publisher(emitter) => Role::Publisher(emitter.with_m_lines(&mids)),
            Role::Subscriber(receiver) => Role::Subscriber(receiver.with_m_lines(mids)),
        };
        let transport = Transport { rtc, socket, local, timer: Instant::now(), role, lose: Lose::default() };
        Self { sdp, pending, transport }
    }

    /// Loses every n-th media packet that is sent (publisher) or received (subscriber).
    pub(super) fn lose_every(&mut self, every: u32) {
        self.transport.lose.every = every;
    }

    /// Takes the server's answer.
    ///
    /// # Errors
    /// When str0m cannot use it.
    pub(super) fn accept(self, answer: &str) -> Result<Transport, String> {
        let Self { pending, mut transport, .. } = self;
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| error.to_string())?;
        transport.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| error.to_string())?;
        Ok(transport)
    }
}

fn config(codecs: Codecs) -> RtcConfig {
    let config = RtcConfig::new().set_rtp_mode(true).clear_codecs();
    match codecs {
        Codecs::Common => config.enable_opus(true, false).enable_vp8(true),
        Codecs::Foreign => config.enable_pcmu(true, false).enable_h264(true),
    }
}

impl Transport {
    /// When it wants to be driven next.
    pub(super) fn due(&self) -> Instant {
        let packet = match &self.role {
            Role::Publisher(emitter) => emitter.due(),
            Role::Subscriber(_) => None,
        };
        packet.map_or(self.timer, |packet| packet.min(self.timer))
    }

    /// Lets time pass: timers, and the packets that are due.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.timer <= now {
            self.handle(Input::Timeout(now), now);
        }
        while let Role::Publisher(emitter) = &mut self.role {
            if !emitter.send_next(&mut self.rtc, now) {
                return;
            }
            self.handle(Input::Timeout(now), now);
        }
    }

    /// Reads everything that has come; returns the number of datagrams.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> u64 {
        let mut count = 0;
        loop {
            match self.socket.recv_from(buffer) {
                Ok((length, source)) => {
                    count += 1;
                    if let Some(datagram) = buffer.get(..length) {
                        self.receive(source, datagram);
                    }
                }
                // An ICMP error of an earlier send says nothing about what waits to be read.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return count,
            }
        }
    }

    fn receive(&mut self, source: SocketAddr, datagram: &[u8]) {
        if let Role::Subscriber(receiver) = &self.role {
            if self.lose.takes(datagram) {
                return;
            }
            if is_rtp(datagram) {
                receiver.count_datagram(datagram.len());
            }
        }
        let Ok(contents) = datagram.try_into() else { return };
        let now = Instant::now();
        let receive = Receive { proto: Protocol::Udp, source, destination: self.local, contents };
        self.handle(Input::Receive(now, receive), now);
    }

    fn handle(&mut self, input: Input<'_>, now: Instant) {
        if self.rtc.handle_input(input).is_err() {
            self.rtc.disconnect();
        }
        self.drain(now);
    }

    /// Asks for a key frame on every video track.
    pub(super) fn request_key_frame(&mut self, now: Instant) {
        if let Role::Subscriber(receiver) = &mut self.role {
            receiver.request_key_frame(&mut self.rtc);
        }
        self.drain(now);
    }

    /// Closes in good order: BYE and close_notify.
    pub(super) fn close(&mut self, now: Instant) {
        drop(self.rtc.close());
        self.drain(now);
        self.handle(Input::Timeout(now), now);
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timer = at.max(now + MIN_TIMER);
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let loses =
                        matches!(self.role, Role::Publisher(_)) && self.lose.takes(&transmit.contents);
                    if !loses {
                        // A full buffer loses the packet, as a network would.
                        drop(self.socket.send_to(&transmit.contents, transmit.destination));
                    }
                }
                Ok(Output::Event(event)) => self.event(event, now),
                Err(error) => {
                    self.role.ended(&error.to_string());
                    self.timer = now + Duration::from_secs(3_600);
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: Event, now: Instant) {
        match &mut self.role {
            Role::Publisher(emitter) => emitter.event(&event, &self.rtc, now),
            Role::Subscriber(receiver) => receiver.event(event, &self.rtc, now),
        }
    }
}

impl Role {
    fn ended(&mut self, why: &str) {
        match self {
            Self::Publisher(emitter) => emitter.ended(),
            Self::Subscriber(receiver) => receiver.ended(why),
        }
    }
}

/// The payload type that was agreed on for a track.
pub(super) fn payload_type(rtc: &Rtc, mid: Mid) -> Option<Pt> {
    let agreed = rtc.media(mid)?.remote_pts();
    let is_main = |codec: Codec| matches!(codec, Codec::Opus | Codec::Vp8);
    let params = rtc.codec_config().params().iter();
    params.filter(|params| is_main(params.spec().codec)).map(PayloadParams::pt).find(|pt| agreed.contains(pt))
}

/// What a payload type carries.
pub(super) fn kind_of(rtc: &Rtc, pt: Pt) -> Option<TrackKind> {
    let codec = rtc.codec_config().find(|params| params.pt() == pt)?.spec().codec;
    match codec {
        Codec::Opus => Some(TrackKind::Audio),
        Codec::Vp8 => Some(TrackKind::Video),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::media::{MediaThread, Publisher, PublisherConfig, Reception};

    /// Answers a publisher's offer in place of a server.
    fn answering(offer: &str, role: Role) -> (Transport, String) {
        let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let local = socket.local_addr().unwrap();
        let mut rtc = config(Codecs::Common).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let offer = str0m::change::SdpOffer::from_sdp_string(offer).unwrap();
        let answer = rtc.sdp_api().accept_offer(offer).unwrap().to_sdp_string();
        (Transport { rtc, socket, local, timer: Instant::now(), role, lose: Lose::default() }, answer)
    }

    #[tokio::test]
    async fn what_a_publisher_sends_a_receiver_counts_and_finds_right() {
        let thread = MediaThread::start();
        let mut publisher = Publisher::new(&thread, &PublisherConfig::default());
        let (sender, mut reception) = watch::channel(Reception::default());
        let (transport, answer) = answering(publisher.offer(), Role::Subscriber(Receiver::new(sender)));
        let handle = thread.handle();
        handle.add(transport);
        publisher.accept(&answer);
        publisher.connected().await;
        let frames = reception.wait_for(|reception| reception.has_frames(50, 30));
        let reception = tokio::time::timeout(crate::PATIENCE, frames).await.expect("frames").unwrap().clone();
        assert_eq!(reception.wrong, Vec::<String>::new());
        assert_eq!(reception.video().unwrap().first_key_frame, Some(0));
        assert_eq!(reception.packets(), reception.datagrams);
        publisher.close();
    }
}
