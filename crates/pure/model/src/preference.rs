//! What a subscriber wants of a stream's video: how much at the most, and how urgently.

use std::num::{NonZeroU16, NonZeroU64};

use crate::LayerName;

/// A subscriber's wish. Without any limit it gets the best that its network carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// The simulcast layer to take. A stream without it is taken as if none were named.
    pub rid: Option<LayerName>,
    /// The highest picture that is of use, in pixels.
    pub max_height: Option<NonZeroU16>,
    /// The highest bitrate that is of use, in bit/s.
    pub max_bitrate: Option<NonZeroU64>,
    /// Among the subscriptions that share a network, higher ones get bandwidth first.
    pub priority: u8,
}

impl Preference {
    /// The priority of a subscriber that names none.
    pub const PRIORITY: u8 = 100;
}

impl Default for Preference {
    fn default() -> Self {
        Self { rid: None, max_height: None, max_bitrate: None, priority: Self::PRIORITY }
    }
}
