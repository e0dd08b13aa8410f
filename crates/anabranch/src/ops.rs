//! The operator's listener: is the process alive, and can it take calls?

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use cluster::{Discovery, NodeInfo, Role};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What has to be there before calls can be made.
const NEEDED: [Role; 3] = [Role::Register, Role::Sfu, Role::Signal];

/// Tells whether all roles are there.
#[derive(Debug, Clone)]
struct Readiness {
    nodes: [watch::Receiver<Arc<[NodeInfo]>>; 3],
    shutdown: CancellationToken,
}

impl Readiness {
    fn missing(&self) -> Vec<&'static str> {
        let there =
            |nodes: &watch::Receiver<Arc<[NodeInfo]>>| nodes.borrow().iter().any(|node| !node.draining);
        let roles = NEEDED.iter().zip(&self.nodes);
        let mut missing: Vec<_> =
            roles.filter(|(_, nodes)| !there(nodes)).map(|(role, _)| role.as_str()).collect();
        if self.shutdown.is_cancelled() {
            missing.push("nothing (shutting down)");
        }
        missing
    }
}

/// Opens the listener.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves `/healthz` and `/readyz` until the process ends.
pub(crate) async fn serve(listener: TcpListener, discovery: Arc<dyn Discovery>, shutdown: CancellationToken) {
    let readiness = Readiness { nodes: NEEDED.map(|role| discovery.watch(role)), shutdown };
    let router = axum::Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .with_state(readiness);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the operator's listener ended");
    }
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let missing = readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready, missing: {}\n", missing.join(", ")))
    }
}
