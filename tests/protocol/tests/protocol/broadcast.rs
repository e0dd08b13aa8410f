//! `broadcast`: any JSON value, as it came.

use serde_json::json;

use crate::fixture::{Place, code_of};

#[tokio::test]
async fn any_json_value_arrives_byte_for_byte() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let nested = format!("{}{}", "[".repeat(50), "]".repeat(50));
    let values = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.0",
        "1e3",
        "1E+3",
        "12345678901234567890123",
        "0.1000",
        "\"\"",
        "\"text\"",
        r#""\u0041\/\n\"\\""#,
        r#""\ud83d\ude00""#,
        "\"😀\"",
        "[]",
        "{}",
        "[1, 2,3 ]",
        r#"{ "b":1,  "a":2 }"#,
        r#"{"rid":"other","uid":"somebody else"}"#,
        &nested,
    ];
    for (id, value) in values.iter().enumerate() {
        let rid = json!(place.rid());
        let request = format!(
            r#"{{"request":true,"id":{id},"method":"broadcast","data":{{"rid":{rid},"data":{value}}}}}"#
        );
        let pending = ada.begin_raw(json!(id), &request).await;
        assert_eq!(ada.answer(&pending).await.outcome(), Ok(json!({})), "{value}");
        let before = id;
        let is_it = |data: &serde_json::Value| data["uid"] == *ada.uid();
        bob.notification("broadcast", is_it).await;
        let all = loop {
            let all: Vec<_> =
                bob.notifications().into_iter().filter(|notice| notice.method() == "broadcast").collect();
            if all.len() > before {
                break all;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(all[before].raw(&["data", "data"]), *value);
    }
}

#[tokio::test]
async fn broadcasts_of_one_user_keep_their_order() {
    const COUNT: usize = 500;
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let request = |number: usize| {
        json!({"request": true, "id": number, "method": "broadcast", "data": {"rid": place.rid(), "data": number}})
            .to_string()
    };
    let mut numbers = 0..COUNT;
    loop {
        let batch: Vec<_> = numbers.by_ref().take(50).map(request).collect();
        let Some(last) = numbers.start.checked_sub(1).filter(|_| !batch.is_empty()) else { break };
        ada.send_all(&batch).await;
        bob.notification("broadcast", |data| data["data"] == last).await;
    }
    let heard: Vec<_> = bob.told().into_iter().filter(|(method, _)| method == "broadcast").collect();
    let numbers: Vec<_> = heard.iter().filter_map(|(_, data)| data["data"].as_u64()).collect();
    assert_eq!(numbers, (0..COUNT as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_many_speakers_is_heard_by_everybody() {
    const SPEAKERS: usize = 10;
    const EACH: u64 = 100;
    let place = Place::new();
    let ada = place.member("ada").await;
    let mut speakers = Vec::new();
    for number in 0..SPEAKERS {
        speakers.push(place.member(&format!("speaker{number}")).await);
    }
    let speak = |speaker: &'_ peer::Peer| {
        let request = |id: u64| {
            let data = json!({"rid": place.rid(), "data": {"number": id, "filler": "x".repeat(1_000)}});
            json!({"request": true, "id": id, "method": "broadcast", "data": data}).to_string()
        };
        (speaker.uid().to_owned(), (0..EACH).map(request).collect::<Vec<_>>())
    };
    let said: Vec<_> = speakers.iter().map(speak).collect();
    let all_at_once = speakers.iter().zip(&said).map(|(speaker, (_, texts))| speaker.send_all(texts));
    futures_util::future::join_all(all_at_once).await;
    for speaker in &speakers {
        speaker.request("keepalive", json!({"rid": place.rid()})).await.expect("alive");
        let answers = speaker.record().messages();
        let refused = answers.iter().filter(|message| message.value()["ok"] == false).count();
        assert_eq!(refused, 0, "each broadcast was accepted");
    }
    // What was accepted before this mark is heard before it.
    speakers[0].settle(place.rid(), [&ada]).await;
    for (uid, _) in &said {
        let theirs = ada.notifications().into_iter().filter(|notice| notice.data()["uid"] == **uid);
        let numbers: Vec<_> = theirs.filter_map(|notice| notice.data()["data"]["number"].as_u64()).collect();
        assert_eq!(numbers, (0..EACH).collect::<Vec<_>>(), "what {uid} said");
    }
}

#[tokio::test]
async fn a_broadcast_reaches_everybody_but_its_sender() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let cleo = place.member_known_to("cleo", &[&ada, &bob]).await;
    ada.request("broadcast", json!({"rid": place.rid(), "data": 1})).await.expect("a broadcast");
    for other in [&bob, &cleo] {
        let heard = other.notification("broadcast", |_| true).await;
        assert_eq!(*heard.data(), json!({"rid": place.rid(), "uid": ada.uid(), "data": 1}));
    }
    bob.settle(place.rid(), [&ada]).await;
    assert!(!ada.told().iter().any(|(method, _)| method == "broadcast"));
}

#[tokio::test]
async fn broadcast_without_data_is_of_the_wrong_shape() {
    let place = Place::new();
    let ada = place.member("ada").await;
    assert_eq!(code_of(&ada, "broadcast", json!({"rid": place.rid()})).await, 19);
}

#[tokio::test]
async fn a_large_broadcast_arrives_whole() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let text = "ü".repeat(100_000);
    ada.request("broadcast", json!({"rid": place.rid(), "data": text})).await.expect("a broadcast");
    let heard = bob.notification("broadcast", |_| true).await;
    assert_eq!(heard.data()["data"], text);
}
