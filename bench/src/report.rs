//! The figures as a table, as JSON and as Markdown.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::connections::Connections;
use crate::first_frame::FirstFrame;
use crate::floor::Floor;
use crate::forwarding::{Memory, Row};
use crate::machine::Machine;
use crate::recording::Recording;

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) quick: bool,
    pub(crate) pinned: Option<usize>,
    pub(crate) forwarding: Vec<Row>,
    /// One for each row of `forwarding`.
    pub(crate) floors: Vec<Floor>,
    pub(crate) memory: Memory,
    pub(crate) first_frame: FirstFrame,
    pub(crate) connections: Connections,
    pub(crate) recording: Recording,
}

const HEADINGS: [&str; 9] = [
    "subscribers",
    "packets/s",
    "server CPU, of a core",
    "CPU per packet",
    "plain sendmmsg",
    "ratio",
    "delay p50",
    "delay p99",
    "lost",
];

impl Report {
    /// For a terminal.
    pub(crate) fn table(&self) -> String {
        let rows: Vec<_> = self.cells().collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(String::len);
            cells.chain(HEADINGS.get(column).map(|heading| heading.len())).max().unwrap_or(0)
        };
        let line = |cells: &[String]| {
            let cells = cells.iter().enumerate().map(|(column, cell)| format!("{cell:>0$}", width(column)));
            cells.collect::<Vec<_>>().join("  ") + "\n"
        };
        let mut out = line(&HEADINGS.map(str::to_owned));
        for row in &rows {
            out += &line(row);
        }
        for sentence in self.sentences() {
            out += &format!("\n{sentence}");
        }
        out + "\n"
    }

    /// For the record.
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::from("# What it costs\n\n");
        let machine = &self.machine;
        let _ = writeln!(
            out,
            "Measured on {} with `{}`: {}, {} cores, Linux {}, commit {}. The load average before was {}.{}{}\n",
            machine.date,
            machine.command,
            machine.cpu,
            machine.cores,
            machine.kernel,
            machine.commit,
            machine.load,
            self.pinned.map_or_else(String::new, |core| format!(" The server had core {core} to itself.")),
            if self.quick { " A quick run: it shows that everything works, not how fast." } else { "" },
        );
        out += METHOD;
        let _ = writeln!(out, "\n| {} |\n|{}", HEADINGS.join(" | "), " --: |".repeat(HEADINGS.len()));
        for row in self.cells() {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
        out.push('\n');
        for sentence in self.sentences() {
            let _ = writeln!(out, "- {sentence}");
        }
        out
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let forwarding: Vec<Value> = self.forwarding.iter().zip(&self.floors).map(row_json).collect();
        let (memory, first, connections) = (&self.memory, &self.first_frame, &self.connections);
        let machine = &self.machine;
        let value = json!({
            "machine": {
                "cpu": machine.cpu, "cores": machine.cores, "kernel": machine.kernel, "date": machine.date,
                "commit": machine.commit, "command": machine.command, "load": machine.load, "pinned": self.pinned, "quick": self.quick,
            },
            "forwarding": forwarding,
            "memory": {
                "bytes_per_subscriber": memory.bytes_per_subscriber, "server_bytes": memory.server_bytes,
            },
            "first_frame": {
                "joins": first.joins, "p50_ms": millis(first.p50), "p99_ms": millis(first.p99),
                "max_ms": millis(first.longest),
            },
            "connections": {
                "count": connections.count, "per_second": connections.per_second,
                "cpu_ms_each": connections.cpu_millis_each, "server_load": connections.server_load,
                "generator_load": connections.generator_load, "doubt": connections.doubt(),
            },
            "recording": {
                "streams": self.recording.streams, "load_without": self.recording.without,
                "load_with": self.recording.with, "bytes_per_second": self.recording.bytes_per_second,
                "dropped": self.recording.dropped,
            },
        });
        format!("{value:#}\n")
    }

    fn cells(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.forwarding.iter().zip(&self.floors).map(|(row, floor)| {
            let ratio = row.cpu_micros_per_packet / floor.paced_micros;
            vec![
                row.subscribers.to_string(),
                format!("{:.0}", row.packets_per_second),
                format!("{:.1} %", row.server_load * 100.0),
                format!("{:.2} µs", row.cpu_micros_per_packet),
                format!("{:.2} µs", floor.paced_micros),
                format!("{ratio:.1}"),
                format!("{:.2} ms", row.delay_p50_micros as f64 / 1e3),
                format!("{:.2} ms", row.delay_p99_micros as f64 / 1e3),
                format!("{:.2} %", row.missing * 100.0),
            ]
        })
    }

    fn sentences(&self) -> Vec<String> {
        let (memory, first, connections) = (&self.memory, &self.first_frame, &self.connections);
        let mut sentences = vec![
            format!(
                "From `join` to the first whole key frame: {:.0} ms (p50), {:.0} ms (p99), {:.0} ms at most, of {} joins. \
                 About 17 ms of it is the wait for the publisher's next frame (30 a second).",
                millis(first.p50),
                millis(first.p99),
                millis(first.longest),
                first.joins
            ),
            format!(
                "Memory: {:.0} KiB per subscriber with its WebSocket (difference of the resident set over {} more), \
                 {:.0} MiB in all.",
                memory.bytes_per_subscriber / 1024.0,
                memory.subscribers,
                memory.server_bytes as f64 / 1_048_576.0
            ),
            format!(
                "Connections: {:.0} per second (WebSocket, join, subscribe, ICE, DTLS; {} of them), {:.2} ms of the \
                 server's CPU each; the server used {:.0} % of a core meanwhile.",
                connections.per_second,
                connections.count,
                connections.cpu_millis_each,
                connections.server_load * 100.0
            ),
        ];
        let recording = &self.recording;
        sentences.push(format!(
            "Recording: {} Opus streams of 64 kbit/s take {:.1} % of a core, and recorded at once {:.1} %; {:.2} MB/s go to \
             the disk, {} packets were lost on the way there.",
            recording.streams,
            recording.without * 100.0,
            recording.with * 100.0,
            recording.bytes_per_second / 1e6,
            recording.dropped
        ));
        let flat: Vec<_> = self.floors.iter().map(|floor| format!("{:.2}", floor.flat_out_micros)).collect();
        sentences.push(format!("The plain loop without pauses: {} µs per packet.", flat.join(", ")));
        for row in &self.forwarding {
            let doubt = row.doubt().map(|doubt| format!("With {} subscribers {doubt}", row.subscribers));
            let load = row.generator_load * 100.0;
            sentences
                .extend(doubt.map(|doubt| format!("{doubt} (its thread was busy {load:.0} % of the time).")));
        }
        let load = connections.generator_load * 100.0;
        sentences.extend(connections.doubt().map(|doubt| {
            format!(
                "While connections were set up, {doubt} (the load generator used {load:.0} % of what the server left free)."
            )
        }));
        sentences
    }
}

const METHOD: &str = "\
One stream of 1.5 Mbit/s VP8 (RTP payloads of 1,100 bytes, 30 frames a second, a frame's packets at once) and
50 Opus packets a second goes to str0m subscribers on loopback. CPU is that of all threads of the server alone,
from `/proc/PID/task/*/schedstat` (nanoseconds), divided by the packets that reached subscribers; receiving,
RTCP and the idle control plane are in it. \"Plain sendmmsg\" is one thread that sends datagrams of the same average
size, in the same bursts, to the same number of sockets, in the same run, and receives nothing. Delays include
both test peers.
";

fn row_json((row, floor): (&Row, &Floor)) -> Value {
    json!({
        "subscribers": row.subscribers, "packets_per_second": row.packets_per_second,
        "packet_bytes": row.packet_bytes, "cpu_us_per_packet": row.cpu_micros_per_packet,
        "server_load": row.server_load, "generator_load": row.generator_load, "missing": row.missing,
        "delay_p50_us": row.delay_p50_micros as u64, "delay_p99_us": row.delay_p99_micros as u64,
        "floor_us_per_packet": floor.paced_micros, "floor_flat_out_us_per_packet": floor.flat_out_micros,
        "ratio": row.cpu_micros_per_packet / floor.paced_micros, "doubt": row.doubt(),
    })
}

fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
