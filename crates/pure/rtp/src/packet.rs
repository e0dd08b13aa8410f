//! The view of an RTP packet (RFC 3550 section 5.1): parsed once, then only offsets.

use crate::extension::Extensions;
use crate::fields::{u8_at, u16_at, u32_at};

/// The fixed part of the header, in bytes.
pub const FIXED_HEADER: usize = 12;

/// What is wrong with bytes that a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before what their header announces.
    #[error("the peer sent a packet that ends before {0}")]
    TooShort(&'static str),
    /// The version field is not 2.
    #[error("the peer sent version {0} where 2 was expected")]
    Version(u8),
    /// More padding is announced than there is payload, or padding of no bytes.
    #[error("the peer announced {0} bytes of padding")]
    Padding(u8),
    /// A field has a value that its format does not allow.
    #[error("the peer sent an invalid {0}")]
    Invalid(&'static str),
}

/// Whether a datagram that is RTP or RTCP (first byte 128 to 191) is RTCP, by RFC 5761 section 4.
#[inline]
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(u8_at(datagram, 1), Some(192..=223))
}

/// Where the header extension block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ExtensionBlock {
    /// "Defined by profile": 0xBEDE for one-byte elements, 0x1000 to 0x100F for two-byte ones.
    profile: u16,
    /// Offset of the first byte after the block's own four.
    start: u16,
    /// In bytes.
    len: u16,
}

/// The header of an RTP or SRTP packet, which is plain in both: fields and offsets, no borrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The marker bit.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// The low 16 bits of the packet's index.
    pub sequence: u16,
    /// In units of the codec's clock rate.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    padding: bool,
    len: u16,
    extensions: Option<ExtensionBlock>,
}

impl Header {
    /// Reads the header of `packet`, encrypted or not. The padding can be checked only in a plain packet, by
    /// [`RtpPacket::new`].
    ///
    /// # Errors
    /// [`Malformed`] when the header is not a whole RTP header of version 2.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        let fixed: &[u8; FIXED_HEADER] = packet.first_chunk().ok_or(Malformed::TooShort("the RTP header"))?;
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if first >> 6 != 2 {
            return Err(Malformed::Version(first >> 6));
        }
        let mut len = FIXED_HEADER + 4 * usize::from(first & 0x0f);
        let mut extensions = None;
        if first & 0x10 != 0 {
            let profile = u16_at(packet, len).ok_or(Malformed::TooShort("the header extension"))?;
            let words = u16_at(packet, len + 2).ok_or(Malformed::TooShort("the header extension"))?;
            let bytes = 4 * usize::from(words);
            extensions = Some((profile, len + 4, bytes));
            len += 4 + bytes;
        }
        if len > packet.len() {
            return Err(Malformed::TooShort("the end of its header"));
        }
        // A datagram is at most 65,535 bytes; whatever is longer is not one.
        let small = |value: usize| u16::try_from(value).map_err(|_| Malformed::Invalid("header length"));
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            padding: first & 0x20 != 0,
            len: small(len)?,
            extensions: match extensions {
                Some((profile, start, bytes)) => {
                    Some(ExtensionBlock { profile, start: small(start)?, len: small(bytes)? })
                }
                None => None,
            },
        })
    }

    /// Length of the whole header with CSRCs and extensions, in bytes.
    #[inline]
    #[must_use]
    pub fn header_len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether the packet ends with padding.
    #[inline]
    #[must_use]
    pub fn has_padding(&self) -> bool {
        self.padding
    }

    /// The header extensions in `packet`, the bytes that this header was parsed from (encrypted or not).
    #[inline]
    #[must_use]
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> Extensions<'a> {
        match self.extensions {
            Some(block) => {
                let start = usize::from(block.start);
                let bytes = packet.get(start..start + usize::from(block.len)).unwrap_or_default();
                Extensions::new(block.profile, bytes)
            }
            None => Extensions::none(),
        }
    }
}

/// A plain (decrypted) RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    header: Header,
    data: &'a [u8],
    payload: &'a [u8],
    padding: usize,
}

impl<'a> RtpPacket<'a> {
    /// The packet in `data`, whose header was parsed before (its header bytes must be the same).
    ///
    /// # Errors
    /// [`Malformed`] when the padding is, or when `data` is shorter than the header.
    #[inline]
    pub fn new(header: Header, data: &'a [u8]) -> Result<Self, Malformed> {
        let payload = data.get(header.header_len()..).ok_or(Malformed::TooShort("its payload"))?;
        if !header.padding {
            return Ok(Self { header, data, payload, padding: 0 });
        }
        let count = payload.last().copied().unwrap_or(0);
        let padding = usize::from(count);
        match payload.len().checked_sub(padding).and_then(|end| payload.get(..end)) {
            Some(payload) if padding > 0 => Ok(Self { header, data, payload, padding }),
            _ => Err(Malformed::Padding(count)),
        }
    }

    /// The same packet with something else as its payload, such as a part of it.
    #[inline]
    #[must_use]
    pub fn with_payload(self, payload: &'a [u8]) -> Self {
        Self { payload, ..self }
    }

    /// Reads a plain packet.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(data: &'a [u8]) -> Result<Self, Malformed> {
        Self::new(Header::parse(data)?, data)
    }

    /// The parsed header.
    #[inline]
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload without padding; empty in a packet of padding alone.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// How many bytes of padding follow the payload.
    #[inline]
    #[must_use]
    pub fn padding_len(&self) -> usize {
        self.padding
    }

    /// The header extensions.
    #[inline]
    #[must_use]
    pub fn extensions(&self) -> Extensions<'a> {
        self.header.extensions(self.data)
    }

    /// The contributing sources.
    pub fn csrcs(&self) -> impl Iterator<Item = u32> + 'a {
        let data = self.data;
        let count = usize::from(u8_at(data, 0).unwrap_or(0) & 0x0f);
        (0..count).filter_map(move |n| u32_at(data, FIXED_HEADER + 4 * n))
    }

    /// The whole packet as it came.
    #[inline]
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_part_of_a_header() {
        let mut bytes = vec![0xb1, 0x80 | 96, 0x12, 0x34, 0, 0, 0x30, 0x39, 0xde, 0xad, 0xbe, 0xef];
        bytes.extend([1, 2, 3, 4]); // a CSRC
        bytes.extend([0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]); // one element of one byte
        bytes.extend(b"payload");
        bytes.extend([0, 0, 3]); // padding
        let packet = RtpPacket::parse(&bytes).unwrap();
        let header = packet.header();
        assert!(header.marker && header.has_padding());
        assert_eq!((header.payload_type, header.sequence, header.timestamp), (96, 0x1234, 12345));
        assert_eq!(header.ssrc, 0xdead_beef);
        assert_eq!(header.header_len(), 24);
        assert_eq!(packet.payload(), b"payload");
        assert_eq!(packet.padding_len(), 3);
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [0x0102_0304]);
        assert_eq!(packet.extensions().find(1), Some(&[7][..]));
    }

    #[test]
    fn refuses_what_lies() {
        assert_eq!(Header::parse(&[0x80; 11]), Err(Malformed::TooShort("the RTP header")));
        assert_eq!(Header::parse(&[0x40; 12]), Err(Malformed::Version(1)));
        assert_eq!(Header::parse(&[0x8f; 70]), Err(Malformed::TooShort("the end of its header")));
        let mut padded = vec![0xa0; 12];
        assert_eq!(RtpPacket::parse(&padded), Err(Malformed::Padding(0)));
        padded.extend([1, 1, 4]);
        assert_eq!(RtpPacket::parse(&padded), Err(Malformed::Padding(4)));
    }

    #[test]
    fn tells_rtcp_from_rtp() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x81, 206]));
        assert!(!is_rtcp(&[0x80, 96]) && !is_rtcp(&[0x80, 0x80 | 111]) && !is_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn nothing_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..200), version in any::<bool>()) {
            if version && !bytes.is_empty() {
                bytes[0] = bytes[0] & 0x3f | 0x80;
            }
            if let Ok(packet) = RtpPacket::parse(&bytes) {
                prop_assert_eq!(
                    packet.header().header_len() + packet.payload().len() + packet.padding_len(),
                    bytes.len()
                );
                packet.extensions().for_each(drop);
                packet.csrcs().for_each(drop);
            }
        }
    }
}
