//! Speaks to the registers and the SFUs. Generated types end here.

mod alive;
mod claim;
mod notices;
mod register;
mod sfu;
mod signal;
mod steer;
mod turns;

pub(crate) use claim::Claimed;
pub(crate) use register::{Held, StillHeld};
pub(crate) use sfu::{Offer, Wanted};

use crate::{Edges, metrics::Metrics, refusal::Refusal};
use alive::StoreClock;
use cluster::{NodeInfo, Role};
use model::ErrorCode;
use rpc::{channel::Dialer, metered::Metered, traced::Traced};
use std::{
    future::Future,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tonic::{Code, Response, Status, transport::Channel};
use turns::Suspects;

/// What a client's request may take, all its calls together: the protocol
/// promises an answer within 3 s, and the answer needs a moment itself.
const REQUEST_BUDGET: Duration = Duration::from_millis(2800);

/// When a request that begins now has to be answered.
pub(crate) fn deadline() -> Instant {
    Instant::now() + REQUEST_BUDGET
}

/// The other roles, as this one uses them.
pub(crate) struct Clients {
    dialer: Dialer,
    dc: Arc<str>,
    registers: watch::Receiver<Arc<[NodeInfo]>>,
    sfus: watch::Receiver<Arc<[NodeInfo]>>,
    signals: watch::Receiver<Arc<[NodeInfo]>>,
    /// Spreads the calls over the registers.
    turn: AtomicUsize,
    suspects: Suspects,
    clock: StoreClock,
    metrics: Arc<Metrics>,
}

/// A channel whose calls are counted.
type Counted = Metered<Traced<Channel>>;

impl Clients {
    pub(crate) fn new(dc: &Arc<str>, edges: &Edges, metrics: &Arc<Metrics>) -> Self {
        Self {
            dialer: edges.dialer.clone(),
            dc: Arc::clone(dc),
            registers: edges.discovery.watch(Role::Register),
            sfus: edges.discovery.watch(Role::Sfu),
            signals: edges.discovery.watch(Role::Signal),
            turn: AtomicUsize::new(0),
            suspects: Suspects::default(),
            clock: StoreClock::default(),
            metrics: Arc::clone(metrics),
        }
    }

    /// The SFUs as discovery knows them.
    pub(crate) fn sfus(&self) -> watch::Receiver<Arc<[NodeInfo]>> {
        self.sfus.clone()
    }

    fn dial(&self, node: &NodeInfo) -> Result<Counted, Status> {
        let channel = self.dialer.dial(&node.address);
        let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
        let calls =
            if node.role == Role::Sfu { &self.metrics.sfu_calls } else { &self.metrics.register_calls };
        Ok(Metered::new(Traced::new(channel), calls.clone()))
    }
}

/// Waits for an answer, and no longer than allowed.
async fn answered<T>(
    deadline: Instant,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout_at(deadline, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer in time")),
    }
}

/// Whether the node could not do it for now, or could not be reached at all.
fn was_not_done(status: &Status) -> bool {
    status.code() == Code::Unavailable
}

/// Whether the node gave no answer of its own: it may be dead, stopped, or cut off.
fn was_silent(status: &Status) -> bool {
    rpc::status::error_code(status).is_none()
        && matches!(
            status.code(),
            Code::DeadlineExceeded | Code::Cancelled | Code::Unavailable | Code::Unknown | Code::Internal
        )
}

/// Whether the call never left this node, because there was no connection.
fn was_not_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What a client hears of a failed call. `silent` is the code for a node that
/// gave no reason of its own.
fn refusal(status: &Status, silent: ErrorCode) -> Refusal {
    match rpc::status::error_code(status) {
        Some(code) => Refusal::new(code, status.message()),
        None => {
            tracing::debug!(%status, "a call failed");
            Refusal::plain(silent)
        }
    }
}
