//! Many recordings at once: what they cost beside the same streams without.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use peer::media::TrackKind;
use peer::{MediaThread, Peer, Publisher, PublisherConfig, Server, ServerConfig};

use crate::{Effort, process};

/// What the server needed.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) streams: usize,
    /// Of one core, while the streams came and nothing was recorded.
    pub(crate) without: f64,
    /// The same, recorded.
    pub(crate) with: f64,
    pub(crate) bytes_per_second: f64,
    /// Packets that found no room on their way to the disk.
    pub(crate) dropped: u64,
}

/// A folder that goes with the measurement.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Somebody who talks.
struct Speaker {
    _microphone: Publisher,
    _peer: Peer,
}

pub(crate) async fn measure(
    start: impl Fn(ServerConfig) -> anyhow::Result<Server>,
    config: impl Fn() -> ServerConfig,
    effort: Effort,
) -> anyhow::Result<Recording> {
    let folder = Folder(std::env::temp_dir().join(format!("anabranch-bench-{}", peer::unique())));
    let plain = start(config())?;
    let (without, _) = load(&plain, &folder.0, effort).await?;
    plain.stop();
    let dir = folder.0.to_string_lossy().into_owned();
    let recording = start(config().set("record.enabled", "true").set("record.dir", &format!("{dir:?}")))?;
    let (with, bytes_per_second) = load(&recording, &folder.0, effort).await?;
    let dropped = dropped(&recording)?;
    recording.stop();
    Ok(Recording { streams: effort.recordings, without, with, bytes_per_second, dropped })
}

/// The load of the server, of one core, and what grows in the folder, while all talk.
async fn load(server: &Server, folder: &Path, effort: Effort) -> anyhow::Result<(f64, f64)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores).map(|_| MediaThread::start()).collect();
    let mut speakers = Vec::new();
    for number in 0..effort.recordings {
        let thread = threads.get(number % cores).context("a thread per core")?;
        speakers.push(speak(server, thread, number).await?);
    }
    tokio::time::sleep(effort.warm_up).await;
    let (since, cpu, bytes) = (Instant::now(), process::cpu_nanos(server.pid())?, size(folder));
    tokio::time::sleep(effort.window).await;
    let seconds = since.elapsed().as_secs_f64();
    let cpu = (process::cpu_nanos(server.pid())? - cpu) as f64 / 1e9;
    Ok((cpu / seconds, (size(folder) - bytes) as f64 / seconds))
}

async fn speak(server: &Server, thread: &MediaThread, number: usize) -> anyhow::Result<Speaker> {
    let rid = format!("bench {}", number / 10);
    let peer = Peer::connect(server.ws_url(), &format!("speaker {number}")).await;
    peer.join(&rid).await;
    let config = PublisherConfig { tracks: vec![TrackKind::Audio], ..PublisherConfig::default() };
    let mut microphone = Publisher::new(thread, &config);
    peer.publish(&rid, &mut microphone).await.context("the stream is refused")?;
    microphone.connected().await;
    Ok(Speaker { _microphone: microphone, _peer: peer })
}

/// Of all files below a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

fn dropped(server: &Server) -> anyhow::Result<u64> {
    let page = peer::server::get(server.ops_address(), "/metrics")?.body;
    let name = "anabranch_sfu_recording_dropped_packets_total ";
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.context("the number is not there")?.trim().parse()?)
}
