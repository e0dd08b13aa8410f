//! Media peers on str0m over loopback UDP: publishers with synthetic VP8 and Opus whose content says
//! what it is and when it left, and subscribers that check and count it. One thread drives hundreds.

mod content;
mod delays;
mod flow;
mod publisher;
mod reception;
mod source;
mod subscriber;
mod tally;
mod thread;
mod transport;

pub use delays::Delays;
pub use flow::{Flow, PAUSE};
pub use publisher::{Emission, Publisher, PublisherConfig};
pub use reception::Reception;
pub use source::{Pacing, VideoRate};
pub use subscriber::{Subscriber, SubscriberConfig};
pub use tally::Tally;
pub use thread::{Load, MediaThread};
pub use transport::Codecs;

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Opus, 50 packets a second.
    Audio,
    /// VP8.
    Video,
}
