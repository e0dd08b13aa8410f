//! The registers, seen from here: a few calls, to whichever of them answers.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use cluster::{NodeInfo, Role};
use model::ids::{NodeId, RoomId, StreamId};
use rpc::channel::Dialer;
use rpc::proto::register_client::RegisterClient;
use rpc::proto::{
    BeatRequest, HoldStreamsRequest, NodeRun, NodeStartedRequest, NodeStoppedRequest, StreamEndedRequest,
    StreamRef,
};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::events::Ended;
use turns::Turns;

/// How many registers are tried for one call.
const MAX_ATTEMPTS: usize = 4;

/// What one attempt may take while there is another register to ask.
const ATTEMPT: Duration = Duration::from_secs(1);

/// A call that did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody answered: worth another try.
    #[error("no register answered: {0}")]
    Silent(String),
    /// The answer was no: asking again would not change it.
    #[error("the register refused: {0}")]
    Refused(String),
}

/// What the reporter needs; the trait lets its test stand in for the register.
pub(crate) trait Register: Send + Sync + 'static {
    /// A stream's media stopped for good.
    fn stream_ended(&self, stream: &Ended) -> impl Future<Output = Result<(), CallError>> + Send;

    /// These streams, no more than [`rpc::MAX_BATCH`], run here; answers which of
    /// them no room knows.
    fn hold(
        &self,
        streams: &[(RoomId, StreamId)],
    ) -> impl Future<Output = Result<Vec<StreamId>, CallError>> + Send;
}

/// The registers that discovery knows of, as one run of one SFU speaks to them.
#[derive(Debug)]
pub(crate) struct Registers {
    sfu: NodeId,
    // Tells this run from earlier ones.
    started: u64,
    dc: Arc<str>,
    nodes: watch::Receiver<Arc<[NodeInfo]>>,
    dialer: Dialer,
    turns: Turns,
}

impl Registers {
    pub(crate) fn new(
        sfu: NodeId,
        started: u64,
        dc: Arc<str>,
        nodes: watch::Receiver<Arc<[NodeInfo]>>,
        dialer: Dialer,
    ) -> Self {
        Self { sfu, started, dc, nodes, dialer, turns: Turns::default() }
    }

    /// This run begins: whatever rooms say of streams here is of an earlier one.
    pub(crate) async fn node_started(&self) -> Result<(), CallError> {
        let request = NodeStartedRequest { run: Some(self.run()) };
        // Clearing many rooms takes time, and asking another register would not shorten it.
        let reply = self.call(rpc::DEADLINE, |mut to| {
            let request = request.clone();
            async move { to.node_started(request).await }
        });
        reply.await.map(drop)
    }

    /// This run is alive.
    pub(crate) async fn beat(&self) -> Result<(), CallError> {
        let request = BeatRequest { run: Some(self.run()) };
        let reply = self.call(ATTEMPT, |mut to| {
            let request = request.clone();
            async move { to.beat(request).await }
        });
        reply.await.map(drop)
    }

    /// This run ends in order.
    pub(crate) async fn node_stopped(&self) -> Result<(), CallError> {
        let request = NodeStoppedRequest { run: Some(self.run()) };
        let reply = self.call(ATTEMPT, |mut to| {
            let request = request.clone();
            async move { to.node_stopped(request).await }
        });
        reply.await.map(drop)
    }

    fn run(&self) -> NodeRun {
        NodeRun { role: Role::Sfu.to_string(), id: self.sfu.to_string(), started: self.started }
    }

    /// Asks one register after the other until one answers.
    async fn call<T, F>(
        &self,
        attempt: Duration,
        call: impl Fn(RegisterClient<Channel>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut silent = CallError::Silent("there is none".into());
        let nodes = self.turns.order(&self.nodes.borrow(), &self.dc, Instant::now());
        let mut addresses = nodes.into_iter().map(|node| node.address).take(MAX_ATTEMPTS).peekable();
        while let Some(address) = addresses.next() {
            let patience = if addresses.peek().is_some() { attempt } else { rpc::DEADLINE };
            match self.ask(&address, patience, &call).await {
                Err(error @ CallError::Silent(_)) => {
                    self.turns.silent(&address, Instant::now());
                    silent = error;
                }
                answer => {
                    self.turns.answered(&address);
                    return answer;
                }
            }
        }
        Err(silent)
    }

    async fn ask<T, F>(
        &self,
        address: &str,
        patience: Duration,
        call: impl Fn(RegisterClient<Channel>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let channel = self.dialer.dial(address).map_err(|error| CallError::Silent(error.to_string()))?;
        match tokio::time::timeout(patience, call(rpc::client::register(channel))).await {
            Err(_) => Err(CallError::Silent(format!("{address} gave no answer in time"))),
            Ok(Ok(reply)) => Ok(reply.into_inner()),
            Ok(Err(status)) if is_transient(status.code()) => {
                Err(CallError::Silent(status.message().to_owned()))
            }
            Ok(Err(status)) => Err(CallError::Refused(status.message().to_owned())),
        }
    }
}

fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::ResourceExhausted
            | Code::Unknown
            | Code::Internal
    )
}

impl Register for Registers {
    async fn stream_ended(&self, stream: &Ended) -> Result<(), CallError> {
        let request = StreamEndedRequest {
            rid: stream.rid.to_string(),
            mid: stream.mid.to_string(),
            sfu_id: self.sfu.to_string(),
            reason: stream.reason.clone(),
        };
        let reply = self.call(ATTEMPT, |mut to| {
            let request = request.clone();
            async move { to.stream_ended(request).await }
        });
        reply.await.map(drop)
    }

    async fn hold(&self, streams: &[(RoomId, StreamId)]) -> Result<Vec<StreamId>, CallError> {
        let refs = streams.iter().map(|(rid, mid)| StreamRef { rid: rid.to_string(), mid: mid.to_string() });
        let request = HoldStreamsRequest { sfu_id: self.sfu.to_string(), streams: refs.collect() };
        let reply = self.call(ATTEMPT, |mut to| {
            let request = request.clone();
            async move { to.hold_streams(request).await }
        });
        // One that was not asked about is none of ours and will not be found.
        let unknown = reply.await?.unknown;
        Ok(unknown.iter().filter_map(|stream| StreamId::parse(&stream.mid).ok()).collect())
    }
}

#[cfg(test)]
mod tests;
