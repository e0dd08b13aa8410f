//! The operator's listener: is the process alive, can it do its job, what does it do, and shall it leave?
//!
//! - [`metrics`]: its numbers. [`profile`]: where its time goes. [`log_level`]: what it logs. [`rooms`]: what its store has.
//!   [`streams`]: what its SFU does. [`stranger`]: who may not ask.

mod answer;
pub(crate) mod log_level;
mod metrics;
mod profile;
pub(crate) mod rooms;
mod stranger;
pub(crate) mod streams;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use cluster::{Discovery, Role};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::numbers::Numbers;
use profile::Profiler;

/// Something without which the node cannot do its job.
#[derive(Clone)]
pub struct Need {
    what: &'static str,
    met: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Need {
    /// `met` is asked anew each time, and answers at once.
    pub fn new(what: &'static str, met: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { what, met: Arc::new(met) }
    }

    /// A node of this role that takes new work.
    pub(crate) fn of_role(role: Role, discovery: &dyn Discovery) -> Self {
        let nodes = discovery.watch(role);
        Self::new(role.as_str(), move || nodes.borrow().iter().any(|node| !node.draining))
    }
}

/// What the listener tells, and what it can be told.
#[derive(Clone)]
pub(crate) struct Ops {
    pub(crate) needs: Vec<Need>,
    /// The node takes nothing new.
    pub(crate) draining: CancellationToken,
    /// Cancelled when somebody asks the node to drain.
    pub(crate) drain_asked: CancellationToken,
    pub(crate) numbers: Numbers,
    /// The host, with or without a port, that the node is known by.
    pub(crate) host: Option<String>,
}

impl Ops {
    fn missing(&self) -> Vec<&'static str> {
        self.needs.iter().filter(|need| !(need.met)()).map(|need| need.what).collect()
    }
}

/// Opens the listener.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until the process ends; `more` is what only this node has.
pub(crate) async fn serve(listener: TcpListener, ops: Ops, more: axum::Router) {
    let host = Arc::new(ops.host.clone());
    let router = axum::Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/drain", post(drain))
        .route("/metrics", get(metrics::metrics))
        .route("/log-level", get(log_level::look).post(log_level::change))
        .with_state(ops)
        .merge(axum::Router::new().route("/profile", get(profile::profile)).with_state(Profiler::default()))
        .merge(more)
        .layer(from_fn_with_state(host, stranger::refuse));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the operator's listener ended");
    }
}

async fn ready(State(ops): State<Ops>) -> (StatusCode, String) {
    if ops.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n".into());
    }
    let missing = ops.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready, missing: {}\n", missing.join(", ")))
    }
}

async fn drain(State(ops): State<Ops>) -> (StatusCode, &'static str) {
    ops.drain_asked.cancel();
    (StatusCode::ACCEPTED, "draining\n")
}
