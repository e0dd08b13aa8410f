use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::*;
use crate::channel::Dialer;

const NAME: &str = crate::proto::sfu_server::SERVICE_NAME;

async fn served() -> (Health, Channel) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = crate::server::builder().add_routes(tonic::service::Routes::default());
    let (router, health) = with_health(router, NAME).await;
    tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
    (health, Dialer::default().dial(&address).unwrap())
}

async fn status(channel: &Channel, service: &str) -> ServingStatus {
    let mut client = HealthClient::new(channel.clone());
    let request = HealthCheckRequest { service: service.into() };
    client.check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn a_draining_node_is_not_serving() {
    let (health, channel) = served().await;
    for (serving, expected) in
        [(true, ServingStatus::Serving), (false, ServingStatus::NotServing), (true, ServingStatus::Serving)]
    {
        health.set_serving(serving).await;
        assert_eq!(status(&channel, NAME).await, expected);
        assert_eq!(status(&channel, "").await, expected);
    }
    let unknown = HealthCheckRequest { service: "anabranch.v1.Register".into() };
    assert!(HealthClient::new(channel).check(unknown).await.is_err(), "that one is not here");
}

#[tokio::test]
async fn people_can_ask_what_there_is() {
    let (_health, channel) = served().await;
    let ask = |request| ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let requests = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("anabranch.v1.Sfu".into()),
    ];
    let requests = tokio_stream::iter(requests.map(ask));
    let replies = ServerReflectionClient::new(channel).server_reflection_info(requests).await.unwrap();
    let replies: Vec<_> = replies.into_inner().map(|reply| reply.unwrap().message_response).collect().await;
    let [
        Some(MessageResponse::ListServicesResponse(listed)),
        Some(MessageResponse::FileDescriptorResponse(_)),
    ] = replies.as_slice()
    else {
        panic!("{replies:?}");
    };
    let names: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, [NAME, "grpc.health.v1.Health"]);
}
