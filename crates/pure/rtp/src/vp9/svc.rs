//! Which packets of a scalable VP9 stream one subscriber gets, and where its picture ends.

use super::Descriptor;
use crate::vp8::PictureId;

/// The highest layers of each kind; lower ones come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// The highest spatial layer, 0 the base.
    pub spatial: u8,
    /// The highest temporal layer, 0 the base.
    pub temporal: u8,
}

impl Layers {
    /// The base layers, which everything else refers to.
    pub const BASE: Self = Self { spatial: 0, temporal: 0 };

    /// All that there are.
    pub const ALL: Self = Self { spatial: u8::MAX, temporal: u8::MAX };
}

/// A picture that is no more than so many behind the newest one is late; one farther behind is of an encoder that began
/// anew. Half of what the short picture id has.
const LATE: u16 = 63;

/// Chooses the packets of a scalable stream. Layers are left at the next picture. Temporal layers are joined at a
/// switching-up point, spatial ones at a key frame: the stream allows it also where a single upper frame is predicted
/// from no other picture, but then the frame below it already ended the picture.
///
/// A packet that comes late is judged as its picture was, back to the last change.
#[derive(Clone, Copy, Debug)]
pub struct SvcFilter {
    /// What is wanted, from the next picture on.
    target: Layers,
    /// What the present picture is to come to.
    aim: Layers,
    /// What is forwarded.
    current: Layers,
    /// The temporal layers from the next picture on.
    temporal_next: u8,
    /// The newest picture, where pictures have numbers.
    picture: Option<PictureId>,
    /// The layers before the last change, and the picture that was the first to have others.
    before: Option<(Layers, PictureId)>,
}

impl SvcFilter {
    /// For a subscriber whose first packet is of a key frame.
    #[must_use]
    pub fn new(target: Layers) -> Self {
        let current = Layers { spatial: 0, temporal: target.temporal };
        Self { target, aim: target, current, temporal_next: target.temporal, picture: None, before: None }
    }

    /// Changes what is wanted, from the next picture on.
    #[inline]
    pub fn aim(&mut self, target: Layers) {
        self.target = target;
    }

    /// What is forwarded now. Where its spatial layer stays below the wanted one, and the stream has that, a key frame
    /// helps.
    #[inline]
    #[must_use]
    pub fn current(&self) -> Layers {
        self.current
    }

    /// Whether a packet is forwarded, and if so with which marker bit: it is set on the last packet of the highest frame
    /// that is forwarded (RFC 9628 section 4.1). Where a picture lacks the highest forwarded layer but not those above it,
    /// no packet has it, and the next timestamp ends the picture.
    ///
    /// `marker` is that of the packet.
    #[inline]
    #[must_use]
    pub fn forward(&mut self, descriptor: &Descriptor, marker: bool) -> Option<bool> {
        let layers = self.layers(descriptor);
        let (spatial, temporal) = (descriptor.spatial(), descriptor.temporal());
        let forwarded = spatial <= layers.spatial && temporal <= layers.temporal;
        forwarded.then_some(marker || descriptor.ends_frame && spatial == layers.spatial)
    }

    /// The layers that the packet's picture is forwarded in.
    fn layers(&mut self, descriptor: &Descriptor) -> Layers {
        match (descriptor.picture_id, self.picture) {
            (Some(id), Some(newest)) if id == newest => {}
            (Some(id), Some(newest)) if newest.since(id) <= LATE => return self.layers_of_late(id),
            (Some(id), _) => self.begin_picture(descriptor, Some(id)),
            // Without numbers a picture begins with its base layer.
            (None, _) if descriptor.begins_frame && descriptor.spatial() == 0 => {
                self.begin_picture(descriptor, None);
            }
            (None, _) => {}
        }
        self.join(descriptor);
        self.current
    }

    fn layers_of_late(&self, id: PictureId) -> Layers {
        match self.before {
            Some((layers, changed)) if (1..=LATE).contains(&changed.since(id)) => layers,
            _ => self.current,
        }
    }

    fn begin_picture(&mut self, descriptor: &Descriptor, id: Option<PictureId>) {
        self.picture = id;
        self.aim = self.target;
        let temporal = descriptor.temporal();
        // Some encoders say of a picture of the higher layer itself, and not of those below, that it can be the first.
        let joins = descriptor.is_temporal_up_switch() && temporal <= self.aim.temporal;
        let reached = if joins { self.temporal_next.max(temporal) } else { self.temporal_next };
        let layers = Layers {
            spatial: self.current.spatial.min(self.aim.spatial),
            temporal: reached.min(self.aim.temporal),
        };
        self.change(layers);
        self.temporal_next = layers.temporal;
    }

    /// What this frame allows beyond the layers so far.
    fn join(&mut self, descriptor: &Descriptor) {
        if descriptor.is_key_frame() {
            self.change(self.aim);
        }
        if descriptor.is_temporal_up_switch() && descriptor.temporal() <= self.current.temporal {
            self.temporal_next = self.aim.temporal;
        }
    }

    fn change(&mut self, layers: Layers) {
        if layers == self.current {
            return;
        }
        // Of two changes at one picture the first has what was before.
        if let Some(id) = self.picture
            && self.before.is_none_or(|(_, changed)| changed != id)
        {
            self.before = Some((self.current, id));
        }
        self.current = layers;
    }
}
