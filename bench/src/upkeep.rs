//! What a subscriber costs while it connects, and while nothing is sent.

use std::time::{Duration, Instant};

use loadtest::{Load, Options};
use peer::{Server, ServerConfig};

use crate::{Effort, floor, process};

/// Datagrams per second of 400 subscribers that get nothing: a report a second, a connectivity check every 2.5 s.
const WAKES: f64 = 560.0;

/// Those who are there before anything is measured.
const FIRST: usize = 10;

/// Per subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Upkeep {
    pub(crate) subscribers: usize,
    /// Connections per second while they came.
    pub(crate) per_second: f64,
    /// CPU of the media thread for each: SDP, ICE, DTLS, SRTP.
    pub(crate) connect_media: Duration,
    /// CPU of all threads for each: requests, rooms and logs with it.
    pub(crate) connect_all: Duration,
    /// CPU of all threads per second for each that is there and gets nothing.
    pub(crate) idle: Duration,
    /// CPU of a thread that a datagram wakes up, and that does nothing with it.
    pub(crate) waking_up: Duration,
    /// Resident memory for each, in bytes.
    pub(crate) memory: f64,
    /// Connections that did not come up.
    pub(crate) failed: usize,
}

pub(crate) fn measure(
    start: &impl Fn(ServerConfig) -> anyhow::Result<Server>,
    effort: Effort,
) -> anyhow::Result<Upkeep> {
    let server = start(ServerConfig::default().workers(1))?;
    let pid = server.pid();
    let options = Options {
        url: server.ws_url().to_owned(),
        subscribers: FIRST,
        ramp: effort.ramp,
        ..Options::default()
    };
    let mut load = Load::start(&options)?;
    load.rest(effort.warm_up);
    load.silence();
    load.rest(effort.warm_up);
    let idle_before = idle(pid, &load, effort.window)?;
    let (memory, all, media) =
        (process::resident_bytes(pid)?, process::cpu_nanos(pid)?, process::media_nanos(pid)?);
    let since = Instant::now();
    load.add_subscribers(effort.connections)?;
    let elapsed = since.elapsed();
    let each = |nanos: u64| Duration::from_nanos(nanos / effort.connections.max(1) as u64);
    let (connect_all, connect_media) =
        (each(process::cpu_nanos(pid)? - all), each(process::media_nanos(pid)? - media));
    load.rest(effort.warm_up);
    let grown = process::resident_bytes(pid)?.saturating_sub(memory);
    let idle_after = idle(pid, &load, effort.window)?;
    let connections = load.connections().clone();
    load.stop();
    server.stop();
    let count = connections.subscribers.saturating_sub(FIRST).max(1);
    Ok(Upkeep {
        subscribers: count,
        per_second: count as f64 / elapsed.as_secs_f64(),
        connect_media,
        connect_all,
        idle: idle_after.saturating_sub(idle_before) / u32::try_from(count).unwrap_or(u32::MAX),
        waking_up: Duration::from_secs_f64(floor::waking_up(WAKES, effort.window)? / 1e6),
        memory: grown as f64 / count as f64,
        failed: connections.failed.values().sum(),
    })
}

/// The server's CPU time per second.
fn idle(pid: u32, load: &Load, window: Duration) -> anyhow::Result<Duration> {
    let (since, before) = (Instant::now(), process::cpu_nanos(pid)?);
    load.rest(window);
    let nanos = process::cpu_nanos(pid)? - before;
    Ok(Duration::from_nanos(nanos).div_f64(since.elapsed().as_secs_f64()))
}
