//! Frames and protoo messages: what is one, what is none, and that each request gets one answer.

use peer::Peer;
use peer::signalling::Message;
use serde_json::{Value, json};

use crate::fixture::Place;

/// A frame of this many bytes is the largest that is let through.
const MAX_FRAME: usize = 256 * 1024;
/// The n-th invalid message within a minute closes the connection.
const GARBAGE_LIMIT: usize = 20;

#[tokio::test]
async fn a_binary_frame_closes_with_1003() {
    let place = Place::new();
    let ada = place.member("ada").await;
    ada.send_binary(br#"{"request":true,"id":1,"method":"keepalive","data":{}}"#).await;
    assert_eq!(ada.closed().await.code, Some(1003));
}

#[tokio::test]
async fn a_frame_over_256_kib_closes_with_1009() {
    let place = Place::new();
    let ada = place.member("ada").await;
    ada.send_text(&broadcast_of_size(place.rid(), MAX_FRAME + 1)).await;
    assert_eq!(ada.closed().await.code, Some(1009));
}

#[tokio::test]
async fn a_frame_of_256_kib_is_let_through() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let pending = ada.begin_raw(json!(1), &broadcast_of_size(place.rid(), MAX_FRAME)).await;
    assert_eq!(ada.answer(&pending).await.outcome(), Ok(json!({})));
}

fn broadcast_of_size(rid: &str, size: usize) -> String {
    let request = |text: &str| {
        json!({"request": true, "id": 1, "method": "broadcast", "data": {"rid": rid, "data": text}})
            .to_string()
    };
    let filler = size - request("").len();
    let request = request(&"x".repeat(filler));
    assert_eq!(request.len(), size);
    request
}

#[tokio::test]
async fn ids_are_echoed_as_they_came() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for id in
        ["0", "1", "1.5", "-7", "-0.25", "9007199254740992", "9007199254740991", "124495", "1e3", "2.50"]
    {
        let text = format!(
            r#"{{"request":true,"id":{id},"method":"keepalive","data":{{"rid":{:?}}}}}"#,
            place.rid()
        );
        let number: Value = serde_json::from_str(id).expect("a number");
        let pending = ada.begin_raw(number, &text).await;
        let answer = ada.answer(&pending).await;
        assert_eq!(answer.raw(&["id"]), id, "{answer}");
        assert_eq!(answer.raw(&["ok"]), "true", "{answer}");
    }
}

#[tokio::test]
async fn an_answer_has_the_members_of_protoo_and_no_others() {
    let place = Place::new();
    let ada = place.peer("ada").await;
    let pending = ada.begin("join", json!({"rid": place.rid()})).await;
    let answer = ada.answer(&pending).await;
    let id = &answer.value()["id"];
    let data = json!({"users": [], "pubs": []});
    assert_eq!(*answer.value(), json!({"response": true, "id": id, "ok": true, "data": data}));

    let pending = ada.begin("join", json!({})).await;
    let answer = ada.answer(&pending).await;
    let (id, reason) = (&answer.value()["id"], &answer.value()["errorReason"]);
    assert!(reason.is_string());
    let error = json!({"response": true, "id": id, "ok": false, "errorCode": 2, "errorReason": reason});
    assert_eq!(*answer.value(), error);
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let place = Place::new();
    let ada = place.peer("ada").await;
    let rid = place.rid();
    let text = json!({
        "request": true, "id": 5, "method": "join", "version": 3, "trace": {"a": []},
        "data": {"rid": rid, "info": {"name": "Ada"}, "uid": "somebody else"},
    });
    let pending = ada.begin_raw(json!(5), &text.to_string()).await;
    assert_eq!(ada.answer(&pending).await.outcome(), Ok(json!({"users": [], "pubs": []})));
    let users = place.member("bob").await.request("getusers", json!({"rid": rid})).await.expect("a list");
    assert_eq!(users["users"][0]["uid"], *ada.uid(), "who one is was said when connecting");
}

#[tokio::test]
async fn a_thousand_requests_in_one_go_are_answered_in_order() {
    const COUNT: u64 = 1_000;
    let place = Place::new();
    let ada = place.member("ada").await;
    let methods = ["keepalive", "getusers", "getpubs", "nonsense", "broadcast"];
    let request = |id: u64| {
        let method = methods[usize::try_from(id).expect("small") % methods.len()];
        let data = json!({"rid": place.rid(), "data": id});
        json!({"request": true, "id": id, "method": method, "data": data}).to_string()
    };
    let before = ada.record().len();
    ada.send_all(&(0..COUNT).map(request).collect::<Vec<_>>()).await;
    let last = ada.begin("keepalive", json!({"rid": place.rid()})).await;
    ada.answer(&last).await;
    let answers = ada.record().messages().split_off(before);
    let ids: Vec<_> = answers.iter().filter_map(|answer| answer.value()["id"].as_u64()).take(1_000).collect();
    assert_eq!(ids, (0..COUNT).collect::<Vec<_>>());
    for (id, answer) in (0..COUNT).zip(&answers) {
        let code = answer.outcome().err().map(|refusal| refusal.code);
        assert_eq!(code, (id % 5 == 3).then_some(14), "{answer}");
    }
    assert_eq!(answers.len(), 1_001, "each request has one answer");
}

#[tokio::test]
async fn a_client_notification_is_the_request_of_the_same_name_without_an_answer() {
    let place = Place::new();
    let (ada, bob) = (place.peer("ada").await, place.member("bob").await);
    ada.notify("join", json!({"rid": place.rid()})).await;
    bob.notification("peer-join", |data| data["uid"] == *ada.uid()).await;
    ada.notify("broadcast", json!({"rid": place.rid(), "data": "psst"})).await;
    bob.notification("broadcast", |data| data["data"] == "psst").await;
    ada.notify("leave", json!({"rid": place.rid()})).await;
    bob.notification("peer-leave", |data| data["uid"] == *ada.uid()).await;
    // One that fails is not answered either.
    ada.notify("leave", json!({"rid": place.rid()})).await;
    ada.notify("nonsense", json!({})).await;
    assert_eq!(ada.request("join", json!({"rid": place.rid()})).await.expect("the lists")["pubs"], json!([]));
    let answers = ada.record().messages().into_iter().filter(|message| message.value()["response"] == true);
    assert_eq!(answers.count(), 1, "one request was made, one answer came");
}

/// No protoo message, and nothing to answer.
const GARBAGE: [&str; 18] = [
    "",
    " ",
    "hello",
    "{",
    "{}",
    "[]",
    "null",
    "42",
    r#""request""#,
    r#"{"request":true}"#,
    r#"{"request":true,"method":"join","data":{}}"#,
    r#"{"request":true,"id":"text","method":"join","data":{}}"#,
    r#"{"request":true,"id":null,"method":"join","data":{}}"#,
    r#"{"request":false,"id":1,"method":"join","data":{}}"#,
    r#"{"notification":true}"#,
    r#"{"notification":true,"method":7}"#,
    r#"[{"request":true,"id":1,"method":"join","data":{}}]"#,
    r#"{"request":true,"id":1,"method":"join","data":{}"#,
];

#[tokio::test]
async fn what_is_no_protoo_message_is_dropped() {
    let place = Place::new();
    for garbage in GARBAGE {
        let ada = place.member("ada").await;
        ada.send_text(garbage).await;
        let alive = ada.request("keepalive", json!({"rid": place.rid()})).await;
        assert_eq!(alive, Ok(json!({})), "after {garbage:?}");
        let others: Vec<Message> = ada.record().messages();
        let unwanted = others.iter().skip(1).rev().skip(1).find(|message| message.value()["ok"] != false);
        assert!(unwanted.is_none(), "{garbage:?} is answered with {unwanted:?}");
        ada.close().await;
    }
}

#[tokio::test]
async fn an_invalid_message_with_a_usable_id_is_answered_with_an_error() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for (id, text) in [
        (1, r#"{"request":true,"id":1}"#),
        (2, r#"{"request":true,"id":2,"method":7,"data":{}}"#),
        (3, r#"{"request":true,"id":3,"method":null,"data":{}}"#),
    ] {
        let pending = ada.begin_raw(json!(id), text).await;
        assert!(ada.answer(&pending).await.outcome().is_err(), "{text}");
    }
}

#[tokio::test]
async fn ids_beyond_2_to_the_53_are_not_usable() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for id in ["9007199254740993", "1e300", "-9007199254740993", "123456789012345678901234567890"] {
        let before = ada.record().len();
        ada.send_text(&format!(r#"{{"request":true,"id":{id},"method":"keepalive","data":{{"rid":"r"}}}}"#))
            .await;
        ada.request("keepalive", json!({"rid": place.rid()})).await.expect("alive");
        let answers = ada.record().messages().split_off(before);
        assert!(
            answers.iter().rev().skip(1).all(|answer| answer.value()["ok"] == false),
            "{id}: {answers:?}"
        );
    }
}

#[tokio::test]
async fn twenty_invalid_messages_in_a_minute_close_with_1008() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let one_less = vec!["garbage".to_owned(); GARBAGE_LIMIT - 1];
    ada.send_all(&one_less).await;
    ada.request("keepalive", json!({"rid": place.rid()})).await.expect("19 are forgiven");
    // Whether the twentieth closes, or what follows it.
    ada.send_text("garbage").await;
    drop(ada.try_send("garbage".into()).await);
    assert_eq!(ada.closed().await.code, Some(1008));
}

#[tokio::test]
async fn duplicate_members_make_a_message_invalid() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let rid = json!(place.rid());
    for text in [
        format!(r#"{{"request":true,"id":7,"id":8,"method":"broadcast","data":{{"rid":{rid},"data":1}}}}"#),
        format!(
            r#"{{"request":true,"id":7,"method":"leave","method":"broadcast","data":{{"rid":{rid},"data":1}}}}"#
        ),
        format!(
            r#"{{"request":true,"id":7,"method":"broadcast","data":{{"rid":{rid},"rid":"x","data":1}}}}"#
        ),
    ] {
        ada.send_text(&text).await;
    }
    // Inside the data of a broadcast nothing is looked at: it is the application's.
    ada.settle(place.rid(), [&bob]).await;
    assert!(!bob.told().iter().any(|(method, _)| method == "broadcast"), "{:?}", bob.told());
    assert_eq!(answered_ok(&ada), 2, "the join and the mark");
}

fn answered_ok(peer: &Peer) -> usize {
    peer.record().messages().iter().filter(|message| message.value()["ok"] == true).count()
}

#[tokio::test]
async fn answers_to_nobody_are_not_a_crime_of_the_server() {
    // A client that answers requests which were never made: dropped, whatever else.
    let place = Place::new();
    let ada = place.member("ada").await;
    ada.send_text(r#"{"response":true,"id":1,"ok":true,"data":{}}"#).await;
    assert_eq!(ada.request("keepalive", json!({"rid": place.rid()})).await, Ok(json!({})));
}
