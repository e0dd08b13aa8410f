//! Files whose writer died: whatever was cut off or damaged, what is kept is a file, and the same in whatever parts it was
//! read.

use super::named;
use crate::ogg_file::read;
use crate::script::Script;
use ogg::{Head, Mend, Page, Recording, Scan, Tags};
use std::sync::LazyLock;
use std::time::Duration;

/// Three seconds of small packets, and where its last page begins.
static RECORDED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut tags = Tags::new();
    tags.add("ROOM", "tea").expect("a tag");
    let mut recording = Recording::new(Head::default(), &tags, 9);
    for n in 0..150 {
        recording.push(Duration::from_millis(20 * n), n, 960 * n as u32, &[31 << 3; 20]);
    }
    recording.finish(Duration::from_secs(3));
    recording.output().to_vec()
});

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (kind, part) = (script.byte(), 1 + usize::from(script.u16()));
    let file = match kind {
        0 => script.rest().to_vec(),
        kind => damaged(&mut script, kind & 1 == 0),
    };
    // Sealed pages may say anything, in packets too, which a scan does not look at: nobody but us writes these files.
    let ours = kind & 1 == 1;
    let mend = scanned(&file, part);
    assert_eq!(scanned(&file, usize::MAX), mend, "in one piece");
    match mend {
        Mend::Whole if ours => assert!(read(&file) >= 0),
        Mend::Cut { keep, patch } => {
            let mut mended = file;
            mended.truncate(usize::try_from(keep).expect("it is in memory"));
            assert_eq!(mended.len() as u64, keep);
            if let Some((offset, patch)) = patch {
                mended.truncate(usize::try_from(offset).expect("it is in memory"));
                mended.extend(patch);
                assert_eq!(mended.len() as u64, keep, "the patch ends where the file does");
            }
            assert_eq!(scanned(&mended, part), Mend::Whole);
            if ours {
                read(&mended);
            }
        }
        Mend::Whole | Mend::Nothing | Mend::Unreadable | Mend::Foreign => {}
    }
}

/// The recording, cut somewhere, with other bytes in some places. `sealed`: its pages get the checksums that fit.
fn damaged(script: &mut Script<'_>, sealed: bool) -> Vec<u8> {
    let mut file = RECORDED.clone();
    let len = file.len();
    let cut = usize::from(script.u16()).min(len);
    for _ in 0..script.below(8) {
        file[usize::from(script.u16()) % len] ^= script.byte();
    }
    if sealed {
        seal_pages(&mut file);
    }
    file.truncate(cut);
    file.extend_from_slice(script.rest());
    file
}

fn scanned(file: &[u8], part: usize) -> Mend {
    let mut scan = Scan::new();
    let mut more = true;
    for bytes in file.chunks(part) {
        let wanted = scan.feed(bytes);
        assert!(more || !wanted, "what was enough is enough");
        more = wanted;
    }
    let _ = (scan.duration(), scan.tags());
    scan.finish()
}

fn seal_pages(file: &mut [u8]) {
    let mut at = 0;
    while let Some(len) = page_len(&file[at..]) {
        let page = &mut file[at..at + len];
        page[22..26].fill(0);
        let sum = checksum(page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        assert!(!page.starts_with(b"OggS\0") || Page::parse(page).is_ok_and(|page| page.is_some()));
        at += len;
    }
}

/// By its lacing values (RFC 3533 section 6).
fn page_len(rest: &[u8]) -> Option<usize> {
    let lacing = rest.get(27..27 + usize::from(*rest.get(26)?))?;
    let len = 27 + lacing.len() + lacing.iter().map(|value| usize::from(*value)).sum::<usize>();
    (len <= rest.len()).then_some(len)
}

/// Bit by bit (RFC 3533 section 6, field 6).
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum, _| {
            (sum << 1) ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let len = RECORDED.len() as u16;
    let cut = |at: u16, rest: &[u8]| [&[1, 0x10, 0], &at.to_be_bytes()[..], &[0], rest].concat();
    let [high, low] = len.to_be_bytes();
    named([
        ("whole", cut(len, &[])),
        ("without-its-end", cut(len - 1, &[])),
        ("half", cut(len / 2, &[])),
        ("headers", cut(90, &[])),
        ("nothing", cut(0, &[])),
        ("zeros-behind", cut(len, &[0; 100])),
        ("damaged", vec![1, 0, 63, high, low, 1, 0x04, 0, 1]),
        ("changed-and-sealed", vec![2, 0, 63, high, low, 2, 0, 5, 4, 0, 14, 1]),
        ("raw", [&[0, 0, 99], &RECORDED[..600]].concat()),
        ("foreign", [&[0, 0, 99], &RECORDED[47..600]].concat()),
    ])
}
