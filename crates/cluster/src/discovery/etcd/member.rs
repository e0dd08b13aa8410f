//! One member of etcd, and what it is asked. Every call has a deadline: a stopped process still accepts.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::access::{Access, Token};
use super::api::etcdserverpb::kv_client::KvClient;
use super::api::etcdserverpb::lease_client::LeaseClient;
use super::api::etcdserverpb::watch_client::WatchClient;
use super::api::etcdserverpb::watch_request::RequestUnion;
use super::api::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest, RangeRequest, RangeResponse, TxnRequest,
    WatchCreateRequest, WatchRequest, WatchResponse,
};
use super::entry::{PREFIX, PREFIX_END};

/// How long a call may take, connecting included: then another member is asked.
const DEADLINE: Duration = Duration::from_millis(1500);

/// The largest answer: [`MAX_ENTRIES`] of the longest values that are read. A larger one, because another
/// program keeps large values there, is an error: nothing is found until they are gone.
const MAX_ANSWER_BYTES: usize = 20 * 1024 * 1024;

/// The most entries that are asked for. Further ones are not seen.
pub(super) const MAX_ENTRIES: usize = 4096;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Member {
    index: usize,
    name: Arc<str>,
    channel: Channel,
    access: Arc<Access>,
}

impl Member {
    pub(super) fn new(index: usize, name: String, channel: Channel, access: Arc<Access>) -> Self {
        Self { index, name: name.into(), channel, access }
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// All entries.
    pub(super) async fn list(&self) -> Result<RangeResponse, Status> {
        let limit = i64::try_from(MAX_ENTRIES).unwrap_or(i64::MAX);
        self.range(RangeRequest { limit, count_only: false, ..everything() }).await
    }

    /// Whether it answers, and not just for itself: a member without a majority does not.
    pub(super) async fn is_there(&self) -> Result<(), Status> {
        self.range(RangeRequest { count_only: true, ..everything() }).await.map(drop)
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Status> {
        self.ask(request, |channel, request| async move {
            let mut client = KvClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
            client.range(request).await
        })
        .await
    }

    /// Does this if that; whether it did.
    pub(super) async fn transact(&self, request: TxnRequest) -> Result<bool, Status> {
        let answer = self
            .ask(request, |channel, request| async move { KvClient::new(channel).txn(request).await })
            .await?;
        Ok(answer.succeeded)
    }

    /// A new lease.
    pub(super) async fn grant(&self, life: Duration) -> Result<i64, Status> {
        let request = LeaseGrantRequest { ttl: i64::try_from(life.as_secs()).unwrap_or(i64::MAX) };
        let answer =
            self.ask(request, |channel, request| async move {
                LeaseClient::new(channel).lease_grant(request).await
            })
            .await?;
        if answer.error.is_empty() { Ok(answer.id) } else { Err(Status::unknown(answer.error)) }
    }

    /// Renews a lease; whether it is still there.
    pub(super) async fn renew(&self, lease: i64) -> Result<bool, Status> {
        let request = LeaseKeepAliveRequest { id: lease };
        let answer = self
            .ask(request, |channel, request: Request<LeaseKeepAliveRequest>| async move {
                let requests = request.map(|request| stream::iter([request]));
                let mut answers = LeaseClient::new(channel).lease_keep_alive(requests).await?.into_inner();
                answers.message().await.map(Response::new)
            })
            .await?;
        Ok(answer.is_some_and(|answer| answer.ttl > 0))
    }

    /// Ends a lease, and with it what was written under it.
    pub(super) async fn revoke(&self, lease: i64) -> Result<(), Status> {
        let request = LeaseRevokeRequest { id: lease };
        self.ask(
            request,
            |channel, request| async move { LeaseClient::new(channel).lease_revoke(request).await },
        )
        .await
        .map(drop)
    }

    /// What changes from a revision on.
    pub(super) async fn watch(&self, from: i64) -> Result<Streaming<WatchResponse>, Status> {
        let RangeRequest { key, range_end, .. } = everything();
        let create = WatchCreateRequest { key, range_end, start_revision: from };
        let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        self.ask(request, |channel, request: Request<WatchRequest>| async move {
            // The watch lasts as long as the stream of requests.
            let requests = request.map(|request| stream::iter([request]).chain(stream::pending()));
            let mut client = WatchClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
            client.watch(requests).await
        })
        .await
    }

    /// A call, once more where only the token was the matter.
    async fn ask<Q, A, F>(
        &self,
        request: Q,
        call: impl Fn(Channel, Request<Q>) -> F + Send + Sync,
    ) -> Result<A, Status>
    where
        Q: Clone + Send,
        F: Future<Output = Result<Response<A>, Status>> + Send,
    {
        let asking = async {
            let token = self.access.token(&self.channel).await?;
            let answer = call(self.channel.clone(), with(token.as_ref(), request.clone())).await;
            match answer {
                Err(status) if self.access.is_stale(token.as_ref(), &status) => {
                    let token = self.access.token(&self.channel).await?;
                    call(self.channel.clone(), with(token.as_ref(), request)).await
                }
                answer => answer,
            }
        };
        match tokio::time::timeout(DEADLINE, asking).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded("no answer in time")),
        }
    }
}

fn everything() -> RangeRequest {
    RangeRequest { key: PREFIX.into(), range_end: PREFIX_END.into(), ..RangeRequest::default() }
}

fn with<Q>(token: Option<&Token>, request: Q) -> Request<Q> {
    let mut request = Request::new(request);
    if let Some(token) = token {
        request.metadata_mut().insert("token", token.clone());
    }
    request
}
