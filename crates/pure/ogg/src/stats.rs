//! What became of the packets: for a file beside the recording.

use std::time::Duration;

/// A packet in the file: joins the sender's clock and the recording's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The packet's RTP timestamp.
    pub timestamp: u32,
    /// Where its sound begins in the file.
    pub at: Duration,
}

/// Counts since the start of a recording. Every packet that came is in one of `written`, `late`, `duplicates`,
/// `malformed`, `refused`, `left_out`, or still held back for its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// All that came.
    pub received: u64,
    /// Those in the file.
    pub written: u64,
    /// Those that never came, by their numbers; one that may still come is among them.
    pub lost: u64,
    /// Came after their place had been written.
    pub late: u64,
    /// Came before.
    pub duplicates: u64,
    /// Were no Opus packets.
    pub malformed: u64,
    /// Had a number that fits no other, or came in a flood beyond what is held back.
    pub refused: u64,
    /// Left out because the sender's clock runs fast.
    pub left_out: u64,
    /// Filling packets put between two that follow each other, because the sender's clock runs slow.
    pub inserted: u64,
    /// How often the sender's timestamps or sequence numbers started again elsewhere.
    pub restarts: u64,
    /// Runs of filling packets between packets, before the first and after the last.
    pub gaps: u64,
    /// Filled by asking the decoder for concealment; with `inserted`.
    pub concealed: Duration,
    /// Filled with silence; with `inserted`.
    pub silence: Duration,
    /// Of what has been put on pages and is about to be; after the end that of the file.
    pub duration: Duration,
    /// The first packet in the file.
    pub first: Option<Anchor>,
    /// The last one.
    pub last: Option<Anchor>,
}
