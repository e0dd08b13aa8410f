//! Administration: who may, what they see, and what it does to those who are in the rooms.

use crate::{
    client::{Client, open},
    world::{World, config, eventually},
};
use auth::{Claims, Grant, KeyMaterial, KeySpec, Keys, RoomPattern, SigningKey};
use model::{NodeId, UserId};
use rpc::proto::{
    AdminGetRoomRequest, AdminListRoomsRequest, CloseRoomRequest, KickUserRequest, MuteStreamRequest,
    admin_server::Admin,
};
use serde_json::{Value, json};
use signal::{Access, AdminService, Config};
use std::time::{Duration, SystemTime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{Code, Request};

const SECRET: &[u8] = b"a secret that is long enough for it";

fn token(uid: &str, rooms: &str, admin: bool) -> String {
    let grant = Grant {
        uid: UserId::parse(uid).unwrap(),
        rooms: vec![RoomPattern::parse(rooms).unwrap()],
        publish: true,
        subscribe: true,
        broadcast: true,
        record: true,
        admin,
        expires: SystemTime::now() + Duration::from_secs(300),
    };
    SigningKey::from_secret(None, SECRET).unwrap().sign(&Claims { grant, not_before: None }).unwrap()
}

async fn world() -> World {
    let keys = Keys::new(&[KeySpec { kid: None, material: KeyMaterial::Secret(SECRET.to_vec()) }]).unwrap();
    World::with(Config { access: Access::with_tokens(keys, false), ..config() }).await
}

async fn member(world: &World, uid: &str, rid: &str) -> Client {
    let header = format!("Bearer {}", token(uid, "*", false));
    let path = format!("/ws?peer={uid}");
    let (socket, _) = open(world.address(), &path, &[("authorization", &header)]).await.unwrap();
    let mut client = Client::on(socket);
    client.join(rid).await;
    client
}

/// A request to the HTTP side: the status, and what was answered.
async fn http(world: &World, method: &str, path: &str, token: Option<&str>) -> (u16, Value) {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    let header = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn call<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[tokio::test]
async fn rooms_users_and_streams_are_listed_to_whom_they_belong() {
    let world = world().await;
    let mut ann = member(&world, "ann", "tea").await;
    let mid = ann.publish("tea").await;
    let _bob = member(&world, "bob", "coffee").await;
    let (all, tea) = (token("root", "*", true), token("root", "te*", true));
    let (status, page) = http(&world, "GET", "/admin/rooms", Some(&all)).await;
    assert_eq!(status, 200);
    let rids: Vec<_> = page["rooms"].as_array().unwrap().iter().map(|room| room["rid"].clone()).collect();
    assert_eq!((rids, &page["next"]), (vec![json!("coffee"), json!("tea")], &Value::Null));
    let (_, first) = http(&world, "GET", "/admin/rooms?limit=1", Some(&all)).await;
    assert_eq!((first["rooms"].as_array().unwrap().len(), &first["next"]), (1, &json!("coffee")));
    let (_, second) = http(&world, "GET", "/admin/rooms?limit=1&after=coffee", Some(&all)).await;
    assert_eq!(second["rooms"][0]["rid"], "tea");
    let (_, ours) = http(&world, "GET", "/admin/rooms", Some(&tea)).await;
    assert_eq!(ours["rooms"].as_array().unwrap().len(), 1);
    let (status, room) = http(&world, "GET", "/admin/rooms/tea", Some(&tea)).await;
    assert_eq!(
        (status, &room["users"][0]["uid"], &room["streams"][0]["mid"]),
        (200, &json!("ann"), &json!(mid))
    );
    for missing in ["/admin/rooms/tent", "/admin/nothing", "/admin"] {
        assert_eq!(http(&world, "GET", missing, Some(&tea)).await.0, 404, "{missing}");
    }
    for room in ["coffee", "nowhere"] {
        let (status, answer) = http(&world, "GET", &format!("/admin/rooms/{room}"), Some(&tea)).await;
        assert_eq!((status, &answer["error"]), (403, &json!("the token is not for this room")), "{room}");
    }
    for bad in ["/admin/rooms?limit=1001", "/admin/rooms?limit=x", "/admin/rooms/%00"] {
        assert_eq!(http(&world, "GET", bad, Some(&all)).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn nobody_administrates_without_a_token_that_says_so() {
    let world = world().await;
    let _ann = member(&world, "ann", "tea").await;
    let user = token("ann", "*", false);
    for (token, expected) in [(None, 401), (Some("x.y.z"), 401), (Some(user.as_str()), 403)] {
        for (method, path) in [
            ("GET", "/admin/rooms"),
            ("GET", "/admin/rooms/tea"),
            ("POST", "/admin/rooms/tea/close"),
            ("POST", "/admin/rooms/tea/users/ann/kick"),
            ("POST", "/admin/rooms/tea/streams/x/mute"),
            ("GET", "/admin/nothing"),
        ] {
            assert_eq!(http(&world, method, path, token).await.0, expected, "{token:?} {path}");
        }
    }
    let service = world.signal.admin_service();
    let list = AdminListRoomsRequest::default();
    assert_eq!(
        service.list_rooms(Request::new(list.clone())).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    assert_eq!(
        service.list_rooms(call(&user, list.clone())).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let open = World::new().await;
    assert_eq!(http(&open, "GET", "/admin/rooms", Some(&token("root", "*", true))).await.0, 403);
    let service = open.signal.admin_service();
    assert_eq!(service.list_rooms(Request::new(list)).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_user_is_kicked_out_of_one_room_and_stays_in_the_other() {
    let world = world().await;
    let mut ann = member(&world, "ann", "tea").await;
    let mut bob = member(&world, "bob", "tea").await;
    ann.join("coffee").await;
    let mid = ann.publish("tea").await;
    let root = token("root", "*", true);
    assert_eq!(http(&world, "POST", "/admin/rooms/tea/users/carl/kick", Some(&root)).await.0, 404);
    assert_eq!(http(&world, "POST", "/admin/rooms/tea/users/ann/kick", Some(&root)).await, (200, json!({})));
    assert_eq!(world.truth("tea").await.users.len(), 1, "it is done when it is answered");
    assert_eq!(bob.heard_methods(3).await, ["stream-add", "stream-remove", "peer-leave"]);
    assert!(!world.sfu.is_muted(&mid));
    assert_eq!(ann.error("getusers", json!({"rid": "tea"})).await, 15);
    ann.ok("getusers", json!({"rid": "coffee"})).await;
    let service = world.signal.admin_service();
    let kick = KickUserRequest { rid: "coffee".to_owned(), uid: "ann".to_owned() };
    service.kick_user(call(&root, kick)).await.unwrap();
    let (code, before) = ann.closed().await;
    assert_eq!((code, before.last().unwrap()["method"].as_str()), (4000, Some("peer-kick")));
}

#[tokio::test]
async fn a_room_is_closed_wherever_its_users_are_connected() {
    let world = world().await;
    let elsewhere = model::Owner { signal: NodeId::parse("signal-7").unwrap(), connection: 1 };
    let rid = model::RoomId::parse("tea").unwrap();
    let (mut ann, mut bob) = (member(&world, "ann", "tea").await, member(&world, "bob", "tea").await);
    // A user of a node that is not there any more.
    let ghost = UserId::parse("ghost").unwrap();
    let takeover = model::Takeover::Replace;
    cluster::Store::join(&*world.store, &rid, &ghost, &elsewhere, takeover, cluster::Expiry::NEVER)
        .await
        .unwrap();
    let root = token("root", "te*", true);
    let (status, answer) = http(&world, "POST", "/admin/rooms/tea/close", Some(&root)).await;
    assert_eq!((status, answer), (200, json!({"kicked": 3})));
    assert_eq!(ann.closed().await.0, 4000);
    assert_eq!(bob.closed().await.0, 4000);
    eventually("the room is empty", || async { world.truth("tea").await.users.is_empty() }).await;
    let service = world.signal.admin_service();
    let close = CloseRoomRequest { rid: "tea".to_owned() };
    assert_eq!(service.close_room(call(&root, close)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_stream_is_muted_at_its_sfu() {
    let world = world().await;
    let mut ann = member(&world, "ann", "tea").await;
    let mid = ann.publish("tea").await;
    let root = token("root", "*", true);
    let path = |what: &str| format!("/admin/rooms/tea/streams/{}/{what}", mid.replace('#', "%23"));
    assert_eq!(http(&world, "POST", &path("mute"), Some(&root)).await, (200, json!({"muted": true})));
    assert!(world.sfu.is_muted(&mid));
    assert_eq!(http(&world, "POST", &path("unmute"), Some(&root)).await, (200, json!({"muted": false})));
    assert!(!world.sfu.is_muted(&mid));
    assert_eq!(http(&world, "POST", "/admin/rooms/tea/streams/none/mute", Some(&root)).await.0, 404);
    let service: AdminService = world.signal.admin_service();
    let mute = MuteStreamRequest { rid: "tea".to_owned(), mid: mid.clone(), muted: true };
    service.mute_stream(call(&root, mute)).await.unwrap();
    assert!(world.sfu.is_muted(&mid));
    let get = AdminGetRoomRequest { rid: "tea".to_owned() };
    let room = service.get_room(call(&root, get)).await.unwrap().into_inner().room.unwrap();
    assert_eq!((room.users.len(), room.streams[0].mid.as_str()), (1, mid.as_str()));
}
