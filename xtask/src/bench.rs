//! Measures the server beside a plain UDP loop, in the same run on the same machine.

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
