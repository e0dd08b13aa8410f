//! Measures the server beside a plain UDP loop, in the same run on the same machine.

use std::path::PathBuf;

use crate::process::{Done, cargo, command, run as run_command, target};
use crate::setup;

/// Builds the server and the load generator, then runs the latter with the given arguments.
pub(crate) fn run(args: &[String]) -> Done {
    if args.iter().any(|arg| arg == "--peer" || arg.starts_with("--peer=")) {
        setup::compared_server()?;
    }
    run_command(cargo(["build", "--release", "--package", "anabranch", "--package", "bench"]))?;
    measure(args)
}

/// Runs the load generator that is built already.
pub(crate) fn measure(args: &[String]) -> Done {
    let release = target()?.join("release");
    let mut bench = command(release.join("bench"), args);
    bench.env("ANABRANCH_BIN", release.join("anabranch"));
    run_command(bench)
}

/// Counts instructions per packet, of the program with and without metrics and logs.
pub(crate) fn instructions(args: &[String]) -> Done {
    setup::counters()?;
    let folder = target()?.join("instructions");
    std::fs::create_dir_all(&folder)?;
    let counted = build_instructions(&[], folder.join("counted"))?;
    let uncounted = build_instructions(&["--features", "instructions/uncounted"], folder.join("uncounted"))?;
    let mut report = command(&counted, ["report"]);
    report.arg("--counted").arg(&counted).arg("--uncounted").arg(uncounted);
    report.arg("--scratch").arg(folder).args(args);
    run_command(report)
}

/// Builds the program and puts it aside: both builds have the same name. Its test comes along because the features of
/// the dependencies are then those of the tests, for which most of them are built already.
fn build_instructions(features: &[&str], aside: PathBuf) -> Done<PathBuf> {
    let build = ["build", "--release", "--workspace", "--bin", "instructions", "--test", "instructions"];
    run_command(cargo([&build, features].concat()))?;
    std::fs::copy(target()?.join("release").join("instructions"), &aside)?;
    Ok(aside)
}
