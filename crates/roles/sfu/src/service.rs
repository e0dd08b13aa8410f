//! The calls of the `Sfu` service. Each goes to the worker of its stream and
//! waits for the answer there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use media::{MediaError, MediaErrorKind};
use model::ErrorCode;
use model::ids::{NodeId, StreamId, SubscriptionId};
use rpc::convert::{room_id, stream_id, subscription_id, user_id};
use rpc::proto::{
    DescribeReply, DescribeRequest, PublishReply, PublishRequest, SubscribeReply, SubscribeRequest,
    UnpublishReply, UnpublishRequest, UnsubscribeReply, UnsubscribeRequest,
};
use rpc::status::{refuse, with_code};
use tonic::{Code, Request, Response, Status};

use crate::directory::{CannotSubscribe, Directory, Exists};
use crate::mailbox::{Command, Mailbox, MailboxError};
use crate::reporter::EndStream;

/// What the calls work on.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(crate) id: NodeId,
    pub(crate) directory: Arc<Directory>,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) draining: AtomicBool,
}

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
        let task = tokio::spawn(call(Arc::clone(&self.workers)));
        task.await.map_err(|_| refuse(ErrorCode::Internal, "the call was ended"))?.map(Response::new)
    }
}

impl Workers {
    fn mailbox(&self, worker: usize) -> Result<&Mailbox, Status> {
        self.mailboxes.get(worker).ok_or_else(|| refuse(ErrorCode::Internal, "there is no such worker"))
    }

    fn take_new(&self) -> Result<(), Status> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(refuse(ErrorCode::Draining, "this SFU takes nothing new"));
        }
        Ok(())
    }

    async fn publish(&self, request: PublishRequest) -> Result<PublishReply, Status> {
        let (rid, uid, mid) = (room_id(&request.rid)?, user_id(&request.uid)?, stream_id(&request.mid)?);
        self.take_new()?;
        tracing::debug!(%rid, %uid, %mid, "publish");
        let worker = self.directory.add_stream(&mid, rid, uid, Instant::now()).map_err(|Exists| {
            with_code(Code::AlreadyExists, ErrorCode::Internal, "a stream of this mid is here already")
        })?;
        let answer = async {
            let offer = request.offer_sdp;
            let ask = self.mailbox(worker)?.ask(|reply| Command::Publish { mid: mid.clone(), offer, reply });
            answered(ask.await)
        };
        match answer.await {
            Ok(answer_sdp) => Ok(PublishReply { answer_sdp }),
            Err(status) => {
                self.directory.remove_stream(&mid);
                Err(status)
            }
        }
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<SubscribeReply, Status> {
        let (rid, uid) = (room_id(&request.rid)?, user_id(&request.uid)?);
        let (mid, sid) = (stream_id(&request.mid)?, subscription_id(&request.sid)?);
        self.take_new()?;
        tracing::debug!(%rid, %uid, %mid, %sid, "subscribe");
        let worker = self.directory.add_subscription(&sid, &mid, rid, uid).map_err(|error| match error {
            CannotSubscribe::NoSuchStream => refuse(ErrorCode::NoSuchStream, "the SFU has no such stream"),
            CannotSubscribe::Exists => with_code(
                Code::AlreadyExists,
                ErrorCode::Internal,
                "a subscription of this sid is here already",
            ),
        })?;
        let answer = async {
            let (mid, offer) = (mid.clone(), request.offer_sdp);
            let mailbox = self.mailbox(worker)?;
            answered(mailbox.ask(|reply| Command::Subscribe { mid, sid: sid.clone(), offer, reply }).await)
        };
        match answer.await {
            Ok(answer_sdp) => Ok(SubscribeReply { answer_sdp }),
            Err(status) => {
                self.directory.remove_subscription(&sid);
                Err(status)
            }
        }
    }

    async fn unpublish(&self, request: UnpublishRequest) -> Result<UnpublishReply, Status> {
        let (rid, mid) = (room_id(&request.rid)?, stream_id(&request.mid)?);
        if self.directory.stream(&mid).is_some_and(|stream| stream.rid == rid) {
            tracing::debug!(%rid, %mid, "unpublish");
            self.end_stream(mid).await?;
        }
        Ok(UnpublishReply {})
    }

    async fn unsubscribe(&self, request: UnsubscribeRequest) -> Result<UnsubscribeReply, Status> {
        let (rid, uid) = (room_id(&request.rid)?, user_id(&request.uid)?);
        let (mid, sid) = (stream_id(&request.mid)?, subscription_id(&request.sid)?);
        let found = self.directory.subscription(&sid).filter(|entry| entry.rid == rid && entry.mid == mid);
        let Some(entry) = found else {
            return Err(refuse(ErrorCode::NoSuchSubscription, "the SFU has no such subscription"));
        };
        if entry.uid != uid {
            return Err(refuse(ErrorCode::NotAllowed, "the subscription is another user's"));
        }
        tracing::debug!(%rid, %uid, %sid, "unsubscribe");
        self.end_subscription(sid, entry.worker).await?;
        Ok(UnsubscribeReply {})
    }

    /// The worker first: what the directory does not know cannot be ended any more.
    async fn end_stream(&self, mid: StreamId) -> Result<(), Status> {
        let Some(entry) = self.directory.stream(&mid) else { return Ok(()) };
        let command = |reply| Command::Unpublish { mid: mid.clone(), reply };
        self.mailbox(entry.worker)?.ask(command).await.map_err(unanswered)?;
        self.directory.remove_stream(&mid);
        Ok(())
    }

    async fn end_subscription(&self, sid: SubscriptionId, worker: usize) -> Result<(), Status> {
        let command = |reply| Command::Unsubscribe { sid: sid.clone(), reply };
        self.mailbox(worker)?.ask(command).await.map_err(unanswered)?;
        self.directory.remove_subscription(&sid);
        Ok(())
    }
}

impl EndStream for Workers {
    async fn end(&self, mid: StreamId) {
        if let Err(status) = self.end_stream(mid).await {
            // The next round tries again.
            tracing::debug!(reason = status.message(), "a stream could not be ended");
        }
    }
}

fn answered(answer: Result<Result<String, MediaError>, MailboxError>) -> Result<String, Status> {
    answer.map_err(unanswered)?.map_err(|error| {
        let code = match error.kind() {
            MediaErrorKind::UnusableSdp => ErrorCode::Sdp,
            MediaErrorKind::NoSuchStream => ErrorCode::NoSuchStream,
            MediaErrorKind::Limit => ErrorCode::Limit,
            MediaErrorKind::Internal => ErrorCode::Internal,
        };
        refuse(code, error.message())
    })
}

fn unanswered(error: MailboxError) -> Status {
    let code = match error {
        MailboxError::Full => ErrorCode::Limit,
        MailboxError::Stopped => ErrorCode::Draining,
        MailboxError::Lost => ErrorCode::Internal,
    };
    refuse(code, error.to_string())
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

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        let (streams, subscriptions) = self.workers.directory.counts();
        Ok(Response::new(DescribeReply {
            sfu_id: self.workers.id.to_string(),
            workers: self.workers.mailboxes.len() as u32,
            streams: streams as u32,
            subscriptions: subscriptions as u32,
        }))
    }
}
