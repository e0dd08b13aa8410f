//! A published stream: what its publisher sends, and who gets it.

pub(crate) mod bursts;
pub(crate) mod cache;
pub(crate) mod chunks;
mod copying;
mod evening;
pub(crate) mod feedback;
pub(crate) mod frame;
pub(crate) mod key_frames;
pub(crate) mod layers;
pub(crate) mod loudness;
pub(crate) mod numbering;
pub(crate) mod publisher;
mod rates;
pub(crate) mod sources;
pub(crate) mod track;
pub(crate) mod trunk;

use crate::branch::{BranchId, Copies, Outline, Report};
use crate::subscription::Fresh;
use crate::tape::TapId;
use crate::transport::Transport;
use crate::transport::ice::Path;
use chunks::ChunkPool;
use layers::{Demand, Layer};
use loudness::{Heard, Loudness};
use model::ids::StreamId;
use publisher::Publisher;
use rtp::NtpTime;
use rtp::clock::RemoteClock;
use rtp::rtcp;
use sdp::{Kind, Line, Name, ReceiveTrack};
use sources::Role;
use std::ops::Range;
use std::time::{Duration, Instant};
use track::Track;
use trunk::Trunk;

/// Reports go out this often; RFC 3550 section 6.2 would allow more, at these bitrates.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The first report goes out early: it is what audio and video are lined up by.
pub(crate) const FIRST_REPORT: Duration = Duration::from_millis(200);

/// When so many packets of one batch wait to be forwarded, they are forwarded before the next one is read.
pub(crate) const MAX_FRESH: usize = 256;

/// What a track is made of: its m-line, and which layer of it it is.
type Lines = (Line, Option<Layer>);

/// A stream, where it comes from, and the indices of its subscriptions.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) mid: StreamId,
    pub(crate) origin: Origin,
    pub(crate) tracks: Vec<Track>,
    /// The tracks of each medium: its simulcast layers, the lowest first, or the only one.
    pub(crate) media: Vec<Range<usize>>,
    /// Which of them are taken.
    pub(crate) demand: Demand,
    pub(crate) subscribers: Vec<usize>,
    /// Packets that came and are still to be forwarded.
    pub(crate) fresh: Vec<Fresh>,
    /// When the first of them came.
    fresh_since: Option<Instant>,
    /// Its tracks' common canonical name, and their stream's name at the subscribers.
    pub(crate) name: Name,
    /// The publisher's clock, one for all tracks: what keeps them in sync at the subscribers.
    pub(crate) clock: RemoteClock,
    live: bool,
    loudness: Loudness,
    /// Where its audio is copied to.
    tap: Option<TapId>,
    /// Its continuations on other routers, and what is on its way there.
    pub(crate) branches: Vec<(BranchId, Copies)>,
}

/// Where a stream comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// Its publisher, who is connected here.
    Publisher(Box<Publisher>),
    /// Another router.
    Trunk(Trunk),
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
    /// Somebody speaks, or has stopped.
    pub(crate) heard: Option<Heard>,
}

impl Stream {
    pub(crate) fn new<'a>(
        mid: StreamId,
        transport: Transport,
        tracks: impl Iterator<Item = &'a ReceiveTrack>,
        random: [u8; 16],
        key_frame_interval: Duration,
    ) -> Self {
        let received: Vec<&ReceiveTrack> = tracks.collect();
        let publisher = Publisher::new(transport, &received, random);
        // Unlike the id of the stream it says nothing about its owner.
        let name = Name::cleaned(&format!("{:032x}", u128::from_be_bytes(random)));
        let media = layers::media_of(received.iter().map(|track| track.layers.len().max(1)));
        let tracks = received.iter().flat_map(|track| lines_of(track)).collect();
        let origin = Origin::Publisher(Box::new(publisher));
        Self::from(mid, origin, name, (tracks, media), key_frame_interval)
    }

    /// A branch of a stream that another router has.
    pub(crate) fn branch(
        mid: StreamId,
        branch: BranchId,
        outline: &Outline,
        key_frame_interval: Duration,
    ) -> Self {
        let tracks = outline.tracks.iter().map(|track| (track.line.clone(), track.layer.clone())).collect();
        let lines = (tracks, outline.media.clone());
        let origin = Origin::Trunk(Trunk::new(branch));
        let mut stream = Self::from(mid, origin, outline.name.clone(), lines, key_frame_interval);
        (stream.clock, stream.live) = (outline.clock, outline.live);
        for (track, outline) in stream.tracks.iter_mut().zip(&outline.tracks) {
            track.follow(outline.clock, outline.shift);
        }
        stream
    }

    fn from(
        mid: StreamId,
        origin: Origin,
        name: Name,
        (tracks, media): (Vec<Lines>, Vec<Range<usize>>),
        key_frame_interval: Duration,
    ) -> Self {
        let of_kind = |kind| tracks.iter().filter(|(line, _)| line.kind == kind).count();
        let (audio, video) = (of_kind(Kind::Audio), of_kind(Kind::Video));
        let video_bytes = cache::video_bytes(audio, video);
        Self {
            mid,
            origin,
            tracks: tracks
                .into_iter()
                .map(|(line, layer)| Track::new(line, layer, video_bytes, key_frame_interval))
                .collect(),
            media,
            demand: Demand::default(),
            subscribers: Vec::new(),
            fresh: Vec::with_capacity(MAX_FRESH),
            fresh_since: None,
            name,
            clock: RemoteClock::new(),
            live: false,
            loudness: Loudness::default(),
            tap: None,
            branches: Vec::new(),
        }
    }

    /// What a branch of it must know.
    pub(crate) fn outline(&self) -> Outline {
        Outline {
            name: self.name.clone(),
            tracks: self.tracks.iter().map(Track::outline).collect(),
            media: self.media.clone(),
            clock: self.clock,
            live: self.live,
        }
    }

    /// The publisher's transport; a branch has none.
    pub(crate) fn transport(&self) -> Option<&Transport> {
        match &self.origin {
            Origin::Publisher(publisher) => Some(&publisher.transport),
            Origin::Trunk(_) => None,
        }
    }

    /// The same, to be driven.
    pub(crate) fn transport_mut(&mut self) -> Option<&mut Transport> {
        match &mut self.origin {
            Origin::Publisher(publisher) => Some(&mut publisher.transport),
            Origin::Trunk(_) => None,
        }
    }

    /// Whether a medium of it has layers.
    pub(crate) fn is_layered(&self) -> bool {
        self.tracks.iter().any(|track| track.layer.is_some())
    }

    /// Whether its publisher is at another router.
    pub(crate) fn is_branch(&self) -> bool {
        matches!(self.origin, Origin::Trunk(_))
    }

    /// The way to its root, if it is a branch.
    pub(crate) fn trunk_mut(&mut self) -> Option<&mut Trunk> {
        match &mut self.origin {
            Origin::Publisher(_) => None,
            Origin::Trunk(trunk) => Some(trunk),
        }
    }

    /// An RTP packet from the publisher, still encrypted.
    pub(crate) fn receive_rtp(
        &mut self,
        pool: &mut ChunkPool,
        now: Instant,
        path: Path,
        data: &mut [u8],
    ) -> Arrived {
        let Origin::Publisher(publisher) = &mut self.origin else { return Arrived::default() };
        let Some(authentic) = publisher.open(now, path, data, &self.tracks) else {
            return Arrived::default();
        };
        let index = match authentic.role {
            Role::Media(index) | Role::Rtx(index) => index,
        };
        let Some(track) = self.tracks.get_mut(index) else { return Arrived::default() };
        let entry = match authentic.role {
            Role::Media(_) => track.receive(pool, now, authentic.index, authentic.header, authentic.packet),
            Role::Rtx(_) => track.receive_rtx(pool, now, authentic.packet),
        };
        if matches!(authentic.role, Role::Rtx(_)) && entry.is_some() {
            publisher.repaired(authentic.header.ssrc, track.ssrc());
        }
        let first = !std::mem::replace(&mut self.live, true);
        let awaited = entry.is_some_and(|entry| entry.frame.key) && track.line.kind == Kind::Video;
        let key_frame_wait = if awaited { track.key_frames.take_wait(now) } else { None };
        let level = entry.and_then(|entry| track.level(&entry));
        let heard = level.and_then(|level| self.loudness.heard(now, level));
        if let Some(entry) = entry {
            self.freshen(now, index, entry);
        }
        Arrived { taken: true, first, key_frame_wait, heard }
    }

    fn freshen(&mut self, since: Instant, track: usize, entry: cache::Entry) {
        self.fresh_since.get_or_insert(since);
        self.fresh.push(Fresh { track, entry });
    }

    /// Until when what came is to wait for the rest of its frame; `None`: it is to be forwarded now.
    pub(crate) fn held_until(&self, now: Instant, coalesce: Duration) -> Option<Instant> {
        // At the root it has waited already.
        if self.is_branch() {
            return None;
        }
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

    /// When the first of what is to be forwarded came from the publisher.
    pub(crate) fn fresh_since(&self) -> Option<Instant> {
        self.fresh_since
    }

    /// What came was forwarded.
    pub(crate) fn forwarded(&mut self) {
        self.fresh.clear();
        self.tracks.iter_mut().for_each(|track| track.cache.forwarded());
        self.fresh_since = None;
    }

    /// Gives back what its packets lie in.
    pub(crate) fn end(self, pool: &mut ChunkPool) {
        self.tracks.into_iter().for_each(|track| track.cache.end(pool));
    }

    /// RTCP packets from the publisher, still encrypted. False: dropped.
    pub(crate) fn receive_rtcp(&mut self, now: Instant, path: Path, data: &mut [u8]) -> bool {
        let opened = self.transport_mut().and_then(|transport| transport.open_rtcp(path, data));
        let Some(opened) = opened else { return false };
        let compound = data.get(..opened.len).unwrap_or_default();
        for packet in rtcp::packets(compound).flatten() {
            if let rtcp::Packet::SenderReport(report) = packet {
                self.sender_report(now, report.ssrc, &report.info);
            }
        }
        true
    }

    fn sender_report(&mut self, now: Instant, ssrc: u32, info: &rtcp::SenderInfo) {
        let Some(index) = self.tracks.iter().position(|track| track.ssrc() == Some(ssrc)) else { return };
        let Some(track) = self.tracks.get_mut(index) else { return };
        track.sender_report(now, info);
        for (_, copies) in &mut self.branches {
            copies.report(Report { track: index, at: now, info: *info, shift: track.shift() });
        }
        self.observe_clock(now, index, info.ntp);
    }

    /// A track's report says what the publisher's clock was at this moment. If that was set, what other tracks' reports
    /// said before means nothing any more: nothing is reported on them until they are reported on again.
    fn observe_clock(&mut self, at: Instant, index: usize, ntp: NtpTime) {
        if self.clock.observe(at, ntp) {
            let others = self.tracks.iter_mut().enumerate().filter(|(other, _)| *other != index);
            others.for_each(|(_, track)| track.forget_report());
        }
    }

    /// Lets nothing of it go to anybody, or all again, video from the next key frame on. Says whether somebody has
    /// spoken who is heard no more.
    pub(crate) fn mute(&mut self, now: Instant, muted: bool) -> Option<Heard> {
        self.tracks.iter_mut().for_each(|track| track.mute(now, muted));
        if muted { self.loudness.silence() } else { None }
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
        match &self.origin {
            Origin::Publisher(publisher) => publisher.feedback_timeout(now),
            Origin::Trunk(_) => None,
        }
    }
}

/// The tracks that a medium is made of.
fn lines_of(track: &ReceiveTrack) -> Vec<Lines> {
    if track.layers.is_empty() {
        return vec![(track.line.clone(), None)];
    }
    let layer = |layer: &sdp::Layer| Layer { rid: layer.rid.as_str().into() };
    track.layers.iter().map(|one| (track.line.clone(), Some(layer(one)))).collect()
}
