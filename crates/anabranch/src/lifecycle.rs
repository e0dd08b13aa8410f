//! A node's life after its start: until somebody ends it, and how.

use std::time::Duration;

use async_trait::async_trait;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// How long an orderly end may take in all, with the last log records and spans. It has to be over 5 s after the signal,
/// and an output that takes nothing costs half a second more.
const END: Duration = Duration::from_millis(4400);

/// What of it is not the node's, but kept for threads that are still busy, and for those records.
const LAST_WORDS: Duration = Duration::from_millis(1100);

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

/// Runs a node until a signal or its operator ends it. A second signal ends it at once. Answers when the process has to
/// have ended.
pub(crate) async fn run(
    node: Box<dyn Node>,
    mut signals: EndSignals,
    drain_timeout: Duration,
) -> std::time::Instant {
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
    let deadline = Instant::now() + END;
    if tokio::time::timeout_at(deadline - LAST_WORDS, node.shutdown()).await.is_err() {
        tracing::warn!("not everything could be ended in time");
    }
    deadline.into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends when it is asked, in principle.
    struct Stuck;

    #[async_trait]
    impl Node for Stuck {
        fn greeting(&self) -> String {
            String::new()
        }

        fn drains(&self) -> bool {
            true
        }

        async fn drain_asked(&self) {}

        async fn drain(&self, _patience: Duration) {}

        async fn shutdown(self: Box<Self>) {
            std::future::pending::<()>().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_does_not_end_leaves_time_for_the_last_words() {
        let began = Instant::now();
        let deadline = run(Box::new(Stuck), EndSignals::listen().unwrap(), Duration::ZERO).await;
        // Its clock is a virtual one, which goes in milliseconds.
        let (left, tick) = (deadline - Instant::now().into_std(), Duration::from_millis(1));
        assert!(left <= LAST_WORDS && left + tick >= LAST_WORDS, "{left:?}");
        assert_eq!(deadline, began.into_std() + END);
        assert!(END < Duration::from_secs(5));
    }
}
