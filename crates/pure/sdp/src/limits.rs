//! How much of a stranger's text is read. Beyond a limit the whole offer is refused with an error that names the
//! limit, unless a line below says otherwise. Real offers: Chromium's audio + video is 7 KiB with 150 lines.

/// What an operator may lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of an offer, at the most [`MAX_BYTES`].
    pub bytes: usize,
    /// M-lines of an offer, at the most [`MAX_SECTIONS`].
    pub sections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, sections: MAX_SECTIONS }
    }
}

/// Bytes of an offer.
pub const MAX_BYTES: usize = 64 * 1024;

/// Lines of an offer. Half of what `MAX_BYTES` would hold of the shortest useful lines.
pub const MAX_LINES: usize = 4096;

/// Bytes of one line, without its end.
pub const MAX_LINE_BYTES: usize = 4 * 1024;

/// m-lines of an offer.
pub const MAX_SECTIONS: usize = 64;

/// Formats (payload types) of one m-line. Chromium offers about 30.
pub const MAX_PAYLOAD_TYPES: usize = 64;

/// Parameters of one payload type's `a=fmtp`.
pub const MAX_FORMAT_PARAMETERS: usize = 32;

/// `a=extmap` lines of one m-line, or of the session.
pub const MAX_EXTENSIONS: usize = 32;

/// SSRCs that one m-line declares.
pub const MAX_SSRCS: usize = 32;

/// `a=ssrc-group` lines of one m-line.
pub const MAX_SSRC_GROUPS: usize = 32;

/// `a=rid` lines of one m-line, and layers of an `a=simulcast`.
pub const MAX_RIDS: usize = 16;

/// Bytes of a rid: what a one-byte RTP header extension holds (RFC 8285, section 4.2).
pub const MAX_RID_BYTES: usize = 16;

/// Simulcast layers that are agreed on. More are ignored, the last ones of the offer first: browsers send three.
pub const MAX_LAYERS: usize = 4;

/// Fingerprints of one m-line, or of the session.
pub const MAX_FINGERPRINTS: usize = 8;

/// BUNDLE groups of an offer, each of at most `MAX_SECTIONS` mids.
pub const MAX_BUNDLES: usize = 8;

/// Candidates kept of one m-line. More are ignored: a server that is ICE-lite only answers checks, and finds a
/// peer's address in them.
pub const MAX_CANDIDATES: usize = 32;

/// Bytes of a mid. RFC 8843 asks for at most 3.
pub const MAX_MID_BYTES: usize = 64;

/// Bytes of a mid that a one-byte RTP header extension holds (RFC 8285, section 4.2). With a longer one the mid
/// extension is not agreed on.
pub const MAX_EXTENSION_MID_BYTES: usize = 16;

/// Bytes of a [`Name`](crate::Name): RFC 8830 allows 64 for the parts of an msid.
pub const MAX_NAME_BYTES: usize = 64;
