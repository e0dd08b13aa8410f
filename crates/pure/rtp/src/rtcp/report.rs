//! Sender and receiver reports (RFC 3550 section 6.4).

use crate::NtpTime;
use crate::fields::{array_at, u32_at, u64_at};
use crate::packet::Malformed;

/// Length of a report block, in bytes.
pub(crate) const BLOCK: usize = 24;
/// NTP and RTP time, packet and octet count.
pub(crate) const SENDER_INFO: usize = 20;

/// What a sender says about a stream of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was made, by the sender's clock.
    pub ntp: NtpTime,
    /// The same moment in the stream's timestamps.
    pub rtp: u32,
    /// Packets sent since the start, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent since the start, modulo 2^32.
    pub bytes: u32,
}

/// What a receiver says about a stream that it gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the start; negative where there were more duplicates. 24 bits.
    pub total_lost: i32,
    /// The highest sequence number received, extended by 16 bits of cycles.
    pub highest_sequence: u32,
    /// In timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's NTP time; 0 without one.
    pub last_sr: u32,
    /// The time since that report, in 2^-16 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    fn read(bytes: &[u8; BLOCK]) -> Option<Self> {
        let [fraction_lost, l0, l1, l2] = array_at(bytes, 4)?;
        Some(Self {
            ssrc: u32_at(bytes, 0)?,
            fraction_lost,
            // Sign-extend 24 bits.
            total_lost: i32::from_be_bytes([l0, l1, l2, 0]) >> 8,
            highest_sequence: u32_at(bytes, 8)?,
            jitter: u32_at(bytes, 12)?,
            last_sr: u32_at(bytes, 16)?,
            delay_since_last_sr: u32_at(bytes, 20)?,
        })
    }

    /// The bytes on the wire. `total_lost` is cut to what 24 bits hold.
    pub(crate) fn bytes(&self) -> [u8; BLOCK] {
        let lost = self.total_lost.clamp(-0x80_0000, 0x7f_ffff);
        let [_, l0, l1, l2] = lost.to_be_bytes();
        let [s0, s1, s2, s3] = self.ssrc.to_be_bytes();
        let [h0, h1, h2, h3] = self.highest_sequence.to_be_bytes();
        let [j0, j1, j2, j3] = self.jitter.to_be_bytes();
        let [r0, r1, r2, r3] = self.last_sr.to_be_bytes();
        let [d0, d1, d2, d3] = self.delay_since_last_sr.to_be_bytes();
        let fraction = self.fraction_lost;
        [s0, s1, s2, s3, fraction, l0, l1, l2, h0, h1, h2, h3, j0, j1, j2, j3, r0, r1, r2, r3, d0, d1, d2, d3]
    }
}

/// The blocks of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlocks<'a> {
    rest: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    fn parse(count: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let rest = body.get(..BLOCK * usize::from(count)).ok_or(Malformed::TooShort("its report blocks"))?;
        Ok(Self { rest })
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        ReportBlock::read(block)
    }
}

/// SR
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// The stream that it is about.
    pub ssrc: u32,
    /// What its sender says about it.
    pub info: SenderInfo,
    /// What the same peer says about the streams that it gets.
    pub reports: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let read = || {
            let info = SenderInfo {
                ntp: NtpTime::from_bits(u64_at(body, 4)?),
                rtp: u32_at(body, 12)?,
                packets: u32_at(body, 16)?,
                bytes: u32_at(body, 20)?,
            };
            Some((u32_at(body, 0)?, info, body.get(4 + SENDER_INFO..)?))
        };
        let (ssrc, info, blocks) = read().ok_or(Malformed::TooShort("the end of a sender report"))?;
        Ok(Self { ssrc, info, reports: ReportBlocks::parse(count, blocks)? })
    }
}

/// RR
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What it says about the streams that it gets.
    pub reports: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let ssrc = u32_at(body, 0).ok_or(Malformed::TooShort("the end of a receiver report"))?;
        Ok(Self { ssrc, reports: ReportBlocks::parse(count, body.get(4..).unwrap_or_default())? })
    }
}
