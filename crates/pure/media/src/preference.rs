//! What a subscriber asks for, of what its network could carry.

/// Whose network a subscription belongs to: all subscriptions of one number share what that network carries. Whoever
/// hands them out makes them unguessable, or one subscriber could slow another one down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkId(pub u64);

/// Who is served before whom where nobody says anything.
pub const DEFAULT_PRIORITY: u8 = 100;

/// Which of a stream's video layers a subscriber wants. Nothing said is the best that its network carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// This simulcast layer and no other, while the publisher sends it (`a=rid`, RFC 8851).
    pub rid: Option<String>,
    /// No picture that is higher than so many pixels, but the smallest.
    pub max_height: Option<u16>,
    /// No layer that takes more than so many bits per second, but the smallest.
    pub max_bitrate: Option<u64>,
    /// Among the subscriptions of one network, higher is served before lower.
    pub priority: u8,
}

impl Default for Preference {
    fn default() -> Self {
        Self { rid: None, max_height: None, max_bitrate: None, priority: DEFAULT_PRIORITY }
    }
}

/// What comes with a subscription beside the offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whose network it belongs to; `None`: one of its own.
    pub network: Option<NetworkId>,
    /// Which layers.
    pub preference: Preference,
}
