//! Counts the instructions that the media plane takes for each packet that it forwards.
//!
//! A clock shows how fast a machine is today; instructions are the same on every run, so that a change of some percent
//! is seen. One process plays a call in virtual time: a router, a publisher and its subscribers, without sockets.
//! [`callgrind`] counts what [`collected`] does and nothing else.
//!
//! - `play CASE` is what callgrind runs: [`call`] sets the clients up, [`schedule`] makes all datagrams of the counted
//!   part beforehand, and where subscribers give feedback, [`hearing`] makes them as it goes.
//! - `report` runs all cases with two builds of this program: with the counting and logging of a worker ([`watch`])
//!   and without.

mod baseline;
mod call;
mod callgrind;
mod case;
mod collected;
mod comparison;
mod hearing;
mod processor;
mod report;
mod schedule;
mod source;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use case::Case;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays one case, and says on standard error what was forwarded.
    Play {
        #[arg(value_parser = Case::of)]
        case: Case,
    },
    /// Counts the instructions of all cases.
    Report(Options),
}

/// What is compared, and what becomes of it.
#[derive(clap::Args)]
struct Options {
    /// This program as it is.
    #[arg(long)]
    counted: PathBuf,
    /// This program with its feature `uncounted`.
    #[arg(long)]
    uncounted: PathBuf,
    /// Where callgrind may write to.
    #[arg(long)]
    scratch: PathBuf,
    /// Fails where a case takes 3 % more or fewer instructions than in baseline.toml.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Writes baseline.toml and docs/performance-instructions.md anew.
    #[arg(long)]
    write: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Play { case } => {
            // Logs go to standard output.
            eprintln!("{}", call::play(case)?.to_line());
            Ok(ExitCode::SUCCESS)
        }
        Command::Report(options) => comparison::run(&options),
    }
}
