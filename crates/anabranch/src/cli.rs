//! The command line: what can be asked of the binary, and how it ends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use telemetry::{Filter, Format, Service, Settings, Telemetry};
use tokio::runtime::Runtime;

use crate::config::{Config, ConfigError, Program, Sources};
use crate::lifecycle::{self, EndSignals};
use crate::load_test::{self, LoadTest};
use crate::numbers::logs;
use crate::ops::log_level;
use crate::token::{self, TokenOptions};
use crate::{descriptors, identity, roles};

/// The exit code of a bad config; clap's own for a bad command line is the same.
const BAD_CONFIG: u8 = 2;

/// What threads get that are still busy when everything has ended.
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
    /// Run a signalling node of a cluster: where clients connect.
    Signal(SignalOptions),
    /// Run a register of a cluster: the owner of all rooms.
    Register(Options),
    /// Run an SFU of a cluster: it moves media.
    Sfu(Options),
    /// Check a config file and say what is wrong with it.
    Check(CheckOptions),
    /// Make an access token.
    Token(TokenCommand),
    /// Put a synthetic load on a running server and measure it.
    Loadtest(Box<LoadTest>),
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
struct SignalOptions {
    #[command(flatten)]
    options: Options,
    /// Let everybody in, from everywhere: without it a node that has no [auth] listens on loopback only.
    #[arg(long)]
    insecure: bool,
}

#[derive(Debug, Args)]
struct TokenCommand {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    token: TokenOptions,
}

#[derive(Debug, Args)]
struct CheckOptions {
    /// The config file (TOML).
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Set one value, over file and environment; the value is TOML or a bare word.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Check it for this program. Default: for those whose sections the file has.
    #[arg(long, value_name = "ROLE")]
    role: Option<Program>,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Standalone(options) => start(Program::Standalone, &options, |_| Ok(())),
        Command::Signal(SignalOptions { options, insecure }) => {
            start(Program::Signal, &options, |config| if insecure { Ok(()) } else { config.check_entrance() })
        }
        Command::Register(options) => start(Program::Register, &options, |_| Ok(())),
        Command::Sfu(options) => start(Program::Sfu, &options, |_| Ok(())),
        Command::Token(TokenCommand { options, token }) => make_token(&options, &token),
        Command::Check(options) => check(&options),
        Command::Loadtest(command) => load_test::run(&command),
    }
}

fn check(options: &CheckOptions) -> ExitCode {
    match Config::check_all(&sources(Some(&options.config), &options.set), options.role) {
        Ok(programs) => {
            let programs: Vec<_> = programs.iter().map(|program| program.as_str()).collect();
            println!("{}: no mistakes found for {}", options.config.display(), programs.join(", "));
            ExitCode::SUCCESS
        }
        Err(error) => bad_config(&error),
    }
}

fn make_token(options: &Options, token: &TokenOptions) -> ExitCode {
    let config = match Config::load(&sources(options.config.as_deref(), &options.set)) {
        Ok(config) => config,
        Err(error) => return bad_config(&error),
    };
    match token::make(token, &config) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("anabranch: {error:#}");
            ExitCode::from(BAD_CONFIG)
        }
    }
}

fn start(
    program: Program,
    options: &Options,
    more: impl FnOnce(&Config) -> Result<(), ConfigError>,
) -> ExitCode {
    let config = Config::load(&sources(options.config.as_deref(), &options.set));
    let config = config.and_then(|config| config.check(program).map(|()| config));
    let config = config.and_then(|config| more(&config).map(|()| config));
    match config {
        Ok(config) => run(program, config),
        Err(error) => bad_config(&error),
    }
}

fn sources<'a>(file: Option<&'a Path>, flags: &'a [String]) -> Sources<'a> {
    // What is not UTF-8 cannot be ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Sources { file, environment, flags }
}

fn bad_config(error: &ConfigError) -> ExitCode {
    eprintln!("anabranch: {error}");
    ExitCode::from(BAD_CONFIG)
}

fn run(program: Program, mut config: Config) -> ExitCode {
    // One that is made up is so once: the logs and the cluster are to know the node by the same name.
    config.node.id = identity::node_id(&config, program);
    match serve_in_runtime(program, &config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("anabranch: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve_in_runtime(program: Program, config: &Config) -> anyhow::Result<()> {
    // For the clients of etcd, NATS and Redis, which take the process's. There is no other one yet.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let telemetry = start_logs(program, config)?;
    descriptors::raise_limit();
    let runtime = Runtime::new()?;
    let deadline = runtime.block_on(serve(program, config));
    runtime.shutdown_timeout(LAST_PATIENCE);
    telemetry.end(deadline.as_ref().ok().copied());
    deadline.map(drop)
}

/// To be kept until the end, which sends what is queued.
fn start_logs(program: Program, config: &Config) -> anyhow::Result<Telemetry> {
    let service = Service {
        node: config.node.id.as_ref().map(ToString::to_string).unwrap_or_default(),
        role: program.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let telemetry = telemetry::start(Settings {
        filter: Filter::parse(&config.log.level)?,
        format: config.log.format,
        service,
        kafka: config.kafka.clone(),
        otlp: config.trace.clone(),
    })?;
    log_level::install(telemetry.level());
    logs::install(telemetry.counters());
    Ok(telemetry)
}

/// Answers when the process has to have ended.
async fn serve(program: Program, config: &Config) -> anyhow::Result<Instant> {
    // Before anything starts, so that an early signal is not lost.
    let signals = EndSignals::listen()?;
    let node = roles::start(program, config).await?;
    greet(config.log.format, &node.greeting());
    Ok(lifecycle::run(node, signals, config.node.drain_timeout).await)
}

/// Says where to go. A log of JSON stays one.
fn greet(format: Format, line: &str) {
    match format {
        Format::Text => println!("{line}"),
        Format::Json => tracing::info!("{line}"),
    }
}
