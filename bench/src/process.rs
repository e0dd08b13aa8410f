//! What the kernel knows about a process, and which cores it may use.

use std::fs;

use anyhow::Context;
use peer::{Server, ServerConfig};

use crate::syscalls;

/// CPU time of all threads of a process since their start, in nanoseconds: the first number of each
/// `/proc/PID/task/*/schedstat`, to which the scheduler adds when a thread stops running.
pub(crate) fn cpu_nanos(pid: u32) -> anyhow::Result<u64> {
    nanos_of(pid, |_| true)
}

/// The same of the threads that move media.
pub(crate) fn media_nanos(pid: u32) -> anyhow::Result<u64> {
    nanos_of(pid, |name| name.starts_with("media-"))
}

fn nanos_of(pid: u32, counts: impl Fn(&str) -> bool) -> anyhow::Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the server is gone")? {
        let task = task?.path();
        // A thread may end between the listing and the reading.
        let Ok(name) = fs::read_to_string(task.join("comm")) else { continue };
        let Ok(schedstat) = fs::read_to_string(task.join("schedstat")) else { continue };
        if counts(&name) {
            sum += schedstat.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(sum)
}

/// Resident memory of a process.
pub(crate) fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Who runs where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    server: Option<usize>,
}

impl Cores {
    /// Keeps this process off the server's core, if it has one.
    pub(crate) fn split(server: Option<usize>) -> anyhow::Result<Self> {
        if let Some(core) = server {
            let cores = std::thread::available_parallelism()?.get();
            anyhow::ensure!(cores > 1, "--pin needs two cores: one for the server, one for the load");
            anyhow::ensure!(core < cores, "--pin {core}: there are {cores} cores, counted from 0");
            syscalls::run_on(&(0..cores).filter(|other| *other != core).collect::<Vec<_>>())?;
        }
        Ok(Self { server })
    }

    /// Starts our server on the server's core.
    pub(crate) fn start_server(self, config: ServerConfig) -> anyhow::Result<Server> {
        self.on_servers_core(move || Server::with(config))
    }

    /// Starts something on the server's core: a child inherits the cores of the thread that starts it.
    pub(crate) fn on_servers_core<T: Send + 'static>(
        self,
        start: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let Some(core) = self.server else { return Ok(start()) };
        let started = std::thread::spawn(move || {
            syscalls::run_on(&[core])?;
            anyhow::Ok(start())
        });
        started.join().map_err(|_| anyhow::anyhow!("the server does not start"))?
    }
}
