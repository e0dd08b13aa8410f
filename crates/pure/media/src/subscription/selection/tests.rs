//! Layers that change, with pictures whole and in parts.

use super::*;
use crate::epoch;
use crate::stream::frame::Frame;
use rtp::Header;
use rtp::write::write_packet;

const TARGET: Target = Target { source: 0, layers: Layers::ALL };

fn scene(now: Instant) -> Scene<'static> {
    Scene { now, tracks: &[], theirs: None }
}

fn entry(number: u64, timestamp: u32, frame: Frame) -> Entry {
    let fields = rtp::Fields { marker: false, payload_type: 96, sequence: 1, timestamp, ssrc: 1 };
    let mut bytes = [0; 40];
    let written = write_packet(&fields, &[], &[1, 2], &mut bytes).unwrap();
    let header = Header::parse(&bytes[..written.len]).unwrap();
    let packet = rtp::RtpPacket::new(header, &bytes[..written.len]).unwrap();
    let mut cache = crate::stream::cache::PacketCache::audio();
    cache.insert(&mut Default::default(), epoch(), number, &packet, frame).unwrap()
}

/// A packet that is a whole frame.
fn frame(spatial: u8, temporal: u8, picture: u16) -> Frame {
    Frame { begins: spatial == 0, ends: true, sync: true, spatial, temporal, picture, ..Frame::default() }
}

fn key(picture: u16) -> Frame {
    Frame { key: true, ..frame(0, 0, picture) }
}

#[test]
fn temporal_layers_go_at_once_and_come_where_they_can() {
    let mut selection = Selection::new(0..1, true, 90_000, 100);
    let mut number = 0;
    let mut admit = |selection: &mut Selection, frame: Frame| {
        number += 1;
        let packet = entry(number, number as u32 * 3000, frame);
        selection
            .admit(&scene(epoch()), 0, &packet)
            .map(|(place, _)| (place.index, frame.picture.wrapping_add(place.shift.pictures)))
    };
    assert_eq!(admit(&mut selection, key(10)), Some((100, 10)));
    assert_eq!(admit(&mut selection, frame(0, 1, 11)), Some((101, 11)));
    let base = Target { layers: Layers { temporal: 0, ..Layers::ALL }, ..TARGET };
    assert!(!selection.choose(epoch(), Some(base)), "no key frame is needed");
    assert_eq!(admit(&mut selection, frame(0, 0, 12)), Some((102, 12)));
    assert_eq!(admit(&mut selection, frame(0, 1, 13)), None);
    assert_eq!(admit(&mut selection, frame(0, 0, 14)), Some((103, 13)));
    selection.choose(epoch(), Some(TARGET));
    assert_eq!(admit(&mut selection, Frame { sync: false, ..frame(0, 1, 15) }), None);
    assert_eq!(admit(&mut selection, frame(0, 0, 16)), Some((104, 14)));
    assert_eq!(admit(&mut selection, frame(0, 1, 17)), Some((105, 15)));
}

#[test]
fn the_highest_spatial_layer_that_goes_through_ends_the_picture() {
    let mut selection = Selection::new(0..1, true, 90_000, 100);
    let low = Target { layers: Layers { spatial: 1, ..Layers::ALL }, ..TARGET };
    selection.choose(epoch(), Some(low));
    let mut number = 0;
    // What the marker says that each of three layers of a picture gets; those that do not go through have none.
    let mut picture = |selection: &mut Selection, first: Frame| {
        [first, Frame { key: false, ..frame(1, 0, 0) }, frame(2, 0, 0)].map(|frame| {
            number += 1;
            let packet = entry(number, 3000, frame);
            let (place, _) = selection.admit(&scene(epoch()), 0, &packet)?;
            Some((place.index, frame.ends && frame.spatial == place.shift.top))
        })
    };
    assert_eq!(picture(&mut selection, key(0)), [Some((100, false)), Some((101, true)), None]);
    assert_eq!(picture(&mut selection, frame(0, 0, 0)), [Some((102, false)), Some((103, true)), None]);
    assert!(selection.choose(epoch(), Some(TARGET)), "it waits for a key frame");
    assert_eq!(selection.awaits_key_frame_of(), Some(0));
    assert_eq!(picture(&mut selection, frame(0, 0, 0)), [Some((104, false)), Some((105, true)), None]);
    let all = [Some((106, false)), Some((107, false)), Some((108, false))];
    assert_eq!(picture(&mut selection, key(0)), all);
    assert_eq!(selection.awaits_key_frame_of(), None);
    let lowest = Target { layers: Layers { spatial: 0, ..Layers::ALL }, ..TARGET };
    selection.choose(epoch(), Some(lowest));
    assert_eq!(picture(&mut selection, frame(0, 0, 0)), [Some((109, true)), None, None]);
}

/// A picture of two packets in each of three layers, which come in this order. Which of them go through, and which of
/// those have the marker.
fn picture(selection: &mut Selection, first: u64, order: [u64; 6], key: bool) -> (Vec<u64>, Vec<u64>) {
    let (mut through, mut marked) = (Vec::new(), Vec::new());
    for at in order {
        let (begins, ends) = (at == 0, at % 2 == 1);
        let of = Frame { key: key && begins, begins, ends, ..frame((at / 2) as u8, 0, 0) };
        let packet = entry(first + at, 3000, of);
        if let Some((place, _)) = selection.admit(&scene(epoch()), 0, &packet) {
            through.push(at);
            marked.extend((ends && of.spatial == place.shift.top).then_some(at));
        }
    }
    (through, marked)
}

#[test]
fn a_picture_whose_beginning_comes_late_ends_where_its_first_packets_say() {
    const IN_ORDER: [u64; 6] = [0, 1, 2, 3, 4, 5];
    const LATE: [u64; 6] = [1, 0, 2, 3, 4, 5];
    let up_to = |spatial| Some(Target { layers: Layers { spatial, ..Layers::ALL }, ..TARGET });
    let mut selection = Selection::new(0..1, true, 90_000, 100);
    selection.choose(epoch(), up_to(1));
    assert_eq!(picture(&mut selection, 10, IN_ORDER, true), (vec![0, 1, 2, 3], vec![3]));
    selection.choose(epoch(), up_to(0));
    assert_eq!(picture(&mut selection, 16, LATE, false), (vec![1, 0, 2, 3], vec![3]));
    assert_eq!(picture(&mut selection, 22, IN_ORDER, false), (vec![0, 1], vec![1]));
    // Up it goes with a key frame that is whole.
    selection.choose(epoch(), up_to(2));
    assert_eq!(picture(&mut selection, 28, LATE, true), (vec![1, 0], vec![1]));
    assert!(selection.take_missed() && !selection.take_missed(), "another one is needed");
    assert_eq!(picture(&mut selection, 34, IN_ORDER, false), (vec![0, 1], vec![1]));
    assert_eq!(picture(&mut selection, 40, IN_ORDER, true), (vec![0, 1, 2, 3, 4, 5], vec![5]));
    assert!(!selection.take_missed());
}

#[test]
fn another_track_follows_in_time_and_pictures() {
    let mut selection = Selection::new(0..2, true, 90_000, 100);
    let start = epoch();
    selection.admit(&scene(start), 0, &entry(1, 50_000, key(10))).unwrap();
    assert!(selection.choose(epoch(), Some(Target { source: 1, ..TARGET })));
    let later = scene(start + Duration::from_millis(100));
    assert_eq!(selection.admit(&later, 1, &entry(77, 1_000, frame(0, 0, 500))), None, "no key frame");
    let (place, begins) = selection.admit(&later, 1, &entry(78, 4_000, key(501))).unwrap();
    assert!(begins);
    assert_eq!(4_000u32.wrapping_add(place.shift.timestamp), 59_000, "by the time that has passed");
    assert_eq!(501u16.wrapping_add(place.shift.pictures), 11);
    selection.choose(epoch(), None);
    assert_eq!(selection.admit(&later, 1, &entry(79, 7_000, frame(0, 0, 502))), None);
}
