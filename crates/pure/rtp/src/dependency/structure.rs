//! The template dependency structure (appendix A.4.1): what most frames of a stream have in common, sent with key frames.

use super::Indication;
use super::bits::Bits;
use crate::packet::Malformed;

/// A template's id has six bits.
pub const MAX_TEMPLATES: usize = 64;
/// The count of decode targets has five bits, and is one less.
pub const MAX_TARGETS: usize = 32;
/// As many as libwebrtc takes (`DependencyDescriptor::kMaxSpatialIds`); the format has no limit of its own.
pub const MAX_SPATIAL: usize = 4;
/// As many as libwebrtc takes (`DependencyDescriptor::kMaxTemporalIds`).
pub const MAX_TEMPORAL: u8 = 8;

/// The size of one spatial layer in pixels, 1 to 65,536 each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// What frames of one kind have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    /// Bit n: it refers to the frame n + 1 before.
    pub(super) distances: u16,
    pub(super) indications: Indications,
    /// By chain, the distance to the chain's frame before, four bits each.
    chains: u128,
}

impl Template {
    pub(super) fn chain(&self, chain: u8) -> u8 {
        (self.chains >> (4 * u32::from(chain & 31)) & 0x0f) as u8
    }
}

/// An [`Indication`] for each decode target, two bits each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Indications(u64);

impl Indications {
    /// Those for `targets` decode targets.
    pub(super) fn read(bits: &mut Bits<'_>, targets: u8) -> Option<Self> {
        let mut all = 0;
        for target in 0..u32::from(targets) {
            all |= u64::from(bits.take(2)?) << (2 * target);
        }
        Some(Self(all))
    }

    pub(super) fn of(self, target: u8) -> Indication {
        match self.0.checked_shr(2 * u32::from(target)).unwrap_or(0) & 0b11 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }
}

/// The structure of a stream, to be kept until the next one comes. About 2 KiB, whatever was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// The id of the first template.
    offset: u8,
    targets: u8,
    chains: u8,
    /// How many there are.
    count: u8,
    templates: [Template; MAX_TEMPLATES],
    /// Which chain protects each decode target.
    protected_by: [u8; MAX_TARGETS],
    resolutions: Option<[Resolution; MAX_SPATIAL]>,
}

const TORN: Malformed = Malformed::TooShort("the end of the dependency structure");

impl Structure {
    pub(super) fn read(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        let mut structure = Self {
            offset: bits.small(6).ok_or(TORN)?,
            targets: bits.small(5).ok_or(TORN)? + 1,
            chains: 0,
            count: 0,
            templates: [Template::default(); MAX_TEMPLATES],
            protected_by: [0; MAX_TARGETS],
            resolutions: None,
        };
        structure.read_layers(bits)?;
        structure.read_rest(bits).ok_or(TORN)?;
        Ok(structure)
    }

    fn read_layers(&mut self, bits: &mut Bits<'_>) -> Result<(), Malformed> {
        let (mut spatial, mut temporal) = (0, 0);
        for template in &mut self.templates {
            (template.spatial, template.temporal) = (spatial, temporal);
            self.count += 1;
            match bits.take(2).ok_or(TORN)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => return Ok(()),
            }
            if usize::from(spatial) >= MAX_SPATIAL || temporal >= MAX_TEMPORAL {
                return Err(Malformed::Invalid("layer in a dependency structure"));
            }
        }
        Err(Malformed::Invalid("number of templates in a dependency structure"))
    }

    fn read_rest(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let (targets, count) = (self.targets, usize::from(self.count));
        for template in self.templates.iter_mut().take(count) {
            template.indications = Indications::read(bits, targets)?;
        }
        for template in self.templates.iter_mut().take(count) {
            while bits.flag()? {
                template.distances |= 1 << bits.take(4)?;
            }
        }
        self.read_chains(bits)?;
        if bits.flag()? {
            self.read_resolutions(bits)?;
        }
        Some(())
    }

    fn read_chains(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        self.chains = bits.one_of(u32::from(self.targets) + 1)?;
        if self.chains == 0 {
            return Some(());
        }
        for chain in self.protected_by.iter_mut().take(usize::from(self.targets)) {
            *chain = bits.one_of(u32::from(self.chains))?;
        }
        for template in self.templates.iter_mut().take(usize::from(self.count)) {
            for chain in 0..u32::from(self.chains) {
                template.chains |= u128::from(bits.take(4)?) << (4 * chain);
            }
        }
        Some(())
    }

    fn read_resolutions(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let mut resolutions = [Resolution::default(); MAX_SPATIAL];
        for resolution in resolutions.iter_mut().take(usize::from(self.spatial_layers())) {
            *resolution = Resolution { width: bits.take(16)? + 1, height: bits.take(16)? + 1 };
        }
        self.resolutions = Some(resolutions);
        Some(())
    }

    /// The template with this id.
    pub(super) fn template(&self, id: u8) -> Option<&Template> {
        let index = id.wrapping_sub(self.offset) & 0x3f;
        self.used().get(usize::from(index))
    }

    fn used(&self) -> &[Template] {
        self.templates.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// How many decode targets the stream has, 1 to 32.
    #[must_use]
    pub fn targets(&self) -> u8 {
        self.targets
    }

    /// How many chains the stream has, 0 to 32.
    #[must_use]
    pub fn chains(&self) -> u8 {
        self.chains
    }

    /// How many spatial layers the stream has, 1 to 4.
    #[must_use]
    pub fn spatial_layers(&self) -> u8 {
        // Templates come in the order of their spatial layers.
        self.used().last().map_or(1, |template| template.spatial + 1)
    }

    /// The chain that protects a decode target: the target is whole as long as no frame of its chain is lost.
    #[must_use]
    pub fn chain_of(&self, target: u8) -> Option<u8> {
        let protected = self.chains > 0 && target < self.targets;
        self.protected_by.get(usize::from(target)).copied().filter(|_| protected)
    }

    /// The highest spatial and the highest temporal layer of a decode target; `None` where it has no frames.
    #[must_use]
    pub fn layers_of(&self, target: u8) -> Option<(u8, u8)> {
        let of_target = |template: &&Template| template.indications.of(target) != Indication::NotPresent;
        let layers =
            self.used().iter().filter(of_target).map(|template| (template.spatial, template.temporal));
        layers.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
    }

    /// The size of a spatial layer, where the structure tells sizes.
    #[must_use]
    pub fn resolution(&self, spatial: u8) -> Option<Resolution> {
        let known = self.resolutions.filter(|_| spatial < self.spatial_layers())?;
        known.get(usize::from(spatial)).copied()
    }
}
