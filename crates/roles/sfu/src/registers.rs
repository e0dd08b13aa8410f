//! The registers, seen from here: two calls, to whichever of them answers.

use std::sync::Arc;

use cluster::NodeInfo;
use model::ids::{NodeId, RoomId, StreamId};
use rpc::channel::Dialer;
use rpc::proto::{HoldStreamsRequest, StreamEndedRequest, StreamRef};
use tokio::sync::watch;
use tonic::{Code, Status};

use crate::events::Ended;

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

/// The registers that discovery knows of.
#[derive(Debug)]
pub(crate) struct Registers {
    pub(crate) sfu: NodeId,
    pub(crate) nodes: watch::Receiver<Arc<[NodeInfo]>>,
    pub(crate) dialer: Dialer,
}

/// How many of them are tried for one call.
const TRIES: usize = 2;

impl Registers {
    /// The addresses to try: those that are not draining first.
    fn addresses(&self) -> Vec<Arc<str>> {
        let mut nodes: Vec<NodeInfo> = self.nodes.borrow().to_vec();
        nodes.sort_by_key(|node| node.draining);
        nodes.into_iter().take(TRIES).map(|node| node.address).collect()
    }

    async fn call<T, F: Future<Output = Result<tonic::Response<T>, Status>>>(
        &self,
        call: impl Fn(tonic::transport::Channel) -> F,
    ) -> Result<T, CallError> {
        let mut silent = CallError::Silent("there is none".into());
        for address in self.addresses() {
            let channel =
                self.dialer.dial(&address).map_err(|error| CallError::Refused(error.to_string()))?;
            match call(channel).await {
                Ok(reply) => return Ok(reply.into_inner()),
                Err(status) if is_transient(status.code()) => {
                    silent = CallError::Silent(status.message().to_owned());
                }
                Err(status) => return Err(CallError::Refused(status.message().to_owned())),
            }
        }
        Err(silent)
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
        self.call(|channel| {
            let request = request.clone();
            async move { rpc::client::register(channel).stream_ended(request).await }
        })
        .await
        .map(|_| ())
    }

    async fn hold(&self, streams: &[(RoomId, StreamId)]) -> Result<Vec<StreamId>, CallError> {
        let refs = streams.iter().map(|(rid, mid)| StreamRef { rid: rid.to_string(), mid: mid.to_string() });
        let request = HoldStreamsRequest { sfu_id: self.sfu.to_string(), streams: refs.collect() };
        let reply = self
            .call(|channel| {
                let request = request.clone();
                async move { rpc::client::register(channel).hold_streams(request).await }
            })
            .await?;
        // One that was not asked about is none of ours and will not be found.
        Ok(reply.unknown.iter().filter_map(|stream| StreamId::parse(&stream.mid).ok()).collect())
    }
}
