//! What can be judged without running the server.

use crate::process::{Done, cargo, command, output, root, run};
use crate::setup;

/// The pure crates, and what none of them may reach: a runtime, sockets.
const PURE: &[&str] = &["model", "protoo", "auth", "rtp", "sdp", "media", "bwe", "ogg"];
const IMPURE: &[&str] = &["tokio", "mio", "socket2", "async-io", "hyper"];

/// All of it, in the order in which it fails fastest.
pub(crate) fn all() -> Done {
    setup::lint_tools()?;
    format()?;
    rest()?;
    clippy()
}

pub(crate) fn format() -> Done {
    run(cargo(["fmt", "--all", "--check"]))?;
    // Not in the workspace.
    run(cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

pub(crate) fn clippy() -> Done {
    run(cargo(["clippy", "--release", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))
}

/// What needs tools that are not Rust's own.
pub(crate) fn rest() -> Done {
    run(command(setup::python_bin()?.join("typos"), ["--config", "typos.toml"]))?;
    pure()?;
    run(cargo(["machete", "--with-metadata"]))?;
    run(cargo(["deny", "--all-features", "check", "licenses", "bans", "sources", "--hide-inclusion-graph"]))?;
    advisories()?;
    run(command("promtool", ["check", "rules", "deploy/prometheus/alerts.yml"]))?;
    types()
}

/// A pure crate takes values and returns values: no path leads from it to a runtime.
fn pure() -> Done {
    for krate in PURE {
        let tree =
            output(cargo(["tree", "--quiet", "--edges", "normal", "--prefix", "none", "--package", krate]))?;
        let found = tree.lines().filter_map(|line| line.split(' ').next()).find(|name| IMPURE.contains(name));
        if let Some(name) = found {
            return Err(format!("{krate} is a pure crate and must not reach {name}").into());
        }
    }
    Ok(())
}

/// Known vulnerabilities, where the database is on the machine: it is a git repository that
/// `cargo deny fetch` brings from the network.
fn advisories() -> Done {
    let home = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let there = std::fs::read_dir(home.join("advisory-dbs")).is_ok_and(|mut found| found.next().is_some());
    if !there {
        eprintln!("\n== skipped: advisories (no database here; `cargo deny fetch` brings it)");
        return Ok(());
    }
    run(cargo(["deny", "--all-features", "check", "--disable-fetch", "advisories"]))
}

/// The pages have no build step; their JSDoc types are checked all the same.
fn types() -> Done {
    let mut tsc = command("npm", ["run", "--silent", "check"]);
    tsc.current_dir(root().join("web"));
    run(tsc)
}
