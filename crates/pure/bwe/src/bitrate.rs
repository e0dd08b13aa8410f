//! Bits a second, so that nobody takes them for bytes or for kilobits.

use std::fmt;
use std::time::Duration;

/// A bitrate, in whole bits a second. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitrate(u64);

impl Bitrate {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// More than any network.
    pub const MAX: Self = Self(u64::MAX);

    /// So many bits a second.
    #[must_use]
    pub const fn bps(bits: u64) -> Self {
        Self(bits)
    }

    /// So many thousand bits a second.
    #[must_use]
    pub const fn kbps(kilobits: u64) -> Self {
        Self(kilobits.saturating_mul(1_000))
    }

    /// In bits a second.
    #[must_use]
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// In bits a second.
    #[must_use]
    pub const fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// From bits a second; what is no number or less than nothing is nothing.
    #[must_use]
    pub const fn from_f64(bits: f64) -> Self {
        Self(bits as u64)
    }

    /// This many times as much; a factor below nothing gives nothing.
    #[must_use]
    pub fn scale(self, factor: f64) -> Self {
        Self::from_f64(self.as_f64() * factor)
    }

    /// How many bytes it carries in this time, rounded down.
    #[must_use]
    pub fn bytes_in(self, time: Duration) -> u64 {
        (self.as_f64() * time.as_secs_f64() / 8.0) as u64
    }

    /// How long it takes for this many bytes; an hour at most, and for a bitrate of nothing.
    #[must_use]
    pub fn time_for(self, bytes: u64) -> Duration {
        const LONGEST: f64 = 3600.0;
        let seconds = bytes as f64 * 8.0 / self.as_f64();
        Duration::from_secs_f64(if seconds.is_finite() { seconds.min(LONGEST) } else { LONGEST })
    }

    /// Both together.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} kbit/s", self.as_f64() / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_times_go_together() {
        let rate = Bitrate::kbps(800);
        assert_eq!(rate.bytes_in(Duration::from_millis(10)), 1000);
        assert_eq!(rate.time_for(1000), Duration::from_millis(10));
        assert_eq!(Bitrate::ZERO.time_for(1), Duration::from_secs(3600));
        assert_eq!(Bitrate::from_f64(f64::NAN), Bitrate::ZERO);
        assert_eq!(Bitrate::MAX.scale(2.0), Bitrate::MAX);
    }
}
