//! Feedback: NACK and PLI (RFC 4585), FIR (RFC 5104), REMB.

use crate::fields::{array_at, u8_at, u16_at, u32_at};
use crate::packet::Malformed;

/// A list of SSRCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssrcs<'a> {
    rest: &'a [u8],
}

impl<'a> Ssrcs<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (ssrc, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*ssrc))
    }
}

/// The sender of feedback, and the stream that it is about.
fn parties(body: &[u8]) -> Result<(u32, u32), Malformed> {
    let both = u32_at(body, 0).zip(u32_at(body, 4));
    both.ok_or(Malformed::TooShort("the SSRCs of a feedback message"))
}

/// Packets that the receiver of a stream misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender: u32,
    /// The stream.
    pub media: u32,
    /// The sequence numbers, at most 17 per 4 bytes of the packet.
    pub lost: Lost<'a>,
}

impl<'a> Nack<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let (sender, media) = parties(body)?;
        let pairs = body.get(8..).unwrap_or_default();
        Ok(Self { sender, media, lost: Lost { pairs, base: 0, mask: 0 } })
    }
}

/// The sequence numbers of a NACK, in the order of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost<'a> {
    pairs: &'a [u8],
    base: u16,
    mask: u16,
}

impl Iterator for Lost<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask != 0 {
            // Bit n stands for the number n + 1 after the base.
            let bit = self.mask.trailing_zeros() as u16;
            self.mask &= self.mask - 1;
            return Some(self.base.wrapping_add(bit + 1));
        }
        let (&[b0, b1, m0, m1], rest) = self.pairs.split_first_chunk()?;
        self.pairs = rest;
        self.base = u16::from_be_bytes([b0, b1]);
        self.mask = u16::from_be_bytes([m0, m1]);
        Some(self.base)
    }
}

/// A decoder lost pictures and needs a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender: u32,
    /// The stream.
    pub media: u32,
}

impl Pli {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        parties(body).map(|(sender, media)| Self { sender, media })
    }
}

/// A request for key frames of some streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: u32,
    /// Which streams.
    pub entries: FirEntries<'a>,
}

impl<'a> Fir<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let (sender, _) = parties(body)?;
        Ok(Self { sender, entries: FirEntries { rest: body.get(8..).unwrap_or_default() } })
    }
}

/// One stream of a [`Fir`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The stream.
    pub ssrc: u32,
    /// Counts requests; the same number again is the same request.
    pub sequence: u8,
}

/// The streams of a [`Fir`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntries<'a> {
    rest: &'a [u8],
}

impl Iterator for FirEntries<'_> {
    type Item = FirEntry;

    fn next(&mut self) -> Option<FirEntry> {
        let (entry, rest): (&[u8; 8], _) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(FirEntry { ssrc: u32_at(entry, 0)?, sequence: u8_at(entry, 4)? })
    }
}

/// How much a receiver believes it can receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remb<'a> {
    /// Who says so.
    pub sender: u32,
    /// In bit/s, all the streams together.
    pub bitrate: u64,
    /// The streams that it is about.
    pub ssrcs: Ssrcs<'a>,
}

impl<'a> Remb<'a> {
    /// `None` when it is other application layer feedback.
    pub(super) fn parse(body: &'a [u8]) -> Option<Result<Self, Malformed>> {
        let name: [u8; 4] = array_at(body, 8)?;
        (name == *b"REMB").then(|| Self::parse_named(body))
    }

    fn parse_named(body: &'a [u8]) -> Result<Self, Malformed> {
        let too_short = Malformed::TooShort("the end of a REMB");
        let (sender, _) = parties(body)?;
        let count = usize::from(u8_at(body, 12).ok_or(too_short)?);
        let high = u8_at(body, 13).ok_or(too_short)?;
        let low = u16_at(body, 14).ok_or(too_short)?;
        let mantissa = (u64::from(high & 0x03) << 16) | u64::from(low);
        let exponent = u32::from(high >> 2);
        let bitrate = mantissa.saturating_mul(1 << exponent);
        let ssrcs = body.get(16..16 + 4 * count).ok_or(too_short)?;
        Ok(Self { sender, bitrate, ssrcs: Ssrcs::new(ssrcs) })
    }
}

/// The three bytes of exponent and mantissa, rounded down.
pub(super) fn remb_bitrate(bitrate: u64) -> [u8; 3] {
    let exponent = (64 - 18u32).saturating_sub(bitrate.leading_zeros());
    let mantissa = (bitrate >> exponent) as u32;
    let [_, high, low0, low1] = mantissa.to_be_bytes();
    [((exponent as u8) << 2) | (high & 0x03), low0, low1]
}
