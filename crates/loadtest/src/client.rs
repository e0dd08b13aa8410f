//! One peer connection without socket and clock: SDP, ICE, DTLS, SRTP and RTCP of a publisher or a subscriber.
//!
//! ```text
//! let offer = Offering::new(&identity, Direction::Publish, &[Kind::Audio, Kind::Video], "ada")?;
//! let mut client = offer.accept(now, clock, &answer)?;
//! loop:
//!     client.handle_timeout(now, &mut send)                   when client.poll_timeout() has come
//!     client.handle(now, source, &mut datagram, &mut send)    Some(header): RTP, which is the caller's to count or lose,
//!         client.receive(now, &header, &mut datagram, open)   and to hand back in
//!     client.send(now, track, &packet, &mut buffer)           a sealed packet, for client.destination()
//!     client.poll_event()
//! ```
//!
//! Where the peer offers, [`answer`] takes the place of the first two lines.

mod agreement;
mod arrivals;
mod connection;
mod control;
mod description;
mod dtls;
mod error;
mod history;
mod ice;
mod identity;
mod media;
mod negotiation;
mod offered_profile;
mod receiving;
mod secrets;
mod sending;

pub use connection::{Client, CloseReason, Event};
pub use error::ClientError;
pub use identity::Identity;
pub use media::{Arrival, Received};
pub use negotiation::{Direction, Offering, answer};
pub use rtp::srtp::Profile;
pub use sdp::Kind;
pub use sending::Outgoing;

use rtp::NtpTime;
use std::time::{Duration, Instant, SystemTime};

/// A peer has this long from the answer to the end of the DTLS handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What the monotonic clock and the time of day showed at the same moment: sender reports carry the latter.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The moment.
    pub at: Instant,
    /// The time of day then.
    pub wall: SystemTime,
}

impl Clock {
    fn ntp(&self, now: Instant) -> NtpTime {
        NtpTime::from_system(self.wall + now.saturating_duration_since(self.at))
    }
}
