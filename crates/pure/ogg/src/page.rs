//! Pages (RFC 3533 section 6): one read, and one written. Packets never span pages here: the longest payload and the
//! largest tags fit one page.

use crate::crc;

/// The longest page in bytes: the header, 255 lacing values, and 255 times as many bytes.
pub const MAX_PAGE: usize = HEADER + 255 + 255 * 255;

/// The bytes before the lacing values.
const HEADER: usize = 27;

/// Where the flags and the checksum stand.
const FLAGS_AT: usize = 5;
const CRC_AT: usize = 22;

/// The page's first packet began on the page before.
pub(crate) const CONTINUED: u8 = 1;
/// The first page of the stream.
pub(crate) const BEGIN: u8 = 2;
/// The last page of the stream.
pub(crate) const END: u8 = 4;

/// These bytes are no page, or a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no page, or a damaged one")]
pub struct BadPage;

/// One page, whose checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    flags: u8,
    /// In samples at 48 kHz, where the last packet of the page ends; what is skipped at the start is counted in.
    pub granule: u64,
    /// The stream in the file.
    pub serial: u32,
    /// Counts the pages of the stream from zero.
    pub sequence: u32,
    lacing: &'a [u8],
    body: &'a [u8],
}

impl<'a> Page<'a> {
    /// The page at the start of `bytes`; `None` when it goes on behind them.
    ///
    /// # Errors
    ///
    /// [`BadPage`] as soon as it cannot become a page any more, and for a wrong checksum.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, BadPage> {
        let known = bytes.get(..5).unwrap_or(bytes);
        if !b"OggS\0".starts_with(known) {
            return Err(BadPage);
        }
        let Some(page) = Self::split(bytes) else { return Ok(None) };
        let (before, rest) =
            bytes.get(..page.len()).and_then(|page| page.split_at_checked(CRC_AT)).ok_or(BadPage)?;
        let (sum, after) = rest.split_first_chunk().ok_or(BadPage)?;
        let crc = crc::update(crc::update(crc::update(0, before), &[0; 4]), after);
        if u32::from_le_bytes(*sum) == crc { Ok(Some(page)) } else { Err(BadPage) }
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let (lacing, rest) = rest.split_at_checked(usize::from(*header.last()?))?;
        Some(Self {
            flags: *header.get(FLAGS_AT)?,
            granule: u64::from_le_bytes(*header.get(6..)?.first_chunk()?),
            serial: u32::from_le_bytes(*header.get(14..)?.first_chunk()?),
            sequence: u32::from_le_bytes(*header.get(18..)?.first_chunk()?),
            lacing,
            body: rest.get(..lacing.iter().map(|value| usize::from(*value)).sum())?,
        })
    }

    /// Whether it is the first page of its stream.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.flags & BEGIN != 0
    }

    /// Whether it is the last page of its stream.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.flags & END != 0
    }

    /// Whether its packets are its own: none came from the page before or goes on in the next one.
    #[must_use]
    pub fn is_self_contained(&self) -> bool {
        self.flags & CONTINUED == 0 && self.lacing.last() != Some(&255)
    }

    /// Its length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a page is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        HEADER + self.lacing.len() + self.body.len()
    }

    /// Its packets; the parts of those that go beyond it as if they were whole.
    pub fn packets(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.body;
        self.lacing.split_inclusive(|value| *value < 255).map(move |lacing| {
            let length = lacing.iter().map(|value| usize::from(*value)).sum();
            let (packet, after) = rest.split_at_checked(length).unwrap_or_default();
            rest = after;
            packet
        })
    }
}

/// The page in `bytes` again, as the last one of its stream.
pub(crate) fn ended(bytes: &[u8]) -> Vec<u8> {
    let mut page = bytes.to_vec();
    if let Some(flags) = page.get_mut(FLAGS_AT) {
        *flags |= END;
    }
    seal(&mut page);
    page
}

fn seal(page: &mut [u8]) {
    let Some(sum) = page.get_mut(CRC_AT..).and_then(|rest| rest.first_chunk_mut()) else { return };
    *sum = [0; 4];
    let crc = crc::update(0, page);
    if let Some(sum) = page.get_mut(CRC_AT..).and_then(|rest| rest.first_chunk_mut()) {
        *sum = crc.to_le_bytes();
    }
}

/// Puts the packets of one stream on pages.
#[derive(Clone, Debug)]
pub(crate) struct Pager {
    serial: u32,
    sequence: u32,
    lacing: Vec<u8>,
    body: Vec<u8>,
}

impl Pager {
    pub(crate) fn new(serial: u32) -> Self {
        Self { serial, sequence: 0, lacing: Vec::with_capacity(255), body: Vec::new() }
    }

    /// Whether the page has room for a packet of `len` bytes: for its lacing values.
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.lacing.len() + len / 255 < 255
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lacing.is_empty()
    }

    /// The caller has asked whether it [fits](Self::fits).
    pub(crate) fn append(&mut self, packet: &[u8]) {
        self.lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        self.lacing.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
    }

    /// The page, behind what is in `out`.
    pub(crate) fn flush(&mut self, flags: u8, granule: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"OggS\0");
        out.push(flags);
        out.extend_from_slice(&granule.to_le_bytes());
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.push(self.lacing.len() as u8);
        out.append(&mut self.lacing);
        out.append(&mut self.body);
        self.sequence = self.sequence.wrapping_add(1);
        seal(out.get_mut(start..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The first page of a file by opusenc 0.2: stereo, 312 samples to skip.
    const KNOWN: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0\x89}\xed(\0\0\0\0ix\xf8\xc1\x01\x13OpusHead\x01\x028\x01\x80\xbb\0\0\0\0\0";

    #[test]
    fn a_page_by_others() {
        let page = Page::parse(KNOWN).unwrap().unwrap();
        assert!(page.begins() && !page.ends() && page.is_self_contained());
        assert_eq!((page.granule, page.sequence, page.len()), (0, 0, KNOWN.len()));
        let mut pager = Pager::new(page.serial);
        page.packets().for_each(|packet| pager.append(packet));
        let mut out = Vec::new();
        pager.flush(BEGIN, 0, &mut out);
        assert_eq!(out, KNOWN, "written as they did");
    }

    #[test]
    fn a_changed_bit_is_seen() {
        for bit in 0..KNOWN.len() * 8 {
            let mut page = KNOWN.to_vec();
            page[bit / 8] ^= 1 << (bit % 8);
            // A length that grew asks for more.
            assert!(!matches!(Page::parse(&page), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn half_a_page_is_none_yet_and_zeros_never_one() {
        for len in 0..KNOWN.len() {
            assert_eq!(Page::parse(&KNOWN[..len]), Ok(None));
        }
        assert_eq!(Page::parse(&[0]), Err(BadPage));
        assert_eq!(Page::parse(b"OggX"), Err(BadPage));
    }

    #[test]
    fn the_end_is_marked_with_a_new_checksum() {
        let ended = ended(KNOWN);
        let page = Page::parse(&ended).unwrap().unwrap();
        assert!(page.begins() && page.ends());
    }

    #[test]
    fn lacing_of_255_bytes_ends_with_a_zero() {
        let mut pager = Pager::new(1);
        for len in [254, 255, 256, 510, 0] {
            pager.append(&vec![7; len]);
        }
        assert_eq!(pager.lacing, [254, 255, 0, 255, 1, 255, 255, 0, 0]);
    }

    proptest! {
        #[test]
        fn what_is_put_on_a_page_is_read_from_it(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1500), 0..60),
            (serial, granule) in any::<(u32, u64)>(),
        ) {
            let (mut pager, mut out, mut fitted) = (Pager::new(serial), vec![1, 2, 3], Vec::new());
            for packet in packets {
                if pager.fits(packet.len()) {
                    pager.append(&packet);
                    fitted.push(packet);
                }
            }
            pager.flush(END, granule, &mut out);
            prop_assert!(out.len() <= 3 + MAX_PAGE && pager.is_empty());
            let page = Page::parse(&out[3..]).unwrap().unwrap();
            prop_assert_eq!((page.serial, page.granule, page.ends()), (serial, granule, true));
            prop_assert_eq!(page.packets().collect::<Vec<_>>(), fitted);
        }

        #[test]
        fn nothing_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..400), magic in any::<bool>()) {
            if magic && bytes.len() >= 5 {
                bytes[..5].copy_from_slice(b"OggS\0");
            }
            let _ = Page::parse(&bytes);
        }
    }
}
