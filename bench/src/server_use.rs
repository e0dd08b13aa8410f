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

    /// The time within which this part of the packets since an earlier look was forwarded, as if they lay evenly
    /// between the bounds of their bucket.
    pub(crate) fn forwarding_since(&self, earlier: &Self, part: f64) -> Option<Duration> {
        let counts = self.forwarding.iter().zip(&earlier.forwarding);
        let counts: Vec<_> = counts.map(|((bound, now), (_, before))| (*bound, now - before)).collect();
        let wanted = counts.last()?.1 * part;
        let mut below = (0.0, 0.0);
        for (bound, count) in counts {
            if count >= wanted && count > below.1 {
                let time = below.0 + (bound - below.0) * (wanted - below.1) / (count - below.1);
                // Of what took longer than the last bound nothing is known.
                return Duration::try_from_secs_f64(time).ok();
            }
            below = (bound, count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let look = |counts: [f64; 3]| Look {
            datagrams: 0.0,
            groups: 0.0,
            forwarding: [0.001, 0.002, f64::INFINITY].into_iter().zip(counts).collect(),
        };
        let (before, after) = (look([10.0, 10.0, 10.0]), look([60.0, 110.0, 110.0]));
        let micros = |part| after.forwarding_since(&before, part).map(|time| time.as_micros());
        assert_eq!(
            [micros(0.25), micros(0.5), micros(0.75), micros(1.0)],
            [Some(500), Some(1000), Some(1500), Some(2000)]
        );
        assert_eq!(after.forwarding_since(&after, 0.5), None);
        assert_eq!(look([0.0, 0.0, 5.0]).forwarding_since(&look([0.0; 3]), 0.5), None);
    }
}
