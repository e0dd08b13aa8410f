//! Counts what a router holds.

use super::Core;
use crate::Holdings;

impl Core {
    pub(super) fn holdings(&self) -> Holdings {
        let tracks = || self.streams.iter().flat_map(|(_, stream)| &stream.tracks);
        Holdings {
            names: self.demux.names(),
            addresses: self.demux.addresses(),
            timers: self.timers.len(),
            events: self.events.len(),
            waiting: self.streams.iter().map(|(_, stream)| stream.fresh.len()).sum(),
            chunks: tracks().map(|track| track.cache.chunks()).sum(),
        }
    }
}
