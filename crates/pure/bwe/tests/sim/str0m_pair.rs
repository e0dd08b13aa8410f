//! str0m's estimator and pacer, for comparison. They are not public: whole sessions are driven, in RTP mode, and connected
//! before the link is there.

use crate::measure::Kind;
use crate::source::OVERHEAD;
use crate::world::{Datagram, Pair};
use bwe::Bitrate;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::bwe::BweKind;
use str0m::format::Codec;
use str0m::media::{MediaKind, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// IPv4 and UDP.
const NETWORK: usize = 28;
const AUDIO: u32 = 1;
const VIDEO: u32 = 2;
const PADDING: u32 = 3;
const START: u64 = 300_000;

struct End {
    rtc: Rtc,
    local: SocketAddr,
    remote: SocketAddr,
    timer: Instant,
}

pub(crate) struct Str0mPair {
    epoch: Instant,
    sender: End,
    receiver: End,
    target: f64,
    sequences: [u64; 2],
    types: [Pt; 2],
}

impl End {
    fn new(now: Instant, own: u8, other: u8, bwe: bool) -> Self {
        let address = |n: u8| SocketAddr::from(([10, 0, 0, n], 1000));
        let start = bwe.then(|| str0m::bwe::Bitrate::bps(START));
        let crypto = std::sync::Arc::new(str0m::crypto::from_feature_flags());
        let builder = Rtc::builder().set_rtp_mode(true).set_crypto_provider(crypto);
        let mut rtc = builder.enable_bwe(start).build(now);
        let candidate = |n| Candidate::host(address(n), "udp").unwrap();
        rtc.add_local_candidate(candidate(own)).unwrap();
        rtc.add_remote_candidate(candidate(other));
        Self { rtc, local: address(own), remote: address(other), timer: now }
    }

    /// All that it has to say; gives the last estimate.
    fn drain(&mut self, out: &mut Vec<Vec<u8>>) -> Option<f64> {
        let mut estimate = None;
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    self.timer = at;
                    return estimate;
                }
                Output::Transmit(transmit) => out.push(transmit.contents.to_vec()),
                Output::Event(Event::EgressBitrateEstimate(BweKind::Twcc { estimate: said, .. })) => {
                    estimate = Some(said.as_f64());
                }
                Output::Event(_) => {}
            }
        }
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        let receive = Receive {
            proto: Protocol::Udp,
            source: self.remote,
            destination: self.local,
            contents: bytes.try_into().unwrap(),
        };
        self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
    }
}

fn parameters(rtc: &Rtc, codec: Codec) -> Pt {
    rtc.codec_config().find(|parameters| parameters.spec().codec == codec).unwrap().pt()
}

/// What of RTP nobody encrypts: the SSRC tells what it is.
fn kind(datagram: &[u8]) -> Kind {
    let ssrc = datagram.get(8..12).map_or(0, |ssrc| u32::from_be_bytes(ssrc.try_into().unwrap()));
    match ssrc {
        AUDIO => Kind::Audio,
        VIDEO => Kind::Video,
        _ => Kind::Padding,
    }
}

impl Str0mPair {
    pub(crate) fn new(max: Bitrate) -> Self {
        let begin = Instant::now();
        let (mut sender, mut receiver) = (End::new(begin, 1, 2, true), End::new(begin, 2, 1, false));
        let credentials = [&mut sender, &mut receiver].map(|end| {
            let api = end.rtc.direct_api();
            (api.local_ice_credentials(), api.local_dtls_fingerprint().clone())
        });
        let [ours, theirs] = credentials;
        for (end, (ice, fingerprint), active) in [(&mut sender, theirs, true), (&mut receiver, ours, false)] {
            let mut api = end.rtc.direct_api();
            api.set_remote_ice_credentials(ice);
            api.set_remote_fingerprint(fingerprint);
            api.set_ice_controlling(active);
            api.start_dtls(active).unwrap();
        }
        let now = connect(begin, &mut sender, &mut receiver);
        for (media, audio) in [(MediaKind::Audio, true), (MediaKind::Video, false)] {
            let (mid, ssrc) = if audio { ("aud".into(), AUDIO) } else { ("vid".into(), VIDEO) };
            let rtx: Option<Ssrc> = (!audio).then(|| PADDING.into());
            let mut api = sender.rtc.direct_api();
            api.declare_media(mid, media);
            api.declare_stream_tx(ssrc.into(), rtx, mid, None);
            let mut api = receiver.rtc.direct_api();
            api.declare_media(mid, media);
            api.expect_stream_rx(ssrc.into(), rtx, mid, None);
            api.enable_twcc_feedback();
        }
        let wanted = str0m::bwe::Bitrate::bps(max.as_bps());
        sender.rtc.bwe().set_bitrate(str0m::bwe::Bitrate::ZERO, wanted);
        let types = [parameters(&sender.rtc, Codec::Opus), parameters(&sender.rtc, Codec::Vp8)];
        Self { epoch: now, sender, receiver, target: START as f64, sequences: [1, 1], types }
    }

    fn write(&mut self, now: Instant, audio: bool, bytes: u32) {
        let which = usize::from(!audio);
        let ssrc: Ssrc = if audio { AUDIO.into() } else { VIDEO.into() };
        let sequence = self.sequences[which];
        self.sequences[which] += 1;
        let clock = if audio { 48 } else { 90 };
        let time = (now.saturating_duration_since(self.epoch).as_millis() as u32).wrapping_mul(clock);
        let payload = vec![0; bytes.saturating_sub(OVERHEAD) as usize];
        let packet = RtpWrite::new(self.types[which], sequence.into(), time, now, payload).nackable(!audio);
        self.sender.rtc.direct_api().stream_tx(&ssrc).unwrap().write_rtp(packet);
        // The sender has to be drained after each.
        self.sender.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    fn say(&mut self, out: &mut Vec<Datagram>) {
        let mut bodies = Vec::new();
        if let Some(estimate) = self.sender.drain(&mut bodies) {
            self.target = estimate;
        }
        let datagram =
            |body: Vec<u8>| Datagram { wire: (body.len() + NETWORK) as u32, kind: kind(&body), body };
        out.extend(bodies.into_iter().map(datagram));
    }
}

/// ICE and DTLS, over a perfect way of a millisecond.
fn connect(begin: Instant, sender: &mut End, receiver: &mut End) -> Instant {
    let mut now = begin;
    while !(sender.rtc.is_connected() && receiver.rtc.is_connected()) {
        assert!(now < begin + Duration::from_secs(10), "they do not connect");
        for end in [&mut *sender, &mut *receiver] {
            end.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        sender.drain(&mut forth);
        receiver.drain(&mut back);
        now += Duration::from_millis(1);
        for body in forth {
            receiver.receive(now, &body);
            receiver.drain(&mut back);
        }
        for body in back {
            sender.receive(now, &body);
            let mut more = Vec::new();
            sender.drain(&mut more);
            for body in more {
                receiver.receive(now, &body);
                receiver.drain(&mut Vec::new());
            }
        }
    }
    now
}

impl Pair for Str0mPair {
    fn target(&self) -> f64 {
        self.target
    }

    fn offer(&mut self, now: u64, audio: bool, frame: &[u32]) {
        let now = self.epoch + Duration::from_micros(now);
        if audio {
            self.write(now, true, crate::source::AUDIO_BYTES);
        }
        for &bytes in frame {
            self.write(now, false, bytes);
        }
    }

    fn step(&mut self, now: u64, forth: &mut Vec<Datagram>, back: &mut Vec<Datagram>) {
        let now = self.epoch + Duration::from_micros(now);
        if self.sender.timer <= now {
            self.sender.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        self.say(forth);
        if self.receiver.timer <= now {
            self.receiver.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        let mut bodies = Vec::new();
        self.receiver.drain(&mut bodies);
        back.extend(bodies.into_iter().map(|body| Datagram { wire: 0, kind: Kind::Padding, body }));
    }

    fn at_receiver(&mut self, now: u64, body: &[u8]) {
        self.receiver.receive(self.epoch + Duration::from_micros(now), body);
    }

    fn at_sender(&mut self, now: u64, body: &[u8]) {
        self.sender.receive(self.epoch + Duration::from_micros(now), body);
    }
}
