//! CPU per forwarded packet: one stream to more and more subscribers, from the kernel's count of the
//! nanoseconds that the server's threads ran.

use std::time::Instant;

use peer::media::{Delays, Load, Tally};
use peer::{MediaThread, Server};

use crate::room::{Stage, Viewer};
use crate::{Effort, process};

/// The load generator had no time to spare above this: what it measures is itself.
const BUSY: f64 = 0.8;
/// Packets that did not arrive above this part mean that somebody's buffer overflowed.
const MISSING: f64 = 0.005;

/// One number of subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) subscribers: usize,
    /// Packets that reached subscribers, per second.
    pub(crate) packets_per_second: f64,
    /// UDP payload of a packet, on average.
    pub(crate) packet_bytes: usize,
    /// Of all the server's threads, per packet that reached a subscriber.
    pub(crate) cpu_micros_per_packet: f64,
    /// Of one core.
    pub(crate) server_load: f64,
    /// Of one core, the load generator's receiving thread.
    pub(crate) generator_load: f64,
    /// Part of the packets that did not arrive.
    pub(crate) missing: f64,
    /// From the publisher's hands to a subscriber's, since the start.
    pub(crate) delay_p50_micros: u128,
    pub(crate) delay_p99_micros: u128,
}

impl Row {
    /// Why the figure says more about the load generator than about the server, if it does.
    pub(crate) fn doubt(&self) -> Option<&'static str> {
        if self.generator_load > BUSY {
            return Some("the load generator is the bottleneck");
        }
        (self.missing > MISSING).then_some("packets were lost")
    }
}

/// Resident memory per subscriber, its WebSocket included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) bytes_per_subscriber: f64,
    pub(crate) subscribers: usize,
    pub(crate) server_bytes: u64,
}

/// What had happened by a moment.
struct Moment {
    at: Instant,
    cpu_nanos: u64,
    datagrams: u64,
    bytes: u64,
    missing: u64,
    load: Load,
}

pub(crate) async fn measure(server: &Server, effort: Effort) -> anyhow::Result<(Vec<Row>, Memory)> {
    let (sending, receiving) = (MediaThread::start(), MediaThread::start());
    let stage = Stage::open(server, &sending, true).await?;
    let mut viewers: Vec<Viewer> = Vec::new();
    let mut rows = Vec::new();
    let mut memory = Vec::new();
    for count in effort.subscribers {
        while viewers.len() < *count {
            viewers.push(stage.enter(&format!("viewer {}", viewers.len()), &receiving).await?);
        }
        for viewer in &mut viewers {
            viewer.screen.frames(5, 5).await;
        }
        tokio::time::sleep(effort.warm_up).await;
        memory.push((viewers.len(), process::resident_bytes(server.pid())?));
        let before = moment(server, &viewers, &receiving)?;
        tokio::time::sleep(effort.window).await;
        let after = moment(server, &viewers, &receiving)?;
        rows.push(row(&viewers, &before, &after));
    }
    Ok((rows, memory_of(&memory)))
}

fn moment(server: &Server, viewers: &[Viewer], thread: &MediaThread) -> anyhow::Result<Moment> {
    let cpu_nanos = process::cpu_nanos(server.pid())?;
    let at = Instant::now();
    let receptions: Vec<_> = viewers.iter().map(|viewer| viewer.screen.reception()).collect();
    Ok(Moment {
        at,
        cpu_nanos,
        datagrams: receptions.iter().map(|reception| reception.datagrams).sum(),
        bytes: receptions.iter().map(|reception| reception.wire_bytes).sum(),
        missing: receptions.iter().flat_map(|reception| reception.tracks.values()).map(Tally::missing).sum(),
        load: thread.load(),
    })
}

fn row(viewers: &[Viewer], before: &Moment, after: &Moment) -> Row {
    let seconds = (after.at - before.at).as_secs_f64();
    let packets = (after.datagrams - before.datagrams).max(1);
    let cpu = (after.cpu_nanos - before.cpu_nanos) as f64;
    let missing = after.missing.saturating_sub(before.missing) as f64;
    let mut delays = Delays::default();
    for viewer in viewers {
        delays.merge(&viewer.screen.reception().delays());
    }
    let delay = |part| delays.quantile(part).map_or(0, |delay| delay.as_micros());
    Row {
        subscribers: viewers.len(),
        packets_per_second: packets as f64 / seconds,
        packet_bytes: usize::try_from((after.bytes - before.bytes) / packets).unwrap_or(0),
        cpu_micros_per_packet: cpu / 1e3 / packets as f64,
        server_load: cpu / 1e9 / seconds,
        generator_load: (after.load.busy - before.load.busy).as_secs_f64() / seconds,
        missing: missing / (missing + packets as f64),
        delay_p50_micros: delay(0.5),
        delay_p99_micros: delay(0.99),
    }
}

/// From the last two numbers of subscribers, so that what the first ones bring along is left out.
fn memory_of(samples: &[(usize, u64)]) -> Memory {
    let last = samples.last().copied().unwrap_or((0, 0));
    let before = samples.iter().rev().nth(1).copied().unwrap_or((0, 0));
    let more = last.1.saturating_sub(before.1) as f64;
    let subscribers = last.0 - before.0;
    Memory { bytes_per_subscriber: more / subscribers.max(1) as f64, subscribers, server_bytes: last.1 }
}
