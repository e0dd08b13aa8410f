//! The `Sfu` gRPC service. What the calls do is in `workers`.

use std::sync::Arc;

use model::ErrorCode;
use rpc::proto::{
    ClaimReply, ClaimRequest, DescribeReply, DescribeRequest, MediaNotice, MuteReply, MuteRequest,
    NoticesRequest, PreferReply, PreferRequest, PublishReply, PublishRequest, RecordReply, RecordRequest,
    RestartReply, RestartRequest, SubscribeReply, SubscribeRequest, UnpublishReply, UnpublishRequest,
    UnsubscribeReply, UnsubscribeRequest,
};
use rpc::status::refuse;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use crate::workers::Workers;

/// The `Sfu` gRPC service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SfuService {
    workers: Arc<Workers>,
}

impl SfuService {
    pub(crate) fn new(workers: Arc<Workers>) -> Self {
        Self { workers }
    }

    /// Runs a call to its end, even when the caller goes away in the middle of
    /// it: directory and worker would disagree otherwise.
    async fn run<T, F>(&self, call: impl FnOnce(Arc<Workers>) -> F) -> Result<Response<T>, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        let task = tokio::spawn(call(Arc::clone(&self.workers)).in_current_span());
        task.await.map_err(|_| refuse(ErrorCode::Internal, "the call was ended"))?.map(Response::new)
    }
}

#[tonic::async_trait]
impl rpc::proto::sfu_server::Sfu for SfuService {
    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishReply>, Status> {
        self.run(|workers| async move { workers.publish(request.into_inner()).await }).await
    }

    async fn unpublish(
        &self,
        request: Request<UnpublishRequest>,
    ) -> Result<Response<UnpublishReply>, Status> {
        self.run(|workers| async move { workers.unpublish(request.into_inner()).await }).await
    }

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<SubscribeReply>, Status> {
        self.run(|workers| async move { workers.subscribe(request.into_inner()).await }).await
    }

    async fn unsubscribe(
        &self,
        request: Request<UnsubscribeRequest>,
    ) -> Result<Response<UnsubscribeReply>, Status> {
        self.run(|workers| async move { workers.unsubscribe(request.into_inner()).await }).await
    }

    async fn claim(&self, request: Request<ClaimRequest>) -> Result<Response<ClaimReply>, Status> {
        self.workers.claim(request.into_inner()).map(Response::new)
    }

    async fn record(&self, request: Request<RecordRequest>) -> Result<Response<RecordReply>, Status> {
        self.run(|workers| async move { workers.record(request.into_inner()).await }).await
    }

    async fn mute(&self, request: Request<MuteRequest>) -> Result<Response<MuteReply>, Status> {
        self.run(|workers| async move { workers.mute(request.into_inner()).await }).await
    }

    async fn prefer(&self, request: Request<PreferRequest>) -> Result<Response<PreferReply>, Status> {
        self.run(|workers| async move { workers.prefer(request.into_inner()).await }).await
    }

    async fn restart(&self, request: Request<RestartRequest>) -> Result<Response<RestartReply>, Status> {
        self.run(|workers| async move { workers.restart(request.into_inner()).await }).await
    }

    type NoticesStream = ReceiverStream<Result<MediaNotice, Status>>;

    async fn notices(
        &self,
        request: Request<NoticesRequest>,
    ) -> Result<Response<Self::NoticesStream>, Status> {
        let notices = self.workers.notices(&request.into_inner())?;
        Ok(Response::new(ReceiverStream::new(notices)))
    }

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        Ok(Response::new(self.workers.describe()))
    }
}
