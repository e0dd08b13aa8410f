//! What the subscriptions of one network are offered: of each of their tracks, the layers that are there and allowed.

use crate::stream::Stream;
use crate::stream::frame::SPATIAL_LAYERS;
use crate::stream::track::Track;
use crate::subscription::Subscription;
use crate::subscription::outgoing::OutgoingTrack;
use crate::subscription::selection::{Layers, Selection, Target};
use bwe::allocator::Layer;
use bwe::{Bitrate, Choice, Media, Offer};
use slab::Slab;
use std::ops::Range;
use std::time::Instant;

/// Video that has just begun to be sent is taken for so much.
const NEW_VIDEO: u64 = 2_500_000;

/// A layer that was never measured takes so many times what the one below takes, or this.
const UNKNOWN_FACTOR: u64 = 3;
const UNKNOWN: u64 = 150_000;

/// One track of one subscription.
#[derive(Debug, Default)]
pub(in crate::router) struct Offered {
    /// Index of the subscription, and of its track.
    pub(super) subscriber: usize,
    pub(super) track: usize,
    pub(super) video: bool,
    id: u64,
    priority: u8,
    max_height: Option<u16>,
    max_bitrate: Option<Bitrate>,
    audio: Bitrate,
    /// It has just begun to be sent, and its bitrate is not known yet.
    begins: bool,
    layers: Vec<Layer>,
    /// What each of them is.
    targets: Vec<Target>,
    first: usize,
}

impl Offered {
    /// Nothing of this track is offered yet.
    fn begin(
        &mut self,
        subscriber: usize,
        track: usize,
        subscription: &Subscription,
        outgoing: &OutgoingTrack,
    ) {
        let preference = &subscription.preference;
        let (mut layers, mut targets) = (std::mem::take(&mut self.layers), std::mem::take(&mut self.targets));
        layers.clear();
        targets.clear();
        *self = Self {
            subscriber,
            track,
            video: outgoing.is_video(),
            id: subscription.serial << 8 | track as u64 & 0xff,
            priority: preference.priority,
            max_height: preference.max_height,
            max_bitrate: preference.max_bitrate.map(Bitrate::bps),
            audio: Bitrate::ZERO,
            begins: false,
            layers,
            targets,
            first: outgoing.selection.layers().start,
        };
    }

    /// Whether nothing of it is sent now.
    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// What to forward for one of the layers.
    pub(super) fn target(&self, at: usize) -> Option<Target> {
        self.targets.get(at).copied()
    }

    /// The lowest that there is, or will be.
    pub(super) fn first(&self) -> Target {
        self.target(0).unwrap_or(Target { source: self.first, layers: Layers::ALL })
    }

    fn best(&self) -> Bitrate {
        let unknown = if self.begins { Bitrate::bps(NEW_VIDEO) } else { self.audio };
        self.layers.iter().map(|layer| layer.bitrate).max().unwrap_or(unknown)
    }
}

/// All of them. Looked at again and again, for one network after the other: nothing is allocated for that.
#[derive(Debug, Default)]
pub(in crate::router) struct Offers {
    all: Vec<Offered>,
    /// Those behind that many are of a network with more.
    used: usize,
    /// What the allocator has chosen of them.
    pub(super) choices: Vec<Choice>,
}

impl Offers {
    /// Reads those of a network.
    pub(super) fn read(
        &mut self,
        now: Instant,
        members: &[usize],
        subscriptions: &Slab<Subscription>,
        streams: &mut Slab<Stream>,
    ) {
        self.used = 0;
        for &member in members {
            let Some(subscription) = subscriptions.get(member) else { continue };
            let Some(stream) = streams.get_mut(subscription.stream) else { continue };
            for (index, outgoing) in subscription.tracks.iter().enumerate() {
                let layers = outgoing.selection.layers();
                let Some(offered) = self.next() else { continue };
                offered.begin(member, index, subscription, outgoing);
                if offered.video {
                    let rid = subscription.preference.rid.as_deref();
                    let layers = named(&stream.tracks, layers, rid);
                    offered.first = layers.start;
                    add_layers(offered, now, &mut stream.tracks, layers, &outgoing.selection);
                } else if let Some(track) =
                    stream.tracks.get(layers.start).filter(|one| one.rates.is_live(now))
                {
                    // What is not told of is beside what is known to be carried.
                    let bitrate = track.rates.all().filter(|_| subscription.covers(outgoing)).unwrap_or(0);
                    offered.audio = Bitrate::bps(bitrate);
                }
            }
        }
    }

    /// A place for one more.
    fn next(&mut self) -> Option<&mut Offered> {
        if self.used >= self.all.len() {
            self.all.push(Offered::default());
        }
        self.used += 1;
        self.all.get_mut(self.used - 1)
    }

    fn iter(&self) -> impl Iterator<Item = &Offered> + Clone {
        self.all.iter().take(self.used)
    }

    pub(super) fn get(&self, at: usize) -> Option<&Offered> {
        self.iter().nth(at)
    }

    /// What would be sent if the network carried it.
    pub(super) fn wanted(&self) -> Bitrate {
        self.iter().fold(Bitrate::ZERO, |sum, one| sum.saturating_add(one.best()))
    }

    /// What the audio and the smallest layer of each video take.
    pub(super) fn least(&self) -> Bitrate {
        let least = |one: &Offered| one.layers.iter().map(|layer| layer.bitrate).min().unwrap_or(one.audio);
        self.iter().fold(Bitrate::ZERO, |sum, one| sum.saturating_add(least(one)))
    }

    /// In the words of the allocator.
    pub(super) fn as_offers(&self) -> impl Iterator<Item = Offer<'_>> + Clone {
        self.iter().map(|one| Offer {
            id: one.id,
            priority: one.priority,
            max_height: one.max_height,
            max_bitrate: one.max_bitrate,
            media: if one.video { Media::Video(&one.layers) } else { Media::Audio(one.audio) },
        })
    }

    /// The subscriptions, each once: their tracks lie side by side.
    pub(super) fn subscribers(&self) -> impl Iterator<Item = usize> {
        let mut before = None;
        self.iter().map(|one| one.subscriber).filter(move |&one| before.replace(one) != Some(one))
    }
}

/// The layer of this name alone, if there is one.
fn named(tracks: &[Track], layers: Range<usize>, rid: Option<&str>) -> Range<usize> {
    let is_it = |track: &usize| {
        let layer = tracks.get(*track).and_then(|track| track.layer.as_ref());
        layer.is_some_and(|layer| Some(&*layer.rid) == rid)
    };
    layers.clone().find(is_it).map_or(layers, |track| track..track + 1)
}

/// Each layer that is sent, or that would be if it was taken, with each of the spatial and temporal layers within it.
fn add_layers(
    offered: &mut Offered,
    now: Instant,
    tracks: &mut [Track],
    layers: Range<usize>,
    selection: &Selection,
) {
    let start = layers.start;
    let mut below = UNKNOWN / UNKNOWN_FACTOR;
    for source in layers.clone() {
        let unseen = assumed_height(tracks, &layers, source);
        let Some(track) = tracks.get_mut(source) else { continue };
        let live = track.rates.is_live(now);
        // What is no layer among others is sent or not, whoever takes it.
        let layered = track.layer.is_some();
        // What is kept back is waited for by nobody.
        let wanted = selection.wanted() == Some(source) && !track.is_muted();
        let worth = track.awaited.is_worth_it(now, live, wanted);
        let known = track.rates.all();
        let whole = known.unwrap_or(below * UNKNOWN_FACTOR);
        below = below.max(whole);
        offered.begins |= live && known.is_none();
        if !(live || layered && worth) || track.is_muted() || (known.is_none() && !layered) {
            continue;
        }
        let place = source - start;
        let (spatial, temporal) = track.rates.highest();
        let lowest = if place == 0 || selection.may_be_thin(now, source) { 0 } else { temporal };
        for layers in
            (0..=spatial).flat_map(|spatial| (lowest..=temporal).map(move |temporal| (spatial, temporal)))
        {
            let bitrate = known.and_then(|_| track.rates.up_to(layers.0, layers.1)).unwrap_or(whole);
            let height = track.heights.get(usize::from(layers.0)).copied().flatten();
            offered.layers.push(Layer {
                bitrate: Bitrate::bps(bitrate),
                height: height.unwrap_or(unseen),
                spatial: (place * SPATIAL_LAYERS + usize::from(layers.0)).min(usize::from(u8::MAX)) as u8,
                temporal: layers.1,
            });
            // What is above the highest that was seen may come.
            let all = |layer, highest| if layer == highest { u8::MAX } else { layer };
            let layers = Layers { spatial: all(layers.0, spatial), temporal: all(layers.1, temporal) };
            offered.targets.push(Target { source, layers });
        }
    }
}

/// The height of a layer that was never seen: each is usually twice as large as the one below. 0 where none was seen.
fn assumed_height(tracks: &[Track], layers: &Range<usize>, source: usize) -> u16 {
    let seen = |other: usize| {
        let height = tracks.get(other)?.heights.iter().copied().flatten().max()?;
        Some((other, height))
    };
    let below = (layers.start..source).rev().find_map(seen);
    let above = || (source..layers.end).find_map(seen);
    let power = |steps: usize| 1u16.checked_shl(u32::try_from(steps).unwrap_or(u32::MAX)).unwrap_or(u16::MAX);
    match below {
        Some((other, height)) => height.saturating_mul(power(source - other)),
        None => above().map_or(0, |(other, height)| height / power(other - source).max(1)),
    }
}
