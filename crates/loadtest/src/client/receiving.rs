//! One track that is received: numbers, losses, reports.

use super::agreement::Agreed;
use rtp::nack::{self, NackGenerator};
use rtp::sequence::{ExtendedSequence, extend_near};
use rtp::stats::ReceiverStats;
use rtp::{Header, NtpTime};
use sdp::Kind;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) kind: Kind,
    pub(super) ssrc: u32,
    pub(super) rtx_ssrc: Option<u32>,
    /// The extension with the transport's number of a packet, where the sender is to hear when it arrived.
    pub(super) counted: Option<u8>,
    numbers: ExtendedSequence,
    stats: ReceiverStats,
    /// Where NACK is agreed on.
    missing: Option<NackGenerator>,
}

impl Receiving {
    pub(super) fn new(agreed: &Agreed, ssrc: u32, rtx_ssrc: Option<u32>) -> Self {
        let clock_rate = if agreed.kind == Kind::Audio { 48_000 } else { 90_000 };
        Self {
            kind: agreed.kind,
            ssrc,
            rtx_ssrc,
            counted: agreed.counted,
            numbers: ExtendedSequence::new(),
            stats: ReceiverStats::new(clock_rate),
            missing: agreed.nack.then(NackGenerator::new),
        }
    }

    /// A packet of the track itself: its extended number.
    pub(super) fn media(&mut self, now: Instant, header: &Header, len: usize) -> u64 {
        let sequence = self.numbers.extend(header.sequence);
        self.stats.received(now, sequence, header.timestamp, len);
        self.arrived(now, sequence);
        sequence
    }

    /// A packet that came again: its extended number in the track.
    pub(super) fn repair(&mut self, now: Instant, original: u16) -> Option<u64> {
        let sequence = extend_near(self.numbers.highest()?, original)?;
        self.arrived(now, sequence);
        Some(sequence)
    }

    fn arrived(&mut self, now: Instant, sequence: u64) {
        if let Some(missing) = &mut self.missing {
            missing.received(now, sequence);
        }
    }

    pub(super) fn sender_report(&mut self, now: Instant, ntp: NtpTime) {
        self.stats.sender_report(now, ntp);
    }

    pub(super) fn report(&mut self, now: Instant) -> Option<rtp::rtcp::ReportBlock> {
        self.stats.report(now, self.ssrc)
    }

    /// When to ask for what is missing.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.missing.as_ref().and_then(NackGenerator::poll_timeout)
    }

    /// The numbers to ask for now; at most [`nack::MAX_REQUESTS`].
    pub(super) fn ask(&mut self, now: Instant, out: &mut Vec<u16>) {
        debug_assert!(out.len() <= nack::MAX_REQUESTS);
        if let Some(missing) = &mut self.missing {
            missing.poll(now, None, out);
        }
    }

    /// Packets given up since the last call.
    pub(super) fn take_given_up(&mut self) -> u64 {
        self.missing.as_mut().map_or(0, NackGenerator::take_given_up)
    }
}
