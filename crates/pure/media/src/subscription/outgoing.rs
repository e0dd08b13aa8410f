//! One track on its way to one subscriber: the header that it gets there.

use super::header::{Content, OutgoingHeader, Shape, Stamps};
use super::meter::Meter;
use super::repair::{Loss, RepairBudget};
use super::segments::{Place, Shift};
use super::selection::{Scene, Selection};
use crate::batch::Outbox;
use crate::stream::cache::{Entry, PacketCache};
use crate::transport::ice::Path;
use rtp::extension::AbsSendTime;
use rtp::srtp::Sender;
use rtp::{Fields, RtpPacket, Written, vp8, vp9};
use sdp::Codec;
use std::ops::Range;
use std::time::Duration;

/// The retransmission stream of a track (RFC 4588).
#[derive(Debug)]
struct Rtx {
    ssrc: u32,
    payload_type: u8,
    /// The 48-bit index of its next packet.
    next_index: u64,
}

/// Where packets of a subscriber go, how they are encrypted, and what is stamped on them where agreed.
pub(crate) struct Departure<'a> {
    pub(crate) path: Path,
    pub(crate) sender: &'a Sender,
    pub(crate) time: AbsSendTime,
    /// The subscriber's transport-wide sequence numbers.
    pub(crate) meter: Meter<'a>,
}

/// What a track needs besides the negotiated line.
pub(crate) struct Origin<'a> {
    /// The tracks of the stream that it may come from, the lowest layer first.
    pub(crate) layers: Range<usize>,
    /// The publisher's ids of header extensions.
    pub(crate) extensions: &'a sdp::ExtensionIds,
    /// Unpredictable starting points for the numbers.
    pub(crate) random: [u64; 2],
    /// What may be sent again, in percent of what is sent.
    pub(crate) retransmissions: u8,
}

/// Whether a packet is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// So many times, each of so many bytes on the wire, about.
    Yes { bytes: u32, copies: u8 },
    /// Nobody lost it, or too much is asked for.
    No,
    /// It is not in the cache.
    NotHere { source: usize, number: u64 },
}

/// One track of a subscription.
#[derive(Debug)]
pub(crate) struct OutgoingTrack {
    pub(crate) ssrc: u32,
    payload_type: u8,
    /// For sound with earlier sound (RED).
    red_payload_type: Option<u8>,
    rtx: Option<Rtx>,
    /// Whether lost packets are sent again.
    repairs: bool,
    video: bool,
    codec: Codec,
    header: OutgoingHeader,
    pub(crate) selection: Selection,
    budget: RepairBudget,
    pub(crate) loss: Loss,
    /// As sender reports count: modulo 2^32, payload only.
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// How many packets the last report said.
    pub(crate) reported_packets: Option<u32>,
    /// Sequence number of the latest FIR that was obeyed.
    pub(crate) last_fir: Option<u8>,
    /// The highest number of lost packets that the subscriber reported.
    reported_lost: i32,
    clock_rate: u32,
}

impl OutgoingTrack {
    pub(crate) fn new(track: &sdp::SendTrack, origin: &Origin<'_>) -> Self {
        let line = &track.line;
        let mut ids = line.extensions;
        let rtx = line.rtx_payload_type.zip(track.offered.rtx_ssrc);
        let [first, rtx_first] = origin.random;
        if line.feedback.nack && rtx.is_none() {
            // A lost packet is sent again under the same SRTP index, so it must be the same to the last bit: no
            // stamps that change (RFC 3711 section 9.1; with GCM a second tag would give away the key of the hash).
            ids.abs_send_time = None;
            ids.transport_cc = None;
        }
        let mid = line.mid.as_ref().map(|mid| mid.as_str().as_bytes()).unwrap_or_default();
        let (video, clock_rate) = (line.kind == sdp::Kind::Video, line.codec.clock_rate());
        Self {
            reported_lost: 0,
            clock_rate,
            ssrc: track.offered.ssrc,
            payload_type: line.payload_type,
            red_payload_type: line.red_payload_type,
            rtx: rtx.map(|(payload_type, ssrc)| Rtx { ssrc, payload_type, next_index: rtx_first & 0x7fff }),
            repairs: line.feedback.nack,
            video,
            codec: line.codec,
            header: OutgoingHeader::new(mid, ids, origin.extensions, line.two_byte_extensions),
            selection: Selection::new(origin.layers.clone(), video, clock_rate, first),
            budget: RepairBudget::new(origin.retransmissions),
            loss: Loss::default(),
            packets: 0,
            octets: 0,
            reported_packets: None,
            last_fir: None,
        }
    }

    /// The subscriber reports so many losses in all: answers how many are new.
    pub(crate) fn note_losses(&mut self, total: i32) -> u64 {
        let more = total.saturating_sub(self.reported_lost);
        self.reported_lost = self.reported_lost.max(total);
        u64::try_from(more).unwrap_or(0)
    }

    /// What the subscriber says it has lost.
    pub(crate) fn reported_lost(&self) -> u64 {
        u64::try_from(self.reported_lost).unwrap_or(0)
    }

    /// So many units of its timestamps.
    pub(crate) fn duration_of(&self, ticks: u32) -> Duration {
        Duration::from_micros(u64::from(ticks) * 1_000_000 / u64::from(self.clock_rate.max(1)))
    }

    /// Whether it is video.
    pub(crate) fn is_video(&self) -> bool {
        self.video
    }

    /// Whether its packets carry transport-wide numbers.
    pub(crate) fn counts(&self) -> bool {
        self.header.counts()
    }

    /// Whether it can be padded with packets that mean nothing to whoever gets them.
    pub(crate) fn can_pad(&self) -> bool {
        self.rtx.is_some() && self.header.counts()
    }

    /// The bytes of a packet on the wire, about: the header that it gets, its seal, and what is around datagrams.
    #[inline]
    pub(crate) fn size_of(&self, entry: &Entry) -> u32 {
        (entry.payload_len() + usize::from(entry.padding) + AROUND_PAYLOAD) as u32
    }

    /// Sends a packet at its place. Returns the bytes of the datagram.
    #[inline]
    pub(crate) fn send(
        &mut self,
        cache: &PacketCache,
        entry: &Entry,
        place: &Place,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) {
        let Some(packet) = cache.packet(entry) else { return };
        let Some((payload_type, payload)) = self.form(entry, &packet) else { return };
        let fields = self.fields(entry, place, self.ssrc, payload_type, place.index);
        let shape = Shape::Padded(entry.padding);
        let content = Content { packet: &packet, payload, shape, shift: place.shift };
        let sent = self.write(&content, &fields, place.index, departure, out);
        if sent > 0 {
            let payload = payload.len();
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload as u32);
            self.budget.earn(sent);
            out.count(|stats| stats.media_out += 1);
        }
    }

    /// Whether what was sent with this sequence number is sent again. If so, it counts as sent, of the budget. `doubly`: it
    /// may be lost as well.
    pub(crate) fn grant(
        &mut self,
        scene: &Scene<'_>,
        sequence: u16,
        round_trip: Option<Duration>,
        doubly: bool,
    ) -> Grant {
        let place = self.selection.segments.find(sequence).filter(|_| self.repairs);
        let Some((place, track)) = place.and_then(|place| Some((place, scene.tracks.get(place.source)?)))
        else {
            return Grant::No;
        };
        let Some(entry) = track.cache.find(place.number) else {
            return Grant::NotHere { source: place.source, number: place.number };
        };
        let bytes = self.size_of(&entry);
        let granted = track.cache.was_forwarded(&entry)
            && self.budget.spend(scene.now, place.index, bytes as usize, round_trip);
        if !granted {
            return Grant::No;
        }
        let copies = if doubly && self.budget.spend_again(bytes as usize) { 2 } else { 1 };
        Grant::Yes { bytes, copies }
    }

    /// Sends again what was sent with this sequence number, which was granted.
    pub(crate) fn repair(
        &mut self,
        scene: &Scene<'_>,
        sequence: u16,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) {
        let Some(place) = self.selection.segments.find(sequence) else { return };
        let cache = scene.tracks.get(place.source).map(|track| &track.cache);
        let found = cache.and_then(|cache| {
            let entry = cache.find(place.number)?;
            Some((entry, cache.packet(&entry)?))
        });
        let Some((entry, packet)) = found else { return };
        let Some((payload_type, payload)) = self.form(&entry, &packet) else { return };
        let content = |shape| Content { packet: &packet, payload, shape, shift: place.shift };
        let sent = match &mut self.rtx {
            Some(rtx) => {
                let (index, ssrc, payload_type) = (rtx.next_index, rtx.ssrc, rtx.payload_type);
                rtx.next_index += 1;
                let fields = self.fields(&entry, &place, ssrc, payload_type, index);
                self.write(&content(Shape::Repair(sequence)), &fields, index, departure, out)
            }
            None => {
                let fields = self.fields(&entry, &place, self.ssrc, payload_type, place.index);
                self.write(&content(Shape::Padded(entry.padding)), &fields, place.index, departure, out)
            }
        };
        out.count(|stats| stats.retransmissions += u64::from(sent > 0));
    }

    /// Sends padding, of so many bytes on the wire or somewhat more, in one packet of the retransmission stream: a
    /// receiver counts it and drops it (RFC 4588 section 4: a packet without an original number is none). Returns the
    /// bytes on the wire.
    pub(crate) fn pad(&mut self, bytes: u32, departure: &mut Departure<'_>, out: &mut Outbox<'_>) -> u32 {
        let Some(rtx) = &mut self.rtx else { return 0 };
        let index = rtx.next_index;
        rtx.next_index += 1;
        let fields = Fields {
            marker: false,
            payload_type: rtx.payload_type,
            sequence: (index & 0xffff) as u16,
            timestamp: 0,
            ssrc: rtx.ssrc,
        };
        let padding = bytes.saturating_sub(AROUND_PAYLOAD as u32).clamp(1, u32::from(u8::MAX)) as u8;
        let (header, sender) = (&self.header, departure.sender);
        let stamps = Stamps { time: departure.time, sequence: departure.meter.next() };
        let sent = out.write(departure.path, |buffer| {
            let written = header.write_padding(&fields, padding, stamps, buffer)?;
            sender.seal_rtp(buffer, written, u32::try_from(index >> 16).ok()?).ok()
        });
        if sent > 0 { departure.meter.sent(departure.path, sent) } else { 0 }
    }

    #[inline]
    fn fields(&self, entry: &Entry, place: &Place, ssrc: u32, payload_type: u8, index: u64) -> Fields {
        Fields {
            marker: entry.header.marker || (entry.frame.ends && entry.frame.spatial == place.shift.top),
            payload_type,
            sequence: (index & 0xffff) as u16,
            timestamp: entry.header.timestamp.wrapping_add(place.shift.timestamp),
            ssrc,
        }
    }

    /// The payload type and the payload of a packet: earlier sound goes along to those who agreed to it.
    #[inline]
    fn form<'a>(&self, entry: &Entry, packet: &RtpPacket<'a>) -> Option<(u8, &'a [u8])> {
        match self.red_payload_type.filter(|_| entry.frame.redundant) {
            Some(red) => Some((red, packet.payload())),
            None => Some((self.payload_type, entry.frame.sound(packet.payload())?)),
        }
    }

    /// Writes and encrypts one packet. Returns its length, 0 where it does not fit into a datagram.
    #[inline]
    fn write(
        &self,
        content: &Content<'_>,
        fields: &Fields,
        index: u64,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) -> usize {
        let stamps = Stamps { time: departure.time, sequence: departure.meter.next() };
        let (sender, shift) = (departure.sender, content.shift);
        let sent = out.write(departure.path, |buffer| {
            let written = self.header.write(content, fields, stamps, buffer)?;
            if (shift.pictures, shift.base_layers) != (0, 0) {
                self.shift_pictures(content.shape, written, shift, buffer);
            }
            let rollover = u32::try_from(index >> 16).ok()?;
            sender.seal_rtp(buffer, written, rollover).ok()
        });
        if sent > 0 && self.header.counts() {
            departure.meter.sent(departure.path, sent);
        }
        sent
    }

    /// Adds to the picture ids of a packet that was written.
    fn shift_pictures(&self, shape: Shape, written: Written, shift: Shift, buffer: &mut [u8]) {
        let start = written.header_len + shape.original_len();
        let Some(payload) = buffer.get_mut(start..written.len) else { return };
        match self.codec {
            Codec::Vp8 => {
                if let Ok(descriptor) = vp8::Descriptor::parse(payload) {
                    descriptor.shift(payload, shift.pictures, shift.base_layers);
                }
            }
            Codec::Vp9 => {
                if let Ok(descriptor) = vp9::Descriptor::parse(payload) {
                    descriptor.shift(payload, shift.pictures, shift.base_layers);
                }
            }
            Codec::Opus | Codec::H264 | Codec::Av1 => {}
        }
    }
}

/// RTP header with its extensions (32), the seal (16), UDP and IPv4 (28).
pub(crate) const AROUND_PAYLOAD: usize = 76;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{DatagramSink, SendBatch};
    use crate::stream::chunks::ChunkPool;
    use crate::stream::frame::Frame;
    use crate::{Stats, epoch};
    use rtp::srtp::{MasterKey, Profile, Receiver};
    use rtp::write::write_packet;
    use rtp::{Header, NtpTime};
    use sdp::{Capabilities, Codec, Msid, Name, Offer, Section, TrackOffer};

    #[derive(Default)]
    struct Kept(Vec<Vec<u8>>);

    impl DatagramSink for Kept {
        fn send(&mut self, batch: &SendBatch) {
            self.0.extend(batch.iter().map(|datagram| datagram.data.to_vec()));
        }
    }

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n\
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
        a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

    /// A track of a subscriber that offers RTX or not.
    fn track(rtx: bool) -> OutgoingTrack {
        let name = Name::cleaned("x");
        let offered = TrackOffer {
            codec: Codec::Vp8,
            fmtp: sdp::Fmtp::default(),
            ssrc: 0x1111,
            rtx_ssrc: rtx.then_some(0x2222),
            cname: name.clone(),
            msid: Msid { stream: name, track: None },
        };
        let offer = Offer::parse(OFFER).unwrap();
        let session = sdp::negotiate::subscribe(&offer, &[offered], &Capabilities::default()).unwrap();
        let Section::Send(track) = &session.sections[0] else { panic!("it is sent") };
        let extensions = sdp::ExtensionIds::default();
        let (layers, random, retransmissions) = (0..1, [0x7ffe, 0x7fff], 25);
        OutgoingTrack::new(track, &Origin { layers, extensions: &extensions, random, retransmissions })
    }

    fn meter(sequence: &mut u64) -> Meter<'_> {
        Meter { sequence, estimator: None, now: epoch(), kind: bwe::PacketKind::Media }
    }

    /// The publisher's side of it.
    fn line() -> sdp::Line {
        let offer = Offer::parse(&OFFER.replace("recvonly", "sendonly")).unwrap();
        let session = sdp::negotiate::publish(&offer, &Capabilities::default()).unwrap();
        session.receiving().next().unwrap().line.clone()
    }

    /// Three packets of a key frame, forwarded, and then two of them again. Returns what was sent.
    fn sent(profile: Profile, rtx: bool) -> (Vec<Vec<u8>>, Receiver) {
        let key = MasterKey::new(profile, &vec![7; profile.key_len()], &vec![8; profile.salt_len()]).unwrap();
        let sender = Sender::new(&key).unwrap();
        let mut track = track(rtx);
        let mut pool = ChunkPool::default();
        let mut tracks =
            [crate::stream::track::Track::new(line(), None, 1 << 20, Duration::from_millis(200))];
        let path = Path::udp(([192, 0, 2, 1], 5000).into(), [192, 0, 2, 9].into());
        let (mut batch, mut kept, mut stats) = (SendBatch::new(), Kept::default(), Stats::default());
        let mut out = Outbox::new(&mut batch, &mut kept, &mut stats);
        let mut sequence = 0;
        for number in 0..3u64 {
            let fields = Fields { marker: false, payload_type: 100, sequence: 9, timestamp: 8, ssrc: 7 };
            let mut bytes = [0; 100];
            let payload = [0x10, number as u8, 1, 2, 3];
            let written = write_packet(&fields, &[], &payload, &mut bytes).unwrap();
            let header = Header::parse(&bytes[..written.len]).unwrap();
            let packet = RtpPacket::new(header, &bytes[..written.len]).unwrap();
            let frame = Frame::plain(number == 0);
            let entry = tracks[0].cache.insert(&mut pool, epoch(), 500 + number, &packet, frame).unwrap();
            let scene = Scene { now: epoch(), tracks: &tracks, theirs: None };
            let time = AbsSendTime::at(NtpTime::from_bits(number << 32));
            let mut departure = Departure { path, sender: &sender, time, meter: meter(&mut sequence) };
            let (place, _) = track.selection.admit(&scene, 0, &entry).unwrap();
            track.send(&tracks[0].cache, &entry, &place, &mut departure, &mut out);
        }
        let time = AbsSendTime::at(NtpTime::from_bits(9 << 32));
        let mut departure = Departure { path, sender: &sender, time, meter: meter(&mut sequence) };
        // What may still get padding is not repaired.
        let scene = Scene { now: epoch(), tracks: &tracks, theirs: None };
        assert_eq!(track.grant(&scene, 0x7ffe, None, false), Grant::No);
        tracks[0].cache.forwarded();
        let scene = Scene { now: epoch(), tracks: &tracks, theirs: None };
        for sequence in [0x7ffe, 0x8000, 0x8000, 0x8001, 5] {
            if matches!(track.grant(&scene, sequence, None, false), Grant::Yes { .. }) {
                track.repair(&scene, sequence, &mut departure, &mut out);
            }
        }
        drop(out);
        assert_eq!((stats.media_out, stats.retransmissions), (3, 2));
        (kept.0, Receiver::new(&key).unwrap())
    }

    #[test]
    fn without_rtx_the_same_bits_are_sent_again() {
        for profile in Profile::ALL {
            let (packets, _) = sent(profile, false);
            assert_eq!(packets[3], packets[0]);
            assert_eq!(packets[4], packets[2]);
        }
    }

    #[test]
    fn with_rtx_the_original_is_inside() {
        for profile in Profile::ALL {
            let (mut packets, mut receiver) = sent(profile, true);
            let mut opened = Vec::new();
            for packet in &mut packets {
                let header = Header::parse(packet).unwrap();
                let len = receiver.open_rtp(&header, packet).unwrap().len;
                opened.push((header.ssrc, header.payload_type, header.sequence, packet[..len].to_vec()));
            }
            let media: Vec<_> =
                opened[..3].iter().map(|(ssrc, pt, sequence, _)| (*ssrc, *pt, *sequence)).collect();
            assert_eq!(media, [(0x1111, 96, 0x7ffe), (0x1111, 96, 0x7fff), (0x1111, 96, 0x8000)]);
            let (ssrc, payload_type, sequence, bytes) = &opened[4];
            assert_eq!((*ssrc, *payload_type, *sequence), (0x2222, 97, 0x8000));
            let packet = RtpPacket::parse(bytes).unwrap();
            let original = rtp::rtx::unwrap(&packet).unwrap();
            assert_eq!((original.sequence, original.payload[1]), (0x8000, 2));
            // Each has a transport-wide number of its own, and the name of its m-line.
            let numbers: Vec<_> = opened
                .iter()
                .map(|(_, _, _, bytes)| {
                    let packet = RtpPacket::parse(bytes).unwrap();
                    assert_eq!(packet.extensions().find(4), Some(&b"0"[..]));
                    rtp::extension::transport_sequence(packet.extensions().find(3).unwrap()).unwrap()
                })
                .collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4]);
        }
    }
}
