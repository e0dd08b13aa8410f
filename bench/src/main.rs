//! What the server costs, measured on the real binary with str0m peers on loopback, beside what a
//! plain UDP loop costs on the same machine in the same run.
#![expect(clippy::print_stdout, reason = "a table for people is what this program is for")]

mod connections;
mod first_frame;
mod floor;
mod forwarding;
mod machine;
mod process;
mod recording;
mod report;
mod room;
mod syscalls;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use peer::ServerConfig;

use crate::report::Report;

/// Measures the server that lies beside this program, or that ANABRANCH_BIN names.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// A few seconds in all: shows that everything runs, not how fast.
    #[arg(long)]
    quick: bool,
    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the figures, the machine and the command as Markdown.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Keep the server on this core, and the load on the others.
    #[arg(long, value_name = "CORE")]
    pin: Option<usize>,
    /// Media workers of the server (default: the server's own choice; 1 with --pin).
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Before a measurement, until caches and buffers are what they stay.
    warm_up: Duration,
    /// Of one measurement of a steady state.
    window: Duration,
    /// Numbers of subscribers.
    subscribers: &'static [usize],
    /// Joins whose first frame is waited for.
    joins: usize,
    /// Peer connections that are set up as fast as they can be.
    connections: usize,
    /// Streams that are recorded at the same time.
    recordings: usize,
}

const FULL: Effort = Effort {
    warm_up: Duration::from_secs(3),
    window: Duration::from_secs(10),
    subscribers: &[1, 10, 100],
    joins: 100,
    connections: 400,
    recordings: 200,
};

const QUICK: Effort = Effort {
    warm_up: Duration::from_millis(300),
    window: Duration::from_millis(700),
    subscribers: &[1, 10],
    joins: 4,
    connections: 20,
    recordings: 4,
};

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let effort = if options.quick { QUICK } else { FULL };
    let report = measure(&options, effort)?;
    print!("{}", report.table());
    if let Some(path) = &options.json {
        fs::write(path, report.json()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &options.write {
        fs::write(path, report.markdown()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn measure(options: &Options, effort: Effort) -> anyhow::Result<Report> {
    let machine = machine::describe();
    // The load's threads inherit the cores of this one.
    let cores = process::Cores::split(options.pin)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let start = || cores.start_server(server_config(options));

    let server = start()?;
    let (forwarding, memory) = runtime.block_on(forwarding::measure(&server, effort))?;
    server.stop();
    let mut floors = Vec::new();
    for row in &forwarding {
        floors.push(runtime.block_on(floor::measure(row.subscribers, row.packet_bytes, effort.window))?);
    }
    let server = start()?;
    let first_frame = runtime.block_on(first_frame::measure(&server, effort))?;
    server.stop();
    let server = start()?;
    let connections = runtime.block_on(connections::measure(&server, effort))?;
    server.stop();
    let start = |config| cores.start_server(config);
    let recording = runtime.block_on(recording::measure(start, || server_config(options), effort))?;
    Ok(Report {
        machine,
        quick: options.quick,
        pinned: options.pin,
        forwarding,
        floors,
        memory,
        first_frame,
        connections,
        recording,
    })
}

fn server_config(options: &Options) -> ServerConfig {
    let config = ServerConfig::default();
    match options.workers.or(options.pin.map(|_| 1)) {
        Some(workers) => config.workers(workers),
        None => config,
    }
}
