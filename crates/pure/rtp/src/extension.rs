//! Header extensions (RFC 8285), one- and two-byte: reading, the values that the server knows, and the map from a
//! publisher's ids to a subscriber's.

use crate::NtpTime;
use crate::fields::{array_at, u8_at, u16_at};

/// Profile of a block of one-byte elements.
pub(crate) const ONE_BYTE: u16 = 0xbede;
/// Profile of a block of two-byte elements; the low four bits are free ("appbits").
pub(crate) const TWO_BYTE: u16 = 0x1000;

/// The names of the extensions in SDP.
pub mod uri {
    /// Media identification, RFC 8843.
    pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
    /// Restriction identifier, RFC 8852.
    pub const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    /// The restriction identifier of the stream that an RTX stream repairs, RFC 8852.
    pub const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
    /// When the packet left its sender, libwebrtc `docs/native-code/rtp-hdrext/abs-send-time`.
    pub const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
    /// The transport-wide sequence number, draft-holmer-rmcat-transport-wide-cc-extensions-01.
    pub const TRANSPORT_CC: &str =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    /// Client-to-mixer audio level, RFC 6464.
    pub const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    /// What a frame needs and who needs it, RTP Payload Format For AV1 version 1.0.0, appendix A.5.
    pub const DEPENDENCY_DESCRIPTOR: &str =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
}

/// One element of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// 1 to 14 in the one-byte form, 1 to 255 in the two-byte form.
    pub id: u8,
    /// 1 to 16 bytes in the one-byte form, 0 to 255 in the two-byte form.
    pub value: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    OneByte,
    TwoByte,
}

/// The elements of a packet's extension block, in order. Ends at the first element that is not whole.
#[derive(Clone, Copy, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    form: Form,
}

impl<'a> Extensions<'a> {
    /// The elements in `block`, the bytes after profile and length.
    #[inline]
    #[must_use]
    pub fn new(profile: u16, block: &'a [u8]) -> Self {
        match profile {
            ONE_BYTE => Self { rest: block, form: Form::OneByte },
            profile if profile & 0xfff0 == TWO_BYTE => Self { rest: block, form: Form::TwoByte },
            _ => Self::none(),
        }
    }

    /// No elements.
    #[inline]
    #[must_use]
    pub fn none() -> Self {
        Self { rest: &[], form: Form::OneByte }
    }

    /// The value of the first element with this id.
    #[inline]
    #[must_use]
    pub fn find(mut self, id: u8) -> Option<&'a [u8]> {
        Iterator::find(&mut self, |element| element.id == id).map(|element| element.value)
    }

    /// Where the value of the first element with this id begins, counted back from the end of the block, and its
    /// length.
    #[inline]
    pub(crate) fn position_of(mut self, id: u8) -> Option<(usize, usize)> {
        let len = Iterator::find(&mut self, |element| element.id == id)?.value.len();
        Some((self.rest.len() + len, len))
    }

    #[inline]
    fn take(&mut self, id: u8, head: usize, len: usize) -> Option<Extension<'a>> {
        let value = self.rest.get(head..head + len);
        self.rest = self.rest.get(head + len..).unwrap_or_default();
        value.map(|value| Extension { id, value })
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    #[inline]
    fn next(&mut self) -> Option<Extension<'a>> {
        loop {
            let (&first, after) = self.rest.split_first()?;
            if first == 0 {
                self.rest = after; // padding
                continue;
            }
            return match self.form {
                // Id 15 ends the block, and so does id 0 with a length (RFC 8285 section 4.2).
                Form::OneByte => match first >> 4 {
                    0 | 15 => {
                        self.rest = &[];
                        None
                    }
                    id => self.take(id, 1, usize::from(first & 0x0f) + 1),
                },
                Form::TwoByte => {
                    let len = u8_at(after, 0)?;
                    self.take(first, 2, usize::from(len))
                }
            };
        }
    }
}

/// A value to put into an outgoing packet under the receiver's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionValue<'a> {
    /// The id that the receiver negotiated; 0 puts nothing.
    pub id: u8,
    /// The bytes of the value.
    pub value: &'a [u8],
}

/// Which of a publisher's extensions one subscriber gets, and under which id.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtensionMap {
    to: [u8; 256],
    two_byte: bool,
}

impl ExtensionMap {
    /// Lets nothing through. `two_byte`: the receiver understands two-byte elements in any packet
    /// (`a=extmap-allow-mixed`); without it, what does not fit the one-byte form is left out.
    #[must_use]
    pub fn new(two_byte: bool) -> Self {
        Self { to: [0; 256], two_byte }
    }

    /// Passes the sender's extension `from` on as the receiver's `to`. An id of 0 is no id.
    pub fn pass(&mut self, from: u8, to: u8) {
        if let (1.., Some(place)) = (from, self.to.get_mut(usize::from(from))) {
            *place = to;
        }
    }

    /// The receiver's id for the sender's `from`; 0 where it is left out.
    #[inline]
    #[must_use]
    pub fn get(&self, from: u8) -> u8 {
        self.to.get(usize::from(from)).copied().unwrap_or(0)
    }

    /// Whether two-byte elements may be written.
    #[inline]
    #[must_use]
    pub fn two_byte(&self) -> bool {
        self.two_byte
    }
}

impl std::fmt::Debug for ExtensionMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs = self.to.iter().enumerate().filter(|&(_, &to)| to != 0);
        f.debug_map().entries(pairs).finish()
    }
}

/// Voice activity and loudness of an audio packet (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Whether the encoder took it for speech.
    pub voice: bool,
    /// 0 (loudest) to 127 (silence), in -dBov.
    pub level: u8,
}

impl AudioLevel {
    /// Reads an element's value.
    #[inline]
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        u8_at(value, 0).map(|byte| Self { voice: byte & 0x80 != 0, level: byte & 0x7f })
    }

    /// The bytes of the element.
    #[inline]
    #[must_use]
    pub fn bytes(self) -> [u8; 1] {
        [(u8::from(self.voice) << 7) | (self.level & 0x7f)]
    }
}

/// When a packet left its sender: seconds modulo 64, in 2^-18 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsSendTime(u32);

impl AbsSendTime {
    /// Reads an element's value.
    #[inline]
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let [a, b, c] = array_at(value, 0)?;
        Some(Self(u32::from_be_bytes([0, a, b, c])))
    }

    /// The value for a packet that leaves at `now`.
    #[inline]
    #[must_use]
    pub fn at(now: NtpTime) -> Self {
        // 32.32 to 6.18: drop 14 bits of the fraction, keep 24.
        Self(u32::try_from((now.bits() >> 14) & 0x00ff_ffff).unwrap_or(0))
    }

    /// In units of 2^-18 s, 24 bits.
    #[inline]
    #[must_use]
    pub fn ticks(self) -> u32 {
        self.0
    }

    /// The bytes of the element.
    #[inline]
    #[must_use]
    pub fn bytes(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

/// Reads a transport-wide sequence number; its bytes are `u16::to_be_bytes`.
#[inline]
#[must_use]
pub fn transport_sequence(value: &[u8]) -> Option<u16> {
    u16_at(value, 0)
}

/// Reads a mid or rid: 1 to 255 visible ASCII characters (a token, RFC 8843 and RFC 8852).
#[inline]
#[must_use]
pub fn token(value: &[u8]) -> Option<&str> {
    let token = std::str::from_utf8(value).ok()?;
    (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(profile: u16, block: &[u8]) -> Vec<(u8, Vec<u8>)> {
        Extensions::new(profile, block).map(|element| (element.id, element.value.to_vec())).collect()
    }

    #[test]
    fn one_byte_elements_with_padding_between() {
        let block = [0x10, 0xaa, 0, 0, 0x32, 1, 2, 3, 0xe0, 9, 0, 0];
        assert_eq!(all(ONE_BYTE, &block), [(1, vec![0xaa]), (3, vec![1, 2, 3]), (14, vec![9])]);
    }

    #[test]
    fn one_byte_block_ends_at_id_15_and_at_padding_with_a_length() {
        assert_eq!(all(ONE_BYTE, &[0x10, 1, 0xf0, 2, 0x20, 3]), [(1, vec![1])]);
        assert_eq!(all(ONE_BYTE, &[0x10, 1, 0x01, 2, 3, 0x20, 3]), [(1, vec![1])]);
    }

    #[test]
    fn two_byte_elements_may_be_empty() {
        let block = [200, 0, 0, 1, 2, 7, 8];
        assert_eq!(all(TWO_BYTE | 5, &block), [(200, vec![]), (1, vec![7, 8])]);
    }

    #[test]
    fn a_torn_element_ends_the_block() {
        assert_eq!(all(ONE_BYTE, &[0x10, 1, 0x2f, 2]), [(1, vec![1])]);
        assert_eq!(all(TWO_BYTE, &[1, 1, 1, 2, 9, 0]), [(1, vec![1])]);
        assert_eq!(all(TWO_BYTE, &[1]), []);
        assert_eq!(all(0x1234, &[0x10, 1]), []);
    }

    #[test]
    fn values() {
        let level = AudioLevel::read(&[0x80 | 42]).unwrap();
        assert_eq!(level, AudioLevel { voice: true, level: 42 });
        assert_eq!(level.bytes(), [0x80 | 42]);
        // 65.5 s is 1.5 s modulo 64.
        let time = AbsSendTime::at(NtpTime::from_bits((65 << 32) | (1 << 31)));
        assert_eq!(time.ticks(), 3 << 17);
        assert_eq!(AbsSendTime::read(&time.bytes()), Some(time));
        assert_eq!(AbsSendTime::read(&[1, 2]), None);
        assert_eq!(transport_sequence(&[1, 2]), Some(0x102));
        assert_eq!(token(b"0"), Some("0"));
        assert_eq!((token(b""), token(b"a\n"), token(&[0xff])), (None, None, None));
    }

    /// RFC 6464 section 3: the same byte in both forms.
    #[test]
    fn an_audio_level_is_the_same_in_both_forms() {
        let level =
            |profile, block: &'static [u8]| AudioLevel::read(Extensions::new(profile, block).find(6)?);
        let loud = Some(AudioLevel { voice: true, level: 30 });
        assert_eq!(level(ONE_BYTE, &[0x60, 0x80 | 30, 0, 0]), loud);
        assert_eq!(level(TWO_BYTE, &[6, 1, 0x80 | 30, 0]), loud);
        assert_eq!(level(TWO_BYTE, &[6, 0, 0, 0]), None);
    }

    #[test]
    fn a_map_has_no_id_zero() {
        let mut map = ExtensionMap::new(false);
        map.pass(0, 5);
        map.pass(255, 3);
        assert_eq!((map.get(0), map.get(255), map.get(1)), (0, 3, 0));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_it_ends(profile in any::<u16>(), block in prop::collection::vec(any::<u8>(), 0..300)) {
            for profile in [profile, ONE_BYTE, TWO_BYTE] {
                let total: usize = Extensions::new(profile, &block).map(|element| element.value.len() + 1).sum();
                prop_assert!(total <= block.len());
            }
        }
    }
}
