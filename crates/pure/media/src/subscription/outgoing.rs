//! One track on its way to one subscriber: the header that it gets there.

use super::header::{OutgoingHeader, Shape, Stamps};
use super::repair::RepairBudget;
use super::rewriter::Rewriter;
use crate::batch::Outbox;
use crate::stream::cache::{Entry, PacketCache};
use crate::transport::ice::Path;
use rtp::extension::AbsSendTime;
use rtp::srtp::Sender;
use rtp::{Fields, RtpPacket};
use std::time::{Duration, Instant};

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
    /// The subscriber's next transport-wide sequence number.
    pub(crate) next_sequence: &'a mut u16,
}

/// What a track needs besides the negotiated line.
pub(crate) struct Origin<'a> {
    /// Index of the track in the stream.
    pub(crate) source: usize,
    /// The publisher's ids of header extensions.
    pub(crate) extensions: &'a sdp::ExtensionIds,
    /// Unpredictable starting points for the numbers.
    pub(crate) random: [u64; 2],
    /// What may be sent again, in percent of what is sent.
    pub(crate) retransmissions: u8,
}

/// One track of a subscription.
#[derive(Debug)]
pub(crate) struct OutgoingTrack {
    source: usize,
    pub(crate) ssrc: u32,
    payload_type: u8,
    rtx: Option<Rtx>,
    /// Whether lost packets are sent again.
    repairs: bool,
    video: bool,
    header: OutgoingHeader,
    rewriter: Rewriter,
    budget: RepairBudget,
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
        Self {
            source: origin.source,
            reported_lost: 0,
            clock_rate: line.codec.clock_rate(),
            ssrc: track.offered.ssrc,
            payload_type: line.payload_type,
            rtx: rtx.map(|(payload_type, ssrc)| Rtx { ssrc, payload_type, next_index: rtx_first & 0x7fff }),
            repairs: line.feedback.nack,
            video: line.kind == sdp::Kind::Video,
            header: OutgoingHeader::new(mid, ids, origin.extensions),
            rewriter: Rewriter::new(first),
            budget: RepairBudget::new(origin.retransmissions),
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

    /// Index of the track in the stream.
    pub(crate) fn source(&self) -> usize {
        self.source
    }

    /// Whether nothing is sent before a key frame comes.
    pub(crate) fn is_waiting(&self) -> bool {
        self.video && self.rewriter.is_waiting()
    }

    /// Lets the track begin anew, video with a key frame.
    pub(crate) fn wait(&mut self) {
        self.rewriter.wait();
    }

    /// Sends a packet that just came, and what it makes decodable: the beginning of a key frame may come after
    /// other packets of that frame.
    #[inline]
    pub(crate) fn forward(
        &mut self,
        cache: &PacketCache,
        entry: &Entry,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) {
        if !self.rewriter.is_waiting() {
            return self.send(cache, entry, departure, out);
        }
        if self.video && !entry.key {
            return;
        }
        self.rewriter.begin(entry.number);
        self.send(cache, entry, departure, out);
        let mut number = entry.number + 1;
        // What came before its own beginning; what came after it is still to be forwarded.
        while let Some(earlier) = cache.find(number).filter(|earlier| earlier.arrival < entry.arrival) {
            self.send(cache, &earlier, departure, out);
            number += 1;
        }
    }

    #[inline]
    fn send(
        &mut self,
        cache: &PacketCache,
        entry: &Entry,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) {
        let Some(packet) = cache.packet(entry) else { return };
        let Some(index) = self.rewriter.index(entry.number) else { return };
        let fields = self.fields(entry, self.ssrc, self.payload_type, index);
        let sent = self.write(&packet, &fields, index, Shape::Padded(entry.padding), departure, out);
        if sent > 0 {
            let payload = packet.payload().len();
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload as u32);
            self.budget.earn(sent);
            out.count(|stats| stats.media_out += 1);
        }
    }

    /// Sends again what was sent with this sequence number, within the budget. Returns its number where the packet is
    /// not in the cache.
    pub(crate) fn repair(
        &mut self,
        now: Instant,
        sequence: u16,
        round_trip: Option<Duration>,
        cache: &PacketCache,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) -> Option<u64> {
        if !self.repairs {
            return None;
        }
        let number = self.rewriter.number(sequence)?;
        let Some(entry) = cache.find(number) else { return Some(number) };
        if !cache.was_forwarded(&entry) {
            return None;
        }
        let packet = cache.packet(&entry)?;
        if !self.budget.spend(now, entry.number, packet.data().len(), round_trip) {
            return None;
        }
        let sent = match &mut self.rtx {
            Some(rtx) => {
                let (index, ssrc, payload_type) = (rtx.next_index, rtx.ssrc, rtx.payload_type);
                rtx.next_index += 1;
                let fields = self.fields(&entry, ssrc, payload_type, index);
                self.write(&packet, &fields, index, Shape::Repair(sequence), departure, out)
            }
            None => {
                let index = self.rewriter.index(entry.number)?;
                let fields = self.fields(&entry, self.ssrc, self.payload_type, index);
                self.write(&packet, &fields, index, Shape::Padded(entry.padding), departure, out)
            }
        };
        out.count(|stats| stats.retransmissions += u64::from(sent > 0));
        None
    }

    #[inline]
    fn fields(&self, entry: &Entry, ssrc: u32, payload_type: u8, index: u64) -> Fields {
        Fields {
            marker: entry.header.marker,
            payload_type,
            sequence: (index & 0xffff) as u16,
            timestamp: entry.header.timestamp,
            ssrc,
        }
    }

    /// Writes and encrypts one packet. Returns its length, 0 where it does not fit into a datagram.
    #[inline]
    fn write(
        &self,
        packet: &RtpPacket<'_>,
        fields: &Fields,
        index: u64,
        shape: Shape,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) -> usize {
        let stamps = Stamps { time: departure.time, sequence: *departure.next_sequence };
        let sender = departure.sender;
        let sent = out.write(departure.path, |buffer| {
            let written = self.header.write(packet, fields, shape, stamps, buffer)?;
            let rollover = u32::try_from(index >> 16).ok()?;
            sender.seal_rtp(buffer, written, rollover).ok()
        });
        if sent > 0 && self.header.counts() {
            *departure.next_sequence = departure.next_sequence.wrapping_add(1);
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{DatagramSink, SendBatch};
    use crate::stream::chunks::ChunkPool;
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
        let (source, random, retransmissions) = (0, [0x7ffe, 0x7fff], 25);
        OutgoingTrack::new(track, &Origin { source, extensions: &extensions, random, retransmissions })
    }

    /// Three packets of a key frame, forwarded, and then two of them again. Returns what was sent.
    fn sent(profile: Profile, rtx: bool) -> (Vec<Vec<u8>>, Receiver) {
        let key = MasterKey::new(profile, &vec![7; profile.key_len()], &vec![8; profile.salt_len()]).unwrap();
        let sender = Sender::new(&key).unwrap();
        let mut track = track(rtx);
        let (mut pool, mut cache) = (ChunkPool::default(), PacketCache::video(1 << 20));
        let path = Path { remote: ([192, 0, 2, 1], 5000).into(), local: [192, 0, 2, 9].into() };
        let (mut batch, mut kept, mut stats) = (SendBatch::new(), Kept::default(), Stats::default());
        let mut out = Outbox::new(&mut batch, &mut kept, &mut stats);
        let mut next_sequence = 0;
        for number in 0..3u64 {
            let fields = Fields { marker: false, payload_type: 100, sequence: 9, timestamp: 8, ssrc: 7 };
            let mut bytes = [0; 100];
            let payload = [0x10, number as u8, 1, 2, 3];
            let written = write_packet(&fields, &[], &payload, &mut bytes).unwrap();
            let header = Header::parse(&bytes[..written.len]).unwrap();
            let entry = cache
                .insert(
                    &mut pool,
                    epoch(),
                    500 + number,
                    &RtpPacket::new(header, &bytes[..written.len]).unwrap(),
                    number == 0,
                )
                .unwrap();
            let time = AbsSendTime::at(NtpTime::from_bits(number << 32));
            let mut departure = Departure { path, sender: &sender, time, next_sequence: &mut next_sequence };
            track.forward(&cache, &entry, &mut departure, &mut out);
        }
        let time = AbsSendTime::at(NtpTime::from_bits(9 << 32));
        let mut departure = Departure { path, sender: &sender, time, next_sequence: &mut next_sequence };
        // What may still get padding is not repaired.
        track.repair(epoch(), 0x7ffe, None, &cache, &mut departure, &mut out);
        cache.forwarded();
        for sequence in [0x7ffe, 0x8000, 0x8000, 0x8001, 5] {
            track.repair(epoch(), sequence, None, &cache, &mut departure, &mut out);
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
