//! The whole cluster on loopback: to play with, to break, and to run the protocol's tests against.

use std::process::Command;

use crate::process::{Done, cargo, command, run as run_command, target};
use crate::setup;

/// Tests that start servers of their own: they have nothing to say about those that ANABRANCH_URLS
/// names. (All others take these, the one that waits for a minute too.)
const STANDALONE_ONLY: [&str; 2] = ["process::", "tls::"];

/// Builds what is needed, then runs the program `cluster` with these arguments.
pub(crate) fn run(args: &[&str]) -> Done {
    setup::servers()?;
    run_command(cargo(["build", "--release", "--package", "anabranch", "--package", "cluster-suite"]))?;
    run_command(cluster(args)?)
}

/// The protocol's tests, which are built already, against a cluster: users take turns over two
/// signals, and streams lie on two SFUs.
pub(crate) fn protocol() -> Done {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut args = vec!["exec", &cargo, "test", "--release", "--workspace", "--test", "protocol", "--"];
    args.extend(STANDALONE_ONLY.iter().flat_map(|name| ["--skip", name]));
    run_command(cluster(&args)?)
}

/// Joins in a few rooms: shows that the measurement works. Everything is built already.
pub(crate) fn control() -> Done {
    run_command(cluster(&["control", "--rooms", "200"])?)
}

fn cluster(args: &[&str]) -> Done<Command> {
    let release = target()?.join("release");
    let mut cluster = command(release.join("cluster"), args);
    cluster.env("ANABRANCH_BIN", release.join("anabranch"));
    cluster.env_remove("CARGO_PKG_NAME");
    Ok(cluster)
}
