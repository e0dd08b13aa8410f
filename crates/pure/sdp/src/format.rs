//! Whether two payload types of one codec carry the same: what was encoded for one can be decoded by the other.

use crate::codec::Codec;
use crate::fmtp::Fmtp;

/// Compares what the codec's own specification says must be equal.
pub(crate) fn is_same(codec: Codec, one: &Fmtp, other: &Fmtp) -> bool {
    let same = |name: &str, default: &str| {
        one.value(name).unwrap_or(default) == other.value(name).unwrap_or(default)
    };
    match codec {
        Codec::Opus | Codec::Vp8 => true,
        // RFC 9628, section 6.
        Codec::Vp9 => same("profile-id", "0"),
        // RFC 6184, section 8.2.2. Levels may differ, and browsers decode all that they offer.
        Codec::H264 => same("packetization-mode", "0") && profile(one) == profile(other),
        // The payload format for AV1, section 7.2.
        Codec::Av1 => same("profile", "0"),
    }
}

/// Profile and constraints of H.264: of the six digits of `profile-level-id` the first four, without the constraints that
/// RFC 6184, table 5, leaves open.
fn profile(fmtp: &Fmtp) -> Option<(u8, u8)> {
    // Where nothing is said, it is Baseline (section 8.1).
    let Some(text) = fmtp.value("profile-level-id") else { return Some((66, 0)) };
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let (profile, constraints) = (byte(0)?, byte(2)?);
    Some(match profile {
        // Constrained Baseline, in whichever way it is written.
        66 if constraints & 0x40 != 0 => (66, 0x40),
        77 if constraints & 0x80 != 0 => (66, 0x40),
        66 => (66, 0),
        77 => (77, 0),
        other => (other, constraints & 0x0c),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(codec: Codec, one: &str, other: &str) -> bool {
        is_same(codec, &Fmtp::from(one), &Fmtp::from(other))
    }

    #[test]
    fn profiles_are_told_apart_and_levels_are_not() {
        let h264 = |one: &str, other: &str| {
            let with =
                |id: &str| format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={id}");
            same(Codec::H264, &with(one), &with(other))
        };
        assert!(h264("42e01f", "42E034") && h264("42e01f", "42c01f") && h264("64001f", "640034"));
        assert!(!h264("42001f", "42e01f") && !h264("4d001f", "64001f") && !h264("42e01f", "nonsense"));
        assert!(!same(Codec::H264, "packetization-mode=1", "packetization-mode=0"));
        assert!(same(Codec::H264, "", "packetization-mode=0;profile-level-id=42001f"));
        assert!(same(Codec::Vp9, "", "profile-id=0") && !same(Codec::Vp9, "profile-id=2", ""));
        assert!(same(Codec::Av1, "level-idx=5;profile=0;tier=0", "") && !same(Codec::Av1, "profile=1", ""));
    }
}
