//! The error codes, one by one, and in which order a request is looked at.

use serde_json::{Value, json};

use crate::fixture::{
    Place, announce, code_of, minfo, publish_data, publisher, restart_data, subscribe_data,
};

/// Every method with data that is right but for the room.
fn requests_of(rid: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("leave", json!({"rid": rid})),
        ("keepalive", json!({"rid": rid})),
        ("publish", publish_data(rid)),
        ("unpublish", json!({"rid": rid, "mid": "x#1"})),
        ("subscribe", subscribe_data(rid, "x#1")),
        ("unsubscribe", json!({"rid": rid, "mid": "x#1", "sid": "x#2"})),
        ("prefer", json!({"rid": rid, "mid": "x#1", "sid": "x#2", "prefer": {}})),
        ("restart", restart_data(rid, "x#1")),
        ("broadcast", json!({"rid": rid, "data": 1})),
        ("getusers", json!({"rid": rid})),
        ("getpubs", json!({"rid": rid})),
    ]
}

#[tokio::test]
async fn a_missing_or_invalid_rid_is_2() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let mut requests = requests_of(place.rid());
    requests.push(("join", json!({"rid": place.rid()})));
    for (method, data) in requests {
        for rid in [json!(""), json!("r".repeat(129)), json!("a\u{7}b"), json!(1), json!(null), json!({})] {
            let mut data = data.clone();
            data["rid"] = rid;
            assert_eq!(code_of(&ada, method, data.clone()).await, 2, "{method} {}", data["rid"]);
        }
        let mut data = data.clone();
        data.as_object_mut().expect("an object").remove("rid");
        assert_eq!(code_of(&ada, method, data).await, 2, "{method}");
    }
}

#[tokio::test]
async fn a_room_that_was_not_joined_is_15() {
    let place = Place::new();
    let ada = place.member("ada").await;
    place.peer("bob").await.join(&place.other_rid("elsewhere")).await;
    for (method, data) in requests_of(&place.other_rid("elsewhere")) {
        assert_eq!(code_of(&ada, method, data).await, 15, "{method}");
    }
}

#[tokio::test]
async fn a_missing_or_invalid_mid_is_3() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for (method, data) in requests_of(place.rid()) {
        if data.get("mid").is_none() {
            continue;
        }
        for mid in [json!(null), json!(""), json!(5), json!("m".repeat(257)), json!("a\nb"), json!([])] {
            let mut data = data.clone();
            data["mid"] = mid;
            assert_eq!(code_of(&ada, method, data.clone()).await, 3, "{method} {}", data["mid"]);
        }
    }
}

#[tokio::test]
async fn a_missing_or_invalid_sid_is_4() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for sid in [json!(null), json!(""), json!(5), json!("s".repeat(257)), json!("a\nb"), json!({})] {
        let data = json!({"rid": place.rid(), "mid": "x#1", "sid": sid});
        assert_eq!(code_of(&ada, "unsubscribe", data).await, 4, "{sid}");
    }
    assert_eq!(code_of(&ada, "unsubscribe", json!({"rid": place.rid(), "mid": "x#1"})).await, 4);
}

#[tokio::test]
async fn a_missing_or_invalid_jsep_is_5() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let mid = announce(&place.member("bob").await, place.rid()).await;
    let sdp = publisher().offer().to_owned();
    let jseps = [
        json!(null),
        json!("offer"),
        json!([]),
        json!({}),
        json!({"sdp": sdp}),
        json!({"type": "answer", "sdp": sdp}),
        json!({"type": "pranswer", "sdp": sdp}),
        json!({"type": 1, "sdp": sdp}),
    ];
    for (method, data) in
        [("publish", publish_data(place.rid())), ("subscribe", subscribe_data(place.rid(), &mid))]
    {
        for jsep in &jseps {
            let mut data = data.clone();
            data["jsep"] = jsep.clone();
            assert_eq!(code_of(&ada, method, data).await, 5, "{method} {jsep:?}");
        }
        let mut data = data.clone();
        data.as_object_mut().expect("an object").remove("jsep");
        assert_eq!(code_of(&ada, method, data).await, 5, "{method}");
    }
}

#[tokio::test]
async fn a_missing_or_unusable_sdp_is_6() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member("bob").await;
    let mid = announce(&bob, place.rid()).await;
    let no_media = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    for (method, data) in
        [("publish", publish_data(place.rid())), ("subscribe", subscribe_data(place.rid(), &mid))]
    {
        for sdp in ["", "garbage", "v=0", no_media, "\u{0}", "m=audio 9 UDP/TLS/RTP/SAVPF 111"] {
            let mut data = data.clone();
            data["jsep"]["sdp"] = json!(sdp);
            assert_eq!(code_of(&ada, method, data).await, 6, "{method} {sdp:?}");
        }
        let mut data = data.clone();
        data["jsep"] = json!({"type": "offer"});
        assert_eq!(code_of(&ada, method, data).await, 6, "{method}");
    }
}

#[tokio::test]
async fn a_missing_or_invalid_minfo_is_7() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let mut wrong = vec![json!(null), json!("audio"), json!([]), json!({})];
    for member in ["audio", "video", "audiotype", "videotype"] {
        let mut without = minfo();
        without.as_object_mut().expect("an object").remove(member);
        wrong.push(without);
        let mut with_text = minfo();
        with_text[member] = json!("1");
        wrong.push(with_text);
    }
    let mut fraction = minfo();
    fraction["audiotype"] = json!(0.5);
    wrong.push(fraction);
    for minfo in wrong {
        let mut data = publish_data(place.rid());
        data["minfo"] = minfo.clone();
        assert_eq!(code_of(&ada, "publish", data).await, 7, "{minfo}");
    }
}

#[tokio::test]
async fn an_unknown_stream_is_8_and_an_unknown_subscription_9() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let mid = format!("{}#0123456789abcdef0123456789abcdef", ada.uid());
    assert_eq!(code_of(&ada, "unpublish", json!({"rid": place.rid(), "mid": mid})).await, 8);
    assert_eq!(code_of(&ada, "subscribe", subscribe_data(place.rid(), &mid)).await, 8);
    let real = announce(&ada, place.rid()).await;
    for mid in [&mid, &real] {
        let data = json!({"rid": place.rid(), "mid": mid, "sid": format!("{}#00", ada.uid())});
        assert_eq!(code_of(&ada, "unsubscribe", data).await, 9);
    }
}

#[tokio::test]
async fn a_stream_of_another_room_is_not_found_in_this_one() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let elsewhere = place.other_rid("elsewhere");
    let bob = place.peer("bob").await;
    bob.join(&elsewhere).await;
    let mid = announce(&bob, &elsewhere).await;
    assert_eq!(code_of(&ada, "subscribe", subscribe_data(place.rid(), &mid)).await, 8);
}

#[tokio::test]
async fn an_unknown_method_is_14() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for method in ["nonsense", "", "Join", "join ", "__proto__", "peer-join", &"m".repeat(10_000)] {
        assert_eq!(code_of(&ada, method, json!({"rid": place.rid()})).await, 14, "{method:.20}");
    }
}

#[tokio::test]
async fn data_that_is_no_object_is_19() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for (method, _) in requests_of(place.rid()) {
        for data in [json!(null), json!([]), json!("rid"), json!(1), json!(true)] {
            assert_eq!(code_of(&ada, method, data.clone()).await, 19, "{method} {data}");
        }
        let text = format!(r#"{{"request":true,"id":77,"method":"{method}"}}"#);
        let pending = ada.begin_raw(json!(77), &text).await;
        let refusal = ada.answer(&pending).await.outcome().expect_err("no data");
        assert_eq!(refusal.code, 19, "{method} without data");
    }
}

#[tokio::test]
async fn what_is_wrong_first_is_said_first() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let elsewhere = place.other_rid("elsewhere");
    for (data, code) in [
        (json!([]), 19),
        (json!({"rid": "", "mid": "", "sid": ""}), 2),
        (json!({"rid": elsewhere, "mid": "", "sid": ""}), 15),
        (json!({"rid": place.rid(), "mid": "", "sid": ""}), 3),
        (json!({"rid": place.rid(), "mid": "x#1", "sid": ""}), 4),
        (json!({"rid": place.rid(), "mid": "x#1", "sid": "x#2"}), 9),
    ] {
        assert_eq!(code_of(&ada, "unsubscribe", data.clone()).await, code, "{data}");
    }
    for (data, code) in [
        (json!({"rid": place.rid(), "jsep": null, "minfo": null}), 5),
        (json!({"rid": place.rid(), "jsep": {"type": "offer", "sdp": ""}, "minfo": null}), 6),
        (
            json!({"rid": place.rid(), "jsep": {"type": "offer", "sdp": publisher().offer()}, "minfo": null}),
            7,
        ),
    ] {
        assert_eq!(code_of(&ada, "publish", data).await, code);
    }
}

#[tokio::test]
async fn too_many_streams_or_rooms_are_17() {
    // The limits themselves are the server's; that there is one, and what it answers, is not.
    const MORE_THAN_ANYBODY_NEEDS: usize = 300;
    let place = Place::new();
    let ada = place.member("ada").await;
    let publish = publish_data(place.rid());
    let mut refused = None;
    for _ in 0..MORE_THAN_ANYBODY_NEEDS {
        if let Err(refusal) = ada.request("publish", publish.clone()).await {
            refused = Some(refusal);
            break;
        }
    }
    assert_eq!(refused.map(|refusal| refusal.code), Some(17));
    let bob = place.peer("bob").await;
    let mut refused = None;
    for number in 0..MORE_THAN_ANYBODY_NEEDS {
        if let Err(refusal) = bob.request("join", json!({"rid": place.other_rid(&number.to_string())})).await
        {
            refused = Some(refusal);
            break;
        }
    }
    assert_eq!(refused.map(|refusal| refusal.code), Some(17));
}

#[tokio::test]
async fn a_reason_says_what_was_expected_and_repeats_little() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let long = "ж".repeat(5_000);
    let requests = [
        ("join", json!({"rid": long})),
        ("keepalive", json!({"rid": "ж".repeat(64)})),
        (long.as_str(), json!({"rid": place.rid()})),
        ("unpublish", json!({"rid": place.rid(), "mid": "ж".repeat(128)})),
        ("unpublish", json!({"rid": place.rid(), "mid": long})),
        ("publish", json!({"rid": place.rid(), "jsep": {"type": long, "sdp": long}})),
        ("publish", json!({"rid": place.rid(), "jsep": {"type": "offer", "sdp": format!("v=0\r\n{long}")}})),
    ];
    for (method, data) in requests {
        let refusal = ada.request(method, data).await.expect_err("refused");
        let repeated = refusal.reason.matches('ж').count() * 'ж'.len_utf8();
        assert!(repeated <= 64, "{repeated} bytes repeated: {refusal}");
        assert!(refusal.reason.len() < 400, "{refusal}");
    }
    let refusal = ada.request("join", json!({})).await.expect_err("refused");
    assert!(refusal.reason.contains("rid"), "{refusal}");
    let refusal = ada.request("keepalive", json!({"rid": "elsewhere"})).await.expect_err("refused");
    assert!(refusal.reason.contains("join"), "{refusal}");
}
