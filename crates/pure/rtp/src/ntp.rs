//! NTP time as RTCP carries it (RFC 3550 section 4): seconds since 1900 in 32.32 fixed point.

use std::time::{Duration, SystemTime};

/// Seconds from 1900 to 1970, RFC 868.
const UNIX_EPOCH: u64 = 2_208_988_800;

/// A point in NTP time. Arithmetic is modulo 2^64 (an era of 136 years).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(u64);

impl NtpTime {
    /// From 32.32 fixed point.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// As 32.32 fixed point.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// From the time since 1970.
    #[inline]
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs().wrapping_add(UNIX_EPOCH);
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        Self((seconds << 32) | fraction)
    }

    /// From a system time; one before 1970 counts as 1970.
    #[must_use]
    pub fn from_system(time: SystemTime) -> Self {
        Self::from_unix(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    /// The middle 32 bits (16.16), as LSR and DLSR use them.
    #[inline]
    #[must_use]
    pub fn middle(self) -> u32 {
        low32(self.0 >> 16)
    }

    /// `self - earlier` in 32.32 fixed point; negative when `earlier` is later.
    #[inline]
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// Moved by a difference in 32.32 fixed point.
    #[inline]
    #[must_use]
    pub fn moved(self, by: i64) -> Self {
        Self(self.0.wrapping_add_signed(by))
    }
}

impl std::ops::Add<Duration> for NtpTime {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        let fraction = (u64::from(by.subsec_nanos()) << 32) / 1_000_000_000;
        Self(self.0.wrapping_add(by.as_secs() << 32).wrapping_add(fraction))
    }
}

/// The low 32 bits.
#[inline]
pub(crate) fn low32(bits: u64) -> u32 {
    u32::try_from(bits & 0xffff_ffff).unwrap_or(0)
}

/// A duration in 16.16 seconds, as DLSR and a round trip are written; saturates at 18 hours.
#[inline]
#[must_use]
pub fn short(duration: Duration) -> u32 {
    let ticks = (u128::from(duration.as_secs()) << 16)
        + ((u128::from(duration.subsec_nanos()) << 16) / 1_000_000_000);
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// The duration that 16.16 seconds are.
#[inline]
#[must_use]
pub fn from_short(ticks: u32) -> Duration {
    Duration::from_nanos((u64::from(ticks) * 1_000_000_000) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unix_times() {
        let time = NtpTime::from_unix(Duration::from_millis(1_500));
        assert_eq!(time.bits(), ((UNIX_EPOCH + 1) << 32) | (1 << 31));
        assert_eq!(time.middle(), low32(((UNIX_EPOCH + 1) & 0xffff) << 16 | 0x8000));
        assert_eq!(NtpTime::from_system(SystemTime::UNIX_EPOCH), NtpTime::from_unix(Duration::ZERO));
    }

    #[test]
    fn differences_cross_the_era() {
        let before = NtpTime::from_bits(u64::MAX - 1);
        let after = before + Duration::from_secs(2);
        assert_eq!(after.since(before), 2 << 32);
        assert_eq!(before.since(after), -(2i64 << 32));
        assert_eq!(before.moved(after.since(before)), after);
    }

    proptest! {
        #[test]
        fn short_times_come_back(micros in 0u64..60_000_000_000) {
            let duration = Duration::from_micros(micros);
            let back = from_short(short(duration));
            prop_assert!(duration - back <= Duration::from_micros(16)); // 2^-16 s, rounded down
        }

        #[test]
        fn no_time_panics(seconds in any::<u64>(), nanos in 0u32..1_000_000_000, bits in any::<u64>()) {
            let duration = Duration::new(seconds, nanos);
            let _ = NtpTime::from_unix(duration);
            let _ = NtpTime::from_bits(bits) + duration;
            let _ = short(duration);
        }
    }
}
