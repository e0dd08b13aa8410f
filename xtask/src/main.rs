//! The one door for people and CI: `cargo xtask <command>`.
//!
//! It has no dependencies, so that it builds in seconds on a fresh machine, and it does
//! nothing that the tools it calls cannot do alone: it knows their order and their flags.

mod bench;
mod cluster;
mod e2e;
mod fuzz;
mod lint;
mod process;
mod setup;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  test              everything: installs what is missing, then lint, unit and protocol tests,
                    a short bench run, and the browsers
  lint              rustfmt, clippy, the arrows between crates, licences, unused dependencies,
                    spelling, and the types of the web pages
  cluster           etcd, NATS, Redis, 2 signals, 2 registers and 2 SFUs on loopback, until Ctrl-C
  faults [ARGS …]   breaks one part of the cluster after the other under a live call, and tells what
                    that did; --write FILE writes the table, --only TEXT takes some of them
  e2e [NAME …]      the browser tests, or only those files whose name contains NAME
  bench instructions
                    counts instructions per forwarded packet, and what metrics and logs add to them;
                    --check compares with bench/instructions/baseline.toml, --write writes it anew
  bench [ARGS …]    measures the server; `cargo xtask bench --help` lists the options; with `--peer janus`
                    puts the same load on Janus too, which it installs
  bench control     measures joins over the whole cluster: [--rooms N] [--write FILE]
  bench networks    measures calls over narrow, lossy and broken networks, as root: [--only TEXT] [--write FILE];
                    TEXT is steps, losses or absences
  soak [--minutes N]
                    people who come and go in a cluster for so long (20), and whether memory, descriptors, tasks
                    and keys are given back
  fuzz [--minutes N] [--target NAME …] [--keep]
                    fuzzes what the network reaches, N minutes (10) in all; --keep adds some of the new
                    inputs to fuzz/corpus; --sanitizer none where the address sanitizer does not link
  screenshot        takes docs/call.png anew
  setup             installs what the commands above need, and nothing else
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[][..]),
    };
    let done = match command {
        "test" => test::all(),
        "lint" => lint::all(),
        "e2e" => e2e::run(rest),
        "cluster" => cluster::run(&["up"]),
        "soak" => cluster::run(&words("soak", rest)),
        "faults" => cluster::run(&words("faults", rest)),
        "bench" => match rest.split_first() {
            Some((what, rest)) if what == "instructions" => bench::instructions(rest),
            Some((what, rest)) if what == "networks" => e2e::networks(rest),
            Some((what, rest)) if what == "control" => cluster::run(&words("control", rest)),
            _ => bench::run(rest),
        },
        "fuzz" => fuzz::run(rest),
        "screenshot" => e2e::screenshot(),
        "setup" => setup::everything(),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => Err(format!("unknown command {other:?}\n\n{USAGE}").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A sub-command and its arguments.
fn words<'a>(command: &'a str, args: &'a [String]) -> Vec<&'a str> {
    std::iter::once(command).chain(args.iter().map(String::as_str)).collect()
}
