//! RTP, RTCP, SRTP and what is computed from their headers.
//!
//! Values in, values out: no sockets, no clock. Everything that is read came from a stranger: nothing here panics on
//! any input, and everything that grows has a named bound. Nothing on the packet path allocates or hashes.
//!
//! # The path of a packet
//!
//! ```text
//! Header::parse(&datagram)                       the plain header of an SRTP packet, once
//!   -> srtp::Receiver::open_rtp(&header, buf)    Opened { len, index }: index is the 48-bit extended sequence number
//!   -> RtpPacket::new(header, &buf[..len])       payload without padding, extensions
//!   -> per subscriber:
//!        rewrite::copy_with(&packet, &Fields, &ExtensionMap, &[ExtensionValue], Some(osn)|None, out) -> Written
//!        srtp::Sender::seal_rtp(out, written, rollover) -> length on the wire
//! ```
//!
//! `out` needs room for [`srtp::MAX_RTP_OVERHEAD`] bytes after the packet. The caller keeps the outgoing 48-bit index
//! of each SSRC: the low 16 bits are `Fields::sequence`, the rest is `rollover`. An index must never be sealed twice
//! with other bytes.
//!
//! # What is where
//!
//! | module | what |
//! | --- | --- |
//! | [`packet`] | `Header` (Copy, no borrow), `RtpPacket` view, `is_rtcp` |
//! | [`extension`] | `Extensions` iterator (one- and two-byte), URIs, typed values, `ExtensionMap`, `ExtensionValue` |
//! | [`write`](mod@write) | `Fields`, `Written`, `write_packet` from scratch, `pad` |
//! | [`rewrite`] | `copy_with` (the forwarding copy, RTX included), `set_*` in place, `set_extension` in place |
//! | [`red`] | `primary`: the newest block of a redundant audio payload |
//! | [`rtx`] | `unwrap`: the original packet inside an RTX one (the wrapping is `copy_with` with an original sequence) |
//! | [`rtcp`] | `packets(&[u8])` iterator of `Packet`, `Writer` over `&mut [u8]`, `FeedbackUnwrapper` for senders |
//! | [`srtp`] | `Profile`, `pair_from_dtls`, `Sender`, `Receiver` |
//! | [`sequence`] | `ExtendedSequence`, `extend_near`, `newer` |
//! | [`nack`] | `NackGenerator`: what is missing and when to ask for it |
//! | [`twcc`] | `ArrivalLog`: transport-cc feedback of the receiving side |
//! | [`stats`] | `ReceiverStats`: loss, jitter, report blocks; `round_trip` |
//! | [`ntp`] | `NtpTime` |
//! | [`clock`] | `RtpClock`, `RemoteClock`: a publisher's sender reports mapped to a subscriber's |
//! | [`vp8`], [`vp9`] | the payload descriptor |
//! | [`dependency`] | the dependency descriptor: frames, layers and decode targets of any codec |
//! | [`h264`], [`av1`] | where key frames begin |

pub mod av1;
pub mod clock;
pub mod dependency;
pub mod extension;
mod fields;
pub mod h264;
pub mod nack;
pub mod ntp;
pub mod packet;
pub mod red;
pub mod rewrite;
pub mod rtcp;
pub mod rtx;
pub mod sequence;
pub mod srtp;
pub mod stats;
pub mod template;
#[cfg(test)]
mod test_time;
pub mod twcc;
pub mod vp8;
pub mod vp9;
pub mod write;

pub use extension::{Extension, ExtensionMap, ExtensionValue, Extensions};
pub use ntp::NtpTime;
pub use packet::{Header, Malformed, RtpPacket};
pub use write::{Fields, NoRoom, Written};
