//! `cluster`: the whole system on loopback, to play with, to run something against, to break and to
//! measure. `cargo xtask cluster`, `faults` and `bench control` call it.
#![expect(clippy::print_stdout, reason = "what it says is for people")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use cluster_suite::fault::{self, Fault, Outcome};
use cluster_suite::{Backends, Cluster, RedisShape, Shape, control, soak};
use peer::MediaThread;

#[derive(Debug, Parser)]
#[command(name = "cluster", about = "etcd, NATS, Redis, 2 signals, 2 registers and 2 SFUs on loopback")]
struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Start it, print its URLs, and keep it until Ctrl-C.
    Up,
    /// Start only etcd, NATS and Redis, print the settings that name them as one line of JSON, and keep them
    /// until the standard input ends.
    Servers,
    /// Run a program against it: ANABRANCH_URLS has the signals' URLs, with commas.
    Exec {
        /// The program and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<String>,
    },
    /// Inflict one fault after the other on a live call, and tell what each of them did.
    Faults {
        /// Write the table as Markdown.
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
        /// Only the faults whose name contains this.
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Measure joins in many rooms of two.
    Control {
        /// How many rooms.
        #[arg(long, default_value_t = 10_000)]
        rooms: usize,
        /// Write the figures as Markdown.
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
    },
    /// People who come and go for a long time, and whether all that they took is given back.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 20.0)]
        minutes: f64,
    },
    /// A part of the load of `control`.
    #[command(hide = true)]
    Generate {
        #[arg(long)]
        urls: String,
        #[arg(long)]
        rooms: usize,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match Options::parse().task {
        Task::Up => runtime.block_on(up())?,
        Task::Servers => servers()?,
        Task::Exec { program } => return exec(&program),
        Task::Faults { write, only } => {
            let outcomes = runtime.block_on(faults(only.as_deref().unwrap_or_default()));
            publish(&fault::markdown(&outcomes), write.as_deref())?;
            let complaints: Vec<String> = outcomes.iter().flat_map(Outcome::complaints).collect();
            anyhow::ensure!(complaints.is_empty(), "not as it should be:\n{}", complaints.join("\n"));
        }
        Task::Control { rooms, write } => publish(&control::measure(rooms)?.markdown(), write.as_deref())?,
        Task::Soak { minutes } => {
            let report = runtime.block_on(soak::run(minutes));
            print!("{}", report.table());
            anyhow::ensure!(report.wrong().is_empty(), "not given back:\n{}", report.wrong().join("\n"));
        }
        Task::Generate { urls, rooms } => runtime.block_on(control::generate(&urls, rooms))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn servers() -> anyhow::Result<()> {
    let backends = Backends::start(1, 1, RedisShape::Single);
    println!("{}", serde_json::to_string(&backends.settings())?);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

async fn up() -> anyhow::Result<()> {
    let cluster = Cluster::with(&Shape { alarms: &[], ..Shape::default() });
    println!("Open one of these in a browser, or several, and join the same room:");
    for url in cluster.urls() {
        println!("  {}/", url.replace("ws://", "http://").trim_end_matches("/ws"));
    }
    println!("The processes:");
    for node in cluster.nodes() {
        let pid = node.pid().unwrap_or_default();
        println!("  {:<12} pid {pid:<8} http://{}/readyz", node.id(), node.ops_address());
    }
    println!("Ctrl-C ends it.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// The cluster's end is looked at as well: what it logged, and how its processes ended.
fn exec(program: &[String]) -> anyhow::Result<ExitCode> {
    let (name, arguments) = program.split_first().context("no program")?;
    let cluster = Cluster::start();
    let status = Command::new(name).args(arguments).env("ANABRANCH_URLS", cluster.urls().join(",")).status();
    let status = status.with_context(|| format!("{name} does not start"))?;
    if !status.success() {
        eprintln!("the ends of the cluster's logs:\n{}", cluster.story());
    }
    drop(cluster);
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Faults that need the same servers share a cluster.
async fn faults(only: &str) -> Vec<Outcome> {
    let media = MediaThread::start();
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut cluster: Option<Cluster> = None;
    for fault in Fault::ALL.into_iter().filter(|fault| fault.name().contains(only)) {
        if outcomes.last().is_some_and(|last| !fault.shares_with(last.fault)) {
            drop(cluster.take());
        }
        let cluster = cluster.get_or_insert_with(|| Cluster::with(&fault.shape()));
        let outcome = fault::run(fault, cluster, &media).await;
        println!("{}: {:?} without media; the room saw {}", fault.name(), outcome.pause, outcome.story());
        outcomes.push(outcome);
    }
    outcomes
}

fn publish(page: &str, file: Option<&Path>) -> anyhow::Result<()> {
    print!("{page}");
    match file {
        Some(file) => fs::write(file, page).with_context(|| format!("cannot write {}", file.display())),
        None => Ok(()),
    }
}
