//! Tokens: who comes in with which, what it allows, and that nobody learns more from a refusal.

use crate::{
    client::{Client, minfo, offer, open},
    world::{World, config},
};
use auth::{Claims, Grant, KeyMaterial, KeySpec, Keys, RoomPattern, SigningKey};
use model::UserId;
use serde_json::{Value, json};
use signal::{Access, Config};
use std::time::{Duration, SystemTime};
use tokio_tungstenite::tungstenite::Error;

const SECRET: &[u8] = b"a secret that is long enough for it";
const OTHER: &[u8] = b"another secret that is as long as it";

fn keys(secret: &[u8]) -> Keys {
    Keys::new(&[KeySpec { kid: None, material: KeyMaterial::Secret(secret.to_vec()) }]).unwrap()
}

/// Everything in the rooms that begin with "tea".
fn grant(uid: &str) -> Grant {
    Grant {
        uid: UserId::parse(uid).unwrap(),
        rooms: vec![RoomPattern::parse("tea*").unwrap()],
        publish: true,
        subscribe: true,
        broadcast: true,
        record: true,
        admin: false,
        expires: SystemTime::now() + Duration::from_secs(300),
    }
}

fn signed(secret: &[u8], grant: Grant) -> String {
    SigningKey::from_secret(None, secret).unwrap().sign(&Claims { grant, not_before: None }).unwrap()
}

async fn world(in_query: bool) -> (World, Access) {
    let access = Access::with_tokens(keys(SECRET), in_query);
    (World::with(Config { access: access.clone(), ..config() }).await, access)
}

/// The status of an upgrade: 101 where it came about.
async fn status(world: &World, path: &str, headers: &[(&'static str, &str)]) -> u16 {
    match open(world.address(), path, headers).await {
        Ok((_, response)) => response.status().as_u16(),
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{path}: {other:?}"),
    }
}

async fn connect(world: &World, token: &str) -> Client {
    let offer = format!("protoo, bearer.{token}");
    let (socket, response) =
        open(world.address(), "/ws?peer=ann", &[("sec-websocket-protocol", &offer)]).await.unwrap();
    assert_eq!(response.headers().get("sec-websocket-protocol").unwrap(), "protoo", "never the token");
    Client::on(socket)
}

fn code(outcome: Result<Value, (u64, String)>) -> u64 {
    outcome.unwrap_err().0
}

#[tokio::test]
async fn a_token_stands_in_the_sub_protocols_or_in_the_header() {
    let (world, _) = world(false).await;
    let token = signed(SECRET, grant("ann"));
    let (protocol, header) = (format!("protoo, bearer.{token}"), format!("Bearer {token}"));
    assert_eq!(status(&world, "/ws?peer=ann", &[("sec-websocket-protocol", &protocol)]).await, 101);
    assert_eq!(status(&world, "/ws?peer=ann", &[("authorization", &header)]).await, 101);
    assert_eq!(status(&world, &format!("/ws?peer=ann&token={token}"), &[]).await, 401, "not switched on");
    assert_eq!(status(&world, "/ws?peer=ann", &[]).await, 401);
    let both = [("sec-websocket-protocol", protocol.as_str()), ("authorization", header.as_str())];
    assert_eq!(status(&world, "/ws?peer=ann", &both).await, 400);
}

#[tokio::test]
async fn the_query_is_read_where_it_is_switched_on() {
    let (world, _) = world(true).await;
    let token = signed(SECRET, grant("ann"));
    assert_eq!(status(&world, &format!("/ws?peer=ann&token={token}"), &[]).await, 101);
    assert_eq!(status(&world, "/ws?peer=ann&token=x", &[]).await, 401);
}

#[tokio::test]
async fn what_is_no_token_for_this_user_lets_nobody_in() {
    let (world, _) = world(false).await;
    let expired = Grant { expires: SystemTime::now() - Duration::from_secs(61), ..grant("ann") };
    for (token, expected) in [
        (signed(OTHER, grant("ann")), 401),
        (signed(SECRET, expired), 401),
        (signed(SECRET, grant("bob")), 403),
        ("a.b.c".to_owned(), 401),
        (String::new(), 401),
        ("x".repeat(9000), 401),
    ] {
        let header = format!("Bearer {token}");
        assert_eq!(status(&world, "/ws?peer=ann", &[("authorization", &header)]).await, expected, "{token}");
    }
}

#[tokio::test]
async fn keys_are_changed_while_the_node_runs() {
    let (world, access) = world(false).await;
    let (before, after) = (signed(SECRET, grant("ann")), signed(OTHER, grant("ann")));
    let mut ann = connect(&world, &before).await;
    ann.ask("join", json!({"rid": "tea"})).await.unwrap();
    access.replace_keys(keys(OTHER));
    let headers = [format!("Bearer {before}"), format!("Bearer {after}")];
    let [before, after] = headers.each_ref().map(|header| [("authorization", header.as_str())]);
    assert_eq!(status(&world, "/ws?peer=bea", &before).await, 401);
    assert_eq!(status(&world, "/ws?peer=ann", &after).await, 101);
    ann.ask("getusers", json!({"rid": "tea"})).await.expect("who is in stays in");
}

#[tokio::test]
async fn a_token_is_for_its_rooms_and_a_refusal_says_nothing_of_others() {
    let (world, _) = world(false).await;
    let everywhere = Grant { rooms: vec![RoomPattern::parse("*").unwrap()], ..grant("ann") };
    let mut ann = connect(&world, &signed(SECRET, everywhere)).await;
    ann.ask("join", json!({"rid": "coffee"})).await.unwrap();
    let mut other = connect(&world, &signed(SECRET, grant("ann"))).await;
    let there = other.ask("join", json!({"rid": "coffee"})).await.unwrap_err();
    let nowhere = other.ask("join", json!({"rid": "water"})).await.unwrap_err();
    assert_eq!((there.0, &there), (16, &nowhere));
    for method in ["getusers", "getpubs", "leave"] {
        let there = other.ask(method, json!({"rid": "coffee"})).await.unwrap_err();
        assert_eq!(there, other.ask(method, json!({"rid": "water"})).await.unwrap_err(), "{method}");
    }
    other.ask("join", json!({"rid": "tea for two"})).await.unwrap();
    ann.ask("getusers", json!({"rid": "coffee"})).await.expect("nobody took her over");
}

#[tokio::test]
async fn each_right_is_one_of_its_own() {
    let (world, _) = world(false).await;
    let nothing = Grant { publish: false, subscribe: false, broadcast: false, record: false, ..grant("ann") };
    let mut ann = connect(&world, &signed(SECRET, nothing)).await;
    ann.ask("join", json!({"rid": "tea"})).await.unwrap();
    let publish = |record: Value| json!({"rid": "tea", "jsep": offer(), "minfo": minfo(), "record": record});
    assert_eq!(code(ann.ask("publish", publish(json!(false))).await), 16);
    assert_eq!(code(ann.ask("subscribe", json!({"rid": "tea", "mid": "m", "jsep": offer()})).await), 16);
    assert_eq!(code(ann.ask("broadcast", json!({"rid": "tea", "data": 1})).await), 16);

    let mut ann = connect(&world, &signed(SECRET, Grant { record: false, ..grant("ann") })).await;
    ann.ask("join", json!({"rid": "tea"})).await.unwrap();
    assert_eq!(code(ann.ask("publish", publish(json!(true))).await), 16);
    ann.ask("publish", publish(json!(false))).await.unwrap();
    ann.ask("broadcast", json!({"rid": "tea", "data": 1})).await.unwrap();
}
