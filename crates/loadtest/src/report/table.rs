//! The report as a table, with a line for each kind of media and sentences for the rest.

use super::Report;
use crate::histogram::Histogram;
use crate::totals::TrackTotals;
use std::fmt::Write as _;

const HEADINGS: [&str; 9] =
    ["", "sent", "expected", "received", "lost", "duplicates", "reordered", "repairs", "thrown away"];

pub(super) fn write(report: &Report) -> String {
    let whole = &report.measurement.whole;
    let connections = &report.ending.connections;
    let mut out = String::new();
    let _infallible = writeln!(
        out,
        "{} publishers, {} subscribers; measured for {:.1} s, {:.0} packets/s to subscribers\n",
        connections.publishers,
        whole.subscriptions,
        whole.elapsed.as_secs_f64(),
        whole.packets_per_second()
    );
    out += &counts(report);
    let _infallible = writeln!(out, "\ndelay        {}", times(&whole.totals.delay));
    let first = &report.ending.totals.first_media;
    let _infallible = writeln!(out, "first media  {}", times(first));
    if let Some(server) = whole.server {
        let _infallible = writeln!(
            out,
            "server       {:.2} µs of CPU a packet, {:.0} packets/s per core, {:.1} % of a core, {:.0} MiB",
            server.micros_per_packet,
            server.packets_per_core_second,
            100.0 * server.cpu.as_secs_f64() / whole.elapsed.as_secs_f64().max(1e-9),
            server.resident_bytes as f64 / 1_048_576.0
        );
    }
    let _infallible = writeln!(
        out,
        "generator    busiest thread {:.0} %, packets left {} late (p99)",
        whole.generator.busiest_thread * 100.0,
        whole.totals.lateness.quantile(0.99).map_or("not".to_owned(), millis)
    );
    if connections.left > 0 {
        let _infallible =
            writeln!(out, "churn        {} left, {} came", connections.left, connections.joined);
    }
    for (reason, count) in &connections.failed {
        let _infallible = writeln!(out, "failed       {count} × {reason}");
    }
    for doubt in report.doubts() {
        let _infallible = writeln!(out, "doubtful     {doubt}");
    }
    out
}

fn counts(report: &Report) -> String {
    let window = &report.measurement.whole.totals;
    let all = report.ending.totals.both();
    let kinds = [("audio", window.audio), ("video", window.video)].into_iter();
    let mut rows: Vec<_> = kinds
        .filter(|(_, totals)| totals.sent > 0)
        .map(|(name, totals)| row(name, totals, totals.missing))
        .collect();
    rows.push(row("whole test", all, report.ending.lost()));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(HEADINGS.get(column).map(|heading| heading.len())).max().unwrap_or(0)
    };
    let line = |cells: &[String]| {
        let cells = cells.iter().enumerate().map(|(column, cell)| format!("{cell:>0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    let heading = line(&HEADINGS.map(str::to_owned));
    rows.iter().fold(heading, |out, row| out + &line(row))
}

fn row(name: &str, totals: TrackTotals, lost: u64) -> Vec<String> {
    let part = 100.0 * lost as f64 / totals.expected.max(1) as f64;
    vec![
        name.to_owned(),
        totals.sent.to_string(),
        totals.expected.to_string(),
        totals.received.to_string(),
        format!("{lost} ({part:.2} %)"),
        totals.duplicates.to_string(),
        totals.reordered.to_string(),
        totals.repairs.to_string(),
        totals.thrown.to_string(),
    ]
}

fn times(histogram: &Histogram) -> String {
    let at = |part| histogram.quantile(part).map_or("–".to_owned(), millis);
    let max = histogram.max().map_or("–".to_owned(), millis);
    format!("p50 {}, p95 {}, p99 {}, max {max} ({} measured)", at(0.5), at(0.95), at(0.99), histogram.count())
}

fn millis(time: std::time::Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn people_find_the_figures() {
        let table = write(&example::report());
        for part in ["1800", "0 (0.00 %)", "2.78 µs", "first media  p50 40.00 ms", "busiest thread 10 %"] {
            assert!(table.contains(part), "{part} is not in:\n{table}");
        }
    }
}
