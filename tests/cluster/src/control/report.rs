//! The figures of the control plane, for people and for `docs/`.

use std::fmt::Write;

use super::usage::Usage;

/// Commands that a client sends to have a script run; what the script calls counts for itself.
const SCRIPTS: [&str; 4] = ["eval", "evalsha", "fcall", "fcall_ro"];

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    pub(super) machine: String,
    pub(super) rooms: usize,
    /// Joins as fast as it went, and the time they took.
    pub(super) joins: usize,
    pub(super) seconds: f64,
    /// Joins per second of the measurement of times.
    pub(super) pace: f64,
    /// Sorted.
    pub(super) join_micros: Vec<u64>,
    pub(super) notice_micros: Vec<u64>,
    pub(super) fast_join_micros: Vec<u64>,
    pub(super) fast_notice_micros: Vec<u64>,
    /// Those whose Redis commands are counted.
    pub(super) counted_joins: usize,
    /// All connected, nobody in a room.
    pub(super) empty: Usage,
    /// After the counted joins.
    pub(super) before: Usage,
    /// After the fast joins.
    pub(super) after: Usage,
    /// All rooms full.
    pub(super) full: Usage,
}

impl Report {
    /// The page.
    pub fn markdown(&self) -> String {
        let mut page = format!(
            "# What the control plane does\n\n{}\n\n\
             {} rooms of two users without media, each user with a WebSocket of its own, the two of a room \
             at different signals: 2 signals, 2 registers, 2 SFUs, one Redis (append-only file), one NATS, \
             one etcd, and the load generator, all on this machine.\n\n",
            self.machine, self.rooms,
        );
        let rate = self.joins as f64 / self.seconds;
        let _ = writeln!(
            page,
            "- **{rate:.0} joins per second** as fast as it went ({} joins in {:.1} s): join {} (p50), {} \
             (p99); notification at the other user {} (p50), {} (p99), counted from when the join was sent.",
            self.joins,
            self.seconds,
            millis(&self.fast_join_micros, 50),
            millis(&self.fast_join_micros, 99),
            millis(&self.fast_notice_micros, 50),
            millis(&self.fast_notice_micros, 99),
        );
        let _ = writeln!(
            page,
            "- At half that rate ({:.0} joins per second): **join {}** (p50), **{}** (p99); **notification \
             {}** (p50), **{}** (p99).",
            self.pace,
            millis(&self.join_micros, 50),
            millis(&self.join_micros, 99),
            millis(&self.notice_micros, 50),
            millis(&self.notice_micros, 99),
        );
        page += &self.redis();
        page += &self.processes();
        page
    }

    fn redis(&self) -> String {
        let commands = self.before.commands_since(&self.empty);
        let per_join = |calls: u64| calls as f64 / self.counted_joins.max(1) as f64;
        let scripts = commands.iter().filter(|(command, _)| SCRIPTS.contains(&command.as_str()));
        let scripts: u64 = scripts.map(|(_, calls)| calls).sum();
        let mut listed: Vec<_> = commands.iter().filter(|(_, calls)| per_join(**calls) >= 0.005).collect();
        listed.sort_by_key(|(_, calls)| std::cmp::Reverse(**calls));
        let listed: Vec<String> =
            listed.iter().map(|(command, calls)| format!("{command} {:.2}", per_join(**calls))).collect();
        format!(
            "- Redis: **{:.2} calls per join** (scripts; of the first {} joins). All commands by `INFO \
             commandstats`, those inside of scripts and for the nodes' beats included, per join: {}.\n",
            per_join(scripts),
            self.counted_joins,
            listed.join(", "),
        )
    }

    fn processes(&self) -> String {
        let mut table = String::from(
            "\n| processes | CPU while joining, of a core | CPU per join | memory, nobody in a room | \
             memory, all rooms full |\n| --- | --: | --: | --: | --: |\n",
        );
        for (name, (cpu_after, _)) in &self.after.processes {
            let (cpu_before, _) = self.before.processes.get(name).copied().unwrap_or_default();
            let (_, before) = self.empty.processes.get(name).copied().unwrap_or_default();
            let (_, full) = self.full.processes.get(name).copied().unwrap_or_default();
            let cpu = cpu_after.saturating_sub(cpu_before) as f64;
            let _ = writeln!(
                table,
                "| {name} | {:.0} % | {:.0} µs | {:.0} MB | {:.0} MB |",
                cpu / 1e7 / self.seconds,
                cpu / 1e3 / self.joins.max(1) as f64,
                before as f64 / 1e6,
                full as f64 / 1e6,
            );
        }
        table
    }
}

/// A percentile of sorted microseconds, in milliseconds.
fn millis(sorted: &[u64], percent: usize) -> String {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or("-".to_owned(), |micros| format!("{:.1} ms", *micros as f64 / 1e3))
}
