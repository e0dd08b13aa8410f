//! What is counted.

use std::time::Duration;

use loadtest::client::Profile;

/// How many get the stream.
pub(crate) const SUBSCRIBERS: usize = 20;

/// How long the counted part lasts. Each client asks for consent once in it, whenever it joined.
pub(crate) const WINDOW: Duration = Duration::from_millis(2500);

/// What a call is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// The packets of a frame come at once.
    Bursts,
    /// The same, and the router estimates what the network of each subscriber carries, by what that tells of arrivals.
    Estimated,
    /// They are spread over the frame's time.
    Spaced,
    /// No video.
    Audio,
    /// As [`Case::Bursts`], with the older cipher.
    Hmac,
    /// No media at all.
    Idle,
}

impl Case {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 6] =
        [Self::Bursts, Self::Estimated, Self::Spaced, Self::Audio, Self::Hmac, Self::Idle];

    /// As it is called on the command line and in the baseline.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bursts => "bursts",
            Self::Estimated => "estimated",
            Self::Spaced => "spaced",
            Self::Audio => "opus",
            Self::Hmac => "hmac",
            Self::Idle => "idle",
        }
    }

    /// The case of this name.
    pub(crate) fn of(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|case| case.name() == name).ok_or_else(|| "no such case".to_owned())
    }

    /// For people.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Bursts => "VP8 in bursts of six packets and Opus, AES-128-GCM",
            Self::Estimated => "the same with estimation, feedback from each subscriber every 100 ms",
            Self::Spaced => "as the first, the packets of a frame spread over its time",
            Self::Audio => "Opus alone, AES-128-GCM",
            Self::Hmac => "as the first, AES128_CM_HMAC_SHA1_80",
            Self::Idle => "no media: timers, consent and RTCP",
        }
    }

    /// What the instructions are divided by.
    pub(crate) fn unit(self) -> &'static str {
        if self == Self::Idle { "subscriber and second" } else { "packet to a subscriber" }
    }

    pub(crate) fn profile(self) -> Profile {
        if self == Self::Hmac { Profile::Aes128CmSha1_80 } else { Profile::AeadAes128Gcm }
    }

    /// Whether there is video in the counted part.
    pub(crate) fn has_video(self) -> bool {
        !matches!(self, Self::Audio | Self::Idle)
    }

    /// Whether the router estimates, and subscribers give feedback.
    pub(crate) fn is_estimated(self) -> bool {
        self == Self::Estimated
    }

    /// Whether there is any media in it.
    pub(crate) fn has_media(self) -> bool {
        self != Self::Idle
    }
}
