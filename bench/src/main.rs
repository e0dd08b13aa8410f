//! What the server costs, measured on the real binary on loopback, beside the least that it could cost on the same
//! machine in the same run.
#![expect(clippy::print_stdout, reason = "a table for people is what this program is for")]

mod comparison;
mod first_frame;
mod floor;
mod groups;
mod janus;
mod loads;
mod machine;
mod process;
mod recording;
mod report;
mod room;
mod server_use;
mod syscalls;
mod upkeep;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use peer::ServerConfig;

use crate::comparison::Peer;
use crate::report::{Others, Report};

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
    /// Instead of all that: what a group of datagrams costs, and what a byte.
    #[arg(long)]
    groups: bool,
    /// Only what has this in its name: loads, "upkeep", "first frame", "recording".
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Put the loads that can be compared on this server too, in the same run.
    #[arg(long, value_enum, value_name = "SERVER")]
    peer: Option<Peer>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Before a measurement, until caches and buffers are what they stay.
    warm_up: Duration,
    /// Of one measurement of a steady state.
    window: Duration,
    /// Subscribers of a load, and publishers, at the most.
    most_subscribers: usize,
    /// Connections per second while a load is set up.
    ramp: f64,
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
    most_subscribers: usize::MAX,
    ramp: 200.0,
    joins: 100,
    connections: 400,
    recordings: 200,
};

const QUICK: Effort = Effort {
    warm_up: Duration::from_millis(300),
    window: Duration::from_millis(700),
    most_subscribers: 5,
    ramp: 100.0,
    joins: 4,
    connections: 20,
    recordings: 4,
};

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.groups {
        print!("{}", groups::table()?);
        return Ok(());
    }
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
    let start = |config| cores.start_server(config);
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only));
    let compared_with = options.peer.map(Peer::version).transpose()?;
    let mut rows = Vec::new();
    for case in loads::cases().into_iter().filter(|case| wanted(case.name)) {
        eprintln!("{} …", case.name);
        let mut row = loads::measure(&start, &case, effort)?;
        if let Some(peer) = options.peer.filter(|_| case.compared) {
            eprintln!("{}, on {peer:?} …", case.name);
            row.compared = peer.measure(cores, &case, effort)?;
        }
        rows.push(row);
        if let Some(row) = rows.last().filter(|_| case.name == loads::MANY_ROOMS) {
            eprintln!("one worker at 60 % …");
            rows.push(loads::measure_busy(&start, row, effort)?);
        }
    }
    let others = measure_others(start, wanted, effort)?;
    Ok(Report { machine, quick: options.quick, pinned: options.pin, compared_with, rows, others })
}

fn measure_others(
    start: impl Fn(ServerConfig) -> anyhow::Result<peer::Server>,
    wanted: impl Fn(&str) -> bool,
    effort: Effort,
) -> anyhow::Result<Others> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut others = Others { upkeep: None, first_frame: None, recording: None };
    if wanted("upkeep") {
        others.upkeep = Some(upkeep::measure(&start, effort)?);
    }
    if wanted("first frame") {
        let server = start(ServerConfig::default())?;
        others.first_frame = Some(runtime.block_on(first_frame::measure(&server, effort))?);
        server.stop();
    }
    if wanted("recording") {
        let measured = recording::measure(start, ServerConfig::default, effort);
        others.recording = Some(runtime.block_on(measured)?);
    }
    Ok(others)
}
