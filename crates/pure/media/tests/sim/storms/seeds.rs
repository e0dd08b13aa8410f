//! Which seeds are run: those that failed once, and as many others as somebody wants.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Those that failed once, one a line, with a word on why; they come first for ever.
const FAILED: &str = include_str!("seeds.txt");

/// Where that stands, from the folder of the crate: where tests are run.
const FILE: &str = "tests/sim/storms/seeds.txt";

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how many seeds is the caller's choice")]
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}

/// The one that is to be told.
pub(super) fn only() -> Option<u64> {
    number("ANABRANCH_SEED")
}

/// All of this run: at most so many, unless `ANABRANCH_SEEDS` says otherwise.
pub(super) fn all(most: u64) -> Vec<u64> {
    let fresh = 0..number("ANABRANCH_SEEDS").unwrap_or(most);
    failed().into_iter().chain(fresh).collect()
}

fn failed() -> Vec<u64> {
    let numbers = FAILED.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    numbers.map(|line| line.split(' ').next().unwrap().parse().expect("a seed")).collect()
}

/// A seed failed: says how to run it again, and keeps it.
pub(super) fn keep(seed: u64) {
    eprintln!("ANABRANCH_SEED={seed} cargo test --release --workspace --test sim storms");
    if failed().contains(&seed) || !Path::new(FILE).exists() {
        return;
    }
    if let Ok(mut file) = OpenOptions::new().append(true).open(FILE) {
        let _ = writeln!(file, "{seed}");
    }
}
