//! Every request and every notification, as clients see them.

use crate::{
    client::{minfo, offer},
    world::{PATIENCE, World, eventually},
};
use model::ErrorCode;
use serde_json::json;
use std::time::Instant;

#[tokio::test]
async fn two_people_meet_talk_and_part() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    assert_eq!(alice.join("r").await, json!({"users": [], "pubs": []}));

    let mut bob = world.client("bob").await;
    let lists = bob.join("r").await;
    assert_eq!(lists, json!({"users": [{"rid": "r", "uid": "alice", "signalid": "signal-1"}], "pubs": []}));
    let joined = json!({"rid": "r", "uid": "bob", "bizid": "signal-1", "signalid": "signal-1"});
    assert_eq!(alice.heard().await, ("peer-join".to_owned(), joined));

    let data = json!({"rid": "r", "jsep": offer(), "minfo": minfo()});
    let published = alice.ok("publish", data).await;
    assert_eq!(published["jsep"], json!({"type": "answer", "sdp": "answer to v=0"}));
    assert_eq!(published["sfuid"], "sfu-1");
    let mid = published["mid"].as_str().unwrap();
    assert!(mid.starts_with("alice#"));
    let added = json!({"rid": "r", "uid": "alice", "mid": mid, "sfuid": "sfu-1", "minfo": minfo()});
    assert_eq!(bob.heard().await, ("stream-add".to_owned(), added.clone()));
    assert_eq!(bob.ok("getpubs", json!({"rid": "r"})).await, json!({"pubs": [added]}));
    assert_eq!(alice.ok("getpubs", json!({"rid": "r"})).await, json!({"pubs": []}));
    let users = json!({"users": [{"rid": "r", "uid": "bob", "signalid": "signal-1"}]});
    assert_eq!(alice.ok("getusers", json!({"rid": "r"})).await, users);

    let data = json!({"rid": "r", "mid": mid, "jsep": offer(), "sfuid": "no longer there"});
    let subscribed = bob.ok("subscribe", data).await;
    assert_eq!(subscribed["jsep"], json!({"type": "answer", "sdp": "answer to v=0"}));
    let sid = subscribed["sid"].as_str().unwrap();
    assert!(sid.starts_with("bob#"));
    assert_eq!(world.sfu.subscriptions(), 1);
    assert_eq!(bob.ok("unsubscribe", json!({"rid": "r", "mid": mid, "sid": sid})).await, json!({}));
    eventually("the SFU ends the subscription", || async { world.sfu.subscriptions() == 0 }).await;

    assert_eq!(bob.ok("broadcast", json!({"rid": "r", "data": {"text": "hi"}})).await, json!({}));
    let said = json!({"rid": "r", "uid": "bob", "data": {"text": "hi"}});
    assert_eq!(alice.heard().await, ("broadcast".to_owned(), said));
    assert_eq!(bob.ok("keepalive", json!({"rid": "r"})).await, json!({}));

    assert_eq!(alice.ok("unpublish", json!({"rid": "r", "mid": mid})).await, json!({}));
    let removed = json!({"rid": "r", "uid": "alice", "mid": mid});
    assert_eq!(bob.heard().await, ("stream-remove".to_owned(), removed));
    eventually("the SFU ends the stream", || async { world.sfu.streams() == 0 }).await;

    assert_eq!(alice.ok("leave", json!({"rid": "r"})).await, json!({}));
    assert_eq!(bob.heard().await, ("peer-leave".to_owned(), json!({"rid": "r", "uid": "alice"})));
    assert_eq!(bob.all_heard("r").await, [], "nobody hears of their own doing");
}

#[tokio::test]
async fn leaving_takes_along_what_one_had() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let (first, _second) = (alice.publish("r").await, alice.publish("r").await);
    let bobs = bob.publish("r").await;
    alice.subscribe("r", &bobs).await;
    bob.subscribe("r", &first).await;
    alice.ok("leave", json!({"rid": "r"})).await;
    let heard = ["stream-add", "stream-add", "stream-remove", "stream-remove", "peer-leave"];
    assert_eq!(bob.heard_methods(5).await, heard);
    eventually("the SFU ends all of it", || async {
        world.sfu.streams() == 1 && world.sfu.subscriptions() == 0
    })
    .await;
    assert_eq!(alice.error("getusers", json!({"rid": "r"})).await, 15);
}

#[tokio::test]
async fn joining_again_answers_the_lists_as_they_are_now() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mut bob = world.member("bob", "r").await;
    let mid = bob.publish("r").await;
    let lists = alice.join("r").await;
    assert_eq!(lists["users"][0]["uid"], "bob");
    assert_eq!(lists["pubs"][0]["mid"], mid);
    assert_eq!(alice.heard_methods(2).await, ["peer-join", "stream-add"], "told before the answer");
    assert_eq!(bob.all_heard("r").await, [], "nothing changed for the others");
    assert_eq!(world.truth("r").await.users.len(), 2);
}

#[tokio::test]
async fn rooms_of_one_connection_are_apart() {
    let world = World::new().await;
    let mut alice = world.member("alice", "one").await;
    alice.join("two").await;
    let mut bob = world.member("bob", "two").await;
    let mid = alice.publish("one").await;
    assert_eq!(bob.error("subscribe", json!({"rid": "two", "mid": mid, "jsep": offer()})).await, 8);
    assert_eq!(bob.error("subscribe", json!({"rid": "one", "mid": mid, "jsep": offer()})).await, 15);
    assert_eq!(bob.all_heard("two").await, []);
    let heard = alice.heard().await;
    assert_eq!((heard.0.as_str(), &heard.1["rid"]), ("peer-join", &json!("two")));
    alice.ok("leave", json!({"rid": "two"})).await;
    assert_eq!(alice.ok("getusers", json!({"rid": "one"})).await, json!({"users": []}));
}

#[tokio::test]
async fn any_legal_id_works_everywhere() {
    let world = World::new().await;
    let (uid, rid) = ("a/ * . > # : { } \"\\ ü☃", " r/ * . > # : { } \"\\ ü☃ ");
    let mut alice = world.member(uid, rid).await;
    let mut bob = world.member("bob", rid).await;
    let mid = alice.publish(rid).await;
    assert!(mid.starts_with(&format!("{uid}#")));
    let (method, data) = bob.heard().await;
    assert_eq!((method.as_str(), &data["rid"], &data["uid"]), ("stream-add", &json!(rid), &json!(uid)));
    let sid = bob.subscribe(rid, &mid).await;
    bob.ok("unsubscribe", json!({"rid": rid, "mid": mid, "sid": sid})).await;
    alice.ok("leave", json!({"rid": rid})).await;
}

#[tokio::test]
async fn ids_come_back_as_they_were_written() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    for id in ["0", "-7", "1.0", "1e3", "0.5", "9007199254740992"] {
        alice
            .text(format!(r#"{{"request":true,"id":{id},"method":"keepalive","data":{{"rid":"r"}}}}"#))
            .await;
        let text = alice.text_frame().await;
        assert!(text.contains(&format!("\"id\":{id},")), "{text}");
    }
}

#[tokio::test]
async fn what_is_said_and_media_info_are_handed_on_byte_for_byte() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mut bob = world.member("bob", "r").await;
    alice.heard().await;
    for said in ["null", "1.50", r#"{ "b":1, "a" : [ ] ,"c":"\u00e4\ud800"}"#, r#"{"a":1,"a":2}"#] {
        bob.text(format!(
            r#"{{"request":true,"id":1,"method":"broadcast","data":{{"rid":"r","data":{said}}}}}"#
        ))
        .await;
        let text = alice.text_frame().await;
        assert!(text.ends_with(&format!(r#""uid":"bob","data":{said}}}}}"#)), "{text}");
    }
    let info = r#"{ "video":false, "audio":true,"audiotype":-1,"videotype":9 ,"x":1.0}"#;
    bob.text(format!(
        r#"{{"request":true,"id":1,"method":"publish","data":{{"rid":"r","jsep":{{"type":"offer","sdp":"v=0"}},"minfo":{info}}}}}"#
    ))
    .await;
    let text = alice.text_frame().await;
    assert!(text.ends_with(&format!(r#","minfo":{info}}}}}"#)), "{text}");
}

#[tokio::test]
async fn requests_are_answered_in_the_order_they_came() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let methods = ["join", "getusers", "publish", "keepalive", "nonsense", "broadcast", "getpubs", "leave"];
    let mut sent = Vec::new();
    for _ in 0..50 {
        for method in methods {
            let data = json!({"rid": "r", "jsep": offer(), "minfo": minfo(), "data": 1});
            sent.push(alice.send(method, data).await);
        }
    }
    for id in sent {
        assert_eq!(alice.response().await["id"], id);
    }
}

#[tokio::test]
async fn a_notification_is_a_request_without_an_answer() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    let mut bob = world.member("bob", "r").await;
    alice.notify("join", json!({"rid": "r"})).await;
    alice.notify("broadcast", json!({"rid": "r", "data": 7})).await;
    alice.notify("nonsense", json!({})).await;
    alice.notify("broadcast", json!({"rid": "another"})).await;
    assert_eq!(bob.heard_methods(2).await, ["peer-join", "broadcast"]);
    // The first answer that comes is to the first request.
    assert_eq!(alice.ok("getusers", json!({"rid": "r"})).await["users"][0]["uid"], "bob");
}

#[tokio::test]
async fn an_sfu_that_is_full_after_all_is_passed_over() {
    let world = World::new().await;
    let mut ann = world.member("ann", "r").await;
    world.sfu.refuse(ErrorCode::Limit);
    let data = json!({"rid": "r", "jsep": offer(), "minfo": minfo()});
    assert_eq!(ann.error("publish", data.clone()).await, 17, "there is no other");
    let (_other, _lease) = world.another_sfu().await;
    let deadline = Instant::now() + PATIENCE;
    while ann.ask("publish", data.clone()).await.is_err() {
        assert!(Instant::now() < deadline, "the other one is not known");
    }
    // Each first asks any of the two.
    for _ in 0..8 {
        assert_eq!(ann.ok("publish", data.clone()).await["sfuid"], "sfu-2");
    }
}
