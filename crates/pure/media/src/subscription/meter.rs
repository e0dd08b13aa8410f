//! Transport-wide sequence numbers of one subscriber, and who is told of each packet that leaves with one.

use crate::transport::ice::Path;
use bwe::{Departures, PacketKind};

/// The headers of UDP, and of IP.
const UDP: u32 = 8;
const IPV4: u32 = 20;
const IPV6: u32 = 40;

/// Counts what leaves now.
pub(crate) struct Meter<'a> {
    /// The subscriber's next number; the low 16 bits are sent.
    pub(crate) sequence: &'a mut u64,
    /// Who estimates what the network carries, where somebody does.
    pub(crate) departures: Option<Departures<'a>>,
    pub(crate) kind: PacketKind,
}

impl Meter<'_> {
    /// The number of the next packet.
    #[inline]
    pub(crate) fn next(&self) -> u16 {
        (*self.sequence & 0xffff) as u16
    }

    /// It left, in a datagram of so many bytes. Returns its bytes on the wire.
    #[inline]
    pub(crate) fn sent(&mut self, path: Path, len: usize) -> u32 {
        let bytes = len as u32 + UDP + if path.remote.is_ipv6() { IPV6 } else { IPV4 };
        if let Some(departures) = &mut self.departures {
            departures.sent(*self.sequence, bytes, self.kind);
        }
        *self.sequence += 1;
        bytes
    }
}
