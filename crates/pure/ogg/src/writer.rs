//! Packets and silence, one behind the other, onto pages.

use crate::header::{Channels, Head, PRE_SKIP, Tags};
use crate::opus::{self, Filler};
use crate::page::{BEGIN, END, Pager};

/// The longest page in samples: 1 s.
pub(crate) const MAX_PAGE: i64 = 48_000;

/// How much of a gap is concealed before it falls silent: 100 ms. Decoders repeat what was last heard, which soon sounds
/// wrong, and some never let it fade.
const CONCEAL: i64 = 4_800;

/// The same behind a packet that begins a discontinuous transmission: 500 ms. The sender said that there is nothing but
/// noise, it refreshes that each 400 ms, and decoders make it.
const CONCEAL_NOISE: i64 = 24_000;

/// Packets up to this many bytes begin a discontinuous transmission: a TOC byte and nothing that could be heard.
pub(crate) const MAX_QUIET: usize = 2;

/// By how much the stream grows at most until [`Writer::allow`]: 1 h, about 1 MB of silence.
const MAX_FILL: i64 = 3_600 * 48_000;

/// The stream so far. Positions in samples since the recording's start.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pager: Pager,
    stereo: bool,
    out: Vec<u8>,
    /// Where the next packet will stand, and where the page began.
    cursor: i64,
    page_start: i64,
    /// To where gaps are filled, whatever is asked for.
    limit: i64,
    /// The first byte of the last packet, and how much may be, and has been, concealed behind it.
    toc: Option<u8>,
    conceal: i64,
    in_gap: bool,
    pub(crate) gaps: u64,
    pub(crate) concealed: i64,
    pub(crate) silence: i64,
}

impl Writer {
    pub(crate) fn new(head: Head, tags: &Tags, serial: u32) -> Self {
        let (mut pager, mut out) = (Pager::new(serial), Vec::new());
        pager.append(&head.packet());
        pager.flush(BEGIN, 0, &mut out);
        pager.append(&tags.packet());
        pager.flush(0, 0, &mut out);
        Self {
            pager,
            stereo: head.channels == Channels::Stereo,
            out,
            cursor: 0,
            page_start: 0,
            limit: MAX_FILL,
            toc: None,
            conceal: 0,
            in_gap: false,
            gaps: 0,
            concealed: 0,
            silence: 0,
        }
    }

    pub(crate) fn output(&self) -> &[u8] {
        &self.out
    }

    pub(crate) fn clear_output(&mut self) {
        self.out.clear();
    }

    pub(crate) fn cursor(&self) -> i64 {
        self.cursor
    }

    /// Lets the stream grow by another hour: a clock that leapt further is followed call by call.
    pub(crate) fn allow(&mut self) {
        self.limit = self.cursor + MAX_FILL;
    }

    /// When the page must leave, so that no more than a second is lost with it.
    pub(crate) fn page_due(&self) -> i64 {
        self.page_start + MAX_PAGE
    }

    /// A packet of the sender, of so many samples.
    pub(crate) fn packet(&mut self, packet: &[u8], duration: i64) {
        self.append(packet, duration);
        self.toc = packet.first().copied();
        self.conceal = if packet.len() <= MAX_QUIET { CONCEAL_NOISE } else { CONCEAL };
        self.in_gap = false;
    }

    /// Fills about so many samples, because no packet came: to the nearest 2.5 ms, while it conceals SILK 10 ms.
    pub(crate) fn fill_gap(&mut self, samples: i64) {
        if self.fill(samples) > 0 && !self.in_gap {
            self.in_gap = true;
            self.gaps += 1;
        }
    }

    /// The same between two packets that follow each other. Returns by how many packets.
    pub(crate) fn fill(&mut self, samples: i64) -> u64 {
        let end = (self.cursor + samples).min(self.limit);
        let mut packets = 0;
        while let Some(filler) = self.filler(end - self.cursor) {
            self.append(filler.bytes(), i64::from(filler.duration));
            packets += 1;
        }
        packets
    }

    fn filler(&mut self, left: i64) -> Option<Filler> {
        let left = u32::try_from(left.clamp(0, MAX_PAGE)).ok()?;
        if let Some(toc) = self.toc.filter(|_| self.conceal > 0) {
            let filler = opus::conceal(toc, left)?;
            self.conceal -= i64::from(filler.duration);
            self.concealed += i64::from(filler.duration);
            return Some(filler);
        }
        let filler = opus::silence(self.stereo, left)?;
        self.silence += i64::from(filler.duration);
        Some(filler)
    }

    fn append(&mut self, packet: &[u8], duration: i64) {
        let page = self.cursor + duration - self.page_start;
        if page > MAX_PAGE || !self.pager.fits(packet.len()) {
            self.flush();
        }
        self.pager.append(packet);
        self.cursor += duration;
    }

    /// Ends the page, if there is something on it.
    pub(crate) fn flush(&mut self) {
        if self.pager.is_empty() {
            return;
        }
        self.pager.flush(0, self.cursor.unsigned_abs(), &mut self.out);
        self.page_start = self.cursor;
    }

    /// Ends the stream so that it plays until `end`; the last packet may be cut. What is missing becomes silence.
    pub(crate) fn finish(&mut self, end: i64) {
        let granule = end + i64::from(PRE_SKIP);
        self.fill_gap(granule - self.cursor);
        // The last page needs a packet, and the packets must reach its granule position.
        self.conceal = 0;
        let missing = granule - self.cursor;
        if missing > 0 || self.pager.is_empty() {
            self.fill((missing + 119).max(120));
        }
        let granule = granule.clamp(self.page_start, self.cursor);
        self.pager.flush(END, granule.unsigned_abs(), &mut self.out);
        self.cursor = granule - i64::from(PRE_SKIP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::read;

    const FRAME: &[u8] = &[31 << 3 | 4, 1, 2, 3];

    fn writer() -> Writer {
        Writer::new(Head { channels: Channels::Stereo }, &Tags::new(), 7)
    }

    #[test]
    fn a_gap_is_concealed_first_and_then_silent() {
        let mut writer = writer();
        writer.packet(FRAME, 960);
        writer.fill_gap(6_000);
        writer.fill_gap(960);
        writer.packet(FRAME, 960);
        assert_eq!((writer.gaps, writer.concealed, writer.silence), (1, 4_800, 2_160));
        writer.finish(writer.cursor());
        let file = read(writer.output());
        let packets: Vec<_> = file.packets.iter().map(|packet| packet.bytes.as_slice()).collect();
        assert_eq!(packets[1], [31 << 3 | 4]);
        assert_eq!(packets[6..9], [&[0xfc, 0xff, 0xfe], &[0xec, 0xff, 0xfe], &[0xfc, 0xff, 0xfe]]);
    }

    #[test]
    fn noise_is_concealed_for_as_long_as_the_sender_may_be_quiet() {
        let mut writer = writer();
        writer.packet(&[9 << 3], 960);
        writer.fill_gap(19 * 960);
        assert_eq!((writer.concealed, writer.silence), (19 * 960, 0));
        writer.fill_gap(48_000);
        assert_eq!(writer.concealed, CONCEAL_NOISE);
    }

    #[test]
    fn before_the_first_packet_there_is_nothing_to_conceal() {
        let mut writer = writer();
        writer.fill_gap(48_000);
        assert_eq!((writer.concealed, writer.silence), (0, 48_000));
    }

    #[test]
    fn the_end_is_exact_to_the_sample() {
        for end in [0, 1, 313, 960, 47_999, 48_000, 100_001] {
            let mut writer = writer();
            writer.packet(&[1 << 3, 5], 960);
            writer.finish(end);
            assert_eq!(read(writer.output()).duration, end.max(0), "{end}");
        }
    }

    #[test]
    fn a_leap_of_a_year_is_filled_hour_by_hour() {
        let mut writer = writer();
        writer.fill_gap(365 * 24 * MAX_FILL);
        assert_eq!(writer.cursor(), MAX_FILL);
        writer.clear_output();
        writer.allow();
        writer.fill_gap(365 * 24 * MAX_FILL);
        assert_eq!(writer.cursor(), 2 * MAX_FILL);
        assert!(writer.output().len() < 1_100_000, "{}", writer.output().len());
    }
}
