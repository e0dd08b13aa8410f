//! What the simulation does not show: older clients, silence, and feedback that makes no sense.

#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

use super::*;
use proptest::prelude::*;

fn estimator(now: Instant) -> Estimator {
    let config = Config { start: Bitrate::kbps(300), min: Bitrate::kbps(50), max: Bitrate::kbps(5000) };
    Estimator::new(now, config)
}

#[test]
fn an_older_client_says_it_itself() {
    let now = Instant::now();
    let mut estimator = estimator(now);
    assert_eq!(estimator.target(), Bitrate::kbps(300));
    estimator.remb(now, Bitrate::kbps(1200));
    assert_eq!(estimator.target(), Bitrate::kbps(1200));
    estimator.remb(now, Bitrate::kbps(9000));
    assert_eq!(estimator.target(), Bitrate::kbps(5000));
    estimator.remb(now, Bitrate::kbps(1));
    assert_eq!(estimator.target(), Bitrate::kbps(50));
}

#[test]
fn silence_brings_the_target_down_only_where_something_is_under_way() {
    let start = Instant::now();
    let mut estimator = estimator(start);
    let at = |millis| start + Duration::from_millis(millis);
    estimator.sent(at(0), 1, 1200, PacketKind::Media);
    estimator.feedback(at(50), [(1, Some(PeerTime::from_micros(25_000)))]);
    estimator.handle_timeout(at(5_000));
    assert_eq!(estimator.target(), Bitrate::kbps(300), "nothing is under way");
    estimator.sent(at(5_000), 2, 1200, PacketKind::Media);
    estimator.handle_timeout(at(5_900));
    assert_eq!(estimator.target(), Bitrate::kbps(300));
    estimator.handle_timeout(at(6_300));
    assert_eq!(estimator.target(), Bitrate::kbps(210));
    (0..20).for_each(|n| estimator.handle_timeout(at(7_000 + n * 500)));
    assert_eq!(estimator.target(), Bitrate::kbps(50));
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
        let mut estimator = estimator(now);
        for (sequence, (millis, said)) in steps.into_iter().enumerate() {
            now += Duration::from_millis(millis);
            for n in 0..10 {
                estimator.sent(now, sequence as u64 * 10 + n, 1000, PacketKind::Media);
            }
            let said = said.into_iter().map(|(sequence, at)| (sequence, at.map(PeerTime::from_micros)));
            estimator.feedback(now, said);
            estimator.handle_timeout(now);
            estimator.poll_probe(now);
            prop_assert!((50_000..=5_000_000).contains(&estimator.target().as_bps()));
        }
    }
}
