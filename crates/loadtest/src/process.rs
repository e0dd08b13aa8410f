//! What the kernel knows about processes and sockets.

use std::collections::HashSet;
use std::fs;

/// The first number of a line of `schedstat`: how long a thread ran, in nanoseconds.
pub(crate) fn run_nanos(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
}

/// CPU time of all living threads of a process, in nanoseconds; `None`: there is no such process, or not for us to see.
#[must_use]
pub fn cpu_nanos(pid: u32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    // A thread may end between the listing and the reading.
    let read = |task: fs::DirEntry| fs::read_to_string(task.path().join("schedstat")).ok();
    Some(tasks.flatten().filter_map(read).filter_map(|line| run_nanos(&line)).sum())
}

/// Resident memory of a process.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Datagrams that the kernel dropped because these sockets' buffers were full, since they are there.
pub(crate) fn drops(inodes: &HashSet<u64>) -> u64 {
    ["/proc/net/udp", "/proc/net/udp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .map(|table| drops_in(&table, inodes))
        .sum()
}

fn drops_in(table: &str, inodes: &HashSet<u64>) -> u64 {
    let line = |line: &str| {
        let mut columns = line.split_ascii_whitespace();
        let inode = columns.nth(9)?.parse().ok()?;
        let drops: u64 = columns.next_back()?.parse().ok()?;
        inodes.contains(&inode).then_some(drops)
    };
    table.lines().skip(1).filter_map(line).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_proc_net_udp() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n  \
            100: 0100007F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 17\n  \
            101: 0100007F:9C41 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12346 2 0000000000000000 4\n";
        assert_eq!(drops_in(table, &HashSet::from([12345])), 17);
        assert_eq!(drops_in(table, &HashSet::from([1])), 0);
    }

    #[test]
    fn this_process_runs_and_has_memory() {
        let pid = std::process::id();
        assert!(cpu_nanos(pid).is_some() && resident_bytes(pid).unwrap() > 100_000);
        assert_eq!(cpu_nanos(u32::MAX), None);
        assert_eq!(run_nanos("123 4 5"), Some(123));
    }
}
