//! All that happens in a run, in one number: the same seed, the same number.
//!
//! What the router and the crypto library choose at random is left out: names, SSRCs, first numbers, keys.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Digest {
    hasher: DefaultHasher,
    /// Told to whoever replays one run.
    pub(super) told: bool,
}

impl Digest {
    /// A datagram comes or goes; whose it is, and of which kind.
    pub(super) fn add(&mut self, at: Duration, way: &str, whose: Option<usize>, data: &[u8]) {
        let kind = match data.first() {
            None => "nothing",
            Some(0..=3) => "STUN",
            Some(20..=63) => "DTLS",
            Some(128..=191) if rtp::packet::is_rtcp(data) => "RTCP",
            Some(128..=191) => "RTP",
            Some(_) => "else",
        };
        // The length of a signature in DER is random.
        let len = if kind == "RTP" { data.len() } else { 0 };
        (at, way, whose, kind, len).hash(&mut self.hasher);
        if self.told {
            eprintln!("{at:>12.6?} {way:>3} {whose:?} {kind} {}", data.len());
        }
    }

    /// Something else happens.
    pub(super) fn note(&mut self, at: Duration, what: &impl Debug) {
        let what = format!("{what:?}");
        (at, &what).hash(&mut self.hasher);
        if self.told {
            eprintln!("{at:>12.6?} {what}");
        }
    }

    pub(super) fn value(&self) -> u64 {
        self.hasher.finish()
    }
}
