//! CPU per forwarded packet under one load after the other, each with a server of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use loadtest::client::{Kind, Profile};
use loadtest::{Load, Options, Sample};
use peer::{Server, ServerConfig};

use crate::comparison::Compared;
use crate::floor::{self, Shape};
use crate::{Effort, server_use};

/// A load, and where the server is to come under it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    kinds: &'static [Kind],
    spaced: bool,
    profile: Profile,
    workers: usize,
    /// Set for this load.
    settings: &'static [(&'static str, &'static str)],
    /// CPU per forwarded packet, in µs.
    pub(crate) goal: Option<f64>,
    /// The same as a multiple of the floor's, where there is one.
    pub(crate) goal_ratio: Option<f64>,
    /// From the server's socket to its socket: the median and the 99th percentile, in ms.
    pub(crate) delay_goal: Option<[f64; 2]>,
    /// Another server can be put under it as well.
    pub(crate) compared: bool,
}

const BOTH: &[Kind] = &[Kind::Audio, Kind::Video];

const ONE_TO_100: Case = Case {
    name: "1 → 100, bursts",
    publishers: 1,
    subscribers: 100,
    kinds: BOTH,
    spaced: false,
    profile: Profile::AeadAes128Gcm,
    workers: 1,
    settings: &[],
    goal: Some(1.9),
    goal_ratio: Some(1.3),
    delay_goal: None,
    compared: false,
};

/// Many streams with few subscribers each.
pub(crate) const MANY_ROOMS: &str = "50 → 10 each";

/// The table.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "1 → 100, bursts, video alone",
            kinds: &[Kind::Video],
            goal: Some(1.4),
            compared: true,
            ..ONE_TO_100
        },
        Case { compared: true, ..ONE_TO_100 },
        Case {
            name: "1 → 100, spaced", spaced: true, goal: Some(3.2), goal_ratio: Some(1.2), ..ONE_TO_100
        },
        Case {
            name: "1 → 100, bursts, AES128_CM_HMAC_SHA1_80",
            profile: Profile::Aes128CmSha1_80,
            goal: None,
            goal_ratio: None,
            ..ONE_TO_100
        },
        Case {
            name: "1 → 1000 on 2 workers",
            subscribers: 1000,
            workers: 2,
            settings: &[("sfu.branch_at", "0")],
            goal: Some(2.1),
            goal_ratio: None,
            ..ONE_TO_100
        },
        Case {
            name: MANY_ROOMS,
            publishers: 50,
            subscribers: 10,
            workers: 2,
            goal: Some(2.3),
            goal_ratio: None,
            compared: true,
            ..ONE_TO_100
        },
        Case {
            name: "1 → 500, Opus alone",
            subscribers: 500,
            kinds: &[Kind::Audio],
            goal: Some(2.9),
            goal_ratio: None,
            ..ONE_TO_100
        },
    ]
}

/// What a worker of the delay's row is to be busy.
const BUSY: f64 = 0.6;

/// What each subscriber of both tracks gets a second.
const PACKETS_PER_SECOND: f64 = 230.0;

/// By how much less or more it may be.
const NEARLY: f64 = 0.05;

/// One worker that is busy for six tenths of the time. How many streams that takes is found out from what a packet took
/// under another load, and once more from what it took then.
pub(crate) fn measure_busy(
    start: &impl Fn(ServerConfig) -> anyhow::Result<Server>,
    other: &Row,
    effort: Effort,
) -> anyhow::Result<Row> {
    let row = measure(start, &busy(other), effort)?;
    // A quick run is limited to less.
    let limited = row.case.publishers > effort.most_subscribers;
    let near = (row.server_load - BUSY).abs() <= NEARLY;
    if near || limited { Ok(row) } else { measure(start, &busy(&row), effort) }
}

fn busy(other: &Row) -> Case {
    let each = other.micros / 1e6 * PACKETS_PER_SECOND * other.case.subscribers as f64;
    Case {
        name: "10 subscribers each, one worker at 60 % of a core",
        publishers: (BUSY / each).round().max(1.0) as usize,
        workers: 1,
        goal: None,
        delay_goal: Some([0.3, 2.0]),
        compared: false,
        ..other.case.clone()
    }
}

/// What one load came to.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) subscriptions: usize,
    /// CPU of all the server's threads per packet that reached a subscriber, in µs.
    pub(crate) micros: f64,
    /// The floor's of the same window, where there is one.
    pub(crate) floor: Option<f64>,
    pub(crate) packets_per_second: f64,
    /// Of one core, all the server's threads.
    pub(crate) server_load: f64,
    /// Part of the packets that did not arrive.
    pub(crate) missing: f64,
    /// From the publisher's hands to a subscriber's.
    pub(crate) delay: [Option<Duration>; 2],
    /// From the server's socket to its socket, by its own histogram.
    pub(crate) forwarding: [Option<Duration>; 2],
    /// Datagrams that left together, on average.
    pub(crate) group: f64,
    /// Why the figures say more about the load generator than about the server, if they do.
    pub(crate) doubts: Vec<String>,
    /// The same load on another server, in each of its setups.
    pub(crate) compared: Vec<Compared>,
}

pub(crate) fn measure(
    start: &impl Fn(ServerConfig) -> anyhow::Result<Server>,
    case: &Case,
    effort: Effort,
) -> anyhow::Result<Row> {
    let config = ServerConfig::default().workers(case.workers);
    let config = case.settings.iter().fold(config, |config, (key, value)| config.set(key, value));
    let server = start(config)?;
    let options =
        Options { url: server.ws_url().to_owned(), pids: vec![server.pid()], ..options(case, effort) };
    let mut load = Load::start(&options)?;
    load.rest(effort.warm_up);
    let before = server_use::look(&server)?;
    let sample = load.measure(effort.window).whole;
    let after = server_use::look(&server)?;
    let failed = load.connections().failed.clone();
    load.stop();
    server.stop();
    let mut row = row(case, &sample, &before, &after)?;
    row.doubts.extend(failures(&failed));
    if case.profile == Profile::AeadAes128Gcm {
        let load = self::options(case, effort);
        let shape = Shape {
            streams: load.publishers,
            receivers: load.subscribers,
            video: case.kinds.contains(&Kind::Video),
            audio: case.kinds.contains(&Kind::Audio),
            spaced: case.spaced,
        };
        row.floor = Some(floor::measure(shape, effort.window)?);
    }
    Ok(row)
}

/// What the load is, on whatever server.
pub(crate) fn options(case: &Case, effort: Effort) -> Options {
    Options {
        publishers: case.publishers.min(effort.most_subscribers),
        subscribers: case.subscribers.min(effort.most_subscribers),
        kinds: case.kinds.to_vec(),
        spaced: case.spaced,
        profile: case.profile,
        ramp: effort.ramp,
        open_every: 64,
        ..Options::default()
    }
}

/// Connections that are not there, and so no part of the load.
pub(crate) fn failures(failed: &BTreeMap<String, usize>) -> impl Iterator<Item = String> + '_ {
    failed.iter().map(|(why, times)| format!("{times} connections did not come up: {why}"))
}

fn row(
    case: &Case,
    sample: &Sample,
    before: &server_use::Look,
    after: &server_use::Look,
) -> anyhow::Result<Row> {
    let used = sample.server.context("the server's CPU time cannot be read")?;
    let delay = |part| sample.totals.delay.quantile(part);
    Ok(Row {
        case: case.clone(),
        subscriptions: sample.subscriptions,
        micros: used.micros_per_packet,
        floor: None,
        packets_per_second: sample.packets_per_second(),
        server_load: used.cpu.as_secs_f64() / sample.elapsed.as_secs_f64().max(1e-9),
        missing: sample.lost_part(),
        delay: [delay(0.5), delay(0.99)],
        forwarding: [0.5, 0.99].map(|part| after.forwarding_since(before, part)),
        group: after.group_since(before),
        doubts: sample.doubts(),
        compared: Vec::new(),
    })
}
