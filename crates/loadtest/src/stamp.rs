//! What each payload says about itself, encrypted as all of it: which packet of which stream it is, and when it left.

use std::time::{Duration, Instant};

/// The stamp's length, in bytes; the shortest payload that can be sent.
pub const STAMP: usize = 20;

/// The last bytes of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Counts the packets of a track from 0.
    pub sequence: u64,
    /// The publisher's number.
    pub stream: u32,
    /// When it was sent, since the epoch of the load.
    pub sent: Duration,
}

impl Stamp {
    /// A stamp for a packet that leaves at `now`.
    #[must_use]
    pub fn new(sequence: u64, stream: u32, epoch: Instant, now: Instant) -> Self {
        Self { sequence, stream, sent: now.saturating_duration_since(epoch) }
    }

    /// Writes it at the end of a payload that is at least [`STAMP`] long.
    pub fn write(&self, payload: &mut [u8]) {
        let nanos = u64::try_from(self.sent.as_nanos()).unwrap_or(u64::MAX);
        let Some((_, end)) = payload.split_last_chunk_mut::<STAMP>() else { return };
        let parts = self.sequence.to_be_bytes().into_iter().chain(self.stream.to_be_bytes());
        end.iter_mut().zip(parts.chain(nanos.to_be_bytes())).for_each(|(place, byte)| *place = byte);
    }

    /// Reads the stamp of a payload.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (_, end) = payload.split_last_chunk::<STAMP>()?;
        let (sequence, rest) = end.split_first_chunk()?;
        let (stream, nanos) = rest.split_first_chunk()?;
        Some(Self {
            sequence: u64::from_be_bytes(*sequence),
            stream: u32::from_be_bytes(*stream),
            sent: Duration::from_nanos(u64::from_be_bytes(*nanos.first_chunk()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let epoch = Instant::now();
        let stamp = Stamp::new(70_000, 3, epoch, epoch + Duration::from_micros(1_234_567));
        let mut payload = [0xff; 50];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(payload[..30], [0xff; 30]);
        assert_eq!(Stamp::read(&payload[..19]), None);
    }
}
