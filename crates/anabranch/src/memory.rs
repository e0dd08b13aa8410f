//! Watches how much memory the process has, so that it takes on nothing new before the system ends it.

use std::fs;
use std::time::Duration;

use metrics::Pressure;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Of what there is, in percent, where nobody says how much the process may have.
const SHARE: u64 = 90;

/// Back below this part of the limit, in percent, all is well again.
const RELIEF: u64 = 95;

/// A limit larger than this is none: what systems say where there is no limit.
const NO_LIMIT: u64 = 1 << 50;

/// Tells `pressure` whether the process has more than `limit` bytes, for as long as it runs. Without a limit: than most of
/// what its control group, or the machine, has.
pub(crate) async fn watch(pressure: Pressure, limit: Option<u64>) {
    let Some(limit) = limit.or_else(|| available().map(|bytes| bytes / 100 * SHARE)) else { return };
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let Some(resident) = resident() else { return };
        let high = if pressure.is_high() { resident > limit / 100 * RELIEF } else { resident > limit };
        if !pressure.set(high) {
            continue;
        }
        let (resident, limit) = (resident >> 20, limit >> 20);
        if high {
            tracing::warn!(
                resident,
                limit,
                "memory is short: no new connections and streams are taken (limits.memory)"
            );
        } else {
            tracing::info!(resident, limit, "memory is there again: new connections and streams are taken");
        }
    }
}

/// What the process has in RAM.
pub(crate) fn resident() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// What the process may have: the least of what its control groups and the machine say.
fn available() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().filter_map(group_limit);
    limits.chain(machine()).filter(|&bytes| bytes < NO_LIMIT).min()
}

/// The limit of a line of `/proc/self/cgroup`, whose path may be that of the group's own root.
fn group_limit(line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let (root, file) = if controllers.is_empty() {
        ("/sys/fs/cgroup", "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return None;
    };
    let at = |path: &str| fs::read_to_string(format!("{root}{path}/{file}")).ok()?.trim().parse().ok();
    at(path).or_else(|| at(""))
}

fn machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_smaller_than_what_it_may_have() {
        let (resident, available) = (resident().unwrap(), available().unwrap());
        assert!((1 << 20..available).contains(&resident), "{resident} {available}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_high_above_the_limit_and_not_below() {
        for (limit, high) in [(Some(1), true), (Some(1 << 40), false), (None, false)] {
            let pressure = Pressure::default();
            let watching = watch(pressure.clone(), limit);
            assert!(tokio::time::timeout(LOOK * 3, watching).await.is_err());
            assert_eq!(pressure.is_high(), high, "{limit:?}");
        }
    }
}
