//! What the system says of this process, and tokio of its runtime, at the moment of looking.

use std::fmt;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;

/// Adds the process, under the names that all programs use.
pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

/// Adds the runtime, where there is one.
pub(super) fn register_runtime(registry: &mut Registry) {
    if let Ok(handle) = Handle::try_current() {
        registry.register_collector(Box::new(Runtime(handle)));
    }
}

/// Writes one metric. What cannot be found out is left out.
fn write(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<&Unit>),
    metric: Option<impl EncodeMetric>,
) -> fmt::Result {
    let Some(metric) = metric else { return Ok(()) };
    metric.encode(encoder.encode_descriptor(name, help, unit, metric.metric_type())?)
}

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (to, seconds, bytes) = (&mut encoder, Some(&Unit::Seconds), Some(&Unit::Bytes));
        let about = ("process_cpu", "Processor time used, by user and system.", seconds);
        write(to, about, Some(ConstCounter::new(cpu_seconds())))?;
        let about = ("process_start_time", "When the process started, in seconds since 1970.", seconds);
        write(to, about, start_time().map(ConstGauge::new))?;
        let about = ("process_resident_memory", "Memory that the process has in RAM.", bytes);
        write(to, about, resident_bytes().map(ConstGauge::new))?;
        let about = ("process_open_fds", "Open file descriptors.", None);
        write(to, about, open_fds().map(ConstGauge::new))?;
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.and_then(|limit| i64::try_from(limit).ok());
        let about = ("process_max_fds", "File descriptors that may be open.", None);
        write(to, about, limit.map(ConstGauge::new))
    }
}

fn cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default().as_secs_f64()
}

fn resident_bytes() -> Option<i64> {
    i64::try_from(crate::memory::resident()?).ok()
}

fn open_fds() -> Option<i64> {
    // One of them is that of the folder itself.
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    i64::try_from(open).ok()
}

fn start_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name, which may have spaces and brackets. The 22nd is the start.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: f64 = fields.split_ascii_whitespace().nth(22 - 3)?.parse().ok()?;
    Some(boot_time()? + ticks / rustix::param::clock_ticks_per_second() as f64)
}

/// Now, less the time since. `/proc/stat` says it too, but is hidden where a service sees processes alone.
fn boot_time() -> Option<f64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let up = Duration::try_from(clock_gettime(ClockId::Boottime)).ok()?;
    Some(now.checked_sub(up)?.as_secs_f64())
}

#[derive(Debug)]
struct Runtime(Handle);

impl Collector for Runtime {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let metrics = self.0.metrics();
        let gauge = |number: usize| i64::try_from(number).ok().map(ConstGauge::new);
        let about = ("tokio_workers", "Threads that run tasks.", None);
        write(&mut encoder, about, gauge(metrics.num_workers()))?;
        let about = ("tokio_alive_tasks", "Tasks that have not ended.", None);
        write(&mut encoder, about, gauge(metrics.num_alive_tasks()))?;
        let about = ("tokio_global_queue_depth", "Tasks that wait for any thread.", None);
        write(&mut encoder, about, gauge(metrics.global_queue_depth()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_as_it_is() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let started = start_time().unwrap();
        assert!(started <= now + 1.0 && started > now - 3600.0, "{started} {now}");
        assert!(resident_bytes().unwrap() > 1_000_000);
        let before = cpu_seconds();
        let mut busy = 0u64;
        while cpu_seconds() - before < 0.01 {
            busy = std::hint::black_box(busy.wrapping_add(1));
        }
        let open = open_fds().unwrap();
        let _files: Vec<_> = (0..100).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        assert!(open_fds().unwrap() >= open + 50, "other tests open and close some at the same time");
    }
}
