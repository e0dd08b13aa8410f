//! SRTP and SRTCP (RFC 3711, RFC 7714) with keys from DTLS (RFC 5764). Keys are expanded once; packets are sealed and
//! opened in place, without allocation.
//!
//! Not here, because WebRTC does not use them: MKI, re-keying by lifetime, unencrypted SRTCP, encrypted extensions.

mod cipher;
mod keys;
mod receiver;
mod replay;
mod sender;
mod sources;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use keys::{MasterKey, Profile, pair_from_dtls};
pub use receiver::{Opened, Receiver};
pub use sender::Sender;

use crate::packet::Malformed;

/// How many bytes [`Sender::seal_rtp`] adds at the most: the GCM tag.
pub const MAX_RTP_OVERHEAD: usize = 16;

/// How many bytes [`Sender::seal_rtcp`] adds at the most: the GCM tag and the index.
pub const MAX_RTCP_OVERHEAD: usize = 20;

/// How many SSRCs one peer may use towards a [`Receiver`], for RTP and RTCP each. Only authentic packets count. Beyond
/// it packets of further SSRCs are refused ([`SrtpError::TooManySources`]); forgetting one instead would let its old
/// packets be replayed. An offer has at most 64 m-lines, with a stream and its RTX each.
pub const MAX_SOURCES: usize = 128;

/// How far behind the newest packet of its SSRC a packet may come, in packets: one second of 8 Mbit/s. An older one is
/// refused as a replay.
pub const REPLAY_WINDOW: usize = 1024;

/// The same for SRTCP.
pub const RTCP_REPLAY_WINDOW: usize = 128;

/// Why a packet was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// The peer's packet is not whole.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The tag is wrong: damaged, forged, or sealed with another key or rollover counter.
    #[error("the packet is not authentic")]
    Authentication,
    /// It came before, or is older than the replay window.
    #[error("the packet came before, or is too old")]
    Replay,
    /// The peer uses more SSRCs than [`MAX_SOURCES`].
    #[error("the peer uses more than {MAX_SOURCES} SSRCs")]
    TooManySources,
    /// All indexes of the key are used up (2^48 for RTP, 2^31 for RTCP).
    #[error("the key has no more packets")]
    Exhausted,
    /// The caller's buffer has no room for the tag, or is no packet.
    #[error("the buffer handed in has no room for the tag, or no packet in it")]
    NoRoom,
    /// The keying material handed in has another length than the profile asks for.
    #[error("the keying material has {given} bytes where the profile needs {needed}")]
    KeyLength {
        /// What was handed in.
        given: usize,
        /// What [`Profile::keying_material_len`] says.
        needed: usize,
    },
}
