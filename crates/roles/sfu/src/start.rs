//! A whole SFU: started, described, announced, and ended.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cluster::{Discovery, DiscoveryError, Lease, NodeInfo, Role};
use media::{DtlsIdentity, IdentityError, Limits};
use model::ids::NodeId;
use rpc::channel::Dialer;
use rpc::proto::sfu_server::SfuServer;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::addresses::{self, AddressError};
use crate::directory::Directory;
use crate::events::{self, ENDED_STREAMS};
use crate::mailbox::{Command, Mailbox, mailbox};
use crate::registers::Registers;
use crate::reporter;
use crate::service::{SfuService, Workers};
use crate::socket::MediaSocket;
use crate::worker::{self, Happening, WorkerStats};

/// How long the workers have to say goodbye to their peers.
const STOP_TIME: Duration = Duration::from_secs(1);

/// How often the load that others see is brought up to date.
const LOAD_INTERVAL: Duration = Duration::from_secs(1);

/// The settings of an SFU.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name in the cluster.
    pub id: NodeId,
    /// The addresses announced to clients; empty: those of the interfaces that are up.
    pub ips: Vec<IpAddr>,
    /// The UDP port of the first worker, worker n has `port + n`; 0: any free ones.
    pub port: u16,
    /// How many workers, at least one.
    pub workers: usize,
    /// What each worker takes on.
    pub limits: Limits,
}

/// Why an SFU did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has the port.
    #[error(
        "UDP port {port} is in use by another program (sfu.port is that of the first of {workers} workers)"
    )]
    PortInUse {
        /// Which one.
        port: u16,
        /// How many workers there are to be.
        workers: usize,
    },
    /// A worker's socket could not be opened.
    #[error("cannot open UDP port {port}: {source}")]
    Socket {
        /// Which one.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The ports go beyond the last one.
    #[error("sfu.port {port} leaves no room for {workers} workers below 65536")]
    PortRange {
        /// The first port.
        port: u16,
        /// How many workers there are to be.
        workers: usize,
    },
    /// Nothing to announce.
    #[error(transparent)]
    Addresses(#[from] AddressError),
    /// No certificate could be made.
    #[error("cannot make the DTLS certificate: {0}")]
    Identity(#[from] IdentityError),
    /// No thread or event descriptor could be made.
    #[error("cannot start a media worker: {0}")]
    Worker(#[source] io::Error),
}

/// A running SFU. Dropping it ends the workers, too, but does not wait for them.
#[derive(Debug)]
pub struct Sfu {
    workers: Arc<Workers>,
    threads: Threads,
    tasks: Vec<AbortHandle>,
    candidates: Vec<Vec<SocketAddr>>,
    // Streams and subscriptions that all workers together may have.
    capacity: usize,
}

impl Sfu {
    /// Opens the ports and starts the workers. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Names the port that is in use, or whatever else is missing.
    pub fn start(config: &Config, discovery: &dyn Discovery, dialer: Dialer) -> Result<Self, StartError> {
        let sockets = open_ports(config)?;
        let ips = addresses::announced(&config.ips, sockets.iter().all(MediaSocket::has_ipv6))?;
        let dtls = Arc::new(DtlsIdentity::generate()?);
        let directory = Arc::new(Directory::new(sockets.len()));
        let (ended, ends) = mpsc::channel(ENDED_STREAMS);

        let mut threads = Threads::default();
        let mut candidates = Vec::new();
        for (n, socket) in sockets.into_iter().enumerate() {
            let announced: Vec<_> = ips.iter().map(|ip| SocketAddr::new(*ip, socket.port())).collect();
            candidates.push(announced.clone());
            let media =
                media::Config { dtls: Arc::clone(&dtls), candidates: announced, limits: config.limits };
            let tell = events::listener(n, Arc::clone(&directory), ended.clone());
            threads.add(format!("media-{n}"), socket, media, tell).map_err(StartError::Worker)?;
        }

        let workers = Arc::new(Workers {
            id: config.id.clone(),
            directory: Arc::clone(&directory),
            mailboxes: threads.mailboxes.clone(),
            draining: AtomicBool::new(false),
        });
        let nodes = discovery.watch(Role::Register);
        let register = Arc::new(Registers { sfu: config.id.clone(), nodes, dialer });
        let tasks = vec![
            tokio::spawn(reporter::report_ends(Arc::clone(&register), ends)).abort_handle(),
            tokio::spawn(reporter::hold_streams(register, directory, Arc::clone(&workers))).abort_handle(),
        ];
        let capacity = config.limits.transports.saturating_mul(config.workers);
        Ok(Self { workers, threads, tasks, candidates, capacity })
    }

    /// The gRPC service through which it is commanded.
    #[must_use]
    pub fn service(&self) -> SfuServer<SfuService> {
        rpc::server::sfu(SfuService::new(Arc::clone(&self.workers)))
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

    /// Tells discovery that it is here, and how loaded, until it is shut down.
    /// To be called once its service can be reached at the address.
    ///
    /// # Errors
    /// Where the first announcement did not get through.
    pub async fn announce(
        &mut self,
        discovery: &dyn Discovery,
        dc: &str,
        address: &str,
    ) -> Result<(), DiscoveryError> {
        let node = NodeInfo {
            id: self.workers.id.clone(),
            dc: dc.into(),
            role: Role::Sfu,
            address: address.into(),
            load: 0.0,
            draining: false,
        };
        let lease = discovery.register(node).await?;
        let task = tokio::spawn(update_load(lease, Arc::clone(&self.workers), self.capacity));
        self.tasks.push(task.abort_handle());
        Ok(())
    }

    /// Takes nothing new, says goodbye to all peers and ends the workers, within a second.
    pub async fn shutdown(mut self) {
        self.workers.draining.store(true, Ordering::Relaxed);
        for task in self.tasks.drain(..) {
            task.abort();
        }
        self.threads.stop();
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

/// The workers' threads. Dropping it tells them to end.
#[derive(Debug, Default)]
struct Threads {
    mailboxes: Vec<Mailbox>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    fn add(
        &mut self,
        name: String,
        socket: MediaSocket,
        config: media::Config,
        tell: impl FnMut(Happening) + Send + 'static,
    ) -> io::Result<()> {
        let (mailbox, inbox) = mailbox()?;
        self.handles.push(worker::start(name, socket, config, inbox, tell)?);
        self.mailboxes.push(mailbox);
        Ok(())
    }

    fn stop(&self) {
        for mailbox in &self.mailboxes {
            mailbox.stop();
        }
    }

    fn all_finished(&self) -> bool {
        self.handles.iter().all(JoinHandle::is_finished)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open_ports(config: &Config) -> Result<Vec<MediaSocket>, StartError> {
    let workers = config.workers.max(1);
    (0..workers).map(|n| open_port(config.port, n, workers)).collect()
}

/// The port of worker n.
fn open_port(first: u16, n: usize, workers: usize) -> Result<MediaSocket, StartError> {
    let beyond = StartError::PortRange { port: first, workers };
    let port = match first {
        0 => 0,
        _ => u16::try_from(n).ok().and_then(|n| first.checked_add(n)).ok_or(beyond)?,
    };
    MediaSocket::bind(port).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { port, workers },
        _ => StartError::Socket { port, source },
    })
}

/// Keeps the lease, and what it says, until it is aborted.
async fn update_load(lease: Lease, workers: Arc<Workers>, capacity: usize) {
    let mut ticks = tokio::time::interval(LOAD_INTERVAL);
    let mut told = None;
    loop {
        ticks.tick().await;
        let (streams, subscriptions) = workers.directory.counts();
        // In hundredths, so that not every stream is news to the whole cluster.
        let load = ((streams + subscriptions) * 100 / capacity.max(1)).min(100) as u8;
        let draining = workers.draining.load(Ordering::Relaxed);
        if told != Some((load, draining)) {
            lease.update(f32::from(load) / 100.0, draining);
            told = Some((load, draining));
        }
    }
}

#[cfg(test)]
mod tests;
