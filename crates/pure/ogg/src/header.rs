//! The two header packets (RFC 7845 section 5): what the stream is, and what is said about it.

/// Samples at the start that a player throws away: 6.5 ms, which is what libopus looks ahead. So the place of a packet
/// is also the place of its sound. RFC 7845 section 4.2 advises 80 ms where a stream is cut in the middle, for the
/// decoder to converge; here what lies before the first packet is silence, from which nothing converges, and players
/// that count these samples in (ffprobe does) would show a file 80 ms longer than the call.
pub const PRE_SKIP: u16 = 312;

/// All tags together, in bytes: they fit one page.
pub const MAX_TAG_BYTES: usize = 32 * 1024;

/// How many tags there may be.
pub const MAX_TAGS: usize = 100;

/// Who wrote the file: the vendor string.
const VENDOR: &str = "anabranch";

/// How many channels a player should expect. Each packet says for itself whether it is stereo; decoders mix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// One.
    #[default]
    Mono,
    /// Two: left, right.
    Stereo,
}

/// What the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// As negotiated (`stereo=1` of RFC 7587).
    pub channels: Channels,
}

impl Head {
    pub(crate) fn packet(self) -> Vec<u8> {
        let channels = match self.channels {
            Channels::Mono => 1,
            Channels::Stereo => 2,
        };
        let mut packet = b"OpusHead".to_vec();
        packet.extend_from_slice(&[1, channels]); // version, channels
        packet.extend_from_slice(&PRE_SKIP.to_le_bytes());
        packet.extend_from_slice(&crate::RATE.to_le_bytes());
        packet.extend_from_slice(&[0, 0, 0]); // output gain (two bytes), mapping family
        packet
    }
}

/// Why a tag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A name is one or more of the characters from space to `}`, and no `=`.
    #[error("a tag's name is printable ASCII without '='")]
    Name,
    /// [`MAX_TAGS`] or [`MAX_TAG_BYTES`].
    #[error("too many tags")]
    TooMany,
}

/// What is said about the recording, in the order in which it was added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    comments: Vec<String>,
    bytes: usize,
}

impl Tags {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tag. Names may repeat; upper and lower case are the same in them. A value may be any text.
    ///
    /// # Errors
    ///
    /// [`TagError`]; then nothing was added.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), TagError> {
        let allowed = |byte: u8| (b' '..=b'}').contains(&byte) && byte != b'=';
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(TagError::Name);
        }
        let bytes = self.bytes.saturating_add(4 + name.len() + 1 + value.len());
        if bytes > MAX_TAG_BYTES || self.comments.len() >= MAX_TAGS {
            return Err(TagError::TooMany);
        }
        self.bytes = bytes;
        self.comments.push(format!("{name}={value}"));
        Ok(())
    }

    /// The value of the first tag of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.comments.iter().find_map(|comment| {
            let (found, value) = comment.split_once('=')?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Whether a packet holds tags, and they were written here.
    pub(crate) fn are_ours(packet: &[u8]) -> bool {
        let vendor = packet.strip_prefix(b"OpusTags").and_then(take_text);
        vendor.is_some_and(|(vendor, _)| vendor == VENDOR)
    }

    /// Reads the packet. `None` where it is none that could have been written here.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let (_vendor, rest) = take_text(packet.strip_prefix(b"OpusTags")?)?;
        let (count, mut rest) = take_number(rest)?;
        let mut tags = Self::new();
        for _ in 0..count {
            let (comment, after) = take_text(rest)?;
            let (name, value) = comment.split_once('=')?;
            tags.add(name, value).ok()?;
            rest = after;
        }
        Some(tags)
    }

    pub(crate) fn packet(&self) -> Vec<u8> {
        let mut packet = b"OpusTags".to_vec();
        put(&mut packet, VENDOR);
        packet.extend_from_slice(&(self.comments.len() as u32).to_le_bytes());
        for comment in &self.comments {
            put(&mut packet, comment);
        }
        packet
    }
}

fn put(packet: &mut Vec<u8>, text: &str) {
    packet.extend_from_slice(&(text.len() as u32).to_le_bytes());
    packet.extend_from_slice(text.as_bytes());
}

fn take_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = take_number(bytes)?;
    let (text, rest) = rest.split_at_checked(len)?;
    Some((str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_that_of_rfc_7845() {
        let head = Head { channels: Channels::Stereo }.packet();
        assert_eq!(head, b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0");
        assert_eq!(Head::default().packet()[9], 1);
    }

    #[test]
    fn tags_hold_any_text_under_a_plain_name() {
        let mut tags = Tags::new();
        tags.add("TITLE", "Grüße = 你好").unwrap();
        assert_eq!(
            tags.packet(),
            "OpusTags\u{9}\0\0\0anabranch\u{1}\0\0\0\u{16}\0\0\0TITLE=Grüße = 你好".as_bytes()
        );
        for name in ["", "A=B", "É", "a\n", "~"] {
            assert_eq!(tags.add(name, ""), Err(TagError::Name), "{name:?}");
        }
    }

    #[test]
    fn tags_are_read_as_they_were_written() {
        let mut tags = Tags::new();
        tags.add("ROOM", "a=b").unwrap();
        tags.add("USER", "").unwrap();
        let packet = tags.packet();
        let read = Tags::parse(&packet).unwrap();
        assert_eq!(read, tags);
        assert_eq!((read.find("room"), read.find("USER"), read.find("DATE")), (Some("a=b"), Some(""), None));
        for len in 0..packet.len() {
            assert_eq!(Tags::parse(&packet[..len]), None, "{len}");
        }
    }

    #[test]
    fn tags_are_bounded_in_number_and_size() {
        let mut tags = Tags::new();
        assert_eq!(tags.add("a", &"x".repeat(MAX_TAG_BYTES)), Err(TagError::TooMany));
        for _ in 0..MAX_TAGS {
            tags.add("a", &"x".repeat(MAX_TAG_BYTES / MAX_TAGS - 6)).unwrap();
        }
        assert_eq!(tags.add("a", ""), Err(TagError::TooMany));
        assert!(crate::page::Pager::new(0).fits(tags.packet().len()));
    }
}
