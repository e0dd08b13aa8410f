//! Who a source is (SDES) and that it leaves (BYE), RFC 3550 sections 6.5 and 6.6.

use super::feedback::Ssrcs;
use crate::fields::{u8_at, u32_at};
use crate::packet::Malformed;

/// The item with the canonical name.
pub(crate) const CNAME: u8 = 1;

/// SDES
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceDescription<'a> {
    count: u8,
    body: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    pub(super) fn new(count: u8, body: &'a [u8]) -> Self {
        Self { count, body }
    }

    /// Its chunks, one per source; ends at the first that is not whole.
    #[must_use]
    pub fn chunks(&self) -> Chunks<'a> {
        Chunks { left: self.count, rest: self.body }
    }
}

/// The chunks of an SDES packet.
#[derive(Clone, Copy, Debug)]
pub struct Chunks<'a> {
    left: u8,
    rest: &'a [u8],
}

/// What is said about one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The source.
    pub ssrc: u32,
    items: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Its items: type and text.
    #[must_use]
    pub fn items(&self) -> Items<'a> {
        Items { rest: self.items }
    }

    /// The canonical name, UTF-8 by the RFC but not checked here.
    #[must_use]
    pub fn cname(&self) -> Option<&'a [u8]> {
        self.items().find(|&(kind, _)| kind == CNAME).map(|(_, text)| text)
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        self.left = self.left.checked_sub(1)?;
        let ssrc = u32_at(self.rest, 0)?;
        let items = self.rest.get(4..)?;
        let mut walk = Items { rest: items };
        walk.by_ref().for_each(drop);
        // The items end with a null byte; the chunk with the 32-bit word that this is in.
        let len = items.len() - walk.rest.len();
        items.get(len)?;
        self.rest = items.get((len + 1).next_multiple_of(4)..).unwrap_or_default();
        Some(Chunk { ssrc, items: items.get(..len)? })
    }
}

/// The items of a chunk: type and text.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = u8_at(self.rest, 0).filter(|&kind| kind != 0)?;
        let len = usize::from(u8_at(self.rest, 1)?);
        let text = self.rest.get(2..2 + len)?;
        self.rest = self.rest.get(2 + len..)?;
        Some((kind, text))
    }
}

/// BYE
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goodbye<'a> {
    /// Who leaves.
    pub sources: Ssrcs<'a>,
    /// Why, where it is said.
    pub reason: Option<&'a [u8]>,
}

impl<'a> Goodbye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let split = body.split_at_checked(4 * usize::from(count));
        let (sources, rest) = split.ok_or(Malformed::TooShort("the sources that leave"))?;
        let reason = u8_at(rest, 0).and_then(|len| rest.get(1..1 + usize::from(len)));
        Ok(Self { sources: Ssrcs::new(sources), reason })
    }
}
