//! One track of a publisher: its packets numbered, cached and watched for losses.

use super::bursts::Bursts;
use super::cache::{Entry, PacketCache};
use super::chunks::ChunkPool;
use super::frame::{self, Frame, SPATIAL_LAYERS};
use super::key_frames::KeyFrameRequests;
use super::layers::{Awaited, Layer};
use super::numbering::Numbering;
use super::rates::Rates;
use crate::branch::{Copied, Report, TrackOutline};
use crate::subscription::outgoing::AROUND_PAYLOAD;
use rtp::clock::RtpClock;
use rtp::dependency::Structure;
use rtp::extension::AudioLevel;
use rtp::nack::NackGenerator;
use rtp::rtcp::{ReportBlock, SenderInfo};
use rtp::sequence::extend_near;
use rtp::stats::ReceiverStats;
use rtp::{Header, NtpTime, RtpPacket, rtx};
use sdp::{Kind, Line};
use std::time::{Duration, Instant};

/// An SSRC must have been silent for this long before another one takes its place: simulcast layers that nobody asked
/// for, each under an SSRC of its own, would be mixed up otherwise.
const CHANGE_AFTER: Duration = Duration::from_millis(200);

/// What is sent under one SSRC. A publisher may change it; the track goes on.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    stats: ReceiverStats,
    /// The highest number of lost packets that was reported.
    reported_lost: i32,
    /// Where lost packets can be asked for.
    nack: Option<NackGenerator>,
}

/// A track.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) line: Line,
    /// Which simulcast layer it is, if its medium has several.
    pub(crate) layer: Option<Layer>,
    pub(crate) rates: Rates,
    pub(crate) awaited: Awaited,
    /// The heights in pixels of its spatial layers, where key frames say them.
    pub(crate) heights: [Option<u16>; SPATIAL_LAYERS],
    /// What the latest dependency descriptor of a key frame said of the stream.
    structure: Option<Box<Structure>>,
    pub(crate) cache: PacketCache,
    pub(crate) key_frames: KeyFrameRequests,
    /// Of video: whether the rest of a frame is worth waiting for.
    pub(crate) bursts: Bursts,
    numbering: Numbering,
    source: Option<Source>,
    /// Added to the publisher's timestamps, modulo 2^32, so that they run on over a change of SSRC.
    shift: u32,
    /// The latest shifted timestamp, and when it came.
    latest: Option<(u32, Instant)>,
    /// When the source was last heard.
    latest_arrival: Option<Instant>,
    /// A new source of video begins with a key frame; what comes before it refers to frames that nobody has.
    awaits_key: bool,
    /// What comes goes no further.
    muted: bool,
    clock: RtpClock,
}

impl Track {
    /// `video_bytes`: what the cache may take if this is video.
    pub(crate) fn new(
        line: Line,
        layer: Option<Layer>,
        video_bytes: usize,
        key_frame_interval: Duration,
    ) -> Self {
        Self {
            layer,
            rates: Rates::default(),
            awaited: Awaited::default(),
            heights: [None; SPATIAL_LAYERS],
            structure: None,
            cache: match line.kind {
                Kind::Audio => PacketCache::audio(),
                Kind::Video => PacketCache::video(video_bytes),
            },
            key_frames: KeyFrameRequests::new(key_frame_interval),
            bursts: Bursts::default(),
            numbering: Numbering::default(),
            source: None,
            shift: 0,
            latest: None,
            latest_arrival: None,
            awaits_key: false,
            muted: false,
            clock: RtpClock::new(line.codec.clock_rate()),
            line,
        }
    }

    /// The SSRC that it is sent under now.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// A media packet, decrypted. Returns what is to be forwarded.
    pub(crate) fn receive(
        &mut self,
        pool: &mut ChunkPool,
        now: Instant,
        index: u64,
        header: Header,
        packet: &[u8],
    ) -> Option<Entry> {
        if self.ssrc() != Some(header.ssrc) {
            if self.latest_arrival.is_some_and(|at| now < at + CHANGE_AFTER) {
                return None;
            }
            self.change_source(now, &header);
        }
        self.latest_arrival = Some(now);
        let source = self.source.as_mut()?;
        source.stats.received(now, index, header.timestamp, packet.len());
        if let Some(nack) = &mut source.nack {
            nack.received(now, index);
        }
        self.store(pool, now, index, header, packet)
    }

    /// A packet of the retransmission stream, decrypted.
    pub(crate) fn receive_rtx(
        &mut self,
        pool: &mut ChunkPool,
        now: Instant,
        packet: &mut [u8],
    ) -> Option<Entry> {
        let source = self.source.as_mut()?;
        let start = rtx::unwrap_in_place(packet, self.line.payload_type, source.ssrc)?;
        let original = packet.get(start..)?;
        let header = Header::parse(original).ok()?;
        let highest = self.numbering.highest()?;
        // What repairs something is older than the newest packet.
        let index = extend_near(highest, header.sequence).filter(|&index| index <= highest)?;
        if let Some(nack) = &mut source.nack {
            nack.received(now, index);
        }
        self.store(pool, now, index, header, original)
    }

    fn store(
        &mut self,
        pool: &mut ChunkPool,
        now: Instant,
        index: u64,
        mut header: Header,
        packet: &[u8],
    ) -> Option<Entry> {
        if self.muted {
            return None;
        }
        let read = RtpPacket::new(header, packet).ok()?;
        let payload = read.payload();
        let frame = self.frame(&read);
        if self.awaits_key && !frame.key {
            return None;
        }
        self.awaits_key = false;
        // Comfort noise and the like were not agreed on: they are left out like padding.
        let redundant = self.line.red_payload_type == Some(header.payload_type);
        let agreed = redundant || header.payload_type == self.line.payload_type;
        let number = self.numbering.number(index, payload.is_empty() || !agreed)?;
        if !agreed {
            return None;
        }
        header.timestamp = header.timestamp.wrapping_add(self.shift);
        let packet = RtpPacket::new(header, packet).ok()?;
        let frame = Frame { redundant, ..frame };
        let entry = self.cache.insert(pool, now, number, &packet, frame)?;
        self.measure(now, &entry, packet.payload());
        if self.line.kind == Kind::Video {
            self.bursts.arrived(now, header.timestamp, header.marker);
        }
        if number + 1 == self.numbering.next_number() {
            self.latest = Some((header.timestamp, now));
        }
        if frame.key {
            self.key_frames.arrived();
        }
        Some(entry)
    }

    /// What a packet says of its frame.
    #[inline]
    fn frame(&mut self, packet: &RtpPacket<'_>) -> Frame {
        let id = self.line.extensions.dependency_descriptor;
        match id.and_then(|id| packet.extensions().find(id)) {
            Some(described) => {
                Frame::of_described(self.line.codec, packet.payload(), described, &mut self.structure)
            }
            None => Frame::of(self.line.codec, packet.payload()),
        }
    }

    /// What it takes, and how large its picture is.
    #[inline]
    fn measure(&mut self, now: Instant, entry: &Entry, payload: &[u8]) {
        let layers = (entry.frame.spatial, entry.frame.temporal);
        self.rates.arrived(now, layers, payload.len() + AROUND_PAYLOAD);
        if entry.frame.key && self.line.kind == Kind::Video {
            let heights = frame::heights(self.line.codec, payload, self.structure.as_deref());
            if heights.iter().any(Option::is_some) {
                self.heights = heights;
            }
        }
    }

    /// How loud a packet is, where it says so: 0 is the loudest, 127 is silence.
    #[inline]
    pub(crate) fn level(&self, entry: &Entry) -> Option<u8> {
        let id = self.line.extensions.audio_level?;
        let packet = self.cache.packet(entry)?;
        AudioLevel::read(packet.extensions().find(id)?).map(|level| level.level)
    }

    /// Whether nothing of it goes any further.
    pub(crate) fn is_muted(&self) -> bool {
        self.muted
    }

    /// Whether its key frames can be asked for, and would be of use.
    pub(crate) fn has_key_frames(&self) -> bool {
        self.line.kind == Kind::Video && !self.muted
    }

    /// The SSRC with which its publisher can be asked for a key frame; `None`: not now, or never.
    pub(crate) fn key_frame_source(&self) -> Option<u32> {
        let feedback = self.line.feedback;
        self.ssrc().filter(|_| self.has_key_frames() && (feedback.pli || feedback.fir))
    }

    /// Lets nothing of it go any further, or all from now on: what was kept back has no numbers, so that nobody misses
    /// it or can ask for it.
    pub(crate) fn mute(&mut self, now: Instant, muted: bool) {
        if std::mem::replace(&mut self.muted, muted) == muted || muted {
            return;
        }
        self.numbering.restart();
        self.awaits_key = self.line.kind == Kind::Video;
        if self.awaits_key {
            self.key_frames.want(now);
        }
    }

    /// The publisher begins anew under another SSRC: numbers and timestamps run on.
    fn change_source(&mut self, now: Instant, header: &Header) {
        self.numbering.restart();
        if let Some((timestamp, at)) = self.latest {
            let rate = u128::from(self.line.codec.clock_rate());
            let ticks = now.saturating_duration_since(at).as_micros() * rate / 1_000_000;
            let expected = timestamp.wrapping_add((ticks & 0xffff_ffff) as u32);
            self.shift = expected.wrapping_sub(header.timestamp);
            self.awaits_key = self.line.kind == Kind::Video;
            if self.awaits_key {
                self.key_frames.want(now);
            }
        }
        self.clock = RtpClock::new(self.line.codec.clock_rate());
        self.source = Some(Source {
            ssrc: header.ssrc,
            stats: ReceiverStats::new(self.line.codec.clock_rate()),
            reported_lost: 0,
            nack: self.line.feedback.nack.then(NackGenerator::new),
        });
    }

    /// A packet from the root of its stream.
    pub(crate) fn receive_copy(
        &mut self,
        pool: &mut ChunkPool,
        now: Instant,
        copied: &Copied<'_>,
    ) -> Option<Entry> {
        let packet = RtpPacket::new(copied.header, copied.bytes).ok()?;
        let mut entry = self.cache.insert(pool, now, copied.number, &packet, copied.frame)?;
        self.cache.pad(&mut entry, copied.padding);
        // Its root has read the frame; here it is the structure that counts.
        if copied.frame.key {
            let _read_at_the_root = self.frame(&packet);
        }
        self.measure(now, &entry, packet.payload());
        if copied.frame.key {
            self.key_frames.arrived();
        }
        Some(entry)
    }

    /// A sender report from the root of its stream.
    pub(crate) fn copied_report(&mut self, now: Instant, report: &Report) {
        self.shift = report.shift;
        self.sender_report(now, &report.info);
    }

    /// Counts time as the root of its stream does.
    pub(crate) fn follow(&mut self, clock: RtpClock, shift: u32) {
        (self.clock, self.shift) = (clock, shift);
    }

    /// What a branch must know of it.
    pub(crate) fn outline(&self) -> TrackOutline {
        let (line, layer) = (self.line.clone(), self.layer.clone());
        TrackOutline { line, layer, clock: self.clock, shift: self.shift }
    }

    /// What is added to the publisher's timestamps.
    pub(crate) fn shift(&self) -> u32 {
        self.shift
    }

    /// A sender report about the track.
    pub(crate) fn sender_report(&mut self, now: Instant, info: &SenderInfo) {
        self.clock.observe(info.ntp, info.rtp);
        if let Some(source) = &mut self.source {
            source.stats.sender_report(now, info.ntp);
        }
    }

    /// What its latest sender report said means nothing any more.
    pub(crate) fn forget_report(&mut self) {
        self.clock.forget();
    }

    /// The track's timestamp, as subscribers see it, when the publisher's clock says `ntp`; `None` before its first
    /// sender report.
    pub(crate) fn timestamp_at(&self, ntp: NtpTime) -> Option<u32> {
        Some(self.clock.rtp_at(ntp)?.wrapping_add(self.shift))
    }

    /// What to tell the publisher about the track.
    pub(crate) fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        source.stats.report(now, source.ssrc)
    }

    /// How many packets were lost since the last report, of which this one says how many there are in all.
    pub(crate) fn lost_since(&mut self, block: &ReportBlock) -> u64 {
        let Some(source) = self.source.as_mut() else { return 0 };
        let more = block.total_lost.saturating_sub(source.reported_lost);
        // What came late is lost no more: the next ones make up for it.
        source.reported_lost = source.reported_lost.max(block.total_lost);
        u64::try_from(more).unwrap_or(0)
    }

    /// What came under the present SSRC.
    pub(crate) fn stats(&self) -> Option<&ReceiverStats> {
        self.source.as_ref().map(|source| &source.stats)
    }

    /// The interarrival jitter of what comes.
    pub(crate) fn jitter(&self) -> Option<Duration> {
        let ticks = u64::from(self.source.as_ref()?.stats.jitter());
        Some(Duration::from_micros(ticks * 1_000_000 / u64::from(self.line.codec.clock_rate())))
    }

    /// When to ask for lost packets next.
    pub(crate) fn nack_timeout(&self) -> Option<Instant> {
        self.source.as_ref()?.nack.as_ref()?.poll_timeout()
    }

    /// Appends the packets to ask for now. Returns the SSRC to ask with.
    pub(crate) fn missing(&mut self, now: Instant, out: &mut Vec<u16>) -> Option<u32> {
        let source = self.source.as_mut()?;
        // The round trip to a publisher is not known: it sends no reports about us.
        source.nack.as_mut()?.poll(now, None::<Duration>, out);
        Some(source.ssrc)
    }

    /// Whether lost packets were given up since the last call. If so, a key frame is wanted.
    pub(crate) fn gave_up(&mut self, now: Instant) -> bool {
        let nack = self.source.as_mut().and_then(|source| source.nack.as_mut());
        let gave_up = self.line.kind == Kind::Video && nack.is_some_and(|nack| nack.take_given_up() > 0);
        if gave_up {
            self.key_frames.want(now);
        }
        gave_up
    }
}
