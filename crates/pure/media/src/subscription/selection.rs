//! Which packets of a medium a subscriber gets: one simulcast layer, of it the spatial and temporal layers up to some,
//! and what is added to their numbers so that a change of layer looks like nothing.
//!
//! A change waits for a key frame of the new layer, and the old one goes on until then: so nothing freezes. Layers
//! within one track go with the next picture. Spatial ones come with a key frame, temporal ones with a frame that needs
//! the lowest only (RFC 7741 section 4.2: Y).

use super::segments::{Place, Segments, Shift};
use crate::stream::cache::{Entry, PacketCache};
use crate::stream::track::Track;
use rtp::NtpTime;
use std::ops::Range;
use std::time::{Duration, Instant};

/// What is to be forwarded: a track of the stream, and of it the layers up to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) source: usize,
    pub(crate) layers: Layers,
}

/// Layers within one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layers {
    pub(crate) spatial: u8,
    pub(crate) temporal: u8,
}

impl Layers {
    /// All of them.
    pub(crate) const ALL: Self = Self { spatial: u8::MAX, temporal: u8::MAX };
}

/// So long a larger picture goes with fewer frames.
const THIN: Duration = Duration::from_secs(3);

/// By how much the clocks of two layers, by their sender reports, may contradict the time that has passed.
const CONTRADICTION: Duration = Duration::from_secs(1);

/// What is known of a stream while it is forwarded.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) now: Instant,
    pub(crate) tracks: &'a [Track],
    /// The publisher's clock, where it is known.
    pub(crate) theirs: Option<NtpTime>,
}

impl<'a> Scene<'a> {
    /// The packets of a track.
    #[inline]
    pub(crate) fn cache(&self, track: usize) -> Option<&'a PacketCache> {
        Some(&self.tracks.get(track)?.cache)
    }

    /// What to add to timestamps of track `to` for those of track `from` at the same moment.
    fn between(&self, from: usize, to: usize) -> Option<u32> {
        let at = |track: usize| self.tracks.get(track)?.timestamp_at(self.theirs?);
        Some(at(from)?.wrapping_sub(at(to)?))
    }
}

/// The newest packet that was let through, as the subscriber sees it.
#[derive(Clone, Copy, Debug)]
struct Latest {
    source: usize,
    at: Instant,
    timestamp: u32,
    picture: u16,
    base_layer: u8,
    shift: Shift,
}

/// What goes through.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The medium's tracks: its simulcast layers, the lowest first, or the only one.
    layers: Range<usize>,
    video: bool,
    clock_rate: u32,
    /// The track that is to be forwarded; `None`: none of it.
    wanted: Option<usize>,
    /// Up to which layers it goes through, and is to.
    layers_now: Layers,
    layers_wanted: Layers,
    /// A key frame came that would have brought higher layers, but parts of it before its beginning.
    missed: bool,
    /// Since when not all temporal layers of the present track are wanted.
    thinned: Option<Instant>,
    pub(crate) segments: Segments,
    latest: Option<Latest>,
}

impl Selection {
    /// The first of these tracks, all of it.
    pub(crate) fn new(layers: Range<usize>, video: bool, clock_rate: u32, random: u64) -> Self {
        Self {
            wanted: Some(layers.start),
            layers,
            video,
            clock_rate: clock_rate.max(1),
            layers_now: Layers::ALL,
            layers_wanted: Layers::ALL,
            missed: false,
            thinned: None,
            segments: Segments::new(random),
            latest: None,
        }
    }

    /// The medium's tracks.
    pub(crate) fn layers(&self) -> Range<usize> {
        self.layers.clone()
    }

    /// Takes this track from its next key frame on, and layers of it; `None`: nothing any more. True: another track
    /// than before is wanted, or a higher spatial layer of it.
    pub(crate) fn choose(&mut self, now: Instant, wanted: Option<Target>) -> bool {
        let thin = wanted.is_some_and(|target| target.layers.temporal != u8::MAX);
        self.thinned = if thin { self.thinned.or(Some(now)) } else { None };
        let (before, spatial) = (self.wanted, self.layers_wanted.spatial);
        self.wanted = wanted.map(|target| target.source);
        self.layers_wanted = wanted.map_or(Layers::ALL, |target| target.layers);
        if self.wanted.is_none() {
            self.segments.wait();
        }
        self.wanted != before || self.layers_wanted.spatial > spatial
    }

    /// Whether a layer that others stand below may be sent with some of its temporal layers: to have fewer pictures is
    /// the quickest way down, but for long a smaller picture that moves is better.
    pub(crate) fn may_be_thin(&self, now: Instant, source: usize) -> bool {
        self.wanted == Some(source) && self.thinned.is_none_or(|since| now < since + THIN)
    }

    /// The track that is wanted.
    pub(crate) fn wanted(&self) -> Option<usize> {
        self.wanted
    }

    /// The track that is forwarded, or that will be.
    pub(crate) fn source(&self) -> usize {
        self.segments.source().or(self.wanted).unwrap_or(self.layers.start)
    }

    /// The track of which a key frame is waited for.
    pub(crate) fn awaits_key_frame_of(&self) -> Option<usize> {
        let up = self.layers_wanted.spatial > self.layers_now.spatial;
        self.wanted.filter(|&wanted| self.video && (up || self.segments.source() != Some(wanted)))
    }

    /// Whether a key frame was of no use since the last call, although one is waited for: another one is needed.
    pub(crate) fn take_missed(&mut self) -> bool {
        std::mem::take(&mut self.missed) && self.awaits_key_frame_of().is_some()
    }

    /// Whether all of its track is to go through, and spatial layers that were left out are back.
    pub(crate) fn is_whole(&self) -> bool {
        let now = Layers { spatial: self.layers_now.spatial, ..Layers::ALL };
        self.wanted.is_some() && self.layers_wanted == Layers::ALL && now == Layers::ALL
    }

    /// Begins anew, video with a key frame.
    pub(crate) fn wait(&mut self) {
        self.segments.wait();
    }

    /// The place of a packet that just came; `None`: it does not go through. `true` with it: it is a beginning, and
    /// what is of its frame and came before it goes through now.
    #[inline]
    pub(crate) fn admit(&mut self, scene: &Scene<'_>, source: usize, entry: &Entry) -> Option<(Place, bool)> {
        let begins = self.segments.source() != Some(source);
        if begins {
            if self.wanted != Some(source) || (self.video && !entry.frame.key) {
                // A late one from before the change, or nothing.
                return Some((self.segments.place(source, entry.number)?, false));
            }
            self.layers_now = self.layers_wanted;
            let shift = Shift { top: self.layers_now.spatial, ..self.shift_for(scene, source, entry) };
            self.segments.begin(source, entry.number, shift);
        } else if !self.passes(entry) {
            return None;
        }
        let place = self.segments.place(source, entry.number)?;
        self.note(scene.now, entry, place);
        Some((place, begins))
    }

    /// Whether a packet of the present track is of layers that go through. If not, it is left out.
    #[inline]
    fn passes(&mut self, entry: &Entry) -> bool {
        let frame = &entry.frame;
        if frame.begins && self.layers_now != self.layers_wanted {
            self.step(entry);
        }
        if frame.spatial > self.layers_now.spatial {
            return !self.segments.leave_out(entry.number, 0);
        }
        frame.temporal <= self.layers_now.temporal
            || !self.segments.leave_out(entry.number, u16::from(frame.begins))
    }

    /// A picture begins: other layers go through from here on, where they can. Where others of its packets have come
    /// before, they were judged by the layers so far, and so is the rest of it: the layer that ends a picture is the
    /// same for all of its packets.
    fn step(&mut self, entry: &Entry) {
        let (frame, wanted) = (&entry.frame, self.layers_wanted);
        let now = self.layers_now;
        if !self.segments.is_newest(entry.number) {
            self.missed |= frame.key && wanted.spatial > now.spatial;
            return;
        }
        let up = frame.sync && frame.temporal > now.temporal && frame.temporal <= wanted.temporal;
        let temporal = if frame.key || wanted.temporal < now.temporal {
            wanted.temporal
        } else if up {
            frame.temporal
        } else {
            now.temporal
        };
        let spatial = if frame.key { wanted.spatial } else { now.spatial.min(wanted.spatial) };
        self.layers_now = Layers { spatial, temporal };
        if spatial != now.spatial
            && let Some(shift) = self.segments.shift()
        {
            self.segments.turn(entry.number, Shift { top: spatial, ..shift });
        }
    }

    fn note(&mut self, now: Instant, entry: &Entry, place: Place) {
        let timestamp = entry.header.timestamp.wrapping_add(place.shift.timestamp);
        let is_older = self.latest.is_some_and(|latest| {
            latest.source == place.source && !newer_or_equal(timestamp, latest.timestamp)
        });
        if !is_older {
            self.latest = Some(Latest {
                source: place.source,
                at: now,
                timestamp,
                picture: entry.frame.picture.wrapping_add(place.shift.pictures),
                base_layer: entry.frame.base_layer.wrapping_add(place.shift.base_layers),
                shift: place.shift,
            });
        }
    }

    /// What is added from this packet of another track on, so that it follows what was sent last.
    fn shift_for(&self, scene: &Scene<'_>, source: usize, entry: &Entry) -> Shift {
        let Some(latest) = self.latest else { return Shift::default() };
        if latest.source == source {
            return latest.shift;
        }
        Shift {
            timestamp: self.timestamp_for(scene, &latest, source, entry).wrapping_sub(entry.header.timestamp),
            pictures: latest.picture.wrapping_add(1).wrapping_sub(entry.frame.picture),
            base_layers: latest.base_layer.wrapping_add(1).wrapping_sub(entry.frame.base_layer),
            ..Shift::default()
        }
    }

    /// The timestamp of a track's first packet: what the sender reports of both tracks say, or else what the time says
    /// that has passed; later than the last one in any case.
    fn timestamp_for(&self, scene: &Scene<'_>, latest: &Latest, source: usize, entry: &Entry) -> u32 {
        let ticks = |time: Duration| time.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        let passed = ticks(scene.now.saturating_duration_since(latest.at)).min(1 << 30) as u32;
        let expected = latest.timestamp.wrapping_add(passed.max(1));
        let reported = scene
            .between(latest.source, source)
            .map(|between| entry.header.timestamp.wrapping_add(between).wrapping_add(latest.shift.timestamp));
        let limit = ticks(CONTRADICTION) as u32;
        let believed = reported.filter(|at| at.wrapping_sub(expected).cast_signed().unsigned_abs() <= limit);
        let timestamp = believed.unwrap_or(expected);
        // Both layers are of one camera: the frame may be of the same moment as the one that was sent last.
        if newer_or_equal(timestamp, latest.timestamp.wrapping_add(1)) {
            timestamp
        } else {
            latest.timestamp.wrapping_add(1)
        }
    }
}

fn newer_or_equal(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() >= 0
}

#[cfg(test)]
mod tests;
