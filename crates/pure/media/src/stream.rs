//! A published stream: what its publisher sends, and who gets it.

pub(crate) mod bursts;
pub(crate) mod cache;
mod evening;
pub(crate) mod feedback;
pub(crate) mod key_frames;
pub(crate) mod numbering;
pub(crate) mod sources;
pub(crate) mod track;

use crate::moment::Moment;
use crate::subscription::Fresh;
use crate::tape::{TapId, Tape, TapedPacket, TappedTrack};
use crate::transport::Transport;
use crate::transport::ice::Path;
use feedback::FeedbackIdentity;
use model::ids::StreamId;
use rtp::clock::RemoteClock;
use rtp::twcc::ArrivalLog;
use rtp::{Header, rtcp};
use sdp::{Codec, Kind, Name, ReceiveTrack};
use sources::{Role, Sources};
use std::time::{Duration, Instant};
use track::Track;

/// Reports go out this often; RFC 3550 section 6.2 would allow more, at these bitrates.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The first report goes out early: it is what audio and video are lined up by.
pub(crate) const FIRST_REPORT: Duration = Duration::from_millis(200);

/// Packets of one batch that wait to be forwarded. One more, and they are forwarded first.
pub(crate) const MAX_FRESH: usize = 256;

/// A stream, its publisher's transport, and the indices of its subscriptions.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) mid: StreamId,
    pub(crate) transport: Transport,
    pub(crate) tracks: Vec<Track>,
    pub(crate) subscribers: Vec<usize>,
    /// Packets that came and are still to be forwarded.
    pub(crate) fresh: Vec<Fresh>,
    /// When the first of them came.
    fresh_since: Option<Instant>,
    /// Its tracks' common canonical name, and their stream's name at the subscribers.
    pub(crate) name: Name,
    /// The publisher's clock, one for all tracks: what keeps them in sync at the subscribers.
    pub(crate) clock: RemoteClock,
    sources: Sources,
    arrivals: ArrivalLog,
    transport_cc: Option<u8>,
    identity: FeedbackIdentity,
    live: bool,
    /// Where its audio is copied to.
    tap: Option<TapId>,
    /// Numbers to ask for, kept for its memory.
    missing: Vec<u16>,
}

/// What a packet led to.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// It was not dropped.
    pub(crate) taken: bool,
    /// It is the first of the stream.
    pub(crate) first: bool,
    /// It begins a key frame that was waited for so long.
    pub(crate) key_frame_wait: Option<Duration>,
}

impl Stream {
    pub(crate) fn new<'a>(
        mid: StreamId,
        transport: Transport,
        tracks: impl Iterator<Item = &'a ReceiveTrack>,
        random: [u8; 16],
    ) -> Self {
        let received: Vec<&ReceiveTrack> = tracks.collect();
        let of_kind = |kind| received.iter().filter(|track| track.line.kind == kind).count();
        let (audio, video) = (of_kind(Kind::Audio), of_kind(Kind::Video));
        let video_bytes = cache::BYTES_PER_STREAM.saturating_sub(audio * cache::AUDIO_BYTES) / video.max(1);
        let transport_cc = received
            .iter()
            .find(|track| track.line.feedback.transport_cc && track.line.extensions.transport_cc.is_some())
            .and_then(|track| track.line.extensions.transport_cc);
        Self {
            mid,
            transport,
            sources: Sources::new(&received),
            identity: FeedbackIdentity::new(&received, random),
            tracks: received.iter().map(|track| Track::new(track.line.clone(), video_bytes)).collect(),
            subscribers: Vec::new(),
            fresh: Vec::with_capacity(MAX_FRESH),
            fresh_since: None,
            // Unlike the id of the stream it says nothing about its owner.
            name: Name::cleaned(&format!("{:032x}", u128::from_be_bytes(random))),
            clock: RemoteClock::new(),
            arrivals: ArrivalLog::new(),
            transport_cc,
            live: false,
            tap: None,
            missing: Vec::new(),
        }
    }

    /// An RTP packet from the publisher, still encrypted.
    pub(crate) fn receive_rtp(&mut self, now: Instant, path: Path, data: &mut [u8]) -> Arrived {
        let Ok(header) = Header::parse(data) else { return Arrived::default() };
        let Some(opened) = self.transport.open_rtp(path, &header, data) else { return Arrived::default() };
        let Some(packet) = data.get_mut(..opened.len) else { return Arrived::default() };
        self.note_arrival(now, &header, packet);
        let Some(role) = self.sources.role(&header, packet, &self.tracks) else { return Arrived::default() };
        let index = match role {
            Role::Media(index) | Role::Rtx(index) => index,
        };
        let Some(track) = self.tracks.get_mut(index) else { return Arrived::default() };
        let entry = match role {
            Role::Media(_) => track.receive(now, opened.index, header, packet),
            Role::Rtx(_) => track.receive_rtx(now, packet),
        };
        if matches!(role, Role::Rtx(_)) && entry.is_some() {
            self.sources.repaired(header.ssrc, track.ssrc());
        }
        let first = !std::mem::replace(&mut self.live, true);
        let awaited = entry.is_some_and(|entry| entry.key) && track.line.kind == Kind::Video;
        let key_frame_wait = if awaited { track.key_frames.take_wait(now) } else { None };
        if let Some(entry) = entry {
            self.fresh_since.get_or_insert(now);
            self.fresh.push(Fresh { track: index, entry });
        }
        Arrived { taken: true, first, key_frame_wait }
    }

    /// Until when what came is to wait for the rest of its frame; `None`: it is to be forwarded now.
    pub(crate) fn held_until(&self, now: Instant, coalesce: Duration) -> Option<Instant> {
        let until = self.fresh_since? + coalesce;
        if now >= until || self.fresh.len() >= MAX_FRESH {
            return None;
        }
        let is_video = |track: usize| self.tracks.get(track).filter(|track| track.line.kind == Kind::Video);
        let mut video = self.fresh.iter().filter(|fresh| is_video(fresh.track).is_some());
        let first = video.next()?;
        // A frame does not wait for the next one.
        let of_one_frame = |other: &Fresh| {
            other.track == first.track && other.entry.header.timestamp == first.entry.header.timestamp
        };
        let waits = video.all(of_one_frame) && is_video(first.track)?.bursts.expects_more(coalesce);
        waits.then_some(until)
    }

    /// Prepares what came for being sent.
    pub(crate) fn even_out(&mut self) {
        evening::even_out(&mut self.fresh, &mut self.tracks);
    }

    /// What came was forwarded.
    pub(crate) fn forwarded(&mut self) {
        self.fresh.clear();
        self.fresh_since = None;
    }

    fn note_arrival(&mut self, now: Instant, header: &Header, packet: &[u8]) {
        let sequence = self
            .transport_cc
            .and_then(|id| header.extensions(packet).find(id))
            .and_then(rtp::extension::transport_sequence);
        if let Some(sequence) = sequence {
            self.arrivals.received(now, sequence);
        }
    }

    /// RTCP packets from the publisher, still encrypted. False: dropped.
    pub(crate) fn receive_rtcp(&mut self, moment: Moment, path: Path, data: &mut [u8]) -> bool {
        let Some(opened) = self.transport.open_rtcp(path, data) else { return false };
        let compound = data.get(..opened.len).unwrap_or_default();
        for packet in rtcp::packets(compound).flatten() {
            if let rtcp::Packet::SenderReport(report) = packet
                && let Some(track) = self.tracks.iter_mut().find(|track| track.ssrc() == Some(report.ssrc))
            {
                self.clock.observe(moment.wall, report.info.ntp);
                track.sender_report(moment.now, &report.info);
            }
        }
        true
    }

    /// Begins to copy its audio to the tape, or stops.
    pub(crate) fn set_tap(&mut self, tap: Option<TapId>) {
        self.tap = tap;
    }

    /// Whether its audio is copied to the tape.
    pub(crate) fn is_tapped(&self) -> bool {
        self.tap.is_some()
    }

    /// The tracks that a tap takes.
    pub(crate) fn tapped_tracks(&self) -> Vec<TappedTrack> {
        let opus = self.tracks.iter().enumerate().filter(|(_, track)| track.line.codec == Codec::Opus);
        let channels = |track: &Track| if track.line.fmtp.is_stereo() { 2 } else { 1 };
        opus.map(|(index, track)| TappedTrack { index, channels: channels(track) }).collect()
    }

    /// Copies what came in this batch to the tape, where it is tapped.
    pub(crate) fn tape_fresh(&self, now: Instant, tape: &mut Tape) {
        let Some(tap) = self.tap else { return };
        for fresh in &self.fresh {
            let Some(track) = self.tracks.get(fresh.track) else { continue };
            if track.line.codec != Codec::Opus {
                continue;
            }
            let Some(packet) = track.cache.packet(&fresh.entry) else { continue };
            tape.push(&TapedPacket {
                tap,
                track: fresh.track,
                at: now,
                number: fresh.entry.number,
                timestamp: fresh.entry.header.timestamp,
                payload: packet.payload(),
            });
        }
    }

    /// Whether the publisher has sent media.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// When the publisher is next to be asked for lost packets.
    pub(crate) fn nack_timeout(&self) -> Option<Instant> {
        self.tracks.iter().filter_map(Track::nack_timeout).min()
    }

    /// When the publisher is next to hear how its packets arrived.
    pub(crate) fn feedback_timeout(&self, now: Instant) -> Option<Instant> {
        if self.arrivals.is_due(now) { Some(now) } else { self.arrivals.poll_timeout() }
    }

    /// When the publisher is next to be asked for a key frame.
    pub(crate) fn key_frame_timeout(&self) -> Option<Instant> {
        self.tracks.iter().filter_map(|track| track.key_frames.next()).min()
    }
}
