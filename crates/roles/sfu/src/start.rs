//! A whole SFU: started, described, announced, drained, and ended.

mod error;
mod threads;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cluster::{Discovery, DiscoveryError, NodeInfo, Role};
use media::{DtlsIdentity, Limits};
use metrics::{Depth, Pressure};
use model::ids::NodeId;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use rpc::channel::Dialer;
use rpc::metered::Metered;
use rpc::proto::sfu_server::SfuServer;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;

use crate::addresses;
use crate::directory::Directory;
use crate::events::{self, Hearers};
use crate::gauge;
use crate::load::Capacity;
use crate::mailbox::Command;
use crate::metrics::Metrics;
use crate::notices::Notices;
use crate::placement::Placement;
use crate::presence::Presence;
use crate::recorder::{self, RecordConfig, Recorder, RecorderStats};
use crate::registers::Registers;
use crate::reporter;
use crate::service::SfuService;
use crate::socket::MediaSocket;
use crate::stage::Life;
use crate::tcp::Door;
use crate::view::View;
use crate::worker::WorkerStats;
use crate::workers::{Recording, Workers};
pub use error::StartError;
use threads::{Threads, open_door, open_ports};

/// How long the workers have to say goodbye to their peers.
const STOP_TIME: Duration = Duration::from_secs(1);

/// How long the announcement is waited for. Where no register answers, it comes later by itself.
const ANNOUNCE_PATIENCE: Duration = Duration::from_secs(1);

/// How often a draining SFU looks whether everything has moved.
const DRAIN_LOOK: Duration = Duration::from_millis(50);

/// What telling a register of the end may take.
const FAREWELL: Duration = Duration::from_millis(300);

/// The settings of an SFU.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name in the cluster.
    pub id: NodeId,
    /// The data centre it is in.
    pub dc: Arc<str>,
    /// The addresses announced to clients; empty: those of the interfaces that are up.
    pub ips: Vec<IpAddr>,
    /// The UDP port of the first worker, worker n has `port + n`; 0: any free ones.
    pub port: u16,
    /// How clients get here whose networks let no UDP through; `None`: not at all.
    pub tcp: Option<TcpConfig>,
    /// How many workers, at least one.
    pub workers: usize,
    /// How long packets may wait for the rest of their video frame.
    pub coalesce: Duration,
    /// What estimation of each subscriber's bandwidth begins with; `None`: everybody gets everything.
    pub estimation: Option<media::Estimation>,
    /// From which part of its core on a worker sends new subscribers of its streams to another one.
    pub branch_at: f64,
    /// What each worker takes on.
    pub limits: Limits,
    /// What the node may send, in bits per second: full is where it does.
    pub bandwidth: u64,
    /// While it is high, no new streams and subscriptions are taken.
    pub pressure: Pressure,
    /// Where audio is recorded to, and when; `None`: it is not.
    pub record: Option<RecordConfig>,
}

/// The one TCP port of an SFU, and how much comes in by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpConfig {
    /// The port; 0: any free one.
    pub port: u16,
    /// How many connections there may be; others are closed at once.
    pub connections: usize,
    /// How many from one IPv4 address or IPv6 network of 64 bits. Loopback has no limit of its own.
    pub connections_per_address: usize,
}

/// A running SFU. Dropping it ends the workers, too, but does not wait for them.
#[derive(Debug)]
pub struct Sfu {
    workers: Arc<Workers>,
    threads: Threads,
    door: Option<Door>,
    tasks: Vec<AbortHandle>,
    candidates: Vec<Vec<SocketAddr>>,
    dc: Arc<str>,
    registers: Arc<Registers>,
    hold_now: Arc<Notify>,
    metrics: Metrics,
}

impl Sfu {
    /// Opens the ports and starts the workers. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Names the port that is in use, or whatever else is missing.
    pub fn start(config: &Config, discovery: &dyn Discovery, dialer: Dialer) -> Result<Self, StartError> {
        let sockets = open_ports(config)?;
        let listener = open_door(config)?;
        let ips = addresses::announced(&config.ips, sockets.iter().all(MediaSocket::has_ipv6))?;
        let dtls = Arc::new(DtlsIdentity::generate()?);
        let directory = Arc::new(Directory::new(sockets.len()));
        let (ends, ended) = events::ends();
        let notices = Notices::default();
        let hearers =
            Hearers { directory: Arc::clone(&directory), ends: ends.clone(), notices: notices.clone() };

        let recorder = config
            .record
            .as_ref()
            .map(|record| recorder::start(record, config.id.clone(), Arc::clone(&directory)))
            .transpose()?;
        let mut threads = Threads::default();
        let mut candidates = Vec::new();
        for (n, socket) in sockets.into_iter().enumerate() {
            let announced: Vec<_> = ips.iter().map(|ip| SocketAddr::new(*ip, socket.port())).collect();
            candidates.push(announced.clone());
            let media = media::Config {
                dtls: Arc::clone(&dtls),
                candidates: announced,
                tcp: listener.as_ref().map(|listener| media::Tcp {
                    candidates: ips.iter().map(|ip| SocketAddr::new(*ip, listener.port())).collect(),
                    worker: u16::try_from(n).unwrap_or(u16::MAX),
                }),
                coalesce: config.coalesce,
                estimation: config.estimation,
                limits: config.limits,
            };
            let tell = events::listener(n, hearers.clone());
            threads
                .add(format!("media-{n}"), socket, media, recorder.clone(), tell)
                .map_err(StartError::Worker)?;
        }

        let door = config.tcp.zip(listener).map(|(tcp, listener)| {
            Door::open(listener, tcp, threads.mailboxes.clone()).map_err(StartError::Worker)
        });
        let door = door.transpose()?;
        let (load, loads) = watch::channel(0);
        let workers = Arc::new(Workers {
            id: config.id.clone(),
            directory: Arc::clone(&directory),
            mailboxes: threads.mailboxes.clone(),
            life: Life::default(),
            load: loads,
            placement: Placement::new(config.branch_at, threads.mailboxes.len()),
            copies: Depth::default(),
            ends,
            notices,
            latest: Mutex::new(vec![WorkerStats::default(); threads.mailboxes.len()]),
            visitors: door.as_ref().map(|door| door.census().clone()),
            pressure: config.pressure.clone(),
            recording: Recording {
                by_default: config.record.as_ref().is_some_and(|record| record.enabled),
                recorder,
            },
        });
        let (id, dc) = (config.id.clone(), Arc::clone(&config.dc));
        let nodes = discovery.watch(Role::Register);
        let registers = Arc::new(Registers::new(id, microseconds(), dc, nodes, dialer));
        let hold_now = Arc::new(Notify::new());
        let hold = reporter::hold_streams(
            Arc::clone(&registers),
            directory,
            Arc::clone(&workers),
            Arc::clone(&hold_now),
        );
        let capacity = Capacity {
            workers: workers.mailboxes.len(),
            places: config.limits.transports.saturating_mul(workers.mailboxes.len()),
            bandwidth: config.bandwidth,
        };
        let tasks = vec![
            tokio::spawn(reporter::report_ends(Arc::clone(&registers), ended)).abort_handle(),
            tokio::spawn(hold).abort_handle(),
            tokio::spawn(gauge::measure(Arc::clone(&workers), capacity, load)).abort_handle(),
        ];
        let dc = Arc::clone(&config.dc);
        Ok(Self {
            workers,
            threads,
            door,
            tasks,
            candidates,
            dc,
            registers,
            hold_now,
            metrics: Metrics::default(),
        })
    }

    /// The gRPC service through which it is commanded.
    #[must_use]
    pub fn service(&self) -> Metered<SfuServer<SfuService>> {
        let service = rpc::server::sfu(SfuService::new(Arc::clone(&self.workers)));
        Metered::new(service, self.metrics.calls.clone())
    }

    /// Adds what this SFU counts to a registry, under names that begin with `sfu_`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry, &self.workers);
    }

    /// What each worker announces to its clients.
    #[must_use]
    pub fn candidates(&self) -> &[Vec<SocketAddr>] {
        &self.candidates
    }

    /// The numbers of each worker, in order; those of one that gives no answer are left out.
    pub async fn stats(&self) -> Vec<WorkerStats> {
        let mut all = Vec::new();
        for mailbox in &self.threads.mailboxes {
            all.extend(mailbox.ask(|reply| Command::Stats { reply }).await.ok());
        }
        all
    }

    /// What an operator can see of its streams.
    #[must_use]
    pub fn view(&self) -> View {
        View::new(Arc::clone(&self.workers))
    }

    /// The numbers of the recorder; `None`: there is none.
    #[must_use]
    pub fn recorder_stats(&self) -> Option<RecorderStats> {
        self.workers.recording.recorder.as_ref().map(Recorder::stats)
    }

    /// Has the rooms cleared of what they say of an earlier run, then tells discovery that it is here, and how
    /// loaded, and the registers that it is alive, until it is shut down. It takes streams from then on. Where
    /// no register answers for a second, this returns, and the rest follows when one does.
    /// To be called once, when its service can be reached at the address.
    ///
    /// # Errors
    /// Where the first announcement did not get through.
    pub async fn announce(
        &mut self,
        discovery: &Arc<dyn Discovery>,
        address: &str,
    ) -> Result<(), DiscoveryError> {
        let node = NodeInfo {
            id: self.workers.id.clone(),
            dc: Arc::clone(&self.dc),
            role: Role::Sfu,
            address: address.into(),
            load: 0.0,
            draining: false,
        };
        let presence = Presence {
            registers: Arc::clone(&self.registers),
            workers: Arc::clone(&self.workers),
            load: self.workers.load.clone(),
            hold_now: Arc::clone(&self.hold_now),
        };
        let (waiting, announced) = oneshot::channel();
        let task = tokio::spawn(presence.run(Arc::clone(discovery), node, waiting));
        self.tasks.push(task.abort_handle());
        match tokio::time::timeout(ANNOUNCE_PATIENCE, announced).await {
            Ok(Ok(result)) => result,
            _ => Ok(()),
        }
    }

    /// Whether it takes no new streams any more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.workers.life.is_draining()
    }

    /// Takes no new streams and says so to discovery. The streams that are here go on, and can be subscribed
    /// to, until they have moved. Returns when neither streams nor subscriptions are left, or after
    /// `patience`; [`Sfu::shutdown`] comes next.
    pub async fn drain(&self, patience: Duration) {
        self.workers.life.drain();
        let empty = async {
            while self.workers.directory.counts() != (0, 0) {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        if tokio::time::timeout(patience, empty).await.is_err() {
            let (streams, subscriptions) = self.workers.directory.counts();
            tracing::info!(streams, subscriptions, "not everything has moved elsewhere in time");
        }
    }

    /// Takes nothing new, says goodbye to all peers and to the registers, and ends the workers, within a
    /// second; then completes the recordings, within another.
    pub async fn shutdown(mut self) {
        self.workers.life.drain();
        self.workers.notices.close();
        // No beat may come after the farewell, and the announcement goes with its task.
        for task in self.tasks.drain(..) {
            task.abort();
        }
        drop(self.door.take());
        self.threads.stop();
        tokio::join!(self.say_farewell(), self.see_workers_end());
        self.see_recordings_end().await;
    }

    /// What the workers recorded is complete when they have ended.
    async fn see_recordings_end(&self) {
        let Some(recorder) = &self.workers.recording.recorder else { return };
        recorder.stop();
        let deadline = Instant::now() + STOP_TIME;
        while !recorder.is_finished() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !recorder.is_finished() {
            tracing::warn!("not all recordings could be completed in time; the next start does that");
        }
    }

    async fn say_farewell(&self) {
        match tokio::time::timeout(FAREWELL, self.registers.node_stopped()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "no register heard that this SFU ends"),
            Err(_) => tracing::debug!("no register has heard in time that this SFU ends"),
        }
    }

    async fn see_workers_end(&self) {
        let deadline = Instant::now() + STOP_TIME;
        while !self.threads.all_finished() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !self.threads.all_finished() {
            tracing::error!("a bug: a media worker did not end in time");
        }
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Now, in microseconds since 1970: later runs have higher numbers.
fn microseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
