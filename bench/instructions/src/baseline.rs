//! What each case took when that was last written down.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::case::Case;
use crate::report::Row;

/// A case may take so much more or less.
const TOLERANCE: f64 = 0.03;

/// What metrics and logs may cost of what a packet takes without them.
const WATCHING: f64 = 0.02;

/// What estimation and feedback may cost of what a packet takes without them.
const ESTIMATION: f64 = 0.16;

/// The file.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    /// The version that counted.
    pub(crate) valgrind: String,
    /// What the processor could do under it.
    pub(crate) processor: Vec<String>,
    /// By case.
    pub(crate) instructions: BTreeMap<String, f64>,
}

impl Baseline {
    /// What was counted now.
    pub(crate) fn of(rows: &[Row], valgrind: String) -> Self {
        let first = rows.first();
        Self {
            valgrind,
            processor: first.map(|row| row.counted.played.processor.clone()).unwrap_or_default(),
            instructions: rows.iter().map(|row| (row.case.name().to_owned(), row.each().round())).collect(),
        }
    }

    pub(crate) fn to_toml(&self) -> String {
        let quoted: Vec<_> = self.processor.iter().map(|feature| format!("{feature:?}")).collect();
        let mut out = format!(
            "# Instructions per packet to a subscriber (idle: per subscriber and second).\n\
             # Written by `cargo xtask bench instructions --write`; docs/performance-instructions.md says more.\n\
             valgrind = {:?}\n# What the program saw of the processor that valgrind emulates.\nprocessor = [{}]\n\n\
             [instructions]\n",
            self.valgrind,
            quoted.join(", ")
        );
        for (case, instructions) in &self.instructions {
            let _ = writeln!(out, "{case} = {instructions:.1}");
        }
        out
    }

    /// Where what was counted now differs from this.
    pub(crate) fn objections(&self, now: &Self) -> Vec<String> {
        let cases = now.instructions.iter().filter_map(|(case, now)| {
            let Some(before) = self.instructions.get(case) else {
                return Some(format!("{case} is not in the baseline"));
            };
            let more = now / before - 1.0;
            (more.abs() > TOLERANCE).then(|| {
                format!(
                    "{case}: {now:.0} instructions, {:+.1} % of the {before:.0} in the baseline",
                    more * 100.0
                )
            })
        });
        cases.collect()
    }

    /// Whether estimation costs too much: of the counts that are given now.
    pub(crate) fn dear_estimation(&self) -> Option<String> {
        let each = |case: Case| self.instructions.get(case.name()).copied();
        let more = each(Case::Estimated)? / each(Case::Bursts)? - 1.0;
        (more > ESTIMATION).then(|| format!("estimation and feedback cost {:.1} %", more * 100.0))
    }

    /// What may explain that: another processor, another valgrind.
    pub(crate) fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.valgrind != now.valgrind {
            found.push(format!("valgrind is {}, the baseline's was {}", now.valgrind, self.valgrind));
        }
        if self.processor != now.processor {
            let (now, before) = (now.processor.join(" "), self.processor.join(" "));
            found.push(format!("the processor has {now}; the baseline's had {before}"));
        }
        found
    }
}

/// Cases with media where metrics and logs cost too much.
pub(crate) fn too_dear(rows: &[Row]) -> Vec<String> {
    let dear = rows.iter().filter(|row| row.case.has_media() && row.cost_of_watching() > WATCHING);
    let text = |row: &Row| {
        format!("{}: metrics and logs cost {:.1} %", row.case.name(), row.cost_of_watching() * 100.0)
    };
    dear.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(bursts: f64) -> Baseline {
        Baseline {
            valgrind: "3.19.0".into(),
            processor: vec!["aes".into(), "avx2".into()],
            instructions: [("bursts".to_owned(), bursts)].into(),
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let written = baseline(4006.0);
        assert_eq!(toml::from_str::<Baseline>(&written.to_toml()).unwrap(), written);
    }

    #[test]
    fn more_than_three_percent_are_objected_to_in_both_directions() {
        let before = baseline(4000.0);
        for good in [3881.0, 4000.0, 4119.0] {
            assert_eq!(before.objections(&baseline(good)), Vec::<String>::new(), "{good}");
        }
        for bad in [3879.0, 4121.0] {
            assert_eq!(before.objections(&baseline(bad)).len(), 1, "{bad}");
        }
        let other = Baseline { instructions: [("new".to_owned(), 1.0)].into(), ..baseline(0.0) };
        assert_eq!(before.objections(&other), ["new is not in the baseline"]);
    }

    #[test]
    fn estimation_may_cost_sixteen_percent() {
        let estimated = |instructions| {
            let mut counts = baseline(4000.0);
            counts.instructions.insert("estimated".to_owned(), instructions);
            counts.dear_estimation()
        };
        assert_eq!(estimated(4639.0), None);
        assert_eq!(estimated(4680.0).as_deref(), Some("estimation and feedback cost 17.0 %"));
    }

    #[test]
    fn another_machine_is_named() {
        let other = Baseline { valgrind: "3.24.0".into(), processor: Vec::new(), ..baseline(1.0) };
        assert_eq!(baseline(1.0).differences(&other).len(), 2);
        assert!(baseline(1.0).differences(&baseline(2.0)).is_empty());
    }
}
