//! What all connections of a node share.

use crate::{
    Access, Config, Edges, Limits, Timing, clients::Clients, metrics::Metrics, room::Rooms,
    session::Sessions, watches::Watches,
};
use model::{NodeId, Owner};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The parts of a running node.
pub(crate) struct Context {
    pub(crate) node: NodeId,
    pub(crate) timing: Timing,
    pub(crate) limits: Limits,
    pub(crate) access: Access,
    pub(crate) clients: Arc<Clients>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) sessions: Sessions,
    /// The SFUs that are listened to.
    pub(crate) watches: Watches,
    pub(crate) metrics: Arc<Metrics>,
    /// Cancelled when the node takes nobody new any more.
    pub(crate) draining: CancellationToken,
    /// Cancelled when the node goes down.
    pub(crate) stop: CancellationToken,
    /// What a shutdown waits for.
    pub(crate) tasks: TaskTracker,
    /// The first connection number of this run.
    pub(crate) started: u64,
    next_connection: AtomicU64,
}

impl Context {
    pub(crate) fn new(config: &Config, edges: Edges) -> Arc<Self> {
        Self::numbered(config, edges, first_connection())
    }

    /// A run of the node whose first connection has this number.
    pub(crate) fn numbered(config: &Config, edges: Edges, started: u64) -> Arc<Self> {
        let metrics = Arc::new(Metrics::default());
        let clients = Arc::new(Clients::new(&config.dc, &edges, &metrics));
        Arc::new(Self {
            node: config.node.clone(),
            timing: config.timing,
            limits: config.limits,
            access: config.access.clone(),
            rooms: Rooms::new(config.node.clone(), edges.events, Arc::clone(&clients), Arc::clone(&metrics)),
            clients,
            sessions: Sessions::default(),
            watches: Watches::default(),
            metrics,
            stop: CancellationToken::new(),
            draining: CancellationToken::new(),
            tasks: TaskTracker::new(),
            started,
            next_connection: AtomicU64::new(started),
        })
    }

    /// Whether clients had better go elsewhere.
    pub(crate) fn takes_leave(&self) -> bool {
        self.draining.is_cancelled() || self.stop.is_cancelled()
    }

    /// The owner that a new connection's users get.
    pub(crate) fn new_owner(&self) -> Owner {
        let connection = self.next_connection.fetch_add(1, Ordering::Relaxed);
        Owner { signal: self.node.clone(), connection }
    }
}

/// Connections are numbered from the time in microseconds, so that a node
/// which was started again does not repeat a number.
fn first_connection() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX / 2)
}
