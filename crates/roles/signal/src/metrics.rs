//! What a signalling node counts.

use crate::session::Closing;
use metrics::{Calls, Counts};
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use rpc::metered::{REGISTER_METHODS, SFU_METHODS};
use std::sync::Arc;

/// Why a connection was refused, as its metric names it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// As many connections as there may be are open.
    Full,
    /// So are as many as one address may have.
    Address,
    /// Memory is short.
    Memory,
    /// It had not sent its request when others wanted its place.
    HalfOpen,
    /// TLS did not come about, or not in time.
    Tls,
    /// The node takes nobody new.
    Draining,
    /// The page is of another origin.
    Origin,
    /// No uid, or one that is none.
    Uid,
    /// No token, or one that does not let this user in.
    Token,
    /// No WebSocket was asked for, or none came about.
    Upgrade,
}

impl Refused {
    const ALL: [Self; 10] = [
        Self::Full,
        Self::Address,
        Self::Memory,
        Self::HalfOpen,
        Self::Tls,
        Self::Draining,
        Self::Origin,
        Self::Uid,
        Self::Token,
        Self::Upgrade,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::Memory => "memory",
            Self::HalfOpen => "half_open",
            Self::Tls => "tls",
            Self::Draining => "draining",
            Self::Origin => "origin",
            Self::Uid => "uid",
            Self::Token => "token",
            Self::Upgrade => "upgrade",
        }
    }
}

/// What asking a register for missed events brought, as its metric names it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CatchUp {
    /// Nothing was missing.
    Nothing,
    /// The events that were missing.
    Events,
    /// They were not to be had any more: the room as it is.
    Snapshot,
    /// No answer.
    Failed,
}

impl CatchUp {
    const ALL: [Self; 4] = [Self::Nothing, Self::Events, Self::Snapshot, Self::Failed];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Events => "events",
            Self::Snapshot => "snapshot",
            Self::Failed => "failed",
        }
    }
}

/// Counts a connection while it is open.
pub(crate) struct Connected(Arc<Metrics>);

impl Connected {
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.accepted.inc();
        metrics.connections.inc();
        Self(Arc::clone(metrics))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// The numbers of one node, shared by all its parts.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// What clients ask.
    pub(crate) requests: Calls,
    /// What this node asks registers, attempt by attempt.
    pub(crate) register_calls: Calls,
    /// What this node asks SFUs, attempt by attempt.
    pub(crate) sfu_calls: Calls,
    /// Sessions that are open.
    connections: Gauge,
    accepted: Counter,
    /// Rooms that are known here, because somebody here is in them or about to be.
    pub(crate) rooms: Gauge,
    /// Who is in them: a client counts once for each of its rooms.
    pub(crate) users: Gauge,
    pub(crate) notifications: Counter,
    /// What waits for clients to read it.
    pub(crate) queued_messages: Gauge,
    pub(crate) queued_bytes: Gauge,
    /// Clients whose queue was full: their connections end.
    pub(crate) overflows: Counter,
    /// Connections that the system did not let us accept.
    pub(crate) accepts_failed: Counter,
    /// Messages that were thrown away because their client did not read.
    pub(crate) dropped: Counter,
    refused: Counts,
    closes: Counts,
    catch_ups: Counts,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Calls::new("method", crate::method::NAMES),
            register_calls: Calls::new("method", REGISTER_METHODS),
            sfu_calls: Calls::new("method", SFU_METHODS),
            connections: Gauge::default(),
            accepted: Counter::default(),
            rooms: Gauge::default(),
            users: Gauge::default(),
            notifications: Counter::default(),
            queued_messages: Gauge::default(),
            queued_bytes: Gauge::default(),
            overflows: Counter::default(),
            accepts_failed: Counter::default(),
            dropped: Counter::default(),
            refused: Counts::new("reason", Refused::ALL.map(Refused::name)),
            closes: Counts::new("code", Closing::ALL.map(|closing| closing.code.to_string())),
            catch_ups: Counts::new("result", CatchUp::ALL.map(CatchUp::name)),
        }
    }
}

impl Metrics {
    pub(crate) fn refused(&self, why: Refused) {
        self.refused.add(why.name());
    }

    pub(crate) fn closed(&self, closing: Closing) {
        self.closes.add(closing.code.to_string());
    }

    pub(crate) fn caught_up(&self, with: CatchUp) {
        self.catch_ups.add(with.name());
    }

    /// Adds all of them to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.requests.register(registry, "signal_request", "Requests of clients");
        self.register_calls.register(registry, "signal_register_call", "Calls to registers");
        self.sfu_calls.register(registry, "signal_sfu_call", "Calls to SFUs");
        self.register_connections(registry);
        self.register_rooms(registry);
    }

    fn register_connections(&self, registry: &mut Registry) {
        let help = "Times that nobody could be accepted: too few file descriptors, mostly";
        registry.register("signal_accepts_failed", help, self.accepts_failed.clone());
        let help = "WebSocket connections that are open";
        registry.register("signal_connections", help, self.connections.clone());
        let help = "WebSocket connections that were opened";
        registry.register("signal_connections_accepted", help, self.accepted.clone());
        self.refused.register(registry, "signal_connections_refused", "Connections refused, by reason");
        self.closes.register(registry, "signal_closes", "WebSocket connections that ended, by close code");
        let help = "Notifications put into clients' queues";
        registry.register("signal_notifications", help, self.notifications.clone());
        let help = "Messages thrown away because their client did not read";
        registry.register("signal_messages_dropped", help, self.dropped.clone());
        self.register_queues(registry);
    }

    fn register_queues(&self, registry: &mut Registry) {
        let help = "Messages that wait in clients' queues";
        registry.register("signal_queued_messages", help, self.queued_messages.clone());
        let help = "Bytes of messages that wait in clients' queues";
        registry.register("signal_queued_bytes", help, self.queued_bytes.clone());
        let help = "Connections that end because their queue was full";
        registry.register("signal_queue_overflows", help, self.overflows.clone());
    }

    fn register_rooms(&self, registry: &mut Registry) {
        registry.register("signal_rooms", "Rooms with users of this node", self.rooms.clone());
        let help = "Users in rooms through this node, once for each of their rooms";
        registry.register("signal_users", help, self.users.clone());
        let help = "Times that a register was asked for events a room may have missed, by what that brought";
        self.catch_ups.register(registry, "signal_catch_ups", help);
    }
}
