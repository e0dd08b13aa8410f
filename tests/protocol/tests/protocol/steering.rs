//! `prefer` and `restart`: their errors, whose they are, and that who knows neither is served as ever.

use serde_json::{Value, json};

use crate::fixture::{
    Place, announce, code_of, methods, publisher, restart_data, subscribe_data, subscriber,
};

/// A `prefer` of ada's, who subscribes to a stream of hers.
async fn subscribed(place: &Place, ada: &peer::Peer) -> (String, String) {
    let mid = announce(ada, place.rid()).await;
    let answer = ada.request("subscribe", subscribe_data(place.rid(), &mid)).await.expect("a subscription");
    (mid, answer["sid"].as_str().expect("a sid").to_owned())
}

fn wrong_preferences() -> Vec<Value> {
    vec![
        json!(null),
        json!([]),
        json!("best"),
        json!({"rid": 1}),
        json!({"rid": ""}),
        json!({"rid": "a b"}),
        json!({"rid": "x".repeat(17)}),
        json!({"maxHeight": 0}),
        json!({"maxHeight": 65_536}),
        json!({"maxHeight": 0.5}),
        json!({"maxHeight": "720"}),
        json!({"maxBitrate": 0}),
        json!({"maxBitrate": -1}),
        json!({"maxBitrate": null}),
        json!({"priority": 256}),
        json!({"priority": {}}),
    ]
}

#[tokio::test]
async fn a_preference_is_taken_at_once_and_later() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let mid = announce(&ada, place.rid()).await;
    let mut subscribe = subscribe_data(place.rid(), &mid);
    subscribe["prefer"] =
        json!({"rid": "h", "maxHeight": 360, "maxBitrate": 500_000, "priority": 255, "x": [1]});
    let answer = ada.request("subscribe", subscribe).await.expect("a subscription");
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(2), "{answer}");
    for prefer in [json!({}), json!({"maxHeight": 1}), json!({"rid": "no-such-layer", "priority": 0})] {
        let data = json!({"rid": place.rid(), "mid": mid, "sid": answer["sid"], "prefer": prefer});
        assert_eq!(ada.request("prefer", data).await, Ok(json!({})), "{prefer}");
    }
}

#[tokio::test]
async fn a_preference_of_the_wrong_shape_is_19_and_named() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let (mid, sid) = subscribed(&place, &ada).await;
    for prefer in wrong_preferences() {
        let data = json!({"rid": place.rid(), "mid": mid, "sid": sid, "prefer": prefer});
        let refusal = ada.request("prefer", data).await.expect_err("refused");
        assert_eq!(refusal.code, 19, "{prefer}: {refusal}");
        let named = prefer.as_object().and_then(|members| members.keys().next());
        let named = named.map_or("prefer".to_owned(), |member| format!("prefer.{member}"));
        assert!(refusal.reason.starts_with(&named), "{prefer}: {refusal}");
        let mut subscribe = subscribe_data(place.rid(), &mid);
        subscribe["prefer"] = prefer.clone();
        assert_eq!(code_of(&ada, "subscribe", subscribe).await, 19, "{prefer}");
    }
    assert_eq!(code_of(&ada, "prefer", json!({"rid": place.rid(), "mid": mid, "sid": sid})).await, 19);
}

#[tokio::test]
async fn nobody_changes_what_is_somebody_elses_or_gone() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let (mid, sid) = subscribed(&place, &ada).await;
    let prefer = json!({"rid": place.rid(), "mid": mid, "sid": sid, "prefer": {}});
    assert_eq!(code_of(&bob, "prefer", prefer.clone()).await, 9);
    let mut restart = restart_data(place.rid(), &mid);
    assert_eq!(code_of(&bob, "restart", restart.clone()).await, 16);
    restart["sid"] = json!(sid);
    assert_eq!(code_of(&bob, "restart", restart.clone()).await, 9);
    for sid in [json!(null), json!(""), json!(7), json!("s".repeat(257))] {
        restart["sid"] = sid.clone();
        assert_eq!(code_of(&ada, "restart", restart.clone()).await, 4, "{sid}");
    }

    let unsubscribe = json!({"rid": place.rid(), "mid": mid, "sid": sid});
    ada.request("unsubscribe", unsubscribe).await.expect("unsubscribed");
    assert_eq!(code_of(&ada, "prefer", prefer).await, 9);
    ada.request("unpublish", json!({"rid": place.rid(), "mid": mid})).await.expect("unpublished");
    assert_eq!(code_of(&ada, "restart", restart_data(place.rid(), &mid)).await, 8);
}

#[tokio::test]
async fn an_offer_that_is_no_restart_is_6_and_the_call_goes_on() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let (mut camera, mut screen) = (publisher(), subscriber());
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let sid = bob.subscribe(place.rid(), &stream.mid, &mut screen).await.expect("a subscription");
    screen.frames(5, 5).await;

    // Another peer connection: another certificate.
    assert_eq!(code_of(&ada, "restart", restart_data(place.rid(), &stream.mid)).await, 6);
    // The same offer again: no new credentials.
    let again = |sdp: &str, sid: Option<&str>| {
        let mut data = json!({"rid": place.rid(), "mid": stream.mid, "jsep": {"type": "offer", "sdp": sdp}});
        if let Some(sid) = sid {
            data["sid"] = json!(sid);
        }
        data
    };
    assert_eq!(code_of(&ada, "restart", again(camera.offer(), None)).await, 6);
    assert_eq!(code_of(&bob, "restart", again(screen.offer(), Some(&sid))).await, 6);
    assert_eq!(code_of(&ada, "restart", again("garbage", None)).await, 6);
    screen.frames(30, 30).await;
}

#[tokio::test]
async fn new_credentials_are_answered_with_new_ones_and_the_call_goes_on() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let (mut camera, mut screen) = (publisher(), subscriber());
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let sid = bob.subscribe(place.rid(), &stream.mid, &mut screen).await.expect("a subscription");
    screen.frames(5, 5).await;

    let restarted = |sdp: &str| {
        let line = |line: &str| match line.split_once(':') {
            Some(("a=ice-ufrag", _)) => "a=ice-ufrag:another".to_owned(),
            Some(("a=ice-pwd", _)) => "a=ice-pwd:another0password0of022ch".to_owned(),
            _ => line.to_owned(),
        };
        sdp.lines().map(|text| line(text) + "\r\n").collect::<String>()
    };
    let ufrag = |sdp: &Value| {
        let ufrag = sdp.as_str().and_then(|sdp| sdp.lines().find(|line| line.starts_with("a=ice-ufrag:")));
        ufrag.expect("an ufrag").to_owned()
    };
    let mut data = restart_data(place.rid(), &stream.mid);
    data["jsep"]["sdp"] = json!(restarted(camera.offer()));
    let answer = ada.request("restart", data.clone()).await.expect("an answer");
    assert_eq!(answer["jsep"]["type"], "answer");
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(1), "{answer}");
    assert_ne!(ufrag(&answer["jsep"]["sdp"]), ufrag(&json!(stream.answer)));
    data["sid"] = json!(sid);
    data["jsep"]["sdp"] = json!(restarted(screen.offer()));
    let answer = bob.request("restart", data).await.expect("an answer");
    assert_ne!(ufrag(&answer["jsep"]["sdp"]), ufrag(&json!(stream.answer)));
    // Whoever does not use them loses nothing.
    screen.frames(30, 30).await;
}

#[tokio::test]
async fn a_client_that_uses_none_of_it_hears_and_gets_what_it_always_did() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let (mut camera, mut screen) = (publisher(), subscriber());
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let sid = bob.subscribe(place.rid(), &stream.mid, &mut screen).await.expect("a subscription");
    screen.frames(60, 60).await;
    let unsubscribe = json!({"rid": place.rid(), "mid": stream.mid, "sid": sid});
    assert_eq!(bob.request("unsubscribe", unsubscribe).await, Ok(json!({})));
    ada.request("unpublish", json!({"rid": place.rid(), "mid": stream.mid})).await.expect("unpublished");
    bob.notification("stream-remove", |_| true).await;
    let known = ["peer-join", "stream-add", "stream-remove", "active-speakers"];
    for (who, told) in [("ada", ada.told()), ("bob", bob.told())] {
        assert!(methods(&told).iter().all(|method| known.contains(method)), "{who}: {told:?}");
    }
}
