//! What can be seen of an Opus packet without decoding it (RFC 6716 section 3), and the packets that fill gaps.

/// The longest packet in samples: 120 ms (RFC 6716 section 3.2.5).
pub const MAX_DURATION: u32 = 5760;

/// The longest frame in bytes (RFC 6716 section 3.2.1).
const MAX_FRAME: usize = 1275;

/// The code of a digital silence in CELT: the first symbol is the silence flag, of probability 2^-15, and these bytes
/// begin with it (RFC 6716 section 4.3).
const SILENT_FRAME: [u8; 2] = [0xff, 0xfe];

/// Why a payload is no Opus packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There is no TOC byte.
    #[error("an empty packet")]
    Empty,
    /// No frames, or frames of more than 120 ms.
    #[error("a frame count that cannot be")]
    FrameCount,
    /// The frames' lengths do not fit the packet.
    #[error("frame lengths that do not fit")]
    FrameLength,
}

/// How long a packet lasts, in samples at 48 kHz: 120 to 5760.
///
/// # Errors
///
/// [`Malformed`] for what a decoder must refuse (RFC 6716 section 3.4).
pub fn duration(packet: &[u8]) -> Result<u32, Malformed> {
    let (&toc, rest) = packet.split_first().ok_or(Malformed::Empty)?;
    let frames = match toc & 3 {
        0 => one(rest),
        1 => equal(rest, 2),
        2 => lengths(rest, 2),
        _ => counted(toc, rest),
    }?;
    let duration = frame_duration(toc) * frames;
    if duration > MAX_DURATION { Err(Malformed::FrameCount) } else { Ok(duration) }
}

/// The samples of one frame (RFC 6716 section 3.1, table 2).
fn frame_duration(toc: u8) -> u32 {
    let config = toc >> 3;
    let size = config & 3;
    match config {
        0..12 if size == 3 => 2880,
        0..12 => 480 << size,
        12..16 => 480 << (size & 1),
        _ => 120 << size,
    }
}

fn one(rest: &[u8]) -> Result<u32, Malformed> {
    equal(rest, 1)
}

fn equal(rest: &[u8], frames: usize) -> Result<u32, Malformed> {
    let fits = rest.len().is_multiple_of(frames) && rest.len() / frames <= MAX_FRAME;
    if fits { Ok(frames as u32) } else { Err(Malformed::FrameLength) }
}

/// Frames of which all but the last have their lengths in front (RFC 6716 sections 3.2.1 and 3.2.4).
fn lengths(mut rest: &[u8], frames: usize) -> Result<u32, Malformed> {
    let mut named = 0;
    for _ in 1..frames {
        let (&first, after) = rest.split_first().ok_or(Malformed::FrameLength)?;
        rest = after;
        named += usize::from(first);
        if first >= 252 {
            let (&second, after) = rest.split_first().ok_or(Malformed::FrameLength)?;
            rest = after;
            named += 4 * usize::from(second);
        }
    }
    let last = rest.len().checked_sub(named).ok_or(Malformed::FrameLength)?;
    if last <= MAX_FRAME { Ok(frames as u32) } else { Err(Malformed::FrameLength) }
}

/// A packet of code 3: a byte with the count, then perhaps padding (RFC 6716 section 3.2.5).
fn counted(toc: u8, rest: &[u8]) -> Result<u32, Malformed> {
    let (&about, mut rest) = rest.split_first().ok_or(Malformed::FrameCount)?;
    let frames = about & 0x3f;
    if frames == 0 || frame_duration(toc) * u32::from(frames) > MAX_DURATION {
        return Err(Malformed::FrameCount);
    }
    if about & 0x40 != 0 {
        rest = without_padding(rest).ok_or(Malformed::FrameLength)?;
    }
    if about & 0x80 != 0 { lengths(rest, usize::from(frames)) } else { equal(rest, usize::from(frames)) }
}

fn without_padding(mut rest: &[u8]) -> Option<&[u8]> {
    let mut padding = 0;
    loop {
        let (&length, after) = rest.split_first()?;
        rest = after;
        if length < 255 {
            padding += usize::from(length);
            return rest.get(..rest.len().checked_sub(padding)?);
        }
        padding += 254;
    }
}

/// A packet that stands where none came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filler {
    bytes: [u8; 3],
    len: usize,
    /// Samples.
    pub(crate) duration: u32,
}

impl Filler {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A packet without a frame, which asks the decoder to conceal (RFC 7845 section 4.1) in the mode and bandwidth of the
/// packet before, whose first byte is `toc`. Of about `wanted` samples and at most 20 ms; `None` when that is next to
/// nothing. In the SILK modes not below 10 ms: shorter concealment clicks.
pub(crate) fn conceal(toc: u8, wanted: u32) -> Option<Filler> {
    let config = toc >> 3;
    let unit = if config < 16 { 480 } else { 120 };
    let duration = size(wanted, unit)?;
    let size = (duration / unit).ilog2() as u8;
    let base = if (12..16).contains(&config) { config & !1 } else { config & !3 };
    Some(Filler { bytes: [(base + size) << 3 | toc & 4, 0, 0], len: 1, duration })
}

/// A packet of digital silence (CELT, full band), mono or stereo. As for [`conceal`], to the nearest 2.5 ms.
pub(crate) fn silence(stereo: bool, wanted: u32) -> Option<Filler> {
    let duration = size(wanted, 120)?;
    let size = (duration / 120).ilog2() as u8;
    let toc = (28 + size) << 3 | if stereo { 4 } else { 0 };
    let [a, b] = SILENT_FRAME;
    Some(Filler { bytes: [toc, a, b], len: 3, duration })
}

/// The largest frame of `unit` times a power of two, up to 20 ms, that fits into `wanted` rounded to units.
fn size(wanted: u32, unit: u32) -> Option<u32> {
    let rounded = wanted.saturating_add(unit / 2) / unit * unit;
    [960, 480, 240, 120].into_iter().find(|size| *size >= unit && *size <= rounded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_32_configurations() {
        let silk = [480, 960, 1920, 2880];
        let table = [silk, silk, silk, [480, 960, 480, 960]].concat();
        let celt = [120, 240, 480, 960].repeat(4);
        for (config, expected) in table.into_iter().chain(celt).enumerate() {
            for stereo in [0, 4] {
                let toc = (config as u8) << 3 | stereo;
                assert_eq!(
                    duration(&[toc]),
                    Ok(expected),
                    "a packet without a frame, configuration {config}"
                );
                assert_eq!(duration(&[toc, 1, 2]), Ok(expected));
                assert_eq!(duration(&[toc | 1, 1, 2]), Ok(2 * expected));
                assert_eq!(duration(&[toc | 2, 1, 2, 3]), Ok(2 * expected));
            }
        }
    }

    #[test]
    fn counted_frames() {
        const TOC: u8 = 31 << 3 | 3;
        assert_eq!(duration(&[TOC, 6, 1, 2, 3, 4, 5, 6]), Ok(5760));
        assert_eq!(duration(&[TOC, 7, 1, 2, 3, 4, 5, 6, 7]), Err(Malformed::FrameCount));
        assert_eq!(duration(&[TOC, 0]), Err(Malformed::FrameCount));
        assert_eq!(duration(&[TOC]), Err(Malformed::FrameCount));
        assert_eq!(duration(&[TOC, 2, 1]), Err(Malformed::FrameLength));
        assert_eq!(duration(&[TOC, 0x80 | 2, 1, 9, 8]), Ok(1920));
        assert_eq!(duration(&[TOC, 0x80 | 2, 3, 9, 8]), Err(Malformed::FrameLength));
        assert_eq!(duration(&[TOC, 0x40 | 1, 2, 9, 0, 0]), Ok(960));
        assert_eq!(duration(&[TOC, 0x40 | 1, 3, 9, 0]), Err(Malformed::FrameLength));
        assert_eq!(duration(&[TOC, 0x40 | 1, 255]), Err(Malformed::FrameLength));
        assert_eq!(duration(&[16 << 3 | 3, 48]), Ok(5760));
        assert_eq!(duration(&[3 << 3 | 3, 3]), Err(Malformed::FrameCount));
    }

    #[test]
    fn no_packets() {
        assert_eq!(duration(&[]), Err(Malformed::Empty));
        assert_eq!(duration(&[1, 9]), Err(Malformed::FrameLength), "two frames of half a byte");
        assert_eq!(duration(&[2]), Err(Malformed::FrameLength));
        assert_eq!(duration(&[2, 252]), Err(Malformed::FrameLength));
        assert_eq!(duration(&[2, 252, 9]), Err(Malformed::FrameLength));
        assert_eq!(duration(&[0; 1276]), Ok(480));
        assert_eq!(duration(&[0; 1277]), Err(Malformed::FrameLength));
    }

    proptest! {
        #[test]
        fn what_fills_is_a_packet_of_the_duration_it_says(toc in any::<u8>(), wanted in 0u32..3000, stereo in any::<bool>()) {
            let unit = if toc >> 3 < 16 { 480 } else { 120 };
            for (filler, unit) in [(conceal(toc, wanted), unit), (silence(stereo, wanted), 120)] {
                let Some(filler) = filler else {
                    prop_assert!(wanted < unit / 2);
                    continue;
                };
                prop_assert_eq!(duration(filler.bytes()), Ok(filler.duration));
                prop_assert!(filler.duration <= wanted + unit / 2);
            }
            let concealed = conceal(toc, 960).unwrap();
            let mode = |toc: u8| match toc >> 3 { 0..12 => toc >> 5, 12..16 => 8 + (toc >> 4), _ => 16 + (toc >> 5) };
            prop_assert_eq!(mode(concealed.bytes()[0]), mode(toc), "the mode and bandwidth of the packet before");
            prop_assert_eq!(concealed.bytes()[0] & 7, toc & 4);
        }

        #[test]
        fn no_packet_is_longer_than_120_ms(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(duration) = duration(&bytes) {
                prop_assert!((120..=MAX_DURATION).contains(&duration) && duration % 120 == 0);
            }
        }
    }
}
