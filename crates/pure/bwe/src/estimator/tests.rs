//! What the simulation does not show: older clients, silence, and feedback that makes no sense.

#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use super::*;
use proptest::prelude::*;

fn estimator(now: Instant) -> (Estimator, LegId) {
    let config = Config { start: Bitrate::kbps(300), min: Bitrate::kbps(50), max: Bitrate::kbps(5000) };
    let mut estimator = Estimator::new(now, config);
    let leg = estimator.add_leg(now);
    (estimator, leg)
}

#[test]
fn an_older_client_says_it_itself() {
    let now = Instant::now();
    let (mut estimator, leg) = estimator(now);
    assert_eq!(estimator.target(), Bitrate::kbps(300));
    estimator.remb(now, leg, Bitrate::kbps(1200));
    assert_eq!(estimator.target(), Bitrate::kbps(1200));
    estimator.remb(now, leg, Bitrate::kbps(9000));
    assert_eq!(estimator.target(), Bitrate::kbps(5000));
    estimator.remb(now, leg, Bitrate::kbps(1));
    assert_eq!(estimator.target(), Bitrate::kbps(50));
}

#[test]
fn silence_brings_the_target_down_only_where_something_is_under_way() {
    let start = Instant::now();
    let (mut estimator, leg) = estimator(start);
    let at = |millis| start + Duration::from_millis(millis);
    estimator.sent(at(0), leg, 1, 1200, PacketKind::Media);
    estimator.feedback(at(50), leg, [(1, Some(PeerTime::from_micros(25_000)))]);
    estimator.handle_timeout(at(5_000));
    assert_eq!(estimator.target(), Bitrate::kbps(300), "nothing is under way");
    estimator.sent(at(5_000), leg, 2, 1200, PacketKind::Media);
    estimator.handle_timeout(at(5_900));
    assert_eq!(estimator.target(), Bitrate::kbps(300));
    estimator.handle_timeout(at(6_300));
    assert_eq!(estimator.target(), Bitrate::kbps(210));
    (0..20).for_each(|n| estimator.handle_timeout(at(7_000 + n * 500)));
    assert_eq!(estimator.target(), Bitrate::kbps(50));
}

#[test]
fn it_knocks_at_what_is_silent_until_there_is_an_answer() {
    let start = Instant::now();
    let (mut estimator, leg) = estimator(start);
    let at = |millis| start + Duration::from_millis(millis);
    estimator.sent(at(0), leg, 1, 1200, PacketKind::Media);
    estimator.feedback(at(50), leg, [(1, Some(PeerTime::from_micros(25_000)))]);
    while estimator.poll_probe(at(50)).is_some() {}
    estimator.sent(at(100), leg, 2, 1200, PacketKind::Media);
    let mut knocks = Vec::new();
    for now in (100..20_000).step_by(100) {
        estimator.handle_timeout(at(now));
        let probe = estimator.poll_probe(at(now));
        knocks.extend(probe.filter(|probe| probe.packets == 1).map(|knock| (now, knock)));
    }
    assert_eq!(knocks.len(), 19, "one a second: {knocks:?}");
    assert_eq!(estimator.target(), Bitrate::kbps(50));
    estimator.sent(at(20_000), leg, 3, 80, PacketKind::Probe(knocks[0].1.id));
    estimator.feedback(at(20_050), leg, [(3, Some(PeerTime::from_micros(20_025_000)))]);
    assert!(estimator.target() >= Bitrate::kbps(300), "{}", estimator.target());
}

#[test]
fn what_each_receiver_allows_of_its_own_leg_adds_up_where_all_say_so() {
    let now = Instant::now();
    let (mut estimator, leg) = estimator(now);
    let other = estimator.add_leg(now);
    estimator.remb(now, leg, Bitrate::kbps(700));
    assert_eq!(estimator.target(), Bitrate::kbps(700), "the other carries nothing");
    estimator.remb(now, other, Bitrate::kbps(500));
    assert_eq!(estimator.target(), Bitrate::kbps(1200));
    let third = estimator.add_leg(now);
    estimator.sent(now, third, 1, 1200, PacketKind::Media);
    assert_eq!(estimator.state().remb, None, "the third has said nothing");
    assert_eq!(estimator.target(), Bitrate::kbps(1200), "and nothing better is known");
    estimator.remove_leg(third);
    estimator.remove_leg(other);
    assert_eq!(estimator.state().remb, Some(Bitrate::kbps(700)));
}

#[test]
fn silence_on_one_leg_is_none_while_another_is_heard() {
    let start = Instant::now();
    let (mut estimator, leg) = estimator(start);
    let other = estimator.add_leg(start);
    let at = |millis| start + Duration::from_millis(millis);
    for n in 0..60 {
        estimator.sent(at(n * 100), leg, n, 1200, PacketKind::Media);
        estimator.sent(at(n * 100), other, n, 1200, PacketKind::Media);
        let arrival = Some(PeerTime::from_micros(n as i64 * 100_000));
        estimator.feedback(at(n * 100 + 50), leg, [(n, arrival)]);
        if n < 5 {
            estimator.feedback(at(n * 100 + 50), other, [(n, arrival)]);
        }
        estimator.handle_timeout(at(n * 100 + 50));
    }
    assert!(estimator.target() >= Bitrate::kbps(300), "{}", estimator.target());
    estimator.handle_timeout(at(8_000));
    assert!(estimator.target() < Bitrate::kbps(300), "{}", estimator.target());
    estimator.remove_leg(other);
    assert_eq!(estimator.silence(), None, "what was sent there is not waited for");
}

#[test]
fn what_is_under_way_takes_room_until_nobody_speaks_of_it() {
    let start = Instant::now();
    let (mut estimator, leg) = estimator(start);
    let at = |millis| start + Duration::from_millis(millis);
    let arrival = Some(PeerTime::from_micros(0));
    estimator.sent(at(0), leg, 1, 1200, PacketKind::Media);
    estimator.feedback(at(50), leg, [(1, arrival)]);
    assert_eq!(estimator.room(at(50)), None, "it was never full");
    (2..22).for_each(|sequence| estimator.sent(at(100), leg, sequence, 1200, PacketKind::Media));
    estimator.handle_timeout(at(1_500));
    estimator.feedback(at(1_550), leg, [(2, arrival)]);
    let (now, later) = (estimator.room(at(1_550)).unwrap(), estimator.room(at(2_600)).unwrap());
    assert_eq!(later - now, 19 * 1200);
    estimator.feedback(at(2_600), leg, [(21, arrival)]);
    assert_eq!(estimator.legs.get(leg).unwrap().history.flight(), 0, "those before it were passed over");
}

/// Sends 1200 bytes each 10 ms on each leg, which arrive 30 ms later by clocks that have nothing to do with each other.
fn carry(estimator: &mut Estimator, start: Instant, legs: &[LegId], rounds: u64) {
    for round in 0..rounds {
        let now = start + Duration::from_millis(round * 50);
        for (&leg, clock) in legs.iter().zip(1..) {
            let packets = round * 5..round * 5 + 5;
            for sequence in packets.clone() {
                let at = start + Duration::from_millis(sequence * 10);
                estimator.sent(at, leg, sequence, 1200, PacketKind::Media);
            }
            let base = clock * 1_000_000_000_000_000 / 7;
            let arrival = |sequence| PeerTime::from_micros(base + sequence as i64 * 10_000 + 30_000);
            let said = packets.map(|sequence| (sequence, Some(arrival(sequence))));
            estimator.feedback(now + Duration::from_millis(90), leg, said);
        }
    }
}

#[test]
fn what_arrives_on_all_legs_adds_up_whatever_their_clocks_say() {
    let start = Instant::now();
    let (mut estimator, leg) = estimator(start);
    let legs = [leg, estimator.add_leg(start), estimator.add_leg(start)];
    carry(&mut estimator, start, &legs, 100);
    let acknowledged = estimator.state().acknowledged.unwrap();
    assert!((2_750_000..3_000_000).contains(&acknowledged.as_bps()), "{acknowledged} of 2880");
    assert_eq!(estimator.state().usage, Usage::Normal);
}

#[test]
fn a_probe_may_be_spread_over_legs() {
    let start = Instant::now();
    let (mut estimator, leg) = estimator(start);
    let legs = [leg, estimator.add_leg(start)];
    let cluster = estimator.poll_probe(start).unwrap();
    assert_eq!(cluster.bitrate, Bitrate::kbps(900));
    let at = |micros| start + Duration::from_micros(micros);
    for n in 0..10 {
        estimator.sent(at(n * 2_222), legs[n as usize % 2], n / 2, 250, PacketKind::Probe(cluster.id));
    }
    for (parity, leg) in legs.into_iter().enumerate() {
        let arrival = |n: u64| PeerTime::from_micros((n * 2_222) as i64 + 777_777_777 * parity as i64);
        let said = (0..5).map(|n| (n, Some(arrival(2 * n + parity as u64))));
        estimator.feedback(at(70_000 + parity as u64), leg, said);
    }
    assert!(estimator.target() > Bitrate::kbps(850), "{}", estimator.target());
}

#[test]
fn who_is_not_there_is_not_listened_to_and_numbers_are_used_again() {
    let start = Instant::now();
    let (mut estimator, leg) = estimator(start);
    estimator.remove_leg(leg);
    estimator.sent(start, leg, 1, 1200, PacketKind::Media);
    estimator.feedback(start, leg, [(1, Some(PeerTime::from_micros(0)))]);
    estimator.remb(start, leg, Bitrate::kbps(100));
    assert!(!estimator.heard && estimator.target() == Bitrate::kbps(300));
    assert_eq!(estimator.add_leg(start), leg);
    estimator.feedback(start, leg, [(1, Some(PeerTime::from_micros(0)))]);
    assert_eq!(estimator.state().acknowledged, None, "the new one has sent nothing");
}

#[test]
fn a_leg_that_carries_audio_is_small() {
    assert!(size_of::<leg::Leg>() + 512 < 2048, "{}", size_of::<leg::Leg>());
}

proptest! {
    /// Whatever is said of whatever was sent, the target stays within its bounds.
    #[test]
    fn nonsense_does_no_harm(
        steps in prop::collection::vec(
            (0..300u64, prop::collection::vec((0..400u64, prop::option::of(any::<i64>())), 0..40)),
            1..40,
        ),
    ) {
        let mut now = Instant::now();
        let (mut estimator, leg) = estimator(now);
        for (sequence, (millis, said)) in steps.into_iter().enumerate() {
            now += Duration::from_millis(millis);
            for n in 0..10 {
                estimator.sent(now, leg, sequence as u64 * 10 + n, 1000, PacketKind::Media);
            }
            let said = said.into_iter().map(|(sequence, at)| (sequence, at.map(PeerTime::from_micros)));
            estimator.feedback(now, leg, said);
            estimator.handle_timeout(now);
            estimator.poll_probe(now);
            prop_assert!((50_000..=5_000_000).contains(&estimator.target().as_bps()));
        }
    }
}
