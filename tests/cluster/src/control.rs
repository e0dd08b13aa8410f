//! What the control plane does in a second: rooms of two without media, over gRPC, Redis and NATS.

mod generator;
mod report;
mod usage;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::Context;
use serde_json::Value;

use crate::cluster::{Cluster, Shape};
use crate::machine;

pub use generator::generate;
pub use report::Report;
use usage::Usage;

/// Connections of one generator: a process has a limited number of file descriptors.
const PER_GENERATOR: usize = 8_000;
/// Of all rooms, in hundredths: those whose Redis commands are counted (before users are many enough
/// that saying who is still there is most of what Redis hears), and those that are filled as fast as
/// it goes; the rest is paced.
const COUNTED_PERCENT: usize = 2;
const FAST_PERCENT: usize = 68;
/// Of the fastest rate; the times that a join takes are those at this rate.
const PACE: f64 = 0.5;

/// A process that holds connections, and what it says.
struct Generator {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Opens two connections per room, then joins: most rooms as fast as it goes, the rest at half that
/// rate.
///
/// # Errors
/// When a generator ends, or says what cannot be read.
pub fn measure(rooms: usize) -> anyhow::Result<Report> {
    // Taken before anything is started: the load of what else runs.
    let machine = machine::sentence(&format!("cargo xtask bench control --rooms {rooms}"));
    let cluster = Cluster::with(&Shape { alarms: &["ERROR"], ..Shape::default() });
    let count = (rooms * 2).div_ceil(PER_GENERATOR);
    let urls = cluster.urls().join(",");
    let mut generators: Vec<Generator> = (0..count)
        .map(|number| Generator::start(&urls, rooms / count + usize::from(number < rooms % count)))
        .collect::<anyhow::Result<_>>()?;
    for generator in &mut generators {
        generator.answer().context("a generator's connections")?;
    }
    let portion = |percent: usize| (rooms / count * percent).div_ceil(100);
    let connected = Usage::now(&cluster);
    let counted = all(&mut generators, &format!("fast {}", portion(COUNTED_PERCENT)))?;
    let first = Usage::now(&cluster);

    let since = Instant::now();
    let fast = all(&mut generators, &format!("fast {}", portion(FAST_PERCENT)))?;
    let seconds = since.elapsed().as_secs_f64();
    let usage = Usage::now(&cluster);
    let joins = numbers(&fast, "joins").len();
    let rate = joins as f64 / seconds;
    let paced = all(&mut generators, &format!("paced {}", rate * PACE / count as f64))?;
    let report = Report {
        machine,
        rooms,
        joins,
        seconds,
        pace: rate * PACE,
        join_micros: numbers(&paced, "joins"),
        notice_micros: numbers(&paced, "notices"),
        fast_join_micros: numbers(&fast, "joins"),
        fast_notice_micros: numbers(&fast, "notices"),
        counted_joins: numbers(&counted, "joins").len(),
        empty: connected,
        before: first,
        after: usage,
        full: Usage::now(&cluster),
    };
    drop(generators);
    Ok(report)
}

impl Generator {
    fn start(urls: &str, rooms: usize) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("this program's path")?;
        let mut child = Command::new(own)
            .args(["generate", "--urls", urls, "--rooms", &rooms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a generator")?;
        let input = child.stdin.take().context("its input")?;
        let output = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Self { child, input, output })
    }

    fn answer(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("a generator says {line:?}"))
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Has all of them do the same thing at the same time.
fn all(generators: &mut [Generator], command: &str) -> anyhow::Result<Vec<Value>> {
    for generator in generators.iter_mut() {
        writeln!(generator.input, "{command}")?;
        generator.input.flush()?;
    }
    generators.iter_mut().map(Generator::answer).collect()
}

/// A list of numbers, put together from all answers and sorted.
fn numbers(answers: &[Value], member: &str) -> Vec<u64> {
    let lists = answers.iter().filter_map(|answer| answer[member].as_array());
    let mut numbers: Vec<u64> = lists.flatten().filter_map(Value::as_u64).collect();
    numbers.sort_unstable();
    numbers
}
