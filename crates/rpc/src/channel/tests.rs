use std::time::Instant;

use metrics::Calls;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::metered::{Metered, SFU_METHODS};
use crate::proto::sfu_server::Sfu;
use crate::proto::{
    ClaimReply, ClaimRequest, DescribeReply, DescribeRequest, MediaNotice, MuteReply, MuteRequest,
    NoticesRequest, PreferReply, PreferRequest, PublishReply, PublishRequest, RecordReply, RecordRequest,
    RestartReply, RestartRequest, SubscribeReply, SubscribeRequest, UnpublishReply, UnpublishRequest,
    UnsubscribeReply, UnsubscribeRequest,
};

mod network;

/// What the first notice waits for: longer than a call may take.
const SILENCE: Duration = Duration::from_millis(3500);

/// Says its name; publishing never ends; subscribing answers the offer; notices come late.
struct Stub(&'static str);

#[tonic::async_trait]
impl Sfu for Stub {
    async fn publish(&self, _: Request<PublishRequest>) -> Result<Response<PublishReply>, Status> {
        std::future::pending().await
    }

    async fn unpublish(&self, _: Request<UnpublishRequest>) -> Result<Response<UnpublishReply>, Status> {
        Ok(Response::new(UnpublishReply {}))
    }

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<SubscribeReply>, Status> {
        Ok(Response::new(SubscribeReply { answer_sdp: request.into_inner().offer_sdp }))
    }

    async fn unsubscribe(
        &self,
        _: Request<UnsubscribeRequest>,
    ) -> Result<Response<UnsubscribeReply>, Status> {
        Err(crate::status::refuse(model::ErrorCode::NotAllowed, "the subscription is another user's"))
    }

    async fn mute(&self, _: Request<MuteRequest>) -> Result<Response<MuteReply>, Status> {
        Err(Status::unimplemented("not tested"))
    }

    async fn record(&self, _: Request<RecordRequest>) -> Result<Response<RecordReply>, Status> {
        Err(Status::unimplemented("not tested"))
    }

    async fn claim(&self, _: Request<ClaimRequest>) -> Result<Response<ClaimReply>, Status> {
        Ok(Response::new(ClaimReply::default()))
    }

    async fn prefer(&self, _: Request<PreferRequest>) -> Result<Response<PreferReply>, Status> {
        Err(Status::unimplemented("not tested"))
    }

    async fn restart(&self, _: Request<RestartRequest>) -> Result<Response<RestartReply>, Status> {
        Err(Status::unimplemented("not tested"))
    }

    type NoticesStream = ReceiverStream<Result<MediaNotice, Status>>;

    async fn notices(
        &self,
        request: Request<NoticesRequest>,
    ) -> Result<Response<Self::NoticesStream>, Status> {
        let (notices, stream) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            tokio::time::sleep(SILENCE).await;
            let uid = request.into_inner().signal_id;
            notices.send(Ok(MediaNotice { uid, ..MediaNotice::default() })).await.unwrap();
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        Ok(Response::new(DescribeReply { sfu_id: self.0.into(), ..DescribeReply::default() }))
    }
}

fn serve_in_process(in_process: &InProcess, name: &'static str) -> JoinHandle<()> {
    let incoming = in_process.listen(name).unwrap();
    let server = crate::server::builder().add_service(crate::server::sfu(Stub(name)));
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() })
}

async fn serve_tcp(name: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = crate::server::builder().add_service(crate::server::sfu(Stub(name)));
    tokio::spawn(async move { server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
    address
}

async fn name_at(dialer: &Dialer, address: &str) -> Result<String, Status> {
    let mut sfu = crate::client::sfu(dialer.dial(address).unwrap());
    Ok(sfu.describe(DescribeRequest {}).await?.into_inner().sfu_id)
}

#[tokio::test]
async fn calls_are_counted_on_both_sides_by_what_came_of_them() {
    let [calls, answers] = [(); 2].map(|()| Calls::new("method", SFU_METHODS));
    let in_process = InProcess::default();
    let incoming = in_process.listen("one").unwrap();
    let service = Metered::new(crate::server::sfu(Stub("one")), answers.clone());
    let server = crate::server::builder().add_service(service);
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });

    let dialer = Dialer::new(in_process);
    let sfu = |address| crate::client::sfu(Metered::new(dialer.dial(address).unwrap(), calls.clone()));
    let mut one = sfu("inproc://one");
    one.describe(DescribeRequest {}).await.unwrap();
    one.unsubscribe(UnsubscribeRequest::default()).await.unwrap_err();
    sfu("inproc://two").describe(DescribeRequest {}).await.unwrap_err();
    // Nobody waits for it.
    let given_up = tokio::time::timeout(Duration::ZERO, one.publish(PublishRequest::default()));
    given_up.await.unwrap_err();

    for side in [&calls, &answers] {
        assert_eq!((side.of("Describe", "ok"), side.of("Unsubscribe", "NotAllowed")), (1, 1));
    }
    assert_eq!((calls.of("Describe", "Unavailable"), answers.of("Describe", "Unavailable")), (1, 0));
    assert_eq!((calls.of("Publish", "ok"), calls.of("Publish", metrics::CANCELLED)), (0, 1));
}

#[tokio::test]
async fn an_address_leads_to_its_service() {
    let in_process = InProcess::default();
    serve_in_process(&in_process, "one");
    serve_in_process(&in_process, "two");
    let three = serve_tcp("three").await;
    let dialer = Dialer::new(in_process);
    for _ in 0..2 {
        assert_eq!(name_at(&dialer, "inproc://one").await.unwrap(), "one");
        assert_eq!(name_at(&dialer, "inproc://two").await.unwrap(), "two");
        assert_eq!(name_at(&dialer, &three).await.unwrap(), "three");
    }
    assert_eq!(dialer.channels.lock().len(), 3, "one channel per address");
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let dialer = Dialer::default();
    for address in
        ["", "inproc://", "10.0.0.1:80", "http://host", "https://host:1", "http://", "tcp://h:1", "a b"]
    {
        let error = dialer.dial(address).unwrap_err();
        assert!(error.to_string().contains("expected http://HOST:PORT or inproc://NAME"), "{error}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable_at_once() {
    let dialer = Dialer::default();
    // A port that was just free: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in ["inproc://nobody".to_owned(), format!("http://{free}")] {
        let asked = Instant::now();
        let status = name_at(&dialer, &address).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{address}");
        assert!(asked.elapsed() < DEADLINE, "{address}");
    }
}

#[tokio::test]
async fn a_service_that_comes_back_is_found_again() {
    let in_process = InProcess::default();
    let dialer = Dialer::new(in_process.clone());
    assert!(name_at(&dialer, "inproc://one").await.is_err(), "not there yet");
    let server = serve_in_process(&in_process, "one");
    assert_eq!(name_at(&dialer, "inproc://one").await.unwrap(), "one");
    assert_eq!(in_process.listen("one").unwrap_err(), NameTaken { name: "one".into() });

    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    serve_in_process(&in_process, "one");
    let asked = Instant::now();
    while name_at(&dialer, "inproc://one").await.is_err() {
        assert!(asked.elapsed() < DEADLINE, "not found again");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let in_process = InProcess::default();
    serve_in_process(&in_process, "slow");
    let dialer = Dialer::new(in_process);
    let mut sfu = crate::client::sfu(dialer.dial("inproc://slow").unwrap());
    let asked = Instant::now();
    let status = sfu.publish(PublishRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert!(asked.elapsed() >= DEADLINE / 2);
    assert_eq!(crate::status::error_code(&status), None, "whom we called says which code fits");
}

#[tokio::test]
async fn a_stream_of_replies_has_no_deadline() {
    let in_process = InProcess::default();
    serve_in_process(&in_process, "one");
    let dialer = Dialer::new(in_process);
    for address in ["inproc://one".to_owned(), serve_tcp("one").await] {
        let mut sfu = crate::client::sfu(dialer.dial(&address).unwrap());
        let asked = Instant::now();
        let request = NoticesRequest { signal_id: "signal-1".into() };
        let mut notices = sfu.notices(request).await.unwrap().into_inner();
        assert!(asked.elapsed() < DEADLINE, "it begins before there is anything to say");
        assert_eq!(notices.message().await.unwrap().unwrap().uid, "signal-1");
        assert!(asked.elapsed() > DEADLINE);
    }
}

#[tokio::test]
async fn a_refusal_carries_its_code_and_its_reason() {
    let in_process = InProcess::default();
    serve_in_process(&in_process, "one");
    let dialer = Dialer::new(in_process);
    let mut sfu = crate::client::sfu(dialer.dial("inproc://one").unwrap());
    let status = sfu.unsubscribe(UnsubscribeRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(crate::status::error_code(&status), Some(model::ErrorCode::NotAllowed));
    assert_eq!(status.message(), "the subscription is another user's");
}

#[tokio::test]
async fn large_messages_pass_and_too_large_ones_do_not() {
    let in_process = InProcess::default();
    serve_in_process(&in_process, "one");
    let dialer = Dialer::new(in_process);
    let mut sfu = crate::client::sfu(dialer.dial("inproc://one").unwrap());
    let mut echo = async |len: usize| {
        let request = SubscribeRequest { offer_sdp: "x".repeat(len), ..SubscribeRequest::default() };
        sfu.subscribe(request).await.map(|reply| reply.into_inner().answer_sdp.len())
    };
    let large = crate::MAX_REQUEST_BYTES - 100;
    assert_eq!(echo(large).await.unwrap(), large);
    assert!(echo(crate::MAX_REQUEST_BYTES + 1).await.is_err());
    assert_eq!(echo(1).await.unwrap(), 1, "the channel lives on");
}
