//! Writing compounds into a buffer of the caller's.

use super::description::CNAME;
use super::feedback::remb_bitrate;
use super::{
    FMT_FIR, FMT_NACK, FMT_PLI, FMT_REMB, FMT_TRANSPORT_CC, FeedbackPart, FirEntry, GOODBYE,
    PAYLOAD_FEEDBACK, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SOURCE_DESCRIPTION, SenderInfo,
    TRANSPORT_FEEDBACK,
};
use crate::NoRoom;
use crate::fields::put;

/// The five bits of a count.
const MAX_COUNT: usize = 31;

/// Appends RTCP packets to a buffer. Each method writes all of what it is given, or nothing and [`NoRoom`]. Leave
/// [`crate::srtp::MAX_RTCP_OVERHEAD`] bytes behind for the seal: hand in a shorter slice.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

/// The packet that is being written.
pub(crate) struct Body<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Body<'_> {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        if !put(self.out, self.at, bytes) {
            return Err(NoRoom);
        }
        self.at += bytes.len();
        Ok(())
    }

    pub(crate) fn u16(&mut self, value: u16) -> Result<(), NoRoom> {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> Result<(), NoRoom> {
        self.bytes(&value.to_be_bytes())
    }

    fn u32s(&mut self, values: &[u32]) -> Result<(), NoRoom> {
        values.iter().try_for_each(|&value| self.u32(value))
    }
}

impl<'a> Writer<'a> {
    /// Writes at the beginning of `out`.
    #[must_use]
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// How many bytes are written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.out.get(..self.len).unwrap_or_default()
    }

    /// SR, with further RRs where there are more than 31 blocks.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        info: &SenderInfo,
        reports: &[ReportBlock],
    ) -> Result<(), NoRoom> {
        let (first, more) = reports.split_at(reports.len().min(MAX_COUNT));
        self.all_or_nothing(|writer| {
            writer.packet(first.len(), SENDER_REPORT, |body| {
                body.u32(ssrc)?;
                body.bytes(&info.ntp.bits().to_be_bytes())?;
                body.u32s(&[info.rtp, info.packets, info.bytes])?;
                first.iter().try_for_each(|report| body.bytes(&report.bytes()))
            })?;
            more.chunks(MAX_COUNT).try_for_each(|some| writer.one_receiver_report(ssrc, some))
        })
    }

    /// RR, or several where there are more than 31 blocks. Without blocks it is the empty RR that a compound begins
    /// with where nothing is received.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn receiver_report(&mut self, ssrc: u32, reports: &[ReportBlock]) -> Result<(), NoRoom> {
        if reports.is_empty() {
            return self.one_receiver_report(ssrc, reports);
        }
        self.all_or_nothing(|writer| {
            reports.chunks(MAX_COUNT).try_for_each(|some| writer.one_receiver_report(ssrc, some))
        })
    }

    fn one_receiver_report(&mut self, ssrc: u32, reports: &[ReportBlock]) -> Result<(), NoRoom> {
        self.packet(reports.len(), RECEIVER_REPORT, |body| {
            body.u32(ssrc)?;
            reports.iter().try_for_each(|report| body.bytes(&report.bytes()))
        })
    }

    /// SDES: the canonical name (at most 255 bytes) of the sources.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn source_description(&mut self, ssrcs: &[u32], cname: &str) -> Result<(), NoRoom> {
        let len = u8::try_from(cname.len()).map_err(|_| NoRoom)?;
        self.all_or_nothing(|writer| {
            ssrcs.chunks(MAX_COUNT).try_for_each(|some| {
                writer.packet(some.len(), SOURCE_DESCRIPTION, |body| {
                    some.iter().try_for_each(|&ssrc| {
                        body.u32(ssrc)?;
                        body.bytes(&[CNAME, len])?;
                        body.bytes(cname.as_bytes())?;
                        // At least one null byte ends the items, then up to the end of the word.
                        let nulls = 4 - (2 + cname.len()) % 4;
                        body.bytes([0; 4].get(..nulls).unwrap_or_default())
                    })
                })
            })
        })
    }

    /// BYE. `reason` may be empty, and has at most 255 bytes.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn goodbye(&mut self, sources: &[u32], reason: &str) -> Result<(), NoRoom> {
        let len = u8::try_from(reason.len()).map_err(|_| NoRoom)?;
        self.all_or_nothing(|writer| {
            sources.chunks(MAX_COUNT).try_for_each(|some| {
                writer.packet(some.len(), GOODBYE, |body| {
                    body.u32s(some)?;
                    if len == 0 {
                        return Ok(());
                    }
                    body.bytes(&[len])?;
                    body.bytes(reason.as_bytes())
                })
            })
        })
    }

    /// Generic NACK. Numbers in ascending order (modulo 2^16) take the least room: 4 bytes for up to 17 of them.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn nack(&mut self, sender: u32, media: u32, lost: &[u16]) -> Result<(), NoRoom> {
        self.packet(usize::from(FMT_NACK), TRANSPORT_FEEDBACK, |body| {
            body.u32s(&[sender, media])?;
            let mut lost = lost.iter().copied().peekable();
            while let Some(base) = lost.next() {
                let mut mask = 0;
                while let Some(ahead) = lost.peek().map(|next| next.wrapping_sub(base)) {
                    match ahead {
                        0 => {}
                        1..=16 => mask |= 1u16 << (ahead - 1),
                        _ => break,
                    }
                    lost.next();
                }
                body.u16(base)?;
                body.u16(mask)?;
            }
            Ok(())
        })
    }

    /// PLI.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn pli(&mut self, sender: u32, media: u32) -> Result<(), NoRoom> {
        self.packet(usize::from(FMT_PLI), PAYLOAD_FEEDBACK, |body| body.u32s(&[sender, media]))
    }

    /// FIR. Each request to a stream needs the next sequence number; a repeated one the same.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn fir(&mut self, sender: u32, entries: &[FirEntry]) -> Result<(), NoRoom> {
        self.packet(usize::from(FMT_FIR), PAYLOAD_FEEDBACK, |body| {
            body.u32s(&[sender, 0])?;
            entries.iter().try_for_each(|entry| {
                body.u32(entry.ssrc)?;
                body.bytes(&[entry.sequence, 0, 0, 0])
            })
        })
    }

    /// REMB: `bitrate` in bit/s, rounded down to 18 significant bits, for at most 255 streams.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn remb(&mut self, sender: u32, bitrate: u64, ssrcs: &[u32]) -> Result<(), NoRoom> {
        let count = u8::try_from(ssrcs.len()).map_err(|_| NoRoom)?;
        self.packet(usize::from(FMT_REMB), PAYLOAD_FEEDBACK, |body| {
            body.u32s(&[sender, 0])?;
            body.bytes(b"REMB")?;
            body.bytes(&[count])?;
            body.bytes(&remb_bitrate(bitrate))?;
            body.u32s(ssrcs)
        })
    }

    /// Transport-wide feedback; see [`crate::twcc::ArrivalLog::write`].
    pub(crate) fn transport_cc(&mut self, sender: u32, part: &FeedbackPart<'_>) -> Result<(), NoRoom> {
        self.packet(usize::from(FMT_TRANSPORT_CC), TRANSPORT_FEEDBACK, |body| {
            body.u32(sender)?;
            part.write(body)
        })
    }

    /// Writes header and body, padded with nulls to whole words (which only BYE and transport feedback need; the
    /// latter says so in its header, as libwebrtc does).
    fn packet(
        &mut self,
        count: usize,
        kind: u8,
        write: impl FnOnce(&mut Body<'_>) -> Result<(), NoRoom>,
    ) -> Result<(), NoRoom> {
        let out = self.out.get_mut(self.len..).ok_or(NoRoom)?;
        let mut body = Body { out, at: 4 };
        write(&mut body)?;
        let padding = (4 - body.at % 4) % 4;
        let counted = padding > 0 && kind == TRANSPORT_FEEDBACK;
        let last = if counted { padding as u8 } else { 0 };
        for left in (1..=padding).rev() {
            body.bytes(&[if left == 1 { last } else { 0 }])?;
        }
        let len = body.at;
        let words = u16::try_from(len / 4 - 1).map_err(|_| NoRoom)?;
        let [w0, w1] = words.to_be_bytes();
        let first = 0x80 | (u8::from(counted) << 5) | (count as u8 & 0x1f);
        if !put(out, 0, &[first, kind, w0, w1]) {
            return Err(NoRoom);
        }
        self.len += len;
        Ok(())
    }

    fn all_or_nothing(&mut self, write: impl FnOnce(&mut Self) -> Result<(), NoRoom>) -> Result<(), NoRoom> {
        let before = self.len;
        write(self).inspect_err(|_| self.len = before)
    }
}
