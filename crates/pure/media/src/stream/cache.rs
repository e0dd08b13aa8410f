//! The latest packets of one track, shared by all its subscribers: what is forwarded and what is sent again comes
//! from here.
//!
//! A number is stored at most once in the life of a track. A subscriber without RTX gets a lost packet again under
//! the same SRTP index, and an index must never be sealed twice with other bytes.

use rtp::{Header, RtpPacket};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets lie in chunks of this size, so that a quiet track takes little.
const CHUNK_BYTES: usize = 32 * 1024;

/// A chunk is used again when its newest packet is this old, even where more could be taken: a subscriber with a
/// round trip of half a second has asked three times by then.
const RETENTION: Duration = Duration::from_secs(2);

/// The packets of all caches of one stream together (the slots take 64 bytes each besides): 2 MB are 2 s at 8 Mbit/s. With more, the oldest packets go earlier, and what
/// is asked for then is not sent again: the subscriber asks for a key frame in the end.
pub(crate) const BYTES_PER_STREAM: usize = 2 * 1024 * 1024;

/// Slots, and with them packets, of a video track: 2 s at 1,000 packets per second. A power of two.
const VIDEO_SLOTS: usize = 2048;

/// Slots of an audio track: 2 s at 100 packets per second and more. A power of two.
const AUDIO_SLOTS: usize = 256;

/// Bytes of an audio track: 256 packets of 256 bytes.
pub(crate) const AUDIO_BYTES: usize = 2 * CHUNK_BYTES;

/// A packet in the cache: its data without the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    /// As the publisher sent it, but with the track's timestamp.
    pub(crate) header: Header,
    /// The packet begins a key frame, or is of a codec without such.
    pub(crate) key: bool,
    /// Position in the order of arrival.
    pub(crate) arrival: u64,
    /// Bytes of padding that it gets at subscribers, the same for all and each time that it is sent.
    pub(crate) padding: u8,
    // Small, for there are many.
    payload_len: u16,
    chunk: u16,
    start: u16,
    len: u16,
    generation: u32,
}

impl Entry {
    /// The size of its payload, without any padding.
    #[inline]
    pub(crate) fn payload_len(&self) -> usize {
        usize::from(self.payload_len)
    }
}

#[derive(Debug)]
struct Chunk {
    bytes: Box<[u8]>,
    used: usize,
    /// How often it was used before, modulo 2^32: as many packets would have to pass before an old entry is believed.
    generation: u32,
    newest: Instant,
}

/// A ring of slots by number, and a ring of chunks by age.
#[derive(Debug)]
pub(crate) struct PacketCache {
    slots: Box<[Option<Entry>]>,
    chunks: Vec<Chunk>,
    /// Chunks from the oldest to the one that is being filled.
    order: VecDeque<usize>,
    max_chunks: usize,
    arrivals: u64,
    /// So many of them were forwarded.
    forwarded: u64,
}

impl PacketCache {
    /// For an audio track.
    pub(crate) fn audio() -> Self {
        Self::new(AUDIO_SLOTS, AUDIO_BYTES)
    }

    /// For a video track, of at most so many bytes.
    pub(crate) fn video(bytes: usize) -> Self {
        Self::new(VIDEO_SLOTS, bytes)
    }

    fn new(slots: usize, bytes: usize) -> Self {
        let max_chunks = (bytes / CHUNK_BYTES).max(2);
        Self {
            slots: vec![None; slots].into_boxed_slice(),
            chunks: Vec::with_capacity(max_chunks),
            order: VecDeque::with_capacity(max_chunks),
            max_chunks,
            arrivals: 0,
            forwarded: 0,
        }
    }

    /// Stores a packet. `None`: the number was stored before, or is so old that this cannot be told.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        number: u64,
        packet: &RtpPacket<'_>,
        key: bool,
    ) -> Option<Entry> {
        let (header, payload_len, packet) = (*packet.header(), packet.payload().len(), packet.data());
        let index = self.slot(number);
        if self.slots.get(index)?.is_some_and(|entry| entry.number >= number) || packet.len() > CHUNK_BYTES {
            return None;
        }
        let chunk_index = self.chunk_with_room(now, packet.len());
        let chunk = self.chunks.get_mut(chunk_index)?;
        let (start, len) = (chunk.used, packet.len());
        chunk.bytes.get_mut(start..start + len)?.copy_from_slice(packet);
        chunk.used += len;
        chunk.newest = now;
        self.arrivals += 1;
        let entry = Entry {
            number,
            header,
            key,
            arrival: self.arrivals,
            padding: 0,
            payload_len: u16::try_from(payload_len).ok()?,
            chunk: u16::try_from(chunk_index).ok()?,
            start: u16::try_from(start).ok()?,
            len: u16::try_from(len).ok()?,
            generation: chunk.generation,
        };
        *self.slots.get_mut(index)? = Some(entry);
        Some(entry)
    }

    /// Gives a packet that was never sent its padding.
    pub(crate) fn pad(&mut self, entry: &mut Entry, padding: u8) {
        let index = self.slot(entry.number);
        if let Some(Some(stored)) = self.slots.get_mut(index)
            && stored.number == entry.number
        {
            stored.padding = padding;
            entry.padding = padding;
        }
    }

    /// The packet of this number, while it is here.
    #[inline]
    pub(crate) fn find(&self, number: u64) -> Option<Entry> {
        let entry = (*self.slots.get(self.slot(number))?)?;
        let chunk = self.chunks.get(usize::from(entry.chunk))?;
        (entry.number == number && entry.generation == chunk.generation).then_some(entry)
    }

    /// Whether a packet was forwarded. Until then its padding is open: who asked for it sooner would get it twice under
    /// one index, with other bytes.
    pub(crate) fn was_forwarded(&self, entry: &Entry) -> bool {
        entry.arrival <= self.forwarded
    }

    /// All that came was forwarded.
    pub(crate) fn forwarded(&mut self) {
        self.forwarded = self.arrivals;
    }

    /// The packet of an entry, while it is here.
    #[inline]
    pub(crate) fn packet(&self, entry: &Entry) -> Option<RtpPacket<'_>> {
        let chunk = self.chunks.get(usize::from(entry.chunk))?;
        if chunk.generation != entry.generation {
            return None;
        }
        let start = usize::from(entry.start);
        RtpPacket::new(entry.header, chunk.bytes.get(start..start + usize::from(entry.len))?).ok()
    }

    #[inline]
    fn slot(&self, number: u64) -> usize {
        // The number of slots is a power of two.
        usize::try_from(number & (self.slots.len() as u64 - 1)).unwrap_or(0)
    }

    fn chunk_with_room(&mut self, now: Instant, len: usize) -> usize {
        if let Some(&current) = self.order.back()
            && self.chunks.get(current).is_some_and(|chunk| chunk.used + len <= CHUNK_BYTES)
        {
            return current;
        }
        let oldest = self.order.front().copied();
        let expired = oldest
            .and_then(|index| self.chunks.get(index))
            .is_some_and(|chunk| chunk.newest + RETENTION <= now);
        let index = match oldest {
            Some(index) if expired || self.chunks.len() >= self.max_chunks => {
                self.order.pop_front();
                index
            }
            _ => {
                let bytes = vec![0; CHUNK_BYTES].into_boxed_slice();
                self.chunks.push(Chunk { bytes, used: 0, generation: 0, newest: now });
                self.chunks.len() - 1
            }
        };
        if let Some(chunk) = self.chunks.get_mut(index) {
            chunk.used = 0;
            chunk.generation = chunk.generation.wrapping_add(1);
        }
        self.order.push_back(index);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;
    use rtp::{ExtensionValue, Fields, write::write_packet};

    fn packet(sequence: u16, payload: &[u8]) -> (Header, Vec<u8>) {
        let fields = Fields { marker: false, payload_type: 96, sequence, timestamp: 1, ssrc: 7 };
        let mut out = vec![0; 1500];
        let written = write_packet(&fields, &[] as &[ExtensionValue<'_>], payload, &mut out).unwrap();
        out.truncate(written.len);
        (Header::parse(&out).unwrap(), out)
    }

    fn payload_of(cache: &PacketCache, number: u64) -> Option<Vec<u8>> {
        let entry = cache.find(number)?;
        Some(cache.packet(&entry)?.payload().to_vec())
    }

    #[test]
    fn a_number_is_stored_once() {
        let mut cache = PacketCache::audio();
        let (header, first) = packet(5, b"first");
        assert!(cache.insert(epoch(), 5, &RtpPacket::new(header, &first).unwrap(), true).is_some());
        let (header, second) = packet(5, b"other");
        assert!(cache.insert(epoch(), 5, &RtpPacket::new(header, &second).unwrap(), true).is_none());
        assert_eq!(payload_of(&cache, 5).unwrap(), b"first");
        // Its slot is taken by a later number: the old one cannot come back.
        assert!(
            cache
                .insert(epoch(), 5 + AUDIO_SLOTS as u64, &RtpPacket::new(header, &second).unwrap(), true)
                .is_some()
        );
        assert!(cache.insert(epoch(), 5, &RtpPacket::new(header, &second).unwrap(), true).is_none());
        assert_eq!(payload_of(&cache, 5), None);
    }

    #[test]
    fn bytes_are_bounded_and_the_oldest_go_first() {
        let mut cache = PacketCache::video(4 * CHUNK_BYTES);
        let body = vec![9; 1200];
        for number in 0..500 {
            let (header, bytes) = packet(number as u16, &body);
            cache.insert(epoch(), number, &RtpPacket::new(header, &bytes).unwrap(), false).unwrap();
        }
        assert_eq!(cache.chunks.len(), 4);
        assert_eq!(payload_of(&cache, 0), None);
        let oldest = (0..500).find(|&number| payload_of(&cache, number).is_some()).unwrap();
        assert!((380..=420).contains(&oldest), "{oldest}");
        assert!((oldest..500).all(|number| payload_of(&cache, number).is_some()));
    }

    #[test]
    fn a_quiet_track_keeps_few_chunks() {
        let mut cache = PacketCache::video(BYTES_PER_STREAM);
        let body = vec![9; 1000];
        for number in 0..5000u64 {
            let now = epoch() + Duration::from_millis(number * 20);
            let (header, bytes) = packet(number as u16, &body);
            cache.insert(now, number, &RtpPacket::new(header, &bytes).unwrap(), false).unwrap();
        }
        assert!(cache.chunks.len() <= 6, "{}", cache.chunks.len());
    }
}
