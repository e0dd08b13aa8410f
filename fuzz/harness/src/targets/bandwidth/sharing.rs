//! The allocator: what it gives is what was offered, and no more than there is.

use super::bitrate;
use crate::script::Script;
use bwe::allocator::Layer;
use bwe::{Allocator, Bitrate, Media, Offer};
use std::time::Instant;

/// Offers of one call, and layers of one offer.
const MAX_OFFERS: usize = 6;
const MAX_LAYERS: usize = 9;

#[derive(Default)]
pub(super) struct Sharing {
    allocator: Allocator,
    /// What the videos of the last call got, from 1; 0: nothing.
    #[cfg(test)]
    layers: Vec<usize>,
}

/// An offer before its layers are borrowed.
struct Drawn {
    priority: u8,
    max_height: Option<u16>,
    max_bitrate: Option<Bitrate>,
    audio: Option<Bitrate>,
    layers: Vec<Layer>,
}

impl Drawn {
    fn new(script: &mut Script<'_>) -> Self {
        let (bits, priority) = (script.byte(), script.byte());
        let (mut spatial, mut temporal) = (0, 0);
        // From the worst to the best.
        let layer = |script: &mut Script<'_>| {
            let layer = Layer {
                bitrate: Bitrate::kbps(u64::from(script.u16() >> script.below(16))),
                height: u16::from(script.byte()) * 8,
                spatial,
                temporal,
            };
            (spatial, temporal) = if script.bit() { (spatial + 1, 0) } else { (spatial, temporal + 1) };
            layer
        };
        Self {
            priority,
            max_height: (bits & 2 != 0).then(|| script.u16()),
            max_bitrate: (bits & 4 != 0).then(|| bitrate(script)),
            audio: (bits & 1 == 0).then(|| bitrate(script)),
            layers: if bits & 1 == 0 { Vec::new() } else { script.list(MAX_LAYERS, layer) },
        }
    }

    fn offer(&self, id: u64) -> Offer<'_> {
        let &Self { priority, max_height, max_bitrate, .. } = self;
        let media = self.audio.map_or(Media::Video(&self.layers), Media::Audio);
        Offer { id, priority, max_height, max_bitrate, media }
    }

    /// Whether a layer is what its subscriber has asked for, or the lowest that is sent.
    fn may_have(&self, at: usize) -> bool {
        let layer = &self.layers[at];
        let lowest = self.layers.iter().position(|layer| layer.bitrate > Bitrate::ZERO);
        let fits = self.max_height.is_none_or(|max| layer.height <= max)
            && self.max_bitrate.is_none_or(|max| layer.bitrate <= max);
        lowest == Some(at) || (layer.bitrate > Bitrate::ZERO && fits)
    }
}

impl Sharing {
    #[cfg(test)]
    pub(super) fn layers(&self) -> &[usize] {
        &self.layers
    }

    pub(super) fn allocate(&mut self, now: Instant, budget: Bitrate, script: &mut Script<'_>) {
        let drawn = script.list(MAX_OFFERS, Drawn::new);
        let offers: Vec<Offer<'_>> = drawn.iter().zip(0..).map(|(drawn, id)| drawn.offer(id)).collect();
        let choices = self.allocator.allocate(now, budget, offers.iter().copied()).to_vec();
        assert_eq!(choices.len(), offers.len());
        let (mut audio, mut all) = (Bitrate::ZERO, Bitrate::ZERO);
        for ((choice, offer), drawn) in choices.iter().zip(&offers).zip(&drawn) {
            assert_eq!(choice.id, offer.id);
            if let Some(bitrate) = drawn.audio {
                audio = audio.saturating_add(bitrate);
                all = all.saturating_add(bitrate);
            } else if let Some(at) = choice.layer {
                assert!(drawn.may_have(at), "{choice:?} of {offer:?}");
                all = all.saturating_add(drawn.layers[at].bitrate);
            }
        }
        assert!(all <= budget.max(audio), "{all} of {budget}, of it {audio} audio: {choices:?} {offers:?}");
        #[cfg(test)]
        {
            let videos = choices.iter().zip(&drawn).filter(|(_, drawn)| drawn.audio.is_none());
            self.layers = videos.map(|(choice, _)| choice.layer.map_or(0, |layer| layer + 1)).collect();
        }
        let again = self.allocator.allocate(now, budget, offers.iter().copied());
        assert_eq!(again, choices, "nothing has changed, and no time has passed");
    }
}
