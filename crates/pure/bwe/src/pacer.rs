//! When packets may leave: a network that carries 2 Mbit/s does not carry a key frame at once.
//!
//! Audio leaves as it comes. The rest leaves in bursts: a frame that takes less than 5 ms at the pacing rate is one of
//! them and leaves whole, so that the owner can send it as a group; a longer one is cut into bursts of 5 ms. Between them
//! passes the time that they take. Retransmissions go before video, padding after it.
//!
//! The pacer has no packets, only what the owner calls them and their sizes. What does not fit in its queue is refused,
//! the rest of its frame too: half a frame helps nobody. What waits is never dropped; the pacing rate rises so that
//! nothing waits for longer than [`MAX_WAIT`], or [`MAX_WAIT_FULL`].

mod budget;
mod pass;
mod queue;

use crate::probing::ProbeCluster;
use crate::{Bitrate, PacketKind};
use budget::Budget;
use queue::Queue;
use std::time::{Duration, Instant};

/// The pacing rate in times of the target. (libwebrtc: 2.5.)
pub const FACTOR: f64 = 2.5;
/// What leaves at once is no more than the pacing rate carries in this time.
pub const BURST: Duration = Duration::from_millis(5);
/// The pacing rate is at least such that what waits has left after this time.
pub const MAX_WAIT: Duration = Duration::from_millis(250);
/// Or after this, where as much is under way as may be: after a fall of the network, while an encoder still sends what it
/// carried before. (libwebrtc: 2 s.)
pub const MAX_WAIT_FULL: Duration = Duration::from_millis(500);
/// The last part of that time, in which they leave all the same.
const LEAVING: Duration = Duration::from_millis(50);
/// Packets that may wait: a quarter of a second of 40 Mbit/s. A further one is refused.
pub const CAPACITY: usize = 1024;
/// The bursts of a probe: so much time apart, or a packet. (libwebrtc: 2 ms.)
const PROBE_BURST: Duration = Duration::from_millis(2);

/// In which order packets leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// At once.
    Audio,
    /// Before video.
    Retransmission,
    /// In bursts. The number tells its frame from the one before and after it, of any stream.
    Video {
        /// The same for all packets of a frame, and for no other that waits.
        frame: u64,
    },
}

/// A packet that is to leave; its bytes stay with the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What the owner calls it.
    pub reference: u64,
    /// Its size on the wire, with UDP and IP.
    pub bytes: u32,
    /// In which order it leaves.
    pub priority: Priority,
}

/// There is no room: [`CAPACITY`] packets wait, or the frame's earlier ones were refused. As good as lost on the way: the
/// receiver will ask for it, or for a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What may happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// This many packets may leave: [`Pacer::pop`] gives them. One burst.
    pub packets: usize,
    /// After them this many bytes of padding (or retransmissions that nobody asked for), of which the owner says with
    /// [`Pacer::padded`] what it sent. What it cannot make, it leaves.
    pub padding: u32,
    /// As what packets and padding leave, but for audio: [`PacketKind::Media`] or of a probe.
    pub kind: PacketKind,
    /// When to ask again; `None` is not before something is pushed or set. Not before now.
    pub again: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    cluster: ProbeCluster,
    packets: u32,
    bytes: u64,
    /// Padding was asked for and none came: without news the probe ends.
    hungry: bool,
}

/// The queue and the budget of one network.
#[derive(Clone, Debug)]
pub struct Pacer {
    queue: Queue,
    budget: Budget,
    target: Bitrate,
    /// Bytes a second that [`FACTOR`] times the target are.
    pace: f64,
    room: Option<u64>,
    probe: Option<Probe>,
    /// Packets of the last release that were not yet popped.
    granted: usize,
}

impl Pacer {
    /// With nothing to send yet.
    #[must_use]
    pub fn new(now: Instant, target: Bitrate) -> Self {
        let (queue, budget, pace) = (Queue::new(), Budget::new(now), pace(target));
        Self { queue, budget, target, pace, room: None, probe: None, granted: 0 }
    }

    /// What the network carries; the pacing rate is [`FACTOR`] times as much.
    pub fn set_target(&mut self, target: Bitrate) {
        (self.target, self.pace) = (target, pace(target));
    }

    /// How many more bytes may be under way ([`crate::Estimator::room`]); at first any number. Without room everything
    /// but audio and probes waits, if not for longer than [`MAX_WAIT_FULL`].
    pub fn set_room(&mut self, bytes: Option<u64>) {
        self.room = bytes;
    }

    /// Begins a probe, instead of one that is under way.
    pub fn probe(&mut self, cluster: ProbeCluster) {
        self.probe = Some(Probe { cluster, packets: 0, bytes: 0, hungry: false });
    }

    /// Whether a probe is under way.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// Whether there is nothing to ask it for: nothing waits, and no probe is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.probe.is_none()
    }

    /// A packet is to leave.
    ///
    /// # Errors
    ///
    /// There is no room for it. Audio always has some: of the queue's places, as many again are kept for it.
    pub fn push(&mut self, now: Instant, packet: Packet) -> Result<(), Refused> {
        self.queue.push(now, packet)
    }

    /// How many packets wait, and their bytes.
    #[must_use]
    pub fn waiting(&self) -> (usize, u64) {
        (self.queue.len(), self.queue.bytes())
    }

    /// For how long the oldest has waited.
    #[must_use]
    pub fn oldest(&self, now: Instant) -> Duration {
        self.queue.oldest(now)
    }

    /// What paced packets leave at: a factor times the target, or more where they would wait too long.
    #[must_use]
    pub fn rate(&self, now: Instant) -> Bitrate {
        let paced = self.target.scale(if self.is_full() { 1.0 } else { FACTOR });
        if self.queue.paced_bytes() == 0 {
            return paced;
        }
        let most = if self.is_full() { MAX_WAIT_FULL } else { MAX_WAIT };
        let left = most.saturating_sub(self.queue.oldest(now)).max(BURST);
        let needed = self.queue.paced_bytes() as f64 * 8.0 / left.as_secs_f64();
        paced.max(Bitrate::from_f64(needed))
    }

    /// What may leave now. Ask at the time that the last answer named, and after a push.
    pub fn poll(&mut self, now: Instant) -> Release {
        let rate = self.rate(now);
        self.advance(now, rate);
        let ended = self.end_probe();
        let audio = self.queue.audio();
        let kind = self.probe.map_or(PacketKind::Media, |probe| PacketKind::Probe(probe.cluster.id));
        let (mut packets, mut padding) = (audio, 0);
        let held = self.is_full() && self.queue.oldest(now) + LEAVING < MAX_WAIT_FULL;
        if self.budget.is_free() && !held {
            let (rate, time) = self.probe.map_or((rate, BURST), |probe| (probe.cluster.bitrate, PROBE_BURST));
            let burst = rate.bytes_in(time);
            let room = self.room.filter(|&room| room > 0 && self.probe.is_none());
            packets += self.queue.burst(room.map_or(burst, |room| burst.min(room)));
            if packets == audio {
                padding = self.padding_wanted(burst);
            }
        }
        self.granted = packets;
        let again = if packets > 0 || padding > 0 {
            Some(now)
        } else {
            self.again(now, if ended { self.rate(now) } else { rate })
        };
        Release { packets, padding, kind, again }
    }

    /// Timers are late by a little, and a probe that leaves at another rate than it says measures that.
    fn advance(&mut self, now: Instant, rate: Bitrate) {
        let (rate, late) =
            self.probe.map_or((rate, Duration::ZERO), |probe| (probe.cluster.bitrate, PROBE_BURST));
        self.budget.advance(now, rate.as_f64() / 8.0, late.as_secs_f64());
    }

    /// As much is under way as may be. A probe asks for more than that.
    fn is_full(&self) -> bool {
        self.room == Some(0) && self.probe.is_none()
    }

    /// Says whether one has ended.
    fn end_probe(&mut self) -> bool {
        let ended = self.probe.take_if(|probe| {
            let cluster = &probe.cluster;
            probe.packets >= cluster.packets && probe.bytes >= cluster.bytes || probe.hungry
        });
        ended.is_some()
    }

    /// For a probe, and only where nothing else is to leave.
    fn padding_wanted(&mut self, burst: u64) -> u32 {
        let Some(probe) = &mut self.probe else { return 0 };
        probe.hungry = true;
        let packet = probe.cluster.bytes / u64::from(probe.cluster.packets.max(1));
        u32::try_from(burst.max(packet.min(MAX_PADDING))).unwrap_or(0)
    }

    /// When something of what waits may leave, or is filled up, if nothing else happens: then it is to be polled.
    pub fn next(&mut self, now: Instant) -> Option<Instant> {
        let rate = self.rate(now);
        self.advance(now, rate);
        if self.queue.audio() > 0 { Some(now) } else { self.again(now, rate) }
    }

    /// The same at this pacing rate, where nothing may leave now.
    fn again(&self, now: Instant, rate: Bitrate) -> Option<Instant> {
        let paced = self.probe.is_some() || self.queue.paced_bytes() > 0;
        paced.then(|| {
            let rate = self.probe.map_or(rate, |probe| probe.cluster.bitrate);
            let least = if self.is_full() { BURST } else { Duration::ZERO };
            now + self.budget.wait(rate).max(least)
        })
    }

    /// The next of the packets that the last release granted; `None` when those have left.
    pub fn pop(&mut self) -> Option<Packet> {
        self.granted = self.granted.checked_sub(1)?;
        let packet = self.queue.pop()?;
        self.room = self.room.map(|room| room.saturating_sub(u64::from(packet.bytes)));
        self.left(1, packet.bytes, packet.priority != Priority::Audio);
        Some(packet)
    }

    /// Padding has left, in so many packets with so many bytes on the wire together.
    pub fn padded(&mut self, packets: u32, bytes: u32) {
        self.left(packets, bytes, true);
    }

    fn left(&mut self, packets: u32, bytes: u32, probes: bool) {
        self.budget.spend(u64::from(bytes));
        if let Some(probe) = self.probe.as_mut().filter(|_| probes) {
            probe.packets += packets;
            probe.bytes += u64::from(bytes);
            probe.hungry = probe.hungry && packets == 0;
        }
    }
}

fn pace(target: Bitrate) -> f64 {
    target.as_f64() * (FACTOR / 8.0)
}

/// A probe's padding is asked for in packets of a size that any network carries.
const MAX_PADDING: u64 = 1200;

#[cfg(test)]
mod tests;
