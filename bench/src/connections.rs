//! Peer connections set up as fast as they can be: WebSocket, join, subscribe, ICE and DTLS, without
//! media, many at a time.

use std::time::Instant;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use peer::{MediaThread, Server};

use crate::room::{Stage, Viewer};
use crate::{Effort, process};

/// Connections on their way at the same time.
const AT_ONCE: usize = 64;
/// People in one room: the cost of telling each of the others' coming is not what is measured.
const PER_ROOM: usize = 20;
/// Above this the load generator, which does half of each handshake, sets the pace.
const BUSY: f64 = 0.8;

/// How fast, and what it cost the server.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    pub(crate) count: usize,
    pub(crate) per_second: f64,
    /// All of the server: WebSocket, requests, ICE, DTLS.
    pub(crate) cpu_millis_each: f64,
    /// Of one core.
    pub(crate) server_load: f64,
    /// The load generator, as a part of the cores that the server leaves free.
    pub(crate) generator_load: f64,
}

impl Connections {
    /// Why the figure says more about the load generator than about the server, if it does.
    pub(crate) fn doubt(&self) -> Option<&'static str> {
        if self.generator_load > BUSY {
            return Some("the load generator was the bottleneck");
        }
        (self.server_load < BUSY).then_some("neither side was busy: timers, or other programs, set the pace")
    }
}

pub(crate) async fn measure(server: &Server, effort: Effort) -> anyhow::Result<Connections> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores).map(|_| MediaThread::start()).collect();
    let mut stages = Vec::new();
    for number in 0..effort.connections.div_ceil(PER_ROOM) {
        let thread = threads.get(number % cores).context("a thread per core")?;
        stages.push(Stage::open(server, thread, false).await?);
    }
    let (since, cpu) = (Instant::now(), process::cpu_nanos(server.pid())?);
    let own = process::own_cpu_nanos()?;
    let viewers: Vec<Viewer> = stream::iter(0..effort.connections)
        .map(|number| {
            let (stages, threads) = (&stages, &threads);
            async move {
                let stage = stages.get(number / PER_ROOM).context("a room for each")?;
                let thread = threads.get(number % cores).context("a thread per core")?;
                let mut viewer = stage.enter(&format!("viewer {number}"), thread).await?;
                viewer.screen.until("connected", peer::media::Reception::connected).await;
                anyhow::Ok(viewer)
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let seconds = since.elapsed().as_secs_f64();
    let cpu = (process::cpu_nanos(server.pid())? - cpu) as f64 / 1e9;
    let own = (process::own_cpu_nanos()? - own) as f64 / 1e9;
    let count = viewers.len();
    Ok(Connections {
        count,
        per_second: count as f64 / seconds,
        cpu_millis_each: cpu * 1e3 / count.max(1) as f64,
        server_load: cpu / seconds,
        // Together with the server it has all cores; it is the bottleneck when it has what is left.
        generator_load: own / seconds / (cores as f64 - cpu / seconds).max(0.1),
    })
}
