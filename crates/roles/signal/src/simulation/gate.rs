//! What stops calls on their way for a while, before they are done or before they are answered: a process
//! that stands still, a network that is cut.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::watch;
use tower::{Layer, Service};

/// Open unless somebody keeps it shut.
#[derive(Clone)]
pub(super) struct Gate(Arc<watch::Sender<usize>>);

/// Keeps a gate shut until it is dropped.
pub(super) struct Shut(Gate);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Gate {
    pub(super) fn shut(&self) -> Shut {
        self.0.send_modify(|shut| *shut += 1);
        Shut(self.clone())
    }

    pub(super) fn is_shut(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until it is open.
    pub(super) async fn pass(&self) {
        if self.is_shut() {
            let mut shut = self.0.subscribe();
            drop(shut.wait_for(|shut| *shut == 0).await);
        }
    }
}

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.0.send_modify(|shut| *shut -= 1);
    }
}

/// Puts gates in front of a service and behind it.
#[derive(Clone)]
pub(super) struct Gates(pub(super) [Gate; 2]);

#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    gates: [Gate; 2],
}

impl<S> Layer<S> for Gates {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gates: self.0.clone() }
    }
}

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let another = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, another);
        let gates = self.gates.clone();
        Box::pin(async move {
            for gate in &gates {
                gate.pass().await;
            }
            let response = inner.call(request).await;
            for gate in &gates {
                gate.pass().await;
            }
            response
        })
    }
}
