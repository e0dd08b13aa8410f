//! All cases with both builds: shown, compared with what is on record, or written down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::Options;
use crate::baseline::{Baseline, too_dear};
use crate::callgrind::{count, version};
use crate::case::Case;
use crate::report::{self, Row};

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let row = |case| {
        let counted = count(&options.counted, case, &options.scratch)?;
        let uncounted = count(&options.uncounted, case, &options.scratch)?;
        anyhow::Ok(Row { case, counted, uncounted })
    };
    let rows = Case::ALL.into_iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    let now = Baseline::of(&rows, version()?);
    print!("{}", report::table(&rows));
    println!("valgrind {}; the processor as it shows it: {}", now.valgrind, now.processor.join(" "));
    if options.write {
        fs::write(baseline_file(), now.to_toml())?;
        fs::write(page_file(), report::page(&rows, &now.valgrind))?;
    }
    if options.check { check(&rows, &now) } else { Ok(ExitCode::SUCCESS) }
}

fn check(rows: &[Row], now: &Baseline) -> anyhow::Result<ExitCode> {
    let file = baseline_file();
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let baseline: Baseline = toml::from_str(&text).with_context(|| file.display().to_string())?;
    let mut objections = baseline.objections(now);
    if !objections.is_empty() {
        objections.extend(baseline.differences(now));
        objections
            .push("`cargo xtask bench instructions --write` writes it anew, if it is meant to be so".into());
    }
    objections.extend(too_dear(rows));
    objections.extend(now.dear_estimation());
    for objection in &objections {
        eprintln!("{objection}");
    }
    Ok(if objections.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn baseline_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.toml")
}

fn page_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance-instructions.md")
}
