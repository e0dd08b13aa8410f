//! Times of a publisher in a subscriber's sender reports: RTP timestamps to NTP, and the publisher's NTP to our clock.
//!
//! A subscriber lines up audio and video by their sender reports. Ours carry our own clock, so that the round trip can
//! be read off the answers; the timestamps in them are those of the publisher at that moment. The mapping between the
//! two clocks is one for all the streams of a publisher: whatever error it has, audio and video share it.

use crate::NtpTime;
use std::time::Instant;

/// By how much one sender report may move the mapping, in 2^-32 s: 1 ms. Reports come about once a second, so this
/// follows any drift of a clock, and two streams whose reports go out in between are apart by no more than that.
const MAX_STEP: i64 = (1 << 32) / 1000;

/// A difference beyond this is a clock that was set, or a sender that slept: the mapping starts again. In 2^-32 s: 1 s.
const JUMP: i64 = 1 << 32;

/// The clock of a publisher against our monotonic one: one per peer connection. Our time of day has no part in it: it may
/// be set at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoteClock {
    /// What theirs said at a moment of ours, with the time on the way.
    at: Option<(Instant, NtpTime)>,
}

impl RemoteClock {
    /// Before the first sender report.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A sender report of any of the peer's streams came at `now`, and carries `theirs`. True: it contradicts what was
    /// said before, so that nothing else that was said then can be relied on.
    pub fn observe(&mut self, now: Instant, theirs: NtpTime) -> bool {
        let expected = self.theirs(now).unwrap_or(theirs);
        let error = theirs.since(expected);
        let jumped = error.unsigned_abs() > JUMP.unsigned_abs();
        let step = if jumped { error } else { error.clamp(-MAX_STEP, MAX_STEP) };
        self.at = Some((now, expected.moved(step)));
        jumped
    }

    /// Their clock at `now`; `None` before the first report.
    #[must_use]
    pub fn theirs(&self, now: Instant) -> Option<NtpTime> {
        let (at, theirs) = self.at?;
        let ahead = NtpTime::default() + now.saturating_duration_since(at);
        let behind = NtpTime::default() + at.saturating_duration_since(now);
        Some(theirs.moved(ahead.since(behind)))
    }
}

/// The timestamps of one stream against its sender's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpClock {
    rate: u32,
    /// The last sender report.
    at: Option<(NtpTime, u32)>,
}

impl RtpClock {
    /// Before the first sender report. `rate` of the codec, in Hz.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self { rate: rate.max(1), at: None }
    }

    /// A sender report of the stream.
    pub fn observe(&mut self, ntp: NtpTime, rtp: u32) {
        self.at = Some((ntp, rtp));
    }

    /// Its sender's clock was set: what it said before means nothing now.
    pub fn forget(&mut self) {
        self.at = None;
    }

    /// The stream's timestamp when its sender's clock says `ntp`; `None` before the first report. Exact for days
    /// around it.
    #[must_use]
    pub fn rtp_at(&self, ntp: NtpTime) -> Option<u32> {
        let (at, rtp) = self.at?;
        let units = (i128::from(ntp.since(at)) * i128::from(self.rate)) >> 32;
        Some(rtp.wrapping_add(units as u32))
    }

    /// When its sender's clock passed the stream's timestamp `rtp`, the nearest such moment; `None` before the first
    /// report.
    #[must_use]
    pub fn ntp_at(&self, rtp: u32) -> Option<NtpTime> {
        let (at, reported) = self.at?;
        let units = i64::from(rtp.wrapping_sub(reported).cast_signed());
        let by = (i128::from(units) << 32) / i128::from(self.rate);
        Some(at.moved(by as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::start;
    use proptest::prelude::*;
    use std::time::Duration;

    const THEIRS: NtpTime = NtpTime::from_bits(500 << 32);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn audio_and_video_of_one_moment_stay_one_moment() {
        let start = start();
        let mut clock = RemoteClock::new();
        let (mut audio, mut video) = (RtpClock::new(48_000), RtpClock::new(90_000));
        assert_eq!((clock.theirs(start), audio.rtp_at(THEIRS)), (None, None));
        audio.observe(THEIRS, 1_000);
        assert!(!clock.observe(start + ms(30), THEIRS));
        video.observe(THEIRS + ms(700), u32::MAX);
        assert!(!clock.observe(start + ms(745), THEIRS + ms(700))); // 15 ms longer on the way
        // Two reports of ours, at different moments, for a sound and a picture that belong together.
        let a = audio.rtp_at(clock.theirs(start + ms(1_000)).unwrap()).unwrap();
        let v = video.rtp_at(clock.theirs(start + ms(1_500)).unwrap()).unwrap();
        let heard = audio.ntp_at(a).unwrap();
        let seen = video.ntp_at(v).unwrap();
        let apart = seen.since(heard) - (1i64 << 31);
        assert!(apart.abs() < (1 << 32) / 10_000, "{apart}");
    }

    #[test]
    fn a_clock_that_is_set_is_followed_at_once() {
        let start = start();
        let mut clock = RemoteClock::new();
        clock.observe(start, THEIRS);
        let set = THEIRS + Duration::from_secs(3600);
        assert!(clock.observe(start + ms(1), set));
        assert_eq!(clock.theirs(start + ms(1)), Some(set));
        assert!(!clock.observe(start + ms(2), set + ms(300)));
        let theirs = clock.theirs(start + ms(2)).unwrap();
        assert!(theirs.since(set + ms(1)) <= MAX_STEP + 8, "a late report moves it a little");
        assert!(clock.observe(start + ms(3), THEIRS), "and back");
        assert_eq!(clock.theirs(start), Some(THEIRS.moved(-(3 << 32) / 1000)), "before the report, too");
    }

    proptest! {
        #[test]
        fn there_and_back(
            (ntp, rtp) in any::<(u64, u32)>(),
            units in -0x7fff_0000i64..0x7fff_0000,
            rate in prop_oneof![Just(8_000u32), Just(48_000), Just(90_000)],
        ) {
            let mut clock = RtpClock::new(rate);
            clock.observe(NtpTime::from_bits(ntp), rtp);
            let asked = rtp.wrapping_add(units as u32);
            let back = clock.rtp_at(clock.ntp_at(asked).unwrap()).unwrap();
            prop_assert!(asked.wrapping_sub(back).cast_signed().abs() <= 1);
        }

        #[test]
        fn no_report_panics(
            reports in prop::collection::vec((0u64..1 << 40, any::<u64>(), any::<u32>()), 1..20),
            ask in 0u64..1 << 40,
        ) {
            let (mut clock, mut rtp) = (RemoteClock::new(), RtpClock::new(0));
            for (ours, theirs, stamp) in reports {
                clock.observe(start() + ms(ours), NtpTime::from_bits(theirs));
                rtp.observe(NtpTime::from_bits(theirs), stamp);
                let _ = rtp.rtp_at(clock.theirs(start() + ms(ask)).unwrap());
                let _ = rtp.ntp_at(stamp).unwrap();
            }
        }
    }
}
