//! Which m-lines can share the session's one transport (RFC 8843): those of one BUNDLE group, or a single one.

use crate::name::Mid;
use crate::offer::{MediaSection, Offer};
use crate::session::Section;

pub(super) enum SharedTransport<'a> {
    /// The mids of a BUNDLE group.
    Bundle(&'a [Mid]),
    /// The index of the one m-line.
    Single(usize),
}

pub(super) fn bundle_of<'a>(offer: &'a Offer, section: &MediaSection) -> Option<&'a [Mid]> {
    let mid = section.mid.as_ref()?;
    offer.bundles.iter().find(|mids| mids.contains(mid)).map(Vec::as_slice)
}

impl<'a> SharedTransport<'a> {
    /// The transport of the first m-line that is of use.
    pub(super) fn of(offer: &'a Offer, first: &MediaSection) -> Self {
        bundle_of(offer, first).map_or(Self::Single(first.index), Self::Bundle)
    }

    pub(super) fn carries(&self, section: &MediaSection) -> bool {
        match self {
            Self::Bundle(mids) => section.mid.as_ref().is_some_and(|mid| mids.contains(mid)),
            Self::Single(index) => section.index == *index,
        }
    }

    /// The group of the answer: the accepted mids in the order of the offered group.
    pub(super) fn answered(&self, sections: &[Section]) -> Option<Vec<Mid>> {
        let Self::Bundle(mids) = self else {
            return None;
        };
        let is_accepted = |mid: &&Mid| {
            sections.iter().filter_map(Section::line).any(|line| line.mid.as_ref() == Some(*mid))
        };
        Some(mids.iter().filter(is_accepted).cloned().collect())
    }
}
