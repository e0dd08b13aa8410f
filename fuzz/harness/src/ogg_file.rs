//! A reader of recordings that accepts nothing but a sound file.

use ogg::{Page, opus};

/// How long a file is heard, in samples.
pub(crate) fn read(bytes: &[u8]) -> i64 {
    let (mut rest, mut pages, mut position, mut skip, mut heard) = (bytes, 0, 0, 0, None);
    while !rest.is_empty() {
        let page = Page::parse(rest).expect("a page with the right checksum").expect("a whole page");
        rest = &rest[page.len()..];
        assert_eq!(page.sequence, pages);
        assert_eq!((page.begins(), page.ends()), (pages == 0, rest.is_empty()));
        assert!(page.is_self_contained());
        pages += 1;
        let packets: Vec<_> = page.packets().collect();
        match pages {
            1 => {
                assert!(packets.len() == 1 && packets[0].starts_with(b"OpusHead\x01"), "{packets:?}");
                skip = i64::from(u16::from_le_bytes([packets[0][10], packets[0][11]]));
            }
            2 => assert!(packets.len() == 1 && packets[0].starts_with(b"OpusTags")),
            _ => heard = Some(sound(&page, &packets, &mut position) - skip),
        }
    }
    heard.expect("a file without sound")
}

fn sound(page: &Page<'_>, packets: &[&[u8]], position: &mut i64) -> i64 {
    assert!(!packets.is_empty());
    let start = *position;
    for packet in packets {
        *position += i64::from(opus::duration(packet).expect("an Opus packet"));
    }
    assert!(*position - start <= 48_000, "a page of more than a second");
    let granule = i64::try_from(page.granule).expect("a length");
    if page.ends() {
        assert!((start..=*position).contains(&granule), "{start} {granule} {position}");
    } else {
        assert_eq!(granule, *position);
    }
    granule
}
