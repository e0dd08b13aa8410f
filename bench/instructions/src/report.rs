//! The figures as a table and as a page.

use std::fmt::Write as _;

use crate::callgrind::Count;
use crate::case::{Case, SUBSCRIBERS, WINDOW};
use crate::watch::METRICS_TEXTS;

/// What happened in the counted part of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Played {
    /// Media packets that left for subscribers.
    pub(crate) packets: u64,
    /// All datagrams that left.
    pub(crate) datagrams: u64,
    /// What the processor could do.
    pub(crate) processor: Vec<String>,
}

const MARK: &str = "played:";

impl Played {
    /// For the process that waits for it.
    pub(crate) fn to_line(&self) -> String {
        format!("{MARK} {} {} {}", self.packets, self.datagrams, self.processor.join(","))
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix(MARK)?.split_ascii_whitespace();
        let (packets, datagrams) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let processor = words.next().unwrap_or_default().split(',').map(str::to_owned).collect();
        Some(Self { packets, datagrams, processor })
    }
}

/// A case, with and without counting.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) counted: Count,
    pub(crate) uncounted: Count,
}

impl Row {
    pub(crate) fn each(&self) -> f64 {
        self.counted.each(self.case)
    }

    /// How much more it takes because something is counted and logged, of what it takes without.
    pub(crate) fn cost_of_watching(&self) -> f64 {
        self.counted.instructions as f64 / self.uncounted.instructions as f64 - 1.0
    }

    fn cells(&self) -> [String; 5] {
        [
            self.case.name().to_owned(),
            format!("{:.0}", self.each()),
            self.case.unit().to_owned(),
            format!("{:.0}", self.uncounted.each(self.case)),
            format!("{:+.2} %", self.cost_of_watching() * 100.0),
        ]
    }
}

const HEADINGS: [&str; 5] = ["case", "instructions", "per", "without metrics and logs", "difference"];

/// For a terminal.
pub(crate) fn table(rows: &[Row]) -> String {
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let mut out = String::new();
    for line in std::iter::once(HEADINGS.map(str::to_owned)).chain(cells) {
        let [case, each, unit, without, difference] = line;
        let _ = writeln!(out, "{case:<10}{each:>12}  {unit:<24}{without:>26}{difference:>14}");
    }
    let _ = writeln!(out, "the text of /metrics: {} instructions", text(rows));
    out
}

/// What one answer to `/metrics` takes, so far as it is about workers.
fn text(rows: &[Row]) -> u64 {
    rows.iter().map(|row| row.counted.text).max().unwrap_or(0) / u64::from(METRICS_TEXTS)
}

/// For the record.
pub(crate) fn page(rows: &[Row], valgrind: &str) -> String {
    let mut out = format!(
        "# Instructions\n\nWritten by `cargo xtask bench instructions --write`. A publisher and {SUBSCRIBERS} \
         subscribers, {} s of a call in\nvirtual time, no sockets: what the router does with each packet, its timers \
         and RTCP of both sides among it, counted by\ncallgrind (valgrind {valgrind}). Kernel and clock are not in it. \
         valgrind hides newer instructions of the processor (AVX-512,\nVAES, SHA), so machines agree that have AES and \
         AVX2; with those, the ciphers take fewer. `cargo xtask test` fails where\na case changes by more than 3 %.\n\n",
        WINDOW.as_secs_f64()
    );
    let _ = writeln!(out, "| {} | what |\n| --- | --: | --- | --: | --: | --- |", HEADINGS.join(" | "));
    for row in rows {
        let _ = writeln!(out, "| {} | {} |", row.cells().join(" | "), row.case.description());
    }
    let _ = write!(out, "{METHOD} {} instructions{WHERE}", text(rows));
    out
}

const METHOD: &str = "
In \"estimated\" the router estimates what the network of each subscriber carries, each of which has one of its own, and
the subscribers tell every 100 ms when its packets arrived; what the pacer does with a frame is in it. What they tell is
about what the router has sent, so it is made while the call goes on, between the parts that are counted. Estimation and
feedback may take 16 % more than \"bursts\" does.

\"Without metrics and logs\" is the same program built so that the router counts nothing, without the histogram and the
clock that a worker reads for it, without anybody who asks for its numbers (otherwise once a second), and without a
subscriber for logs (otherwise at `info`, as in a server).

Whoever asks for `/metrics` has a text written. A worker's part of it takes";

const WHERE: &str = ", on
another thread and however much is forwarded: they are not in the figures above.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_played_is_read_as_it_was_written() {
        let played =
            Played { packets: 11_500, datagrams: 11_600, processor: vec!["aes".into(), "avx".into()] };
        assert_eq!(Played::from_line(&played.to_line()), Some(played));
        assert_eq!(Played::from_line("INFO stream connected"), None);
    }

    #[test]
    fn a_row_says_what_watching_costs() {
        let count = |instructions| Count {
            instructions,
            text: 240_000,
            played: Played { packets: 100, datagrams: 110, processor: Vec::new() },
        };
        let row = Row { case: Case::Bursts, counted: count(400_600), uncounted: count(400_000) };
        assert_eq!(row.cells()[1..].join(" "), "4006 packet to a subscriber 4000 +0.15 %");
        let idle = Row { case: Case::Idle, ..row };
        assert_eq!(idle.cells()[1], "8012", "20 subscribers, 2.5 s");
        let page = page(&[idle], "3.19.0");
        assert!(page.contains("| idle | 8012 |") && page.contains("takes 120000 instructions"), "{page}");
    }
}
