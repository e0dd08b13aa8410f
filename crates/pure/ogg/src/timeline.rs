//! The stories of the timeline: whatever the network and the sender do, the file keeps the call's time.

use crate::sim::{Call, read};
use crate::{Channels, Head, Recording, Stats, Tags};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

/// Of a packet of 20 ms stereo in full band that says which one it is.
fn named(toc: u8) -> impl Fn(u64) -> Vec<u8> {
    move |id| [&[toc][..], &id.to_be_bytes(), &[9; 4]].concat()
}

struct Result {
    stats: Stats,
    /// Of the packets in the file, how far from their true place, in seconds, by when they were captured.
    errors: Vec<(f64, f64)>,
    duration: f64,
}

impl Result {
    /// The errors apart from what all have in common.
    fn spread(&self) -> f64 {
        let mut errors: Vec<_> = self.errors.iter().map(|(_, error)| *error).collect();
        errors.sort_by(f64::total_cmp);
        let middle = errors[errors.len() / 2];
        (middle - errors[0]).max(errors[errors.len() - 1] - middle)
    }
}

fn record(call: &Call) -> Result {
    record_as(call, 31 << 3 | 4)
}

fn record_as(call: &Call, toc: u8) -> Result {
    let mut recording = Recording::new(Head { channels: Channels::Stereo }, &Tags::new(), 1);
    let file = read(&call.record(&mut recording, named(toc)));
    let captured: HashMap<_, _> = call.sent.iter().map(|sent| (sent.id, sent.capture)).collect();
    let errors = file.packets.iter().filter(|packet| packet.bytes.len() == 13).map(|packet| {
        let id = u64::from_be_bytes(*packet.bytes[1..].first_chunk().unwrap());
        // The encoder's look-ahead is what is skipped at the start.
        let heard = (packet.start + 312) as f64 / 48_000.0;
        (captured[&id], heard - captured[&id])
    });
    let result = Result {
        stats: recording.stats(),
        errors: errors.collect(),
        duration: file.duration as f64 / 48_000.0,
    };
    let Stats { received, written, late, duplicates, malformed, refused, left_out, .. } = result.stats;
    assert_eq!(received, written + late + duplicates + malformed + refused + left_out);
    assert_eq!(written, result.errors.len() as u64);
    assert!((result.duration - call.now).abs() < 0.0001, "{} of {}", result.duration, call.now);
    assert!((result.stats.duration.as_secs_f64() - call.now).abs() < 0.0001);
    result
}

#[test]
fn a_clean_call_is_written_as_it_was_said() {
    let mut call = Call::new(1);
    call.talk(60.0);
    let result = record(&call);
    assert!(result.spread() < 0.001);
    let Stats { written, gaps, inserted, left_out, restarts, .. } = result.stats;
    // The first packet came after 30 ms; the last one or two were under way when the call ended.
    assert!(
        written >= 2998 && gaps <= 2 && (inserted, left_out, restarts) == (0, 0, 0),
        "{:?}",
        result.stats
    );
    assert_eq!(result.stats.first.unwrap().timestamp, u32::MAX - 480_000);
    assert_eq!(result.stats.first.unwrap().at, Duration::from_millis(30));
}

#[test]
fn ten_minutes_of_a_bad_network_and_a_bad_clock() {
    for (seed, ppm, toc) in
        [(1, 500.0, 252), (2, -500.0, 252), (3, 500.0, 9 << 3), (4, -500.0, 9 << 3), (5, 40.0, 15 << 3)]
    {
        let mut call = Call { ppm, loss: 0.05, jitter: 0.08, doubled: 0.01, ..Call::new(seed) };
        for _ in 0..10 {
            call.talk(20.0);
            call.quiet(15.0);
            call.talk(10.0);
            call.mute(5.0);
            call.talk(5.0);
            call.pause(5.0);
        }
        let result = record_as(&call, toc);
        assert!(result.spread() < 0.060, "{seed}: {} {:?}", result.spread(), result.stats);
        let sent = call.sent.len() as u64;
        assert!(result.stats.written > sent * 97 / 100, "{sent} {:?}", result.stats);
        assert!(result.stats.duplicates > 100 && result.stats.lost > 700);
    }
}

#[test]
fn a_clock_that_drifts_without_any_gap_is_followed() {
    for ppm in [500.0, -500.0] {
        let mut call = Call { ppm, jitter: 0.04, ..Call::new(9) };
        call.talk(600.0);
        let result = record(&call);
        assert!(result.spread() < 0.040, "{}", result.spread());
        let Stats { inserted, left_out, gaps, .. } = result.stats;
        assert!(gaps <= 3 && inserted + left_out < 45, "{:?}", result.stats);
        assert!(if ppm > 0.0 { left_out >= 14 } else { inserted >= 14 }, "{:?}", result.stats);
    }
}

#[test]
fn timestamps_that_jump_are_put_by_their_arrival() {
    let mut call = Call { jitter: 0.05, loss: 0.02, ..Call::new(3) };
    for jump in [
        48_000u32,
        48_000 * 600,
        1 << 31,
        1 << 30,
        0u32.wrapping_sub(48_000 * 3),
        0u32.wrapping_sub(9_000),
        20_000,
    ] {
        call.talk(8.0);
        call.timestamp = call.timestamp.wrapping_add(jump);
    }
    call.talk(8.0);
    let result = record(&call);
    assert!(result.spread() < 0.060, "{} {:?}", result.spread(), result.errors);
    assert_eq!(result.stats.restarts, 7);
    assert!(result.stats.late + result.stats.left_out < 20, "{:?}", result.stats);
}

#[test]
fn a_sender_that_starts_again_and_falls_silent_is_put_by_what_is_known_of_the_network() {
    for seed in 1..30 {
        let mut call = Call { jitter: 0.08, loss: 0.05, ppm: 300.0, ..Call::new(seed * 7_919) };
        for _ in 0..5 {
            call.talk(5.0);
            call.timestamp = call.timestamp.wrapping_add(1 << 30);
            call.quiet(5.0);
            call.mute(60.0);
            call.quiet(5.0);
        }
        let result = record(&call);
        assert!(result.spread() < 0.060, "{seed}: {}", result.spread());
    }
}

#[test]
fn sequence_numbers_that_start_again_cost_one_packet() {
    let mut call = Call { jitter: 0.03, ..Call::new(4) };
    for (index, timestamp) in [(3, 77), (1 << 40, 1 << 31), (90_000, 5)] {
        call.talk(5.0);
        call.mute(0.2);
        (call.index, call.timestamp) = (index, timestamp);
    }
    call.talk(5.0);
    let result = record(&call);
    assert!(result.spread() < 0.060);
    assert!(result.stats.refused <= 9 && result.stats.lost <= 9, "{:?}", result.stats);
}

#[test]
fn a_call_that_begins_muted_begins_with_silence() {
    let mut call = Call::new(5);
    call.pause(12.5);
    call.talk(3.0);
    call.pause(30.0);
    let result = record(&call);
    assert!((result.errors[0].1 - 0.030).abs() < 0.003, "{:?}", result.errors[0]);
    assert_eq!(result.stats.gaps, 2);
    assert!(result.stats.silence > Duration::from_secs(42));
}

#[test]
fn a_network_that_stood_still_loses_what_came_too_late_and_nothing_after() {
    let mut call = Call { jitter: 0.02, ..Call::new(6) };
    call.talk(20.0);
    for sent in &mut call.sent {
        if (10.0..13.0).contains(&sent.capture) {
            sent.arrival = 13.0 + sent.capture / 1000.0;
        }
    }
    let result = record(&call);
    assert!(result.spread() < 0.060, "{}", result.spread());
    assert!((100..=150).contains(&result.stats.late), "{:?}", result.stats);
    assert!(result.errors.iter().filter(|(captured, _)| *captured >= 13.0).count() > 345);
}

#[test]
fn a_way_that_became_longer_is_followed_in_time() {
    let mut call = Call { jitter: 0.02, ..Call::new(8) };
    call.talk(60.0);
    for sent in &mut call.sent {
        sent.arrival += if sent.capture > 20.0 { 0.3 } else { 0.0 };
    }
    let result = record(&call);
    assert!(
        result
            .errors
            .iter()
            .filter(|(captured, _)| *captured > 21.0)
            .all(|(_, error)| (0.3..0.4).contains(error))
    );
    assert!(result.stats.late < 3, "{:?}", result.stats);
}

#[test]
fn a_packet_that_is_overtaken_finds_its_place() {
    let mut call = Call::new(7);
    call.talk(10.0);
    let mut expected = call.sent.len() - 1;
    for (n, sent) in call.sent.iter_mut().enumerate() {
        sent.arrival += match n % 50 {
            20 => 0.150,
            40 => 0.450,
            _ => 0.0,
        };
        expected -= usize::from(n % 50 == 40);
    }
    let result = record(&call);
    assert!(result.spread() < 0.003);
    assert!(result.stats.written as usize >= expected - 1, "{expected} {:?}", result.stats);
    assert!(result.stats.late >= 9);
}

#[test]
fn every_frame_size_keeps_time() {
    for (toc, frame) in
        [(16 << 3, 120), (17 << 3, 240), (0, 480), (2 << 3, 1920), (3 << 3, 2880), (3 << 3 | 1, 5760)]
    {
        let mut call = Call { frame, ppm: 500.0, loss: 0.03, jitter: 0.06, ..Call::new(11) };
        call.talk(60.0);
        let result = record_as(&call, toc);
        assert!(result.spread() < 0.080, "{frame}: {}", result.spread());
    }
}

#[test]
fn nothing_waits_for_more_than_a_second() {
    let mut recording = Recording::new(Head::default(), &Tags::new(), 1);
    recording.clear_output();
    let mut written = 0.0;
    for n in 0..1000u32 {
        let at = Duration::from_millis(20 * u64::from(n));
        recording.push(at, u64::from(n), 960 * n, &[252, 1, 2, 3]);
        if !recording.output().is_empty() {
            written = recording.stats().duration.as_secs_f64();
            recording.clear_output();
        }
        assert!(at.as_secs_f64() - written < 1.0, "{at:?} {written}");
        assert!(recording.next_timeout().unwrap() > at);
    }
}

#[test]
fn after_the_end_nothing_changes() {
    let mut recording = Recording::new(Head::default(), &Tags::new(), 1);
    recording.finish(Duration::ZERO);
    let (length, stats) = (recording.output().len(), recording.stats());
    recording.push(Duration::from_secs(1), 1, 1, &[0]);
    recording.tick(Duration::from_secs(9));
    recording.finish(Duration::from_secs(9));
    assert_eq!(
        (recording.output().len(), recording.stats(), recording.next_timeout()),
        (length, stats, None)
    );
    assert_eq!(read(recording.output()).duration, 0);
}

/// A hostile step: how long after the one before, the number, the timestamp, and the payload.
type Step = (u64, u64, u32, Vec<u8>);

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![8 => 0u64..40, 1 => 0u64..2_000, 1 => Just(60_000u64)];
    let index = prop_oneof![6 => 0u64..300, 1 => any::<u64>(), 1 => Just(1_000_000u64), 1 => (u64::MAX - 5)..=u64::MAX];
    let timestamp = prop_oneof![4 => 0u32..300_000, 1 => any::<u32>()];
    let payload = prop_oneof![
        4 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..30)).prop_map(|(toc, rest)| [vec![toc & !3], rest].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..60),
        1 => (any::<u8>(), 1000usize..1700).prop_map(|(toc, len)| vec![toc; len]),
    ];
    (wait, index, timestamp, payload)
}

proptest! {
    #[test]
    fn whatever_comes_the_file_is_sound(steps in prop::collection::vec(step(), 0..400), ticks in any::<bool>()) {
        let mut recording = Recording::new(Head::default(), &Tags::new(), 3);
        let mut at = Duration::ZERO;
        for (wait, index, timestamp, payload) in steps {
            at += Duration::from_millis(wait);
            while let Some(due) = recording.next_timeout().filter(|due| ticks && *due < at) {
                recording.tick(due);
            }
            recording.push(at, index, timestamp, &payload);
        }
        recording.finish(at);
        let file = read(recording.output());
        let error = file.duration - (at.as_millis() * 48) as i64;
        prop_assert!((0..=48 * 200).contains(&error), "{error}");
        let Stats { received, written, late, duplicates, malformed, refused, left_out, .. } = recording.stats();
        prop_assert_eq!(received, written + late + duplicates + malformed + refused + left_out);
    }
}

proptest! {
    // Each step fills an hour.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_time_is_survived(times in prop::collection::vec(any::<u64>(), 1..5)) {
        let mut recording = Recording::new(Head::default(), &Tags::new(), 3);
        for (n, time) in times.into_iter().enumerate() {
            recording.push(Duration::from_micros(time), n as u64, 960 * n as u32, &[252, 3, 4]);
            prop_assert!(recording.output().len() < 5_000_000);
            recording.clear_output();
        }
        recording.tick(Duration::MAX);
        recording.clear_output();
        recording.finish(Duration::MAX);
        prop_assert!(recording.output().len() < 5_000_000);
    }
}
