//! When packets leave, told packet by packet.

#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use super::*;
use crate::probing::ProbeId;
use proptest::prelude::*;

fn video(reference: u64, frame: u64, bytes: u32) -> Packet {
    Packet { reference, bytes, priority: Priority::Video { frame } }
}

fn audio(reference: u64) -> Packet {
    Packet { reference, bytes: 100, priority: Priority::Audio }
}

/// Polls until nothing leaves; returns the bursts with their times in microseconds.
fn run(pacer: &mut Pacer, start: Instant, until: Duration) -> Vec<(u128, Vec<u64>)> {
    let (mut now, mut bursts) = (start, Vec::new());
    loop {
        let release = pacer.poll(now);
        let burst: Vec<u64> = std::iter::from_fn(|| pacer.pop()).map(|packet| packet.reference).collect();
        assert_eq!(burst.len(), release.packets);
        if !burst.is_empty() {
            bursts.push(((now - start).as_micros(), burst));
        }
        if release.padding > 0 {
            bursts.push(((now - start).as_micros(), vec![1_000_000 + u64::from(release.padding)]));
            pacer.padded(1, release.padding);
        }
        match release.again {
            Some(again) if again <= start + until => now = again,
            _ => return bursts,
        }
    }
}

#[test]
fn a_frame_that_is_short_leaves_whole_and_a_long_one_in_bursts() {
    let start = Instant::now();
    // 8 Mbit/s: a byte each microsecond, and 5000 of them make a burst.
    let mut pacer = Pacer::new(start, Bitrate::kbps(3200));
    for n in 0..4 {
        pacer.push(start, video(n, 1, 1250)).unwrap();
    }
    for n in 4..10 {
        pacer.push(start, video(n, 2, 1250)).unwrap();
    }
    let bursts = run(&mut pacer, start, Duration::from_millis(100));
    assert_eq!(bursts, [(0, vec![0, 1, 2, 3]), (5_000, vec![4, 5, 6, 7]), (10_000, vec![8, 9])]);
    assert_eq!(pacer.waiting(), (0, 0));
}

#[test]
fn audio_waits_for_nothing_and_retransmissions_only_for_the_budget() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(320));
    for n in 0..3 {
        pacer.push(start, video(n, 1, 1000)).unwrap();
    }
    assert_eq!(pacer.poll(start).packets, 1);
    assert_eq!(pacer.pop().unwrap().reference, 0);
    pacer.push(start, audio(7)).unwrap();
    pacer.push(start, Packet { reference: 8, bytes: 1000, priority: Priority::Retransmission }).unwrap();
    let bursts = run(&mut pacer, start, Duration::from_millis(100));
    let order: Vec<_> = bursts.iter().flat_map(|(_, burst)| burst.clone()).collect();
    assert_eq!((order, bursts[0].0), (vec![7, 8, 1, 2], 0));
    assert!(bursts[1].0 >= 10_000, "the audio is paid for as well: {bursts:?}");
}

#[test]
fn without_room_all_but_audio_waits_and_not_for_ever() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(8000));
    pacer.set_room(Some(2_500));
    (0..6).for_each(|n| pacer.push(start, video(n, 1, 1000)).unwrap());
    let bursts = run(&mut pacer, start, Duration::from_millis(20));
    let left: Vec<_> = bursts.iter().flat_map(|(_, burst)| burst.clone()).collect();
    assert_eq!(left, [0, 1, 2], "what begins within the room");
    let at = |millis| start + Duration::from_millis(millis);
    pacer.push(at(20), audio(9)).unwrap();
    assert_eq!(pacer.poll(at(20)).packets, 1);
    assert_eq!(pacer.pop().unwrap().reference, 9);
    assert_eq!(pacer.poll(at(440)).packets, 0);
    assert!(pacer.poll(at(440)).again > Some(at(440)), "it does not ask for ever at once");
    assert!(pacer.poll(at(460)).packets > 0);
}

#[test]
fn a_slow_target_holds_nothing_longer_than_said() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(100));
    for n in 0..100 {
        pacer.push(start, video(n, 1, 1200)).unwrap();
    }
    let bursts = run(&mut pacer, start, Duration::from_secs(5));
    let last = bursts.last().unwrap().0;
    assert!((200_000..280_000).contains(&last), "{last}");
}

#[test]
fn a_full_queue_refuses_whole_frames_and_never_audio() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(100));
    for n in 0..CAPACITY as u64 {
        pacer.push(start, video(n, n / 4, 1200)).unwrap();
    }
    assert_eq!(pacer.push(start, video(5000, 999, 1200)), Err(Refused));
    pacer.poll(start);
    pacer.pop().unwrap();
    assert_eq!(pacer.push(start, video(5001, 999, 1200)), Err(Refused), "its first part is missing");
    assert_eq!(pacer.push(start, video(5002, 1000, 1200)), Ok(()));
    assert_eq!(pacer.push(start, audio(1)), Ok(()));
}

#[test]
fn a_probe_leaves_at_its_own_rate_with_padding_where_media_is_missing() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(300));
    let cluster =
        ProbeCluster { id: ProbeId::from(3), bitrate: Bitrate::kbps(4000), packets: 5, bytes: 10_000 };
    pacer.probe(cluster);
    pacer.push(start, video(0, 1, 1000)).unwrap();
    assert_eq!(pacer.poll(start).kind, PacketKind::Probe(cluster.id));
    let bursts = run(&mut pacer, start, Duration::from_millis(100));
    let padding: u64 =
        bursts.iter().flat_map(|(_, burst)| burst).filter_map(|n| n.checked_sub(1_000_000)).sum();
    let took = bursts.last().unwrap().0;
    assert!((9_000..11_000).contains(&padding), "{padding}: {bursts:?}");
    assert!((16_000..20_000).contains(&took), "10 kB at 4 Mbit/s: {took}");
    assert!(!pacer.is_probing());
}

#[test]
fn a_probe_keeps_its_rate_where_timers_are_late() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(300));
    let id = ProbeId::from(4);
    pacer.probe(ProbeCluster { id, bitrate: Bitrate::kbps(3600), packets: 5, bytes: 20_000 });
    (0..20).for_each(|n| pacer.push(start, video(n, n, 1070)).unwrap());
    // Each packet is 2.4 ms, and timers have a grain of a millisecond.
    let (mut left, mut millis) = (0, 0);
    while pacer.is_probing() {
        millis += 1;
        while pacer.poll(start + Duration::from_millis(millis)).packets > 0 {
            left += std::iter::from_fn(|| pacer.pop()).count();
        }
    }
    assert_eq!((left, millis), (19, 44), "it takes 18 times as long until the last one leaves");
}

#[test]
fn a_probe_ends_when_there_is_nothing_to_send() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(300));
    pacer.probe(ProbeCluster { id: ProbeId::from(0), bitrate: Bitrate::kbps(900), packets: 5, bytes: 2000 });
    assert!(pacer.poll(start).padding > 0);
    assert_eq!(pacer.poll(start).again, None);
    assert!(!pacer.is_probing());
}

proptest! {
    /// Whatever is pushed leaves once, in its order, at no more than the pacing rate.
    #[test]
    fn all_of_it_leaves_in_order(
        pushes in prop::collection::vec((0..20_000u64, 50..1400u32, 0..4u8), 1..200),
        target in 50..5000u64,
    ) {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, Bitrate::kbps(target));
        let (mut now, mut next_frame, mut left) = (start, 0, Vec::new());
        let count = pushes.len();
        for (n, (gap, bytes, what)) in pushes.into_iter().enumerate() {
            now += Duration::from_micros(gap);
            next_frame += u64::from(what == 1);
            let priority = match what {
                0 => Priority::Audio,
                1 | 2 => Priority::Video { frame: next_frame },
                _ => Priority::Retransmission,
            };
            pacer.push(now, Packet { reference: n as u64, bytes, priority }).unwrap();
            pacer.poll(now);
            left.extend(std::iter::from_fn(|| pacer.pop()));
        }
        for _ in 0..10 * count {
            let release = pacer.poll(now);
            left.extend(std::iter::from_fn(|| pacer.pop()));
            match release.again {
                Some(again) => now = again.max(now),
                None => break,
            }
        }
        prop_assert_eq!(left.len(), count);
        let videos: Vec<_> = left.iter().filter(|p| matches!(p.priority, Priority::Video { .. })).collect();
        prop_assert!(videos.windows(2).all(|pair| pair[0].reference < pair[1].reference));
    }
}

#[test]
fn it_is_idle_while_nothing_waits_and_nothing_is_asked_for() {
    let start = Instant::now();
    let mut pacer = Pacer::new(start, Bitrate::kbps(1000));
    assert!(pacer.is_idle());
    pacer.push(start, audio(1)).unwrap();
    assert!(!pacer.is_idle());
    run(&mut pacer, start, Duration::ZERO);
    assert!(pacer.is_idle());
    pacer.probe(ProbeCluster { id: ProbeId::from(1), bitrate: Bitrate::kbps(2000), packets: 5, bytes: 1250 });
    assert!(!pacer.is_idle());
    run(&mut pacer, start, Duration::from_secs(1));
    assert!(pacer.is_idle(), "the probe is over");
}
