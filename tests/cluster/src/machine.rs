//! On what, of what and when something was measured: without it a figure means nothing.

use std::fs;
use std::process::Command;

/// One sentence that says so; `command` is what a reader has to type.
pub fn sentence(command: &str) -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "Measured on {} with `{command}`: {}, {} cores, Linux {}, commit {}. The load average before was {}.",
        output("date", &["-u", "+%Y-%m-%d"]),
        cpu.map_or("unknown", |(_, name)| name),
        std::thread::available_parallelism().map_or(1, usize::from),
        fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        output("git", &["describe", "--always", "--dirty"]),
        load.split(' ').next().unwrap_or_default(),
    )
}

/// CPU time of all threads of a process since their start, in nanoseconds.
pub fn cpu_nanos(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        // A thread may end between the listing and the reading.
        let schedstat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedstat.split(' ').next()?.parse::<u64>().ok()
    });
    nanos.sum()
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.map_or_else(|| "unknown".to_owned(), |text| String::from_utf8_lossy(&text).trim().to_owned())
}
