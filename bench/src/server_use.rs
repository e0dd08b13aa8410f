//! What the server says about itself: its metrics, before and after.

use std::time::Duration;

use anyhow::Context;
use peer::Server;

/// The metrics at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    datagrams: f64,
    groups: f64,
    /// Cumulative counts below upper bounds, in seconds.
    forwarding: Vec<(f64, f64)>,
}

pub(crate) fn look(server: &Server) -> anyhow::Result<Look> {
    let page = peer::server::get(server.ops_address(), "/metrics")?.body;
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
    let find =
        |name: &str| page.lines().find(|line| line.starts_with(name)).and_then(value).context("a metric");
    let bucket = "anabranch_sfu_forwarding_delay_seconds_bucket{le=\"";
    let buckets = page.lines().filter_map(|line| {
        let (bound, _) = line.strip_prefix(bucket)?.split_once('"')?;
        Some((if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? }, value(line)?))
    });
    Ok(Look {
        datagrams: find("anabranch_sfu_datagrams_total{direction=\"out\"}")?,
        groups: find("anabranch_sfu_datagram_groups_total ")?,
        forwarding: buckets.collect(),
    })
}

impl Look {
    /// How many datagrams left together since an earlier look, on average.
    pub(crate) fn group_since(&self, earlier: &Self) -> f64 {
        (self.datagrams - earlier.datagrams) / (self.groups - earlier.groups).max(1.0)
    }

    /// The bound below which this part of the packets since an earlier look was forwarded.
    pub(crate) fn forwarding_since(&self, earlier: &Self, part: f64) -> Option<Duration> {
        let counts = self.forwarding.iter().zip(&earlier.forwarding);
        let counts: Vec<_> = counts.map(|((bound, now), (_, before))| (*bound, now - before)).collect();
        let all = counts.last()?.1;
        let (bound, _) = counts.into_iter().find(|(_, count)| *count >= all * part)?;
        Duration::try_from_secs_f64(bound).ok().filter(|_| all > 0.0)
    }
}
