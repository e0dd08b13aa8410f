//! The figures as a table, as JSON and as Markdown.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::comparison;
use crate::first_frame::FirstFrame;
use crate::loads::Row;
use crate::machine::Machine;
use crate::recording::Recording;
use crate::upkeep::Upkeep;

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) quick: bool,
    pub(crate) pinned: Option<usize>,
    /// The other server, if some of the loads were put on one.
    pub(crate) compared_with: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) others: Others,
}

/// What is no load; `None`: not measured.
#[derive(Debug)]
pub(crate) struct Others {
    pub(crate) upkeep: Option<Upkeep>,
    pub(crate) first_frame: Option<FirstFrame>,
    pub(crate) recording: Option<Recording>,
}

const HEADINGS: [&str; 10] = [
    "load",
    "packets/s",
    "CPU, of a core",
    "CPU per packet",
    "goal",
    "floor",
    "× floor",
    "left together",
    "in the server p50, p99",
    "end to end p50, p99",
];

/// Packets that did not arrive above this part mean that somebody's buffer overflowed.
const MISSING: f64 = 0.0;

impl Report {
    /// For a terminal.
    pub(crate) fn table(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|row| self.cells(row)).collect();
        let headings = self.headings();
        let wide = |text: &str| text.chars().count();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| wide(cell));
            cells.chain(headings.get(column).map(|heading| wide(heading))).max().unwrap_or(0)
        };
        let line = |cells: &[String]| {
            let cells = cells.iter().enumerate().map(|(column, cell)| format!("{cell:>0$}", width(column)));
            cells.collect::<Vec<_>>().join("  ") + "\n"
        };
        let mut out = line(&headings);
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
        match &self.compared_with {
            Some(server) => out += &comparison::method(server),
            None => out += comparison::NOT_COMPARED,
        }
        let headings = self.headings();
        let _ = writeln!(out, "\n| {} |\n|{}", headings.join(" | "), " --: |".repeat(headings.len()));
        for row in &self.rows {
            let _ = writeln!(out, "| {} |", self.cells(row).join(" | "));
        }
        out.push('\n');
        for sentence in self.sentences() {
            let _ = writeln!(out, "- {sentence}");
        }
        out
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let machine = &self.machine;
        let loads: Vec<Value> = self.rows.iter().map(row_json).collect();
        let value = json!({
            "machine": {
                "cpu": machine.cpu, "cores": machine.cores, "kernel": machine.kernel, "date": machine.date,
                "commit": machine.commit, "command": machine.command, "load": machine.load,
                "pinned": self.pinned, "quick": self.quick, "compared_with": self.compared_with,
            },
            "loads": loads,
            "others": others_json(&self.others),
        });
        format!("{value:#}\n")
    }

    fn headings(&self) -> Vec<String> {
        let added = self.compared_with.iter().flat_map(|_| comparison::HEADINGS);
        HEADINGS.into_iter().chain(added).map(str::to_owned).collect()
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let mut cells = cells(row);
        cells.extend(self.compared_with.iter().flat_map(|_| comparison::cells(row)));
        cells
    }

    fn sentences(&self) -> Vec<String> {
        let mut sentences = others_sentences(&self.others);
        for row in &self.rows {
            if row.missing > MISSING {
                let percent = row.missing * 100.0;
                sentences.push(format!("{}: {percent:.3} % of the packets were lost.", row.case.name));
            }
            sentences.extend(row.doubts.iter().map(|doubt| format!("{}: {doubt}.", row.case.name)));
            sentences.extend(comparison::sentences(row));
        }
        sentences
    }
}

fn others_sentences(others: &Others) -> Vec<String> {
    let mut sentences = others.upkeep.as_ref().map(upkeep_sentences).unwrap_or_default();
    sentences.extend(others.first_frame.as_ref().map(first_frame_sentence));
    sentences.extend(others.recording.as_ref().map(recording_sentence));
    sentences
}

fn upkeep_sentences(upkeep: &Upkeep) -> Vec<String> {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let mut sentences = vec![
        format!(
            "A new connection: {:.0} µs of the media thread (SDP, ICE, DTLS, SRTP; goal 500), {:.0} µs of all threads \
             (requests, rooms and logs with it); {} of them came at {:.0} per second.",
            micros(upkeep.connect_media),
            micros(upkeep.connect_all),
            upkeep.subscribers,
            upkeep.per_second,
        ),
        format!(
            "A subscriber that gets nothing: {:.0} µs of CPU per second (goal 20), and {:.1} KB of memory (goal 30), its \
             WebSocket included. It sends 1.4 datagrams a second, and to be woken up by one takes a thread that does \
             nothing with it {:.0} µs here.",
            micros(upkeep.idle),
            upkeep.memory / 1e3,
            micros(upkeep.waking_up),
        ),
    ];
    if upkeep.failed > 0 {
        sentences.push(format!("{} connections did not come up.", upkeep.failed));
    }
    sentences
}

fn first_frame_sentence(first: &FirstFrame) -> String {
    format!(
        "From `join` to the first whole key frame: {:.0} ms (p50), {:.0} ms (p99), {:.0} ms at most, of {} joins. \
         About 17 ms of it is the wait for the publisher's next frame (30 a second).",
        millis(first.p50),
        millis(first.p99),
        millis(first.longest),
        first.joins,
    )
}

fn recording_sentence(recording: &Recording) -> String {
    format!(
        "Recording: {} Opus streams of 64 kbit/s take {:.1} % of a core, and recorded at once {:.1} %; \
         {:.2} MB/s go to the disk, {} packets were lost on the way there.",
        recording.streams,
        recording.without * 100.0,
        recording.with * 100.0,
        recording.bytes_per_second / 1e6,
        recording.dropped,
    )
}

fn cells(row: &Row) -> Vec<String> {
    let case = &row.case;
    let optional = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    let pair = |[p50, p99]: [Option<Duration>; 2]| {
        let one = |time: Option<Duration>| optional(time.map(millis), 2);
        format!("{}, {} ms", one(p50), one(p99))
    };
    let ratio = row.floor.map(|floor| row.micros / floor);
    vec![
        case.name.to_owned(),
        format!("{:.0}", row.packets_per_second),
        format!("{:.1} %", row.server_load * 100.0),
        format!("{:.2} µs", row.micros),
        optional(case.goal, 1),
        optional(row.floor, 2),
        match case.goal_ratio {
            Some(goal) => format!("{} (goal {goal:.1})", optional(ratio, 2)),
            None => optional(ratio, 2),
        },
        format!("{:.1}", row.group),
        match case.delay_goal {
            Some([p50, p99]) => format!("{} (goals {p50:.1}, {p99:.1})", pair(row.forwarding)),
            None => pair(row.forwarding),
        },
        pair(row.delay),
    ]
}

const METHOD: &str = "\
Each load has a server of its own and is made by `anabranch loadtest`'s library on loopback: streams of 1.5 Mbit/s of
VP8 (30 frames a second, six packets of some 1,042 bytes each) and 50 Opus packets a second. \"Bursts\": a frame's
packets at once, as from Chrome's pacer; \"spaced\": evenly. SRTP is AES-128-GCM unless said otherwise. CPU is that of
all threads of the server, from `/proc/PID/task/*/schedstat` (nanoseconds), divided by the packets that reached
subscribers: receiving, RTCP, timers, metrics and the control plane are in it. The floor is one thread that does
nothing but seal packets of the same sizes and send them as often to as many sockets in the same run: a frame
as one group (`UDP_SEGMENT`), or, spaced, one by one with `sendmmsg`. \"In the server\" is from the read of the socket
until the copies are handed back to it, the wait for the rest of a frame included, by the server's own histogram, within
whose buckets packets are taken to lie evenly. \"End to end\" includes both ends of the load generator, which shares the cores.
";

fn row_json(row: &Row) -> Value {
    let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
    let [forwarding_p50, forwarding_p99] = row.forwarding.map(micros);
    let [delay_p50, delay_p99] = row.delay.map(micros);
    json!({
        "load": row.case.name, "subscriptions": row.subscriptions, "cpu_us_per_packet": row.micros,
        "goal_us": row.case.goal, "floor_us": row.floor, "goal_ratio": row.case.goal_ratio,
        "ratio": row.floor.map(|floor| row.micros / floor), "packets_per_second": row.packets_per_second,
        "server_load": row.server_load, "missing": row.missing, "datagrams_per_group": row.group,
        "forwarding_p50_us": forwarding_p50, "forwarding_p99_us": forwarding_p99,
        "forwarding_goals_ms": row.case.delay_goal,
        "delay_p50_us": delay_p50, "delay_p99_us": delay_p99, "doubts": row.doubts,
        "compared": comparison::json(row),
    })
}

fn others_json(others: &Others) -> Value {
    let upkeep = others.upkeep.as_ref().map(|upkeep| {
        json!({
            "subscribers": upkeep.subscribers, "per_second": upkeep.per_second,
            "connect_media_us": upkeep.connect_media.as_micros() as u64,
            "connect_all_us": upkeep.connect_all.as_micros() as u64,
            "idle_us_per_second": upkeep.idle.as_secs_f64() * 1e6,
            "waking_up_us": upkeep.waking_up.as_secs_f64() * 1e6, "memory_bytes": upkeep.memory,
        })
    });
    let first_frame = others.first_frame.as_ref().map(|first| {
        json!({
            "joins": first.joins, "p50_ms": millis(first.p50), "p99_ms": millis(first.p99),
            "max_ms": millis(first.longest),
        })
    });
    let recording = others.recording.as_ref().map(|recording| {
        json!({
            "streams": recording.streams, "load_without": recording.without, "load_with": recording.with,
            "bytes_per_second": recording.bytes_per_second, "dropped": recording.dropped,
        })
    });
    json!({ "upkeep": upkeep, "first_frame": first_frame, "recording": recording })
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
