//! The words in which the estimator is spoken to: bounds, kinds of packets, what it believes.

use crate::Bitrate;
use crate::probing::ProbeId;
use std::time::Duration;

/// Where to begin, and what never to leave. `min ≤ start ≤ max`; what is not so is made so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Before anything is known; 300 kbit/s is usual.
    pub start: Bitrate,
    /// Whatever the network says; what audio takes is usual.
    pub min: Bitrate,
    /// However much it carries.
    pub max: Bitrate,
}

/// What a packet that leaves is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Audio, video, retransmissions.
    Media,
    /// Media or padding that leaves as part of a probe.
    Probe(ProbeId),
}

/// What the delays say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A queue empties.
    Under,
    /// Nothing queues, or no more than before.
    Normal,
    /// A queue grows.
    Over,
}

/// What an estimator believes, for statistics and tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// The least of them, within the bounds.
    pub target: Bitrate,
    /// What delay allows.
    pub delay_based: Bitrate,
    /// What loss allows; `None` is anything.
    pub loss_based: Option<Bitrate>,
    /// What the receiver allows (REMB); `None` is anything.
    pub remb: Option<Bitrate>,
    /// What arrives; `None` until half a second of arrivals was reported.
    pub acknowledged: Option<Bitrate>,
    /// What the delays say.
    pub usage: Usage,
    /// How long even the fastest packets wait.
    pub queue: Duration,
    /// The round trip, smoothed.
    pub rtt: Duration,
    /// Less is sent than may be.
    pub application_limited: bool,
}
