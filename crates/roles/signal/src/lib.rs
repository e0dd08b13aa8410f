//! Terminates client connections and speaks protoo with them.
//!
//! The role holds no truth: only which of its own clients is in which room.
//! - [`server`]: TCP, TLS and HTTP up to the WebSocket.
//! - [`access`]: who may come in, and what they may do.
//! - [`session`]: one connection: what comes in, what goes out, how it ends.
//! - [`method`]: one file for each request of the protocol.
//! - [`room`]: hands a room's events to those of its members who are connected here.
//! - [`clients`]: speaks to the registers and the SFUs.
//! - [`keeper`]: tells the register who is still there, and that the node is.
//! - [`drain`]: sends clients elsewhere, when this node or the SFU of their stream is to end.
//! - [`admin`]: what whoever runs the rooms may see and do, with a token.
//! - [`watches`]: hears from the SFUs what happens to the media of this node's clients.
//! - [`service`]: what operators may ask of this node; [`metrics`]: what it counts.

mod access;
mod admin;
mod clients;
mod config;
mod context;
mod drain;
mod keeper;
mod lists;
mod method;
mod metrics;
mod notice;
mod refusal;
mod room;
mod server;
mod service;
mod session;
#[cfg(test)]
mod simulation;
mod watches;

pub use access::Access;
pub use admin::AdminService;
pub use config::{Config, Edges, Limits, Timing, Tls};
pub use server::StartError;
pub use service::SignalService;

use context::Context;
use prometheus_client::registry::Registry;
use server::Server;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::Instant;

/// What telling the registers of the node's end may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// A running signalling node.
///
/// Dropping it ends it without a word to anybody; [`Signal::shutdown`] takes leave.
pub struct Signal {
    context: Arc<Context>,
    server: Server,
}

impl Signal {
    /// Binds the listener and serves clients from now on; `pages` answers
    /// everything but `/ws`. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// Says which file or address cannot be used, and why.
    pub async fn start(config: Config, edges: Edges, pages: axum::Router) -> Result<Self, StartError> {
        let context = Context::new(&config, edges);
        let server = Server::start(&config, Arc::clone(&context), pages).await?;
        context.tasks.spawn(keeper::run(Arc::clone(&context)));
        context.tasks.spawn(keeper::beat(Arc::clone(&context)));
        context.tasks.spawn(drain::move_streams(Arc::clone(&context)));
        context.tasks.spawn(watches::run(Arc::clone(&context)));
        Ok(Self { context, server })
    }

    /// Where clients connect: the port that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many clients are connected now.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.context.sessions.len()
    }

    /// Adds what this node counts to a registry, under names that begin with `signal_`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.context.metrics.register(registry);
    }

    /// The gRPC service of this node, for `rpc::server::signal`.
    #[must_use]
    pub fn service(&self) -> SignalService {
        SignalService::new(Arc::clone(&self.context))
    }

    /// The gRPC service of whoever administrates rooms, for `rpc::server::admin`.
    #[must_use]
    pub fn admin_service(&self) -> AdminService {
        AdminService::new(Arc::clone(&self.context))
    }

    /// Takes nobody new and asks the clients to go elsewhere. Returns when all have gone, or after
    /// `patience`; [`Signal::shutdown`] comes next.
    pub async fn drain(&self, patience: Duration) {
        self.context.draining.cancel();
        if tokio::time::timeout(patience, drain::send_away(&self.context, patience)).await.is_err() {
            tracing::info!(left = self.sessions(), "not every client has gone elsewhere in time");
        }
    }

    /// Takes nobody new, closes every connection with 1001, and takes their
    /// users out of their rooms. Returns when all that is done, or after `patience`.
    pub async fn shutdown(self, patience: Duration) {
        self.context.stop.cancel();
        self.context.tasks.close();
        if tokio::time::timeout(patience, self.context.tasks.wait()).await.is_err() {
            tracing::info!(left = self.context.tasks.len(), "not every connection could be closed in time");
        }
        let farewell = Instant::now() + FAREWELL;
        let stopped = self.context.clients.stopped(farewell, &self.context.node, self.context.started).await;
        if let Err(refusal) = stopped {
            tracing::debug!(%refusal, "no register heard that this node ends");
        }
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        self.context.stop.cancel();
    }
}
