//! The same load on another server, right after it was on ours.

use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use loadtest::{Load, Options, Sample};
use serde_json::{Value, json};

use crate::Effort;
use crate::janus::{self, Janus};
use crate::loads::{self, Case, Row};
use crate::process::Cores;

/// The other server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Janus and its plugin `VideoRoom`, from Debian's package.
    Janus,
}

/// What one load came to there, in one of the ways in which it can be set up.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    setup: &'static str,
    /// CPU of all its threads per packet that reached a subscriber, in µs.
    micros: f64,
    packets_per_second: f64,
    /// Of one core.
    load: f64,
    missing: f64,
    /// Connections that did not come up.
    failed: usize,
    delay: [Option<Duration>; 2],
    doubts: Vec<String>,
}

/// Who loses more of the packets does not carry the load, and what its packets cost says nothing about those of a server
/// that does: it is busy with repairs, and with packets that nobody gets.
const MOST_MISSING: f64 = 0.01;

impl Compared {
    fn carried(&self) -> bool {
        self.failed == 0 && self.missing <= MOST_MISSING
    }

    /// What it takes as a multiple of what ours does, where both do the same.
    fn ratio(&self, row: &Row) -> Option<f64> {
        (self.carried() && row.missing <= MOST_MISSING).then(|| self.micros / row.micros)
    }
}

/// Janus gives each connection a thread, or all of them a few.
const SETUPS: [(&str, Option<usize>); 2] =
    [("a thread for each connection, its default", None), ("event_loops = 2", Some(2))];

impl Peer {
    /// Which one exactly.
    pub(crate) fn version(self) -> anyhow::Result<String> {
        let Self::Janus = self;
        Ok(format!("Debian's package of Janus {} with the plugin VideoRoom", janus::version()?))
    }

    /// Puts the load on it, in one setup after the other.
    pub(crate) fn measure(self, cores: Cores, case: &Case, effort: Effort) -> anyhow::Result<Vec<Compared>> {
        let Self::Janus = self;
        let one = |(setup, loops): (&'static str, _)| {
            let janus = cores.on_servers_core(move || Janus::start(loops))??;
            let options = Options {
                peer: loadtest::Peer::Janus,
                url: janus.url(),
                // Its rooms have numbers.
                room: "1".to_owned(),
                pids: vec![janus.pid()],
                ..loads::options(case, effort)
            };
            let mut load = Load::start(&options)?;
            load.rest(effort.warm_up);
            let sample = load.measure(effort.window).whole;
            let failed = load.connections().failed.clone();
            load.stop();
            let mut compared = compared(setup, &sample)?;
            compared.failed = failed.values().sum();
            compared.doubts.extend(loads::failures(&failed));
            Ok(compared)
        };
        SETUPS.into_iter().map(one).collect()
    }
}

fn compared(setup: &'static str, sample: &Sample) -> anyhow::Result<Compared> {
    let used = sample.server.context("Janus' CPU time cannot be read")?;
    Ok(Compared {
        setup,
        micros: used.micros_per_packet,
        packets_per_second: sample.packets_per_second(),
        load: used.cpu.as_secs_f64() / sample.elapsed.as_secs_f64().max(1e-9),
        missing: sample.lost_part(),
        failed: 0,
        delay: [0.5, 0.99].map(|part| sample.totals.delay.quantile(part)),
        doubts: sample.doubts(),
    })
}

/// The columns that a comparison adds.
pub(crate) const HEADINGS: [&str; 2] = ["Janus", "× ours"];

/// What goes into them: the cheapest setup of those that carried the load.
pub(crate) fn cells(row: &Row) -> [String; 2] {
    let carried = row.compared.iter().filter_map(|one| Some((one.micros, one.ratio(row)?)));
    match carried.min_by(|(one, _), (other, _)| one.total_cmp(other)) {
        Some((micros, ratio)) => [format!("{micros:.2} µs"), format!("{ratio:.1}")],
        None if row.compared.is_empty() => ["–", "–"].map(str::to_owned),
        None => ["not carried", "–"].map(str::to_owned),
    }
}

/// All setups, the one in the table among them.
pub(crate) fn sentences(row: &Row) -> Vec<String> {
    let mut sentences = Vec::new();
    for one in &row.compared {
        let name = format!("{}, on Janus with {}", row.case.name, one.setup);
        let millis = |time: Option<Duration>| {
            time.map_or_else(|| "–".to_owned(), |time| format!("{:.2}", time.as_secs_f64() * 1e3))
        };
        let [p50, p99] = one.delay.map(millis);
        let ratio = one.ratio(row).map_or_else(
            || "no comparison, as the load was not carried".to_owned(),
            |ratio| format!("{ratio:.1} times ours"),
        );
        sentences.push(format!(
            "{name}: {:.2} µs per packet, {ratio}; {:.0} packets/s, {:.1} % of a core; end to end {p50} ms (p50), \
             {p99} ms (p99).",
            one.micros,
            one.packets_per_second,
            one.load * 100.0,
        ));
        if one.missing > 0.0 {
            sentences.push(format!("{name}: {:.3} % of the packets were lost.", one.missing * 100.0));
        }
        sentences.extend(one.doubts.iter().map(|doubt| format!("{name}: {doubt}.")));
    }
    sentences
}

/// For programs.
pub(crate) fn json(row: &Row) -> Value {
    let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
    let one = |one: &Compared| {
        let [delay_p50, delay_p99] = one.delay.map(micros);
        json!({
            "server": "janus", "setup": one.setup, "cpu_us_per_packet": one.micros,
            "ratio_to_ours": one.ratio(row), "carried": one.carried(), "failed": one.failed,
            "packets_per_second": one.packets_per_second, "server_load": one.load, "missing": one.missing,
            "delay_p50_us": delay_p50, "delay_p99_us": delay_p99, "doubts": one.doubts,
        })
    };
    row.compared.iter().map(one).collect()
}

/// How it was compared, and with what.
pub(crate) fn method(server: &str) -> String {
    format!("\n\"Janus\" is {server}.\n{METHOD}")
}

const METHOD: &str = "\
It is put under the same load by the same clients, each time right after our server; `cargo xtask bench --peer janus`
installs it and repeats the comparison. It has its own defaults but for what the load needs: ICE-lite, a room for more
publishers and without a cap on video, an ECDSA certificate, no other plugins, no recording and no event handlers. Its
figure in the table is the lower one of two setups, both of which stand below: a thread for each connection, which is
its default, and `event_loops = 2`. A setup that lost more than 1 % of the packets, or a connection, did not carry the
load and has no ratio. Its CPU is counted as ours is, over the packets that reached subscribers, and the SRTP profile is
the same in both directions. It announces no loopback address, so its media goes to another address of the same machine,
which the kernel short-circuits like loopback.
";

/// Where nothing was compared.
pub(crate) const NOT_COMPARED: &str =
    "\n`cargo xtask bench --peer janus` puts three of the loads on Janus too.\n";
