//! The browser tests: Node's own test runner, real browsers, the real binary.

use std::process::Command;

use crate::process::{Done, cargo, command, root, run as run_command, target};
use crate::setup;

/// Builds the server, then runs the stories whose file names contain one of `names`, or all of them.
pub(crate) fn run(names: &[String]) -> Done {
    prepare()?;
    stories(names)
}

/// Runs the stories with what is built and installed already.
pub(crate) fn stories(names: &[String]) -> Done {
    let mut stories: Vec<String> = std::fs::read_dir(root().join("tests/e2e/stories"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".test.js"))
        .filter(|name| names.is_empty() || names.iter().any(|wanted| name.contains(wanted.as_str())))
        .collect();
    // Sorted, and from the folder that node runs in.
    stories.sort();
    if stories.is_empty() {
        return Err(format!("no browser test is called {}", names.join(" or ")).into());
    }
    // One file at a time: a browser call takes most of a small machine.
    let mut args =
        vec!["--test".to_owned(), "--test-concurrency=1".to_owned(), "--test-reporter=spec".to_owned()];
    args.extend(stories.iter().map(|story| format!("stories/{story}")));
    run_command(node(args)?)
}

/// Takes the picture of a call that the README shows.
pub(crate) fn screenshot() -> Done {
    prepare()?;
    run_command(node(vec!["screenshot.js".to_owned()])?)
}

/// Measures how calls go over bad networks.
pub(crate) fn networks(args: &[String]) -> Done {
    prepare()?;
    let program = std::iter::once("networks.js".to_owned());
    run_command(node(program.chain(args.iter().cloned()).collect())?)
}

fn prepare() -> Done {
    setup::browsers()?;
    setup::servers()?;
    let packages = ["anabranch", "cluster-suite", "links"].into_iter().flat_map(|name| ["--package", name]);
    run_command(cargo(["build", "--release"].into_iter().chain(packages)))
}

fn node(args: Vec<String>) -> Done<Command> {
    let mut node = command("node", args);
    node.current_dir(root().join("tests/e2e"));
    node.env("ANABRANCH_BIN", target()?.join("release").join("anabranch"));
    node.env("ANABRANCH_CLUSTER_BIN", target()?.join("release").join("cluster"));
    node.env("ANABRANCH_LINKS_BIN", target()?.join("release").join("links"));
    node.env("ANABRANCH_PYTHON", setup::python_bin()?.join("python"));
    Ok(node)
}
