//! How much lies in a router's tables and queues: for whoever watches that nothing is left behind.

/// Counts of what a router holds now. All of it is bounded by what is published and subscribed to, and gone with that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Names of transports by which connectivity checks find them: one each, and another one during a restart.
    pub names: usize,
    /// Remote addresses that belong to a transport: at most 32 each.
    pub addresses: usize,
    /// Timers that run: at most eight for each stream and each subscription.
    pub timers: usize,
    /// Events that were not taken yet.
    pub events: usize,
    /// Packets that wait for the rest of their frame.
    pub waiting: usize,
    /// Pieces of memory, 32 KB each, in which packets lie: at most 2 MB for each stream.
    pub chunks: usize,
}
