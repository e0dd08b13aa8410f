//! The latest packets of one track, shared by all its subscribers: what is forwarded and what is sent again comes
//! from here.
//!
//! A number is stored at most once in the life of a track. A subscriber without RTX gets a lost packet again under
//! the same SRTP index, and an index must never be sealed twice with other bytes.

use super::chunks::{CHUNK_BYTES, ChunkPool};
use super::frame::Frame;
use rtp::{Header, RtpPacket};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A packet is kept for at least so long, if the bytes are enough: whoever is half a second away by round trip has
/// asked for it by then.
const RETENTION: Duration = Duration::from_secs(1);

/// What all caches of one stream take together, slots and all: with one of video, 1 s at 15 Mbit/s. With more, the
/// oldest packets go earlier, and what is asked for then is not sent again: the subscriber asks for a key frame in
/// the end.
const BYTES_PER_STREAM: usize = 2 * 1024 * 1024;

/// Slots, and with them packets, of a video track: 1 s at 2,000 packets per second. A power of two.
const VIDEO_SLOTS: usize = 2048;

/// Slots of an audio track: 1 s at 250 packets per second. A power of two.
const AUDIO_SLOTS: usize = 256;

/// Bytes of an audio track's packets: 256 of 256 bytes.
const AUDIO_BYTES: usize = 2 * CHUNK_BYTES;

/// What the packets of each video track of a stream may take.
pub(crate) fn video_bytes(audio_tracks: usize, video_tracks: usize) -> usize {
    let slots = |slots: usize| slots * size_of::<Option<Entry>>();
    let audio = audio_tracks * (AUDIO_BYTES + slots(AUDIO_SLOTS));
    (BYTES_PER_STREAM.saturating_sub(audio) / video_tracks.max(1)).saturating_sub(slots(VIDEO_SLOTS))
}

/// A packet in the cache: its data without the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    /// As the publisher sent it, but with the track's timestamp.
    pub(crate) header: Header,
    /// What it is of.
    pub(crate) frame: Frame,
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
    /// None where it has been given back.
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
    /// Those that were given back.
    vacant: Vec<usize>,
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

    /// For a video track, whose packets take at most so many bytes.
    pub(crate) fn video(bytes: usize) -> Self {
        Self::new(VIDEO_SLOTS, bytes)
    }

    fn new(slots: usize, bytes: usize) -> Self {
        let max_chunks = (bytes / CHUNK_BYTES).max(2);
        Self {
            slots: vec![None; slots].into_boxed_slice(),
            chunks: Vec::with_capacity(max_chunks),
            order: VecDeque::with_capacity(max_chunks),
            vacant: Vec::with_capacity(max_chunks),
            max_chunks,
            arrivals: 0,
            forwarded: 0,
        }
    }

    /// Stores a packet. `None`: the number was stored before, or is so old that this cannot be told.
    pub(crate) fn insert(
        &mut self,
        pool: &mut ChunkPool,
        now: Instant,
        number: u64,
        packet: &RtpPacket<'_>,
        frame: Frame,
    ) -> Option<Entry> {
        let (header, payload_len, packet) = (*packet.header(), packet.payload().len(), packet.data());
        let index = self.slot(number);
        if self.slots.get(index)?.is_some_and(|entry| entry.number >= number) || packet.len() > CHUNK_BYTES {
            return None;
        }
        let chunk_index = self.chunk_with_room(pool, now, packet.len());
        let chunk = self.chunks.get_mut(chunk_index)?;
        let (start, len) = (chunk.used, packet.len());
        chunk.bytes.get_mut(start..start + len)?.copy_from_slice(packet);
        chunk.used += len;
        chunk.newest = now;
        self.arrivals += 1;
        let entry = Entry {
            number,
            header,
            frame,
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

    fn chunk_with_room(&mut self, pool: &mut ChunkPool, now: Instant, len: usize) -> usize {
        if let Some(&current) = self.order.back()
            && self.chunks.get(current).is_some_and(|chunk| chunk.used + len <= CHUNK_BYTES)
        {
            return current;
        }
        self.give_back_expired(pool, now);
        let index =
            if self.order.len() >= self.max_chunks { self.order.pop_front() } else { self.vacant.pop() };
        let index = index.unwrap_or_else(|| {
            self.chunks.push(Chunk { bytes: Box::default(), used: 0, generation: 0, newest: now });
            self.chunks.len() - 1
        });
        if let Some(chunk) = self.chunks.get_mut(index) {
            if chunk.bytes.is_empty() {
                chunk.bytes = pool.take();
            }
            chunk.used = 0;
            chunk.generation = chunk.generation.wrapping_add(1);
        }
        self.order.push_back(index);
        index
    }

    fn give_back_expired(&mut self, pool: &mut ChunkPool, now: Instant) {
        while let Some(&oldest) = self.order.front() {
            let Some(chunk) = self.chunks.get_mut(oldest).filter(|chunk| chunk.newest + RETENTION <= now)
            else {
                break;
            };
            // Entries of its packets are not believed any more.
            chunk.generation = chunk.generation.wrapping_add(1);
            pool.give_back(std::mem::take(&mut chunk.bytes));
            self.order.pop_front();
            self.vacant.push(oldest);
        }
    }

    /// The pieces of memory that packets lie in.
    pub(crate) fn chunks(&self) -> usize {
        self.order.len()
    }

    /// Gives back all of its memory: its track has ended.
    pub(crate) fn end(self, pool: &mut ChunkPool) {
        self.chunks.into_iter().for_each(|chunk| pool.give_back(chunk.bytes));
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
        let mut pool = ChunkPool::default();
        let mut cache = PacketCache::audio();
        let (header, first) = packet(5, b"first");
        assert!(
            cache
                .insert(&mut pool, epoch(), 5, &RtpPacket::new(header, &first).unwrap(), Frame::plain(true))
                .is_some()
        );
        let (header, second) = packet(5, b"other");
        assert!(
            cache
                .insert(&mut pool, epoch(), 5, &RtpPacket::new(header, &second).unwrap(), Frame::plain(true))
                .is_none()
        );
        assert_eq!(payload_of(&cache, 5).unwrap(), b"first");
        // Its slot is taken by a later number: the old one cannot come back.
        assert!(
            cache
                .insert(
                    &mut pool,
                    epoch(),
                    5 + AUDIO_SLOTS as u64,
                    &RtpPacket::new(header, &second).unwrap(),
                    Frame::plain(true)
                )
                .is_some()
        );
        assert!(
            cache
                .insert(&mut pool, epoch(), 5, &RtpPacket::new(header, &second).unwrap(), Frame::plain(true))
                .is_none()
        );
        assert_eq!(payload_of(&cache, 5), None);
    }

    #[test]
    fn bytes_are_bounded_and_the_oldest_go_first() {
        let mut pool = ChunkPool::default();
        let mut cache = PacketCache::video(4 * CHUNK_BYTES);
        let body = vec![9; 1200];
        for number in 0..500 {
            let (header, bytes) = packet(number as u16, &body);
            cache
                .insert(
                    &mut pool,
                    epoch(),
                    number,
                    &RtpPacket::new(header, &bytes).unwrap(),
                    Frame::default(),
                )
                .unwrap();
        }
        assert_eq!(cache.chunks.len(), 4);
        assert_eq!(payload_of(&cache, 0), None);
        let oldest = (0..500).find(|&number| payload_of(&cache, number).is_some()).unwrap();
        assert!((380..=420).contains(&oldest), "{oldest}");
        assert!((oldest..500).all(|number| payload_of(&cache, number).is_some()));
    }

    #[test]
    fn a_stream_takes_two_megabytes_at_the_most() {
        let takes = |bytes: usize, slots: usize| {
            (bytes / CHUNK_BYTES).max(2) * CHUNK_BYTES + slots * size_of::<Option<Entry>>()
        };
        for (audio, video) in [(0, 1), (1, 1), (2, 2), (0, 3)] {
            let all = audio * takes(AUDIO_BYTES, AUDIO_SLOTS)
                + video * takes(video_bytes(audio, video), VIDEO_SLOTS);
            assert!(all <= BYTES_PER_STREAM, "{audio} {video}: {all}");
        }
    }

    #[test]
    fn what_is_old_is_not_found_when_its_memory_is_used_again() {
        let (mut pool, mut cache) = (ChunkPool::default(), PacketCache::audio());
        let body = vec![9; 1000];
        let mut insert = |number: u64, at: Duration| {
            let (header, bytes) = packet(number as u16, &body);
            let packet = RtpPacket::new(header, &bytes).unwrap();
            cache.insert(&mut pool, epoch() + at, number, &packet, Frame::default()).unwrap();
        };
        (0..40).for_each(|number| insert(number, Duration::ZERO));
        (40..80).for_each(|number| insert(number, RETENTION));
        let kept: Vec<_> = (0..80).filter(|&number| cache.find(number).is_some()).collect();
        // What shares a chunk with something newer is kept with it.
        assert!(kept.first().is_some_and(|&first| (20..40).contains(&first)), "{kept:?}");
        assert_eq!(kept.last(), Some(&79));
    }

    #[test]
    fn a_quiet_track_keeps_few_chunks() {
        let mut pool = ChunkPool::default();
        let mut cache = PacketCache::video(video_bytes(1, 1));
        let body = vec![9; 1000];
        for number in 0..5000u64 {
            let now = epoch() + Duration::from_millis(number * 20);
            let (header, bytes) = packet(number as u16, &body);
            cache
                .insert(&mut pool, now, number, &RtpPacket::new(header, &bytes).unwrap(), Frame::default())
                .unwrap();
        }
        // A second of it.
        assert!(cache.order.len() <= 3, "{}", cache.order.len());
        cache.end(&mut pool);
    }
}
