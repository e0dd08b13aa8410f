//! RTCP (RFC 3550 section 6, RFC 4585, RFC 5104, draft-holmer-rmcat-transport-wide-cc-extensions-01,
//! draft-alvestrand-rmcat-remb-03): compounds read as an iterator of borrowing views, and written into a buffer.

mod description;
mod feedback;
mod report;
#[cfg(test)]
mod tests;
mod transport_cc;
mod unwrap;
mod writer;

pub use description::{Chunk, Chunks, Goodbye, Items, SourceDescription};
pub use feedback::{Fir, FirEntries, FirEntry, Lost, Nack, Pli, Remb, Ssrcs};
pub use report::{ReceiverReport, ReportBlock, ReportBlocks, SenderInfo, SenderReport};
pub use transport_cc::{Arrival, Arrivals, TransportFeedback};
pub use unwrap::{FeedbackUnwrapper, UnwrappedArrivals, UnwrappedFeedback};
pub use writer::Writer;

pub(crate) use transport_cc::{FeedbackPart, Status};

use crate::fields::{u8_at, u16_at};
use crate::packet::Malformed;

pub(crate) const SENDER_REPORT: u8 = 200;
pub(crate) const RECEIVER_REPORT: u8 = 201;
pub(crate) const SOURCE_DESCRIPTION: u8 = 202;
pub(crate) const GOODBYE: u8 = 203;
pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
pub(crate) const PAYLOAD_FEEDBACK: u8 = 206;

/// Feedback message types of [`TRANSPORT_FEEDBACK`].
pub(crate) const FMT_NACK: u8 = 1;
pub(crate) const FMT_TRANSPORT_CC: u8 = 15;
/// Feedback message types of [`PAYLOAD_FEEDBACK`].
pub(crate) const FMT_PLI: u8 = 1;
pub(crate) const FMT_FIR: u8 = 4;
pub(crate) const FMT_REMB: u8 = 15;

/// One packet of a compound. What it borrows was checked: its iterators give whole records only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// SR
    SenderReport(SenderReport<'a>),
    /// RR
    ReceiverReport(ReceiverReport<'a>),
    /// SDES
    SourceDescription(SourceDescription<'a>),
    /// BYE
    Goodbye(Goodbye<'a>),
    /// Generic NACK
    Nack(Nack<'a>),
    /// Picture loss indication
    Pli(Pli),
    /// Full intra request
    Fir(Fir<'a>),
    /// Transport-wide congestion control feedback
    TransportCc(TransportFeedback<'a>),
    /// Receiver estimated maximum bitrate
    Remb(Remb<'a>),
}

/// Reads a plain (decrypted) compound. Reduced-size compounds (RFC 5506) are read too. A packet of a kind that is not
/// known is skipped; one of a known kind that is malformed is an error, and the next ones follow; where the lengths
/// themselves are wrong, that error is the last item.
#[inline]
#[must_use]
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// The packets of a compound; see [`packets`].
#[derive(Clone, Copy, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

/// A packet whose length is right: what its header says, and the bytes after the header, without padding.
struct Frame<'a> {
    /// Report count, source count or feedback message type.
    count: u8,
    kind: u8,
    body: &'a [u8],
}

impl<'a> Packets<'a> {
    fn frame(&mut self) -> Result<Frame<'a>, Malformed> {
        let data = std::mem::take(&mut self.rest);
        let (Some(first), Some(kind), Some(words)) = (u8_at(data, 0), u8_at(data, 1), u16_at(data, 2)) else {
            return Err(Malformed::TooShort("the RTCP header"));
        };
        if first >> 6 != 2 {
            return Err(Malformed::Version(first >> 6));
        }
        let len = 4 * (usize::from(words) + 1);
        let (packet, rest) =
            data.split_at_checked(len).ok_or(Malformed::TooShort("the end of an RTCP packet"))?;
        let mut body = packet.get(4..).unwrap_or_default();
        if first & 0x20 != 0 {
            let count = body.last().copied().unwrap_or(0);
            let kept = body.len().checked_sub(usize::from(count)).filter(|_| count != 0);
            body = kept.and_then(|kept| body.get(..kept)).ok_or(Malformed::Padding(count))?;
        }
        self.rest = rest;
        Ok(Frame { count: first & 0x1f, kind, body })
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let frame = match self.frame() {
                Ok(frame) => frame,
                Err(error) => return Some(Err(error)),
            };
            if let Some(packet) = frame.packet() {
                return Some(packet);
            }
        }
        None
    }
}

impl<'a> Frame<'a> {
    fn packet(&self) -> Option<Result<Packet<'a>, Malformed>> {
        let (count, body) = (self.count, self.body);
        let packet = match (self.kind, count) {
            (SENDER_REPORT, _) => SenderReport::parse(count, body).map(Packet::SenderReport),
            (RECEIVER_REPORT, _) => ReceiverReport::parse(count, body).map(Packet::ReceiverReport),
            (SOURCE_DESCRIPTION, _) => Ok(Packet::SourceDescription(SourceDescription::new(count, body))),
            (GOODBYE, _) => Goodbye::parse(count, body).map(Packet::Goodbye),
            (TRANSPORT_FEEDBACK, FMT_NACK) => Nack::parse(body).map(Packet::Nack),
            (TRANSPORT_FEEDBACK, FMT_TRANSPORT_CC) => TransportFeedback::parse(body).map(Packet::TransportCc),
            (PAYLOAD_FEEDBACK, FMT_PLI) => Pli::parse(body).map(Packet::Pli),
            (PAYLOAD_FEEDBACK, FMT_FIR) => Fir::parse(body).map(Packet::Fir),
            // The type is "application layer feedback"; only its name makes it a REMB.
            (PAYLOAD_FEEDBACK, FMT_REMB) => Remb::parse(body)?.map(Packet::Remb),
            _ => return None,
        };
        Some(packet)
    }
}
