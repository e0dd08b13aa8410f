//! Administration from outside: a token of the command line's kind, over gRPC and over HTTP, on the program's own listeners.

use std::time::{Duration, SystemTime};

use crate::standalone::config;
use crate::support::{Client, http};
use anabranch::Standalone;
use anabranch::config::{Config, Sources};
use auth::{Claims, Grant, RoomPattern, SigningKey};
use model::UserId;
use rpc::proto::admin_client::AdminClient;
use rpc::proto::{AdminListRoomsRequest, KickUserRequest};
use serde_json::json;
use tonic::{Code, Request};

const SECRET: &str = "a secret that is long enough for it";

fn token(uid: &str, admin: bool) -> String {
    let grant = Grant {
        uid: UserId::parse(uid).unwrap(),
        rooms: vec![RoomPattern::parse("*").unwrap()],
        publish: true,
        subscribe: true,
        broadcast: true,
        record: true,
        admin,
        expires: SystemTime::now() + Duration::from_secs(300),
    };
    let key = SigningKey::from_secret(None, SECRET.as_bytes()).unwrap();
    key.sign(&Claims { grant, not_before: None }).unwrap()
}

fn call<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_listens_where_the_config_says() {
    let secret = format!("auth.secret={SECRET}");
    let server =
        Standalone::start(&config(&[&secret, "auth.query=true", "admin.listen=127.0.0.1:0"])).await.unwrap();
    let mut ann =
        Client::connect(server.signal_address(), &format!("ann&token={}", token("ann", false))).await;
    ann.done("join", json!({"rid": "tea"})).await;
    let url = format!("http://{}", server.admin_address().unwrap());
    let mut admin = AdminClient::connect(url).await.unwrap();
    let root = token("root", true);
    let page = admin.list_rooms(call(&root, AdminListRoomsRequest::default())).await.unwrap().into_inner();
    assert_eq!((page.rooms[0].rid.as_str(), page.rooms[0].users), ("tea", 1));
    let refused = admin.list_rooms(call(&token("ann", false), AdminListRoomsRequest::default())).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let refused = admin.list_rooms(Request::new(AdminListRoomsRequest::default())).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    let (head, _) = http(server.signal_address(), "GET /admin/rooms").await;
    assert!(head.starts_with("http/1.1 401"), "{head}");
    let kick = KickUserRequest { rid: "tea".to_owned(), uid: "ann".to_owned() };
    admin.kick_user(call(&root, kick)).await.unwrap();
    assert_eq!(ann.notified("peer-kick").await["rid"], "tea");
    assert!(ann.hear().await.is_none(), "the connection is closed");
    drop(admin);
    server.shutdown().await;
}

#[test]
fn a_listener_whose_tokens_could_be_read_is_refused() {
    let load = |flags: &[&str]| {
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        Config::load(&Sources { flags: &flags, ..Sources::default() }).err().map(|error| error.to_string())
    };
    let secret = format!("auth.secret={SECRET}");
    let why = load(&["admin.listen=127.0.0.1:9800"]).unwrap();
    assert!(why.contains("admin.listen") && why.contains("[auth]"), "{why}");
    let why = load(&[&secret, "admin.listen=0.0.0.0:9800"]).unwrap();
    assert!(why.contains("admin.listen") && why.contains("rpc.cert"), "{why}");
    assert_eq!(load(&[&secret, "admin.listen=127.0.0.1:9800"]), None);
    let tls = ["rpc.cert=a", "rpc.key=b", "rpc.ca=c"];
    assert_eq!(load(&[&[secret.as_str(), "admin.listen=0.0.0.0:9800"], &tls[..]].concat()), None);
}
