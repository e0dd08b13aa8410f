//! What load is wanted.

use crate::client::{Kind, Profile};
use crate::token::TokenMaker;
use std::time::Duration;

/// The shortest payload of a video packet: descriptor, frame header and stamp.
pub const MIN_PACKET: usize = 64;

/// The longest one: with headers and tag it fits an Ethernet frame.
pub const MAX_PACKET: usize = 1200;

/// Whose protocol the server speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Peer {
    /// Ours.
    #[default]
    Anabranch,
    /// Janus', with its plugin VideoRoom. Rooms have numbers there, unless it was told otherwise.
    Janus,
}

/// The load, and how it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which server it is.
    pub peer: Peer,
    /// Where signalling listens: `ws://HOST:PORT/ws`.
    pub url: String,
    /// The room that everybody joins.
    pub room: String,
    /// Streams.
    pub publishers: usize,
    /// Subscriptions of each stream.
    pub subscribers: usize,
    /// Which tracks a stream has.
    pub kinds: Vec<Kind>,
    /// Of a video track, in bit/s of RTP payload.
    pub rate: u64,
    /// Frames per second.
    pub fps: u32,
    /// RTP payload of a video packet, in bytes.
    pub packet: usize,
    /// A frame's packets leave evenly over the time until the next frame, not at once.
    pub spaced: bool,
    /// How long is measured.
    pub duration: Duration,
    /// Between the last connection and the measurement.
    pub warm_up: Duration,
    /// Connections per second while the load is set up.
    pub ramp: f64,
    /// Subscriptions that end, and others that begin, per second of the measurement.
    pub churn: f64,
    /// The part (0 to 1) of what subscribers receive that is thrown away.
    pub loss: f64,
    /// Every how many packets one is opened: 1 opens all.
    pub open_every: u64,
    /// Threads for media.
    pub threads: usize,
    /// The SRTP profile that is offered.
    pub profile: Profile,
    /// Processes of the server on this machine.
    pub pids: Vec<u32>,
    /// Subscriptions that share a WebSocket.
    pub subscriptions_per_user: usize,
    /// For a server that lets nobody in without.
    pub tokens: Option<TokenMaker>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            peer: Peer::Anabranch,
            url: "ws://127.0.0.1:8080/ws".to_owned(),
            room: "loadtest".to_owned(),
            publishers: 1,
            subscribers: 10,
            kinds: vec![Kind::Audio, Kind::Video],
            rate: 1_500_000,
            fps: 30,
            packet: 1100,
            spaced: false,
            duration: Duration::from_secs(10),
            warm_up: Duration::from_secs(1),
            ramp: 50.0,
            churn: 0.0,
            loss: 0.0,
            open_every: 16,
            threads: 1,
            profile: Profile::AeadAes128Gcm,
            pids: Vec::new(),
            subscriptions_per_user: 50,
            tokens: None,
        }
    }
}

/// An option that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {expected}")]
pub struct BadOption {
    /// Which one.
    pub option: &'static str,
    /// What it should be.
    pub expected: String,
}

impl Options {
    /// Says what makes no sense.
    ///
    /// # Errors
    /// [`BadOption`].
    pub fn check(&self) -> Result<(), BadOption> {
        let bad = |option, expected: &str| Err(BadOption { option, expected: expected.to_owned() });
        match self {
            _ if !self.url.starts_with("ws://") => bad("url", "a URL that begins with ws://"),
            _ if self.publishers == 0 || self.publishers > 2000 => bad("publishers", "1 to 2000"),
            _ if self.subscribers > 2000 => bad("subscribers", "at most 2000 of a stream"),
            _ if self.kinds.is_empty() => bad("kinds", "audio or video"),
            _ if !(1_000..=100_000_000).contains(&self.rate) => bad("rate", "1,000 to 100,000,000 bit/s"),
            _ if !(1..=240).contains(&self.fps) => bad("fps", "1 to 240"),
            _ if !(MIN_PACKET..=MAX_PACKET).contains(&self.packet) => {
                bad("packet", &format!("{MIN_PACKET} to {MAX_PACKET} bytes"))
            }
            _ if self.duration < Duration::from_millis(100) => bad("duration", "at least 0.1 s"),
            _ if !(self.ramp > 0.0 && self.ramp.is_finite()) => bad("ramp", "more than 0 per second"),
            _ if !(self.churn >= 0.0 && self.churn.is_finite()) => bad("churn", "0 or more per second"),
            _ if !(0.0..=0.9).contains(&self.loss) => bad("loss", "0 to 90 percent"),
            _ if self.open_every == 0 => bad("open-every", "1 or more"),
            _ if !(1..=64).contains(&self.threads) => bad("threads", "1 to 64"),
            _ if self.subscriptions_per_user == 0 => bad("per-user", "1 or more"),
            _ => Ok(()),
        }
    }

    /// The bytes of a frame's payloads.
    pub(crate) fn frame_bytes(&self) -> usize {
        usize::try_from(self.rate / 8 / u64::from(self.fps)).unwrap_or(usize::MAX).max(MIN_PACKET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        assert_eq!(Options::default().check(), Ok(()));
        let bad = Options { packet: 5000, ..Options::default() };
        assert_eq!(bad.check().unwrap_err().to_string(), "packet: 64 to 1200 bytes");
        assert!(Options { ramp: f64::NAN, ..Options::default() }.check().is_err());
    }

    #[test]
    fn a_frame_of_the_default_rate_takes_six_packets() {
        assert_eq!(Options::default().frame_bytes().div_ceil(1100), 6);
    }
}
