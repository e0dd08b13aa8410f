//! Publishing and subscribing as far as signalling sees it: who may what, ids, hints.

use std::collections::BTreeSet;

use serde_json::json;

use crate::fixture::{Place, announce, code_of, publish_data, publisher, subscribe_data};

#[tokio::test]
async fn a_stream_and_a_subscription_have_unguessable_ids_of_their_own() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        let mid = announce(&ada, place.rid()).await;
        let answer =
            bob.request("subscribe", subscribe_data(place.rid(), &mid)).await.expect("a subscription");
        let sid = answer["sid"].as_str().expect("a sid").to_owned();
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(2), "{answer}");
        for (id, uid) in [(&mid, ada.uid()), (&sid, bob.uid())] {
            let random =
                id.strip_prefix(&format!("{uid}#")).unwrap_or_else(|| panic!("{id} is not of {uid}"));
            // 128 bits take 22 characters of base 64.
            assert!(random.len() >= 22, "{random} can be guessed");
            assert!(ids.insert(id.clone()), "{id} twice");
        }
    }
}

#[tokio::test]
async fn only_the_owner_may_unpublish() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mid = announce(&ada, place.rid()).await;
    let unpublish = json!({"rid": place.rid(), "mid": mid});
    assert_eq!(code_of(&bob, "unpublish", unpublish.clone()).await, 16);
    assert_eq!(
        bob.request("getpubs", json!({"rid": place.rid()})).await.expect("a list")["pubs"][0]["mid"],
        *mid
    );
    assert_eq!(ada.request("unpublish", unpublish.clone()).await, Ok(json!({})));
    assert_eq!(code_of(&ada, "unpublish", unpublish).await, 8, "gone is gone");
}

#[tokio::test]
async fn an_id_that_only_looks_like_ones_own_gives_no_rights() {
    // `ada#x` is a legal user id, and its streams begin with `ada#`: ownership is never parsed.
    let place = Place::new();
    let ada = place.member("ada").await;
    let imposter = peer::Peer::connect(place.url(), &format!("{}#x", ada.uid())).await;
    imposter.join(place.rid()).await;
    let mid = announce(&imposter, place.rid()).await;
    assert!(mid.starts_with(&format!("{}#", ada.uid())), "{mid}");
    assert_eq!(code_of(&ada, "unpublish", json!({"rid": place.rid(), "mid": mid})).await, 16);
    assert_eq!(imposter.request("unpublish", json!({"rid": place.rid(), "mid": mid})).await, Ok(json!({})));
}

#[tokio::test]
async fn only_the_subscriber_may_unsubscribe() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let cleo = place.member("cleo").await;
    let mid = announce(&ada, place.rid()).await;
    let sid =
        bob.request("subscribe", subscribe_data(place.rid(), &mid)).await.expect("a subscription")["sid"]
            .clone();
    let unsubscribe = json!({"rid": place.rid(), "mid": mid, "sid": sid});
    for other in [&ada, &cleo] {
        let code = code_of(other, "unsubscribe", unsubscribe.clone()).await;
        assert!(matches!(code, 16 | 9), "error {code}");
    }
    assert_eq!(bob.request("unsubscribe", unsubscribe.clone()).await, Ok(json!({})));
    assert_eq!(code_of(&bob, "unsubscribe", unsubscribe).await, 9);
}

#[tokio::test]
async fn a_subscription_ends_well_also_when_its_stream_is_gone() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mid = announce(&ada, place.rid()).await;
    let sid =
        bob.request("subscribe", subscribe_data(place.rid(), &mid)).await.expect("a subscription")["sid"]
            .clone();
    ada.request("unpublish", json!({"rid": place.rid(), "mid": mid})).await.expect("unpublished");
    bob.notification("stream-remove", |data| data["mid"] == *mid).await;
    let unsubscribe = json!({"rid": place.rid(), "mid": mid, "sid": sid});
    assert_eq!(bob.request("unsubscribe", unsubscribe).await, Ok(json!({})));
}

#[tokio::test]
async fn the_sfuid_is_a_hint() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    for hint in [json!("no such node"), json!(""), json!(null), json!(7), json!("../../x")] {
        let mid = announce(&ada, place.rid()).await;
        let mut subscribe = subscribe_data(place.rid(), &mid);
        subscribe["sfuid"] = hint.clone();
        let sid =
            bob.request("subscribe", subscribe).await.unwrap_or_else(|refusal| panic!("{hint}: {refusal}"));
        let unsubscribe = json!({"rid": place.rid(), "mid": mid, "sid": sid["sid"], "sfuid": hint});
        assert_eq!(bob.request("unsubscribe", unsubscribe).await, Ok(json!({})), "{hint}");
        let unpublish = json!({"rid": place.rid(), "mid": mid, "sfuid": hint});
        assert_eq!(ada.request("unpublish", unpublish).await, Ok(json!({})), "{hint}");
    }
}

#[tokio::test]
async fn the_sfuid_is_the_same_wherever_it_is_told() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let answer = ada.request("publish", publish_data(place.rid())).await.expect("a stream");
    let sfuid = &answer["sfuid"];
    assert!(sfuid.as_str().is_some_and(|id| !id.is_empty()), "{answer}");
    assert_eq!(bob.notification("stream-add", |_| true).await.data()["sfuid"], *sfuid);
    let pubs = bob.request("getpubs", json!({"rid": place.rid()})).await.expect("a list");
    assert_eq!(pubs["pubs"][0]["sfuid"], *sfuid);
}

#[tokio::test]
async fn one_user_publishes_several_streams() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let (camera, screen) = (announce(&ada, place.rid()).await, announce(&ada, place.rid()).await);
    ada.request("unpublish", json!({"rid": place.rid(), "mid": camera})).await.expect("unpublished");
    bob.notification("stream-remove", |data| data["mid"] == *camera).await;
    let pubs = bob.request("getpubs", json!({"rid": place.rid()})).await.expect("a list");
    assert_eq!(pubs["pubs"].as_array().map(Vec::len), Some(1));
    assert_eq!(pubs["pubs"][0]["mid"], *screen);
}

#[tokio::test]
async fn the_owner_may_subscribe_to_its_own_stream() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let mid = announce(&ada, place.rid()).await;
    let answer = ada.request("subscribe", subscribe_data(place.rid(), &mid)).await.expect("a subscription");
    assert_eq!(answer["jsep"]["type"], "answer");
}

#[tokio::test]
async fn minfo_is_handed_on_as_it_came() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let minfo = r#"{ "videotype":2, "audio":false,"video":true,  "audiotype":-1,"name":"caf\u00e9","big":1.50e2,"x":{"y":[1, 2]} }"#;
    let offer = json!(publisher().offer());
    let rid = json!(place.rid());
    let request = format!(
        r#"{{"request":true,"id":1,"method":"publish","data":{{"rid":{rid},"jsep":{{"type":"offer","sdp":{offer}}},"minfo":{minfo}}}}}"#
    );
    let pending = ada.begin_raw(json!(1), &request).await;
    let mid = ada.answer(&pending).await.outcome().expect("a stream")["mid"].clone();
    let heard = bob.notification("stream-add", |data| data["mid"] == mid).await;
    assert_eq!(heard.raw(&["data", "minfo"]), minfo);
    let pending = bob.begin("getpubs", json!({"rid": place.rid()})).await;
    let listed = bob.answer(&pending).await;
    assert!(listed.text().contains(minfo), "{listed}");
}
