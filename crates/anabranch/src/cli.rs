//! The command line: what can be asked of the binary, and how it ends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use telemetry::Format;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, ConfigError, Sources};
use crate::descriptors;
use crate::standalone::Standalone;

/// The exit code of a bad config; clap's own for a bad command line is the same.
const BAD_CONFIG: u8 = 2;

/// How long an orderly end may take. It has to be over 5 s after the signal.
const PATIENCE: Duration = Duration::from_secs(4);

/// What threads get that are still busy then.
const LAST_PATIENCE: Duration = Duration::from_millis(300);

/// A distributed WebRTC server: forwards audio and video between browsers.
#[derive(Debug, Parser)]
#[command(name = "anabranch", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in this one process.
    Standalone(Options),
    /// Check a config file and say what is wrong with it.
    Check(CheckOptions),
}

#[derive(Debug, Args)]
struct Options {
    /// The config file (TOML).
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one value, over file and environment; the value is TOML or a bare word.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Args)]
struct CheckOptions {
    /// The config file (TOML).
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Set one value, over file and environment; the value is TOML or a bare word.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Standalone(options) => match load(options.config.as_deref(), &options.set) {
            Ok(config) => standalone(&config),
            Err(error) => bad_config(&error),
        },
        Command::Check(options) => match load(Some(&options.config), &options.set) {
            Ok(_) => {
                println!("{}: no mistakes found", options.config.display());
                ExitCode::SUCCESS
            }
            Err(error) => bad_config(&error),
        },
    }
}

fn load(file: Option<&Path>, flags: &[String]) -> Result<Config, ConfigError> {
    // What is not UTF-8 cannot be ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Config::load(&Sources { file, environment, flags })
}

fn bad_config(error: &ConfigError) -> ExitCode {
    eprintln!("anabranch: {error}");
    ExitCode::from(BAD_CONFIG)
}

fn standalone(config: &Config) -> ExitCode {
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("anabranch: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: &Config) -> anyhow::Result<()> {
    let _flush = telemetry::start(telemetry::Filter::parse(&config.log.level)?, config.log.format)?;
    descriptors::raise_limit();
    let runtime = Runtime::new()?;
    let result = runtime.block_on(serve(config));
    runtime.shutdown_timeout(LAST_PATIENCE);
    result
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    // Before anything starts, so that an early signal is not lost.
    let end = end_signal()?;
    let server = Standalone::start(config).await?;
    greet(config.log.format, &server);
    let name = end.await;
    tracing::info!(signal = name, "shutting down");
    if tokio::time::timeout(PATIENCE, server.shutdown()).await.is_err() {
        tracing::warn!("not everything could be ended in time");
    }
    Ok(())
}

/// Says where to go. A log of JSON stays one.
fn greet(format: Format, server: &Standalone) {
    let line = server.greeting();
    match format {
        Format::Text => println!("{line}"),
        Format::Json => tracing::info!("{line}"),
    }
}

/// Waits for SIGTERM or SIGINT; listens from the moment of the call on.
fn end_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate: Signal = signal(SignalKind::terminate())?;
    let mut interrupt: Signal = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
