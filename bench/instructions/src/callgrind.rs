//! Runs a case under valgrind's callgrind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::case::Case;
use crate::collected;
use crate::report::Played;

/// A case that was counted.
#[derive(Debug, Clone)]
pub(crate) struct Count {
    pub(crate) instructions: u64,
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
    let instructions = total(&counted).context("callgrind has counted nothing")?;
    Ok(Count { instructions, played })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_found_where_there_is_one() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 12345\n\ntotals: 12345\n"), Some(12345));
        assert_eq!(total("events: Ir\nsummary: 0\n"), None);
        assert_eq!(total(""), None);
    }
}
