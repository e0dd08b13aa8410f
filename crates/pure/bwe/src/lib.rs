//! What a subscriber's network carries, when packets may leave, and who gets how much of it.
//!
//! Values in, values out: no clock, no socket, no packets. The owner says what it sent and what the receiver said of
//! it, and asks what to do. What comes in feedback came from a stranger: nothing here panics on any of it, and everything
//! that grows has a named bound.
//!
//! # The life of a subscriber's network
//!
//! ```text
//! Estimator::new(now, Config)
//!   -> add_leg(now), remove_leg(leg)               each connection to this network
//!   -> departures(now, leg), their sent(..)        each packet that leaves with a transport-wide number
//!   -> feedback(now, leg, reports)                 each transport feedback; remb() of older clients
//!   -> poll_timeout(), handle_timeout(now)         what happens when nothing comes
//!  -> target(), room(now)                          after each of them: to the allocator and the pacer
//!   -> poll_probe(now)                             likewise: to the pacer
//!
//! Allocator::allocate(now, target, offers)         which layer of each stream is sent
//!
//! Pacer::push(now, packet)                         each packet that is to leave
//!   -> poll(now)                                   how many may leave, how much padding, and when to ask again
//!   -> pop()                                       which ones
//! ```
//!
//! # What is where
//!
//! | module | what |
//! | --- | --- |
//! | [`bitrate`] | `Bitrate` |
//! | [`estimator`] | `Estimator`: delay, loss, probes and what the receiver says, in one number |
//! | [`feedback`] | `PeerTime`, and `reports`: feedback in the form that the estimator takes |
//! | [`probing`] | `ProbeCluster`: a short burst that asks whether the network carries more |
//! | [`pacer`] | `Pacer`: when packets may leave |
//! | [`allocator`] | `Allocator`: one bitrate for many streams |
//!
//! # Sources
//!
//! The delay-based half follows draft-ietf-rmcat-gcc-02 and Carlucci, De Cicco, Holmer, Mascolo, "Analysis and Design of
//! the Google Congestion Control for WebRTC" (MMSys 2016), with the trend line that libwebrtc has in place of the draft's
//! Kalman filter. Figures that are libwebrtc's say so where they stand. The window of what may be under way is
//! that of SCReAM (RFC 8298) in its simplest form. Our own are: the standing queue as a second witness of over-use and what
//! is taken off while it stands; what arrived since the queue was last empty as the measure of a full link; steps down as
//! large as the queue ([`estimator`]); probes at all times at which more is wanted ([`probing`]), measured by a slope that
//! jitter does not stretch. `docs/bandwidth.md` tells how it all goes together, and what it reaches.

mod acknowledged;
mod aimd;
pub mod allocator;
mod application_limit;
mod arrival_groups;
pub mod bitrate;
pub mod estimator;
pub mod feedback;
mod history;
mod link_capacity;
mod loss;
mod overuse;
pub mod pacer;
mod probe_results;
pub mod probing;
mod standing_queue;
mod trendline;

pub use allocator::{Allocator, Choice, Media, Offer};
pub use bitrate::Bitrate;
pub use estimator::{Config, Departures, Estimator, LegId, PacketKind, Snapshot, Usage};
pub use feedback::{PeerTime, Reports, reports};
pub use pacer::Pacer;
pub use probing::ProbeCluster;
