//! Reads a WebRTC offer and writes the answer.
//!
//! Three steps, each usable and testable by itself:
//!
//! 1. [`Offer::parse`] turns text into values. Text is a stranger's: sizes are bounded by [`limits`], errors name
//!    the line and what was expected, nothing panics.
//! 2. [`negotiate::publish`] or [`negotiate::subscribe`] decides, m-line by m-line, what the server will receive
//!    or send. The result is a [`Session`], in numbers that a media plane can work with.
//! 3. [`answer::write`] turns the session into the answer's text.
//!
//! ```
//! use sdp::{Capabilities, Fingerprint, HostCandidate, Local, Offer, answer, negotiate};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let text = include_str!("fixtures/chrome_publish.sdp");
//! let offer = Offer::parse(text)?;
//! let session = negotiate::publish(&offer, &Capabilities::default())?;
//! for track in session.receiving() {
//!     println!("m-line {} sends {} as payload type {}", track.line.index, track.line.codec, track.line.payload_type);
//! }
//! let answer = answer::write(
//!     &session,
//!     &Local {
//!         ice_ufrag: "Ufrag123",
//!         ice_pwd: "a-password-of-at-least-22-characters",
//!         fingerprint: &Fingerprint::sha256([0; 32]),
//!         candidates: &[HostCandidate::udp("192.0.2.1:40000".parse()?)],
//!         session_id: 1,
//!         session_version: 1,
//!     },
//! );
//! assert!(answer.starts_with("v=0\r\n"));
//! # Ok(())
//! # }
//! ```
//!
//! What a media plane needs, and where it is:
//!
//! | what | where |
//! | --- | --- |
//! | m-line index, mid, kind, codec, payload types, feedback, extension ids | [`Line`], as `line` of [`ReceiveTrack`] and [`SendTrack`] |
//! | SSRCs that a publisher declares (none: bind by the mid extension) | [`ReceiveTrack::sources`] |
//! | simulcast layers of a publisher, to be bound by the rid extension | [`ReceiveTrack::layers`] |
//! | which of the caller's tracks goes on which m-line of a subscriber | [`SendTrack::track`] |
//! | ICE, fingerprints, DTLS role, candidates of the peer | [`Session::remote`] |
//!
//! A later offer of the same peer for an ICE restart goes through the same steps, with [`Session::check_restart`] after the
//! second one.
//!
//! Payload types and extension ids are always those of the peer whose offer was read: each peer has its own
//! numbering, and this one counts in both directions of its session.

pub mod answer;
mod candidate;
mod codec;
mod error;
mod extension;
mod feedback;
mod fingerprint;
#[cfg(test)]
mod fixtures;
mod fmtp;
mod format;
pub mod limits;
mod name;
pub mod negotiate;
mod offer;
mod restart;
mod session;
mod simulcast;
mod transport;

pub use answer::Local;
pub use candidate::HostCandidate;
pub use codec::{Codec, Kind};
pub use error::{Excerpt, Rejection, SdpError};
pub use extension::{Extension, ExtensionIds};
pub use feedback::Feedback;
pub use fingerprint::{Fingerprint, HashFunction};
pub use fmtp::Fmtp;
pub use limits::Bounds;
pub use name::{Mid, Msid, Name, RtpStreamId};
pub use negotiate::{Capabilities, TrackOffer};
pub use offer::{Direction, ExtMap, MediaSection, Offer, PayloadType, RtpMap, Source};
pub use session::{Line, ReceiveTrack, RejectedLine, Section, SendTrack, Session};
pub use simulcast::{Layer, Rid, RidDirection};
pub use transport::{IceCredentials, Remote, Setup, Transport};
