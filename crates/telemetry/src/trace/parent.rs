//! The text that carries a trace: W3C Trace Context, version 00.

use std::fmt;

/// Where a trace comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    /// Not zero.
    pub(super) trace: u128,
    /// Not zero.
    pub(super) span: u64,
    pub(super) sampled: bool,
}

/// The one flag that we know; the others are not handed on.
const SAMPLED: u8 = 1;

impl Parent {
    /// Reads `00-<32 hex digits>-<16>-<2>`, lowercase, the ids not zero. Nothing else is accepted, a
    /// later version's text neither: none exists, and whoever sends one also speaks this.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("00-")?.splitn(3, '-');
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let trace = u128::from_str_radix(hex(trace, 32)?, 16).ok().filter(|id| *id != 0)?;
        let span = u64::from_str_radix(hex(span, 16)?, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(hex(flags, 2)?, 16).ok()?;
        Some(Self { trace, span, sampled: flags & SAMPLED != 0 })
    }
}

fn hex(text: &str, length: usize) -> Option<&str> {
    let good = text.len() == length && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    good.then_some(text)
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_written_is_read_again() {
        let parent = Parent::read(GOOD).unwrap();
        assert_eq!(parent.trace, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(parent.span, 0xb7ad_6b71_6920_3331);
        assert!(parent.sampled);
        assert_eq!(parent.to_string(), GOOD);
        let unsampled = GOOD.replace("-01", "-00");
        assert_eq!(Parent::read(&unsampled).unwrap().to_string(), unsampled);
    }

    #[test]
    fn unknown_flags_are_not_handed_on() {
        let parent = Parent::read(&GOOD.replace("-01", "-ff")).unwrap();
        assert_eq!(parent.to_string(), GOOD);
    }

    #[test]
    fn a_hostile_one_is_none() {
        let long = GOOD.repeat(100_000);
        for bad in [
            "",
            "00",
            "00---",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c8031ö-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\u{661}-01",
            &long,
        ] {
            assert_eq!(Parent::read(bad), None, "{bad:.80}");
        }
    }
}
