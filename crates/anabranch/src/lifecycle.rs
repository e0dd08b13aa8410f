//! A node's life after its start: until somebody ends it, and how.

use std::time::Duration;

use async_trait::async_trait;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long an orderly end may take. It has to be over 5 s after the signal.
const PATIENCE: Duration = Duration::from_secs(4);

/// A running program, whatever its role.
#[async_trait]
pub trait Node: Send + Sync {
    /// One line that says where to go.
    fn greeting(&self) -> String;

    /// Whether it drains before it ends on SIGTERM.
    fn drains(&self) -> bool;

    /// Waits until somebody asks the operator's listener for a drain.
    async fn drain_asked(&self);

    /// Takes nothing new, sends its clients and streams elsewhere, and returns when the last has gone, or after
    /// `patience`.
    async fn drain(&self, patience: Duration);

    /// Ends everything in order.
    async fn shutdown(self: Box<Self>);
}

/// The signals that end a process.
pub(crate) struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

/// Which signal came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndSignal {
    Terminate,
    Interrupt,
}

impl EndSignals {
    /// Listens from now on.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> EndSignal {
        tokio::select! {
            _ = self.terminate.recv() => EndSignal::Terminate,
            _ = self.interrupt.recv() => EndSignal::Interrupt,
        }
    }
}

/// Runs a node until a signal or its operator ends it. A second signal ends it at once.
pub(crate) async fn run(node: Box<dyn Node>, mut signals: EndSignals, drain_timeout: Duration) {
    let drains = tokio::select! {
        signal = signals.next() => {
            tracing::info!(?signal, "asked to end");
            signal == EndSignal::Terminate && node.drains()
        }
        () = node.drain_asked() => true,
    };
    if drains {
        tracing::info!(seconds = drain_timeout.as_secs(), "draining");
        tokio::select! {
            () = node.drain(drain_timeout) => {}
            signal = signals.next() => tracing::info!(?signal, "asked to end at once"),
        }
    }
    tracing::info!("shutting down");
    if tokio::time::timeout(PATIENCE, node.shutdown()).await.is_err() {
        tracing::warn!("not everything could be ended in time");
    }
}
