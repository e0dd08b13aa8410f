//! Runs a case under valgrind's callgrind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::case::Case;
use crate::collected;
use crate::report::Played;
use crate::watch::METRICS_TEXT;

/// A case that was counted.
#[derive(Debug, Clone)]
pub(crate) struct Count {
    pub(crate) instructions: u64,
    /// Those that wrote the text of `/metrics`; not among the others.
    pub(crate) text: u64,
    pub(crate) played: Played,
}

impl Count {
    /// Instructions per packet that was forwarded, or per subscriber and second.
    pub(crate) fn each(&self, case: Case) -> f64 {
        let idle = crate::case::SUBSCRIBERS as f64 * crate::case::WINDOW.as_secs_f64();
        let units = if case.has_media() { self.played.packets as f64 } else { idle };
        self.instructions as f64 / units
    }
}

/// Counts what a build of this program does in the counted part.
pub(crate) fn count(program: &Path, case: Case, scratch: &Path) -> anyhow::Result<Count> {
    let file = scratch.join(format!("callgrind-{}.out", case.name()));
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["-q", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect=*{}*", collected::NAME))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["play", case.name()])
        .stdin(Stdio::null());
    let run = valgrind.output().context("valgrind does not run; Debian has it in the package valgrind")?;
    let said = String::from_utf8_lossy(&run.stderr);
    let played = said.lines().find_map(Played::from_line);
    let (true, Some(played)) = (run.status.success(), played) else {
        bail!("{} {}: {}\n{said}", program.display(), case.name(), run.status);
    };
    let counted = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    fs::remove_file(&file)?;
    let all = total(&counted).context("callgrind has counted nothing")?;
    let text = calls_of(&counted, METRICS_TEXT);
    Ok(Count { instructions: all - text, text, played })
}

/// What `valgrind --version` says.
pub(crate) fn version() -> anyhow::Result<String> {
    let output = Command::new("valgrind").arg("--version").output().context("valgrind does not run")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("valgrind-").to_owned())
}

/// The sum in a file of callgrind's.
fn total(file: &str) -> Option<u64> {
    let sums = file.lines().filter_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    sums.filter_map(|sum| sum.trim().parse().ok()).max().filter(|sum| *sum > 0)
}

/// What calls of a function took, with all that they called. A file of callgrind's has a line for who is called, one
/// for how often, and one that ends with the sum.
fn calls_of(file: &str, name: &str) -> u64 {
    let (mut known, mut called, mut sum) = (None, false, 0);
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        if let Some(callee) = line.strip_prefix("cfn=") {
            let (id, full) = callee.split_once(' ').unwrap_or((callee, ""));
            if full.contains(name) {
                known = Some(id);
            }
            called = known == Some(id);
        } else if line.starts_with("calls=") && called {
            let cost = lines.next().and_then(|line| line.split(' ').next_back());
            sum += cost.and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
        } else if line.starts_with("fn=") {
            // Names are given once, wherever they come first.
            let (id, full) = line.trim_start_matches("fn=").split_once(' ').unwrap_or_default();
            if full.contains(name) {
                known = Some(id);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_took_is_found_wherever_its_name_stands() {
        let calls = "fn=(1) look\n16 7\ncfn=(2) x::text\ncalls=1 20\n16 500\ncfn=(3) other\ncalls=1 9\n16 4\n\
                     cfn=(2)\ncalls=2 20\n* 300\n";
        assert_eq!(calls_of(calls, "text"), 800);
        assert_eq!(
            calls_of(&format!("fn=(2) x::text\n1 2\n{}", calls.replace("(2) x::text", "(2)")), "text"),
            800
        );
        assert_eq!(calls_of(calls, "nothing"), 0);
    }

    #[test]
    fn the_sum_is_found_where_there_is_one() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 12345\n\ntotals: 12345\n"), Some(12345));
        assert_eq!(total("events: Ir\nsummary: 0\n"), None);
        assert_eq!(total(""), None);
    }
}
