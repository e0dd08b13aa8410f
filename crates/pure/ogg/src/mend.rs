//! A file whose writer died: which part of it is whole, and what makes that a file again.

use crate::header::{PRE_SKIP, Tags};
use crate::page::{self, MAX_PAGE, Page};
use std::time::Duration;

/// A piece of a header page this long may be all that there ever was of a file: ids are far shorter, and of sound it is
/// less than a second. Where more is there, a damaged length may hide whatever follows.
const MAX_SCRAP: usize = 1024;

/// What to do with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Nothing: it has its end.
    Whole,
    /// Cut it, and perhaps write its last page again.
    Cut {
        /// The length to truncate the file to, in bytes.
        keep: u64,
        /// Bytes to write over those at this offset, after which the file has its end; they end at `keep`. `None` when
        /// only something behind the end must go.
        patch: Option<(u64, Vec<u8>)>,
    },
    /// There is no sound in it: it ends with its headers, or within them.
    Nothing,
    /// A page of the headers, or the first one behind them, is damaged or cut off. What follows is not looked at: there
    /// may be much of it.
    Unreadable,
    /// The pages are good, and not as [`Recording`](crate::Recording) writes them: somebody else's file.
    Foreign,
}

/// Reads a file of [`Recording`](crate::Recording) from its start, in parts of any size, and finds where it breaks off.
/// Holds two pages at most: 128 KB.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// What was read behind the last whole page; not the whole rest once that is known to be no page.
    pending: Vec<u8>,
    /// The last whole page, and where it ends.
    last: Vec<u8>,
    end: u64,
    pages: u32,
    serial: u32,
    granule: u64,
    tags: Option<Tags>,
    ended: bool,
    /// There is something behind the last page that is none.
    broken: bool,
    /// What is behind it is a page that does not belong there.
    foreign: bool,
}

impl Scan {
    /// At the start of a file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the file. Returns whether more are needed: `false` as soon as nothing that follows matters.
    pub fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() && !self.broken {
            let room = MAX_PAGE.saturating_sub(self.pending.len()).min(bytes.len());
            let (part, rest) = bytes.split_at_checked(room).unwrap_or_default();
            self.pending.extend_from_slice(part);
            bytes = rest;
            self.read_pages();
        }
        !self.broken
    }

    /// How long the sound is that was read so far, up to the last whole page.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let samples = if self.pages < 3 { 0 } else { self.granule.saturating_sub(u64::from(PRE_SKIP)) };
        Duration::from_micros(samples.saturating_mul(1_000_000) / u64::from(crate::RATE))
    }

    /// What the file says about itself. `None` where it was not read so far, or says nothing that is understood.
    #[must_use]
    pub fn tags(&self) -> Option<&Tags> {
        self.tags.as_ref()
    }

    /// The file ends here.
    #[must_use]
    pub fn finish(self) -> Mend {
        if self.pages < 3 {
            return self.without_sound();
        }
        if self.ended {
            let trailing = self.broken || !self.pending.is_empty();
            return if trailing { Mend::Cut { keep: self.end, patch: None } } else { Mend::Whole };
        }
        let start = self.end - self.last.len() as u64;
        Mend::Cut { keep: self.end, patch: Some((start, page::ended(&self.last))) }
    }

    /// Two pages at most are good, and those are the headers.
    fn without_sound(&self) -> Mend {
        let within_headers = self.pages < 2 && self.pending.len() <= MAX_SCRAP;
        match (self.foreign, self.broken) {
            (true, _) => Mend::Foreign,
            (false, false) if within_headers || self.pending.is_empty() => Mend::Nothing,
            _ => Mend::Unreadable,
        }
    }

    fn read_pages(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while !rest.is_empty() && !self.broken {
            match Page::parse(rest) {
                Ok(None) => break,
                Ok(Some(page)) if self.follows(&page) => {
                    let (bytes, after) = rest.split_at_checked(page.len()).unwrap_or_default();
                    self.accept(&page, bytes);
                    rest = after;
                }
                outcome => {
                    self.broken = true;
                    self.foreign = outcome.is_ok();
                }
            }
        }
        self.pending = rest.to_vec();
    }

    /// Whether the page is the next one of the stream, as we write it.
    fn follows(&self, page: &Page<'_>) -> bool {
        let first = page.packets().next().unwrap_or_default();
        let kind = match self.pages {
            0 => page.begins() && first.starts_with(b"OpusHead"),
            1 => Tags::are_ours(first),
            _ => true,
        };
        let same = self.pages == 0 || (page.serial == self.serial && !page.begins());
        kind && same
            && !self.ended
            && page.sequence == self.pages
            && page.granule >= self.granule
            && page.is_self_contained()
    }

    fn accept(&mut self, page: &Page<'_>, bytes: &[u8]) {
        if self.pages == 1 {
            self.tags = page.packets().next().and_then(Tags::parse);
        }
        (self.serial, self.granule, self.ended) = (page.serial, page.granule, page.ends());
        self.pages = self.pages.saturating_add(1);
        self.end += bytes.len() as u64;
        self.last.clear();
        self.last.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Pager;
    use crate::sim::read;
    use crate::{Head, Recording, Tags};
    use proptest::prelude::*;

    /// A recording of 5 s with large packets, and its length without the last page.
    fn recorded() -> (Vec<u8>, usize) {
        let mut tags = Tags::new();
        tags.add("ROOM", "tea").unwrap();
        let mut recording = Recording::new(Head::default(), &tags, 9);
        for n in 0..250 {
            recording.push(Duration::from_millis(20 * n), n, 960 * n as u32, &[31 << 3; 400]);
        }
        let open = recording.output().len();
        recording.finish(Duration::from_secs(5));
        (recording.output().to_vec(), open)
    }

    fn scan(bytes: &[u8], part: usize) -> Mend {
        let mut scan = Scan::new();
        let _ = bytes.chunks(part).all(|part| scan.feed(part));
        scan.finish()
    }

    fn mended(bytes: &[u8], mend: Mend) -> Vec<u8> {
        let Mend::Cut { keep, patch } = mend else { panic!("{mend:?}") };
        let mut mended = bytes[..keep as usize].to_vec();
        if let Some((offset, patch)) = patch {
            mended.truncate(offset as usize);
            mended.extend(patch);
        }
        assert_eq!(mended.len() as u64, keep);
        mended
    }

    #[test]
    fn a_file_with_its_end_is_left_alone() {
        let (file, _) = recorded();
        assert_eq!(scan(&file, 1000), Mend::Whole);
        assert_eq!(scan(&file, usize::MAX), Mend::Whole);
        let mut scan = Scan::new();
        scan.feed(&file);
        assert_eq!(scan.duration(), Duration::from_secs(5));
        assert_eq!(scan.tags().unwrap().find("ROOM"), Some("tea"));
        let mut headers = Scan::new();
        headers.feed(&file[..50]);
        assert_eq!((headers.duration(), headers.tags()), (Duration::ZERO, None));
    }

    #[test]
    fn a_killed_writer_loses_at_most_a_second() {
        let (file, open) = recorded();
        let mended = mended(&file[..open], scan(&file[..open], 4096));
        assert!(read(&mended).duration > 4 * 48_000);
        assert_eq!(scan(&mended, 1), Mend::Whole);
    }

    #[test]
    fn what_a_power_cut_leaves_behind_is_cut_off() {
        let (file, open) = recorded();
        for tail in [vec![0; 5000], b"OggS".to_vec(), file[open..file.len() - 1].to_vec(), vec![7; 200_000]] {
            let broken = [&file[..open], &tail].concat();
            let mended = mended(&broken, scan(&broken, 777));
            assert_eq!(mended.len(), open);
            read(&mended);
        }
        let longer = [file.as_slice(), &[0; 10]].concat();
        assert_eq!(scan(&longer, 64), Mend::Cut { keep: file.len() as u64, patch: None });
    }

    #[test]
    fn without_sound_there_is_nothing_to_keep() {
        let (file, _) = recorded();
        let mut tags = Tags::new();
        tags.add("ROOM", "tea").unwrap();
        let headers = Recording::new(Head::default(), &tags, 9).output().len();
        for len in [0, 1, 30, headers - 1, headers] {
            assert_eq!(scan(&file[..len], 10), Mend::Nothing, "{len}");
        }
    }

    #[test]
    fn a_bad_byte_at_the_start_hides_what_follows_and_is_not_taken_for_silence() {
        let (file, _) = recorded();
        let mut tags = Tags::new();
        tags.add("ROOM", "tea").unwrap();
        let headers = Recording::new(Head::default(), &tags, 9).output().len();
        for at in (0..headers + 10_000).step_by(7) {
            let mut bad = file.clone();
            bad[at] ^= 1;
            assert_eq!(scan(&bad, 4096), Mend::Unreadable, "{at}");
        }
        assert_eq!(scan(&file[..headers + 100], 4096), Mend::Unreadable);
        assert_eq!(scan(&[0; 100_000], 4096), Mend::Unreadable);
    }

    #[test]
    fn what_others_wrote_is_told_from_what_is_damaged() {
        let (mut theirs, mut pager) = (Vec::new(), Pager::new(9));
        pager.append(&Head::default().packet());
        pager.flush(page::BEGIN, 0, &mut theirs);
        pager.append(b"OpusTags\x09\0\0\0elsewhere\0\0\0\0");
        pager.flush(0, 0, &mut theirs);
        assert_eq!(scan(&theirs, 4096), Mend::Foreign);
        let (file, _) = recorded();
        let first = Page::parse(&file).unwrap().unwrap().len();
        assert_eq!(scan(&file[first..], 4096), Mend::Foreign, "it has no beginning");
    }

    #[test]
    fn a_scan_stops_early_and_stays_small() {
        let mut scan = Scan::new();
        let (file, open) = recorded();
        assert!(scan.feed(&file[..open]));
        assert!(!scan.feed(&vec![0; 1_000_000]));
        assert!(scan.pending.capacity() <= 2 * MAX_PAGE);
    }

    proptest! {
        #[test]
        fn whatever_is_cut_or_changed_what_is_kept_is_a_file(
            cut in any::<prop::sample::Index>(),
            change in any::<prop::sample::Index>(),
            bits in any::<u8>(),
            part in 1usize..100_000,
        ) {
            let (file, _) = recorded();
            let mut file = file[..=cut.index(file.len())].to_vec();
            let at = change.index(file.len());
            file[at] ^= bits;
            match scan(&file, part) {
                Mend::Whole => prop_assert!(bits == 0),
                Mend::Nothing | Mend::Unreadable | Mend::Foreign => {}
                cut => {
                    let mended = mended(&file, cut);
                    read(&mended);
                    prop_assert_eq!(scan(&mended, 512), Mend::Whole);
                }
            }
        }
    }
}
