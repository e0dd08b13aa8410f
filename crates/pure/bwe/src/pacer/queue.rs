//! What waits, in the order in which it leaves.

use super::{CAPACITY, Packet, Priority, Refused};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub(super) struct Queue {
    audio: VecDeque<Packet>,
    retransmissions: VecDeque<(Instant, Packet)>,
    video: VecDeque<(Instant, Packet)>,
    audio_bytes: u64,
    paced_bytes: u64,
    /// The frame whose packets are refused, because an earlier one was.
    refused: Option<u64>,
}

impl Queue {
    /// Room for all that it ever holds is taken little by little and kept.
    pub(super) fn new() -> Self {
        Self {
            audio: VecDeque::new(),
            retransmissions: VecDeque::new(),
            video: VecDeque::new(),
            audio_bytes: 0,
            paced_bytes: 0,
            refused: None,
        }
    }

    pub(super) fn push(&mut self, now: Instant, packet: Packet) -> Result<(), Refused> {
        let bytes = u64::from(packet.bytes);
        if packet.priority == Priority::Audio {
            if self.audio.len() >= CAPACITY {
                return Err(Refused);
            }
            self.audio.push_back(packet);
            self.audio_bytes += bytes;
            return Ok(());
        }
        let full = self.retransmissions.len() + self.video.len() >= CAPACITY;
        if let Priority::Video { frame } = packet.priority {
            if full || self.refused == Some(frame) {
                self.refused = Some(frame);
                return Err(Refused);
            }
            self.video.push_back((now, packet));
        } else if full {
            return Err(Refused);
        } else {
            self.retransmissions.push_back((now, packet));
        }
        self.paced_bytes += bytes;
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Packet> {
        if let Some(packet) = self.audio.pop_front() {
            self.audio_bytes -= u64::from(packet.bytes);
            return Some(packet);
        }
        let (_, packet) = self.retransmissions.pop_front().or_else(|| self.video.pop_front())?;
        self.paced_bytes -= u64::from(packet.bytes);
        Some(packet)
    }

    /// How many audio packets wait.
    pub(super) fn audio(&self) -> usize {
        self.audio.len()
    }

    pub(super) fn len(&self) -> usize {
        self.audio.len() + self.retransmissions.len() + self.video.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.video.is_empty() && self.retransmissions.is_empty() && self.audio.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.audio_bytes + self.paced_bytes
    }

    pub(super) fn paced_bytes(&self) -> u64 {
        self.paced_bytes
    }

    pub(super) fn oldest(&self, now: Instant) -> Duration {
        let fronts = [self.retransmissions.front(), self.video.front()];
        let oldest = fronts.into_iter().flatten().map(|(at, _)| *at).min();
        oldest.map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
    }

    /// How many packets beside audio make the next burst: as many as fit, one at least, and of one frame.
    pub(super) fn burst(&self, most: u64) -> usize {
        let paced = || self.retransmissions.iter().chain(&self.video).map(|(_, packet)| packet);
        let frame = |packet: &Packet| match packet.priority {
            Priority::Video { frame } => Some(frame),
            _ => None,
        };
        let Some(first) = paced().next() else { return 0 };
        let mut bytes = 0;
        let fits = paced().take_while(|packet| {
            bytes += u64::from(packet.bytes);
            frame(packet) == frame(first) && bytes <= most
        });
        fits.count().max(1)
    }
}
