//! A publisher with a microphone and a camera of three simulcast layers of two temporal layers each, as a browser sends
//! them: an SSRC and a timestamp of its own for each, named by rid, one pace for all.

use crate::forwarding::client::Client;
use crate::network::Dice;
use rtp::rtcp::{self, Packet, SenderInfo};
use rtp::srtp::MAX_RTP_OVERHEAD;
use rtp::write::write_packet;
use rtp::{ExtensionValue, Fields, NtpTime};
use std::collections::HashMap;
use std::time::{Duration, Instant};

pub(crate) const RIDS: [&str; 3] = ["q", "h", "f"];
const FRAME: Duration = Duration::from_micros(33_333);
const SOUND: Duration = Duration::from_millis(20);
/// A key frame is so many times as large as another one.
const KEY: usize = 4;
const PACKET: usize = 1100;

/// One SSRC.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    index: u64,
    timestamp: u32,
    picture: u16,
    base_layer: u8,
    frames: u64,
    wants_key: bool,
    active: bool,
    /// When it begins to send, where it does not yet.
    begins: Option<Instant>,
    packets: u32,
}

pub(crate) struct Camera {
    pub(crate) client: Client,
    layers: [Source; 3],
    sound: Source,
    next_frame: Instant,
    next_sound: Instant,
    next_report: Instant,
    key_frames: u32,
    asked: [u32; 3],
    kept: HashMap<(u32, u16), Vec<u8>>,
}

impl Camera {
    pub(crate) fn offer() -> String {
        let transport = Client::description();
        let head = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n";
        let common = format!("c=IN IP4 0.0.0.0\r\na=sendonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n{transport}");
        let audio = format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{common}a=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
             a=extmap:1 {}\r\n",
            rtp::extension::uri::MID
        );
        let video = format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{common}a=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
             a=rtcp-fb:96 nack pli\r\na=extmap:1 {}\r\na=extmap:2 {}\r\na=rid:q send\r\na=rid:h send\r\n\
             a=rid:f send\r\na=simulcast:send q;h;f\r\n",
            rtp::extension::uri::MID,
            "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        );
        [head, &audio, &video].concat()
    }

    pub(crate) fn new(now: Instant, client: Client, dice: &mut Dice) -> Self {
        let mut source = |ssrc| Source {
            ssrc,
            index: dice.below(0x7000),
            timestamp: dice.roll() as u32,
            picture: dice.below(0x8000) as u16,
            base_layer: dice.below(256) as u8,
            frames: 0,
            wants_key: true,
            active: true,
            begins: None,
            packets: 0,
        };
        Self {
            client,
            layers: [10, 11, 12].map(&mut source),
            sound: source(1),
            next_frame: now,
            next_sound: now,
            next_report: now + Duration::from_millis(300),
            key_frames: 0,
            asked: [0; 3],
            kept: HashMap::new(),
        }
    }

    pub(crate) fn key_frames(&self) -> u32 {
        self.key_frames
    }

    /// How often it was asked for a key frame of the highest layer.
    pub(crate) fn asked(&self) -> u32 {
        self.asked[2]
    }

    /// What it offers if it has one layer only.
    pub(crate) fn plain_offer() -> String {
        let layers = ["a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\n", "a=simulcast:send q;h;f\r\n"];
        layers.iter().fold(Self::offer(), |offer, lines| offer.replace(lines, ""))
    }

    /// Sends these layers and no others. What it did not send before, its uplink carries only from then on.
    pub(crate) fn activate(&mut self, wanted: [bool; 3], then: Instant) {
        for (layer, wanted) in self.layers.iter_mut().zip(wanted) {
            layer.active &= wanted;
            layer.begins = (wanted && !layer.active).then(|| layer.begins.unwrap_or(then));
        }
    }

    /// Sends nothing any more.
    pub(crate) fn stop(&mut self) {
        let never = self.next() + Duration::from_secs(3600);
        (self.next_frame, self.next_sound) = (never, never);
    }

    pub(crate) fn next(&self) -> Instant {
        self.next_frame.min(self.next_sound).min(self.next_report)
    }

    /// What is due by now.
    pub(crate) fn produce(&mut self, now: Instant, ntp: NtpTime) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        while self.next_sound <= now {
            self.next_sound += SOUND;
            self.sound.timestamp = self.sound.timestamp.wrapping_add(960);
            let mid = [ExtensionValue { id: 1, value: b"0" }];
            sent.push(seal(&self.client, &mut self.sound, 111, &mid, false, &[0xfc; 80]));
        }
        while self.next_frame <= now {
            self.next_frame += FRAME;
            for at in 0..3 {
                self.picture(now, at, &mut sent);
            }
        }
        if self.next_report <= now {
            self.next_report += Duration::from_secs(1);
            let rates = [90, 90, 90, 48];
            for (source, rate) in self.layers.iter().chain([&self.sound]).zip(rates) {
                let next = if rate == 90 { self.next_frame } else { self.next_sound };
                let ahead = next.saturating_duration_since(now).as_micros() as u32 * rate / 1000;
                let interval = if rate == 90 { 3000 } else { 960 };
                let rtp = source.timestamp.wrapping_add(interval).wrapping_sub(ahead);
                let info = SenderInfo { ntp, rtp, packets: source.packets, bytes: 0 };
                let ssrc = source.ssrc;
                sent.push(self.client.rtcp(|writer| writer.sender_report(ssrc, &info, &[]).unwrap()));
            }
        }
        sent
    }

    fn picture(&mut self, now: Instant, at: usize, sent: &mut Vec<Vec<u8>>) {
        let source = &mut self.layers[at];
        source.timestamp = source.timestamp.wrapping_add(3000);
        if source.begins.take_if(|begins| *begins <= now).is_some() {
            (source.active, source.wants_key) = (true, true);
        }
        if !source.active {
            return;
        }
        let key = std::mem::take(&mut source.wants_key);
        self.key_frames += u32::from(key);
        if key {
            source.frames = 0;
        }
        let temporal = (source.frames % 2) as u8;
        source.frames += 1;
        source.picture = (source.picture + 1) & 0x7fff;
        source.base_layer = source.base_layer.wrapping_add(u8::from(temporal == 0));
        let size = super::LAYERS[at] as usize * 1000 / 8 / 30 * if key { KEY } else { 1 };
        let packets = size.div_ceil(PACKET).max(1);
        for n in 0..packets {
            // X, and S in the first; I, L, T: RFC 7741 section 4.2. Y: a frame of layer 1 needs layer 0 only.
            let mut payload = vec![0x80 | u8::from(n == 0) << 4, 0xe0];
            payload.extend((source.picture | 0x8000).to_be_bytes());
            payload.extend([source.base_layer, temporal << 6 | temporal << 5]);
            let height = super::HEIGHTS[at].to_le_bytes();
            payload.extend([u8::from(!key), 0, 0, 0x9d, 0x01, 0x2a, 0, 1, height[0], height[1], at as u8]);
            payload.resize(size / packets, 7);
            let names =
                [ExtensionValue { id: 1, value: b"1" }, ExtensionValue { id: 2, value: RIDS[at].as_bytes() }];
            let index = source.index;
            let wire = seal(&self.client, source, 96, &names, n + 1 == packets, &payload);
            self.kept.insert((source.ssrc, index as u16), wire.clone());
            sent.push(wire);
        }
    }

    /// Takes RTCP from the router. Returns what was asked for again.
    pub(crate) fn heed(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut datagram = datagram.to_vec();
        let (_, receiver) = self.client.keys.as_mut().unwrap();
        let len = receiver.open_rtcp(&mut datagram).unwrap().len;
        let mut again = Vec::new();
        for packet in rtcp::packets(&datagram[..len]) {
            match packet.unwrap() {
                Packet::Pli(pli) => {
                    let at = self.layers.iter().position(|layer| layer.ssrc == pli.media).unwrap();
                    self.asked[at] += 1;
                    self.layers[at].wants_key = true;
                }
                Packet::Nack(nack) => {
                    let lost = nack.lost.filter_map(|lost| self.kept.get(&(nack.media, lost)));
                    again.extend(lost.cloned());
                }
                _ => {}
            }
        }
        again
    }
}

fn seal(
    client: &Client,
    source: &mut Source,
    payload_type: u8,
    extensions: &[ExtensionValue<'_>],
    marker: bool,
    payload: &[u8],
) -> Vec<u8> {
    let index = source.index;
    source.index += 1;
    source.packets += 1;
    let fields = Fields {
        marker,
        payload_type,
        sequence: index as u16,
        timestamp: source.timestamp,
        ssrc: source.ssrc,
    };
    let mut bytes = vec![0; payload.len() + 100 + MAX_RTP_OVERHEAD];
    let written = write_packet(&fields, extensions, payload, &mut bytes).unwrap();
    let (sender, _) = client.keys.as_ref().unwrap();
    let len = sender.seal_rtp(&mut bytes, written, (index >> 16) as u32).unwrap();
    bytes.truncate(len);
    bytes
}
