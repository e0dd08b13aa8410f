//! What the server says of itself, and what the system says of it.

use peer::{PATIENCE, Server};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The sum of a metric's samples; `name` without labels, or with all of them.
pub(crate) fn metric(server: &Server, name: &str) -> f64 {
    let body = exposition(server);
    let samples = body.lines().filter_map(|line| line.split_once(' '));
    let of_name = |sample: &str| sample == name || sample.split('{').next() == Some(name);
    let values = samples.filter(|(sample, _)| of_name(sample));
    values.map(|(_, value)| value.trim().parse::<f64>().expect("a number")).sum()
}

/// All metrics. A machine that stands still for seconds answers later.
fn exposition(server: &Server) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match peer::server::get(server.ops_address(), "/metrics") {
            Ok(reply) => return reply.body,
            Err(error) => assert!(Instant::now() < deadline, "no metrics: {error}"),
        }
    }
}

/// Datagrams that were dropped on arrival.
pub(crate) fn dropped(server: &Server) -> f64 {
    metric(server, "anabranch_sfu_dropped_datagrams_total{reason=\"input\"}")
}

/// The server's resident memory, in MiB.
pub(crate) fn resident(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a running server");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1024.0
}

/// Waits until it is so.
pub(crate) async fn eventually(what: &str, condition: impl FnMut() -> bool) {
    eventually_within(what, PATIENCE, condition).await;
}

/// The same with a patience of the caller's own.
pub(crate) async fn eventually_within(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
