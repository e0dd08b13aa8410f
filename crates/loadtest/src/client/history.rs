//! What was sent lately, so that it can be sent again.

/// How many packets of a track are kept: more than a second of 1.5 Mbit/s.
const KEPT: usize = 256;

/// A packet as it is to be sent again.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// The original sequence number, then the payload: what an RTX packet carries (RFC 4588 section 4).
    pub(super) payload: Vec<u8>,
}

/// The latest packets of one track, by sequence number.
#[derive(Debug, Default)]
pub(super) struct History {
    ring: Vec<Sent>,
}

impl History {
    /// Remembers a packet in place of one that is [`KEPT`] older. Its buffer is used again.
    pub(super) fn keep(&mut self, sequence: u64, timestamp: u32, marker: bool, payload: &[u8]) {
        if self.ring.is_empty() {
            self.ring.resize_with(KEPT, Sent::default);
        }
        let Some(slot) = self.ring.get_mut(slot(sequence)) else { return };
        (slot.sequence, slot.timestamp, slot.marker) = (sequence, timestamp, marker);
        slot.payload.clear();
        slot.payload.extend_from_slice(&((sequence & 0xffff) as u16).to_be_bytes());
        slot.payload.extend_from_slice(payload);
    }

    /// The packet of this number, if it is still there.
    pub(super) fn find(&self, sequence: u64) -> Option<&Sent> {
        self.ring.get(slot(sequence)).filter(|sent| sent.sequence == sequence && !sent.payload.is_empty())
    }
}

fn slot(sequence: u64) -> usize {
    (sequence % KEPT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_there_and_older_ones_are_not() {
        let mut history = History::default();
        assert!(history.find(5).is_none());
        for sequence in 1000..1000 + KEPT as u64 + 1 {
            history.keep(sequence, 7, true, &[1, 2]);
        }
        assert!(history.find(1000).is_none());
        assert_eq!(history.find(1001).unwrap().payload, [3, 233, 1, 2]);
    }
}
