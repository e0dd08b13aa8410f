//! What the room hears: each notification with exactly its members, to everybody but its cause, in
//! the promised order.

use serde_json::json;

use crate::fixture::{Place, announce, methods, publish_data};

#[tokio::test]
async fn peer_join_names_the_signalling_node_twice() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let (bob, _) = place.joined("bob").await;
    let heard = ada.notification("peer-join", |_| true).await;
    let signalid = &heard.data()["signalid"];
    assert!(signalid.as_str().is_some_and(|id| !id.is_empty()), "{heard}");
    let data = json!({"rid": place.rid(), "uid": bob.uid(), "bizid": signalid, "signalid": signalid});
    assert_eq!(*heard.data(), data);
    assert_eq!(*heard.value(), json!({"notification": true, "method": "peer-join", "data": data}));
}

#[tokio::test]
async fn everything_a_user_does_is_told_once_in_order_and_not_to_the_user() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let mut publish = publish_data(place.rid());
    let minfo =
        json!({"audio": true, "video": false, "audiotype": 3, "videotype": 0, "extra": {"a": [1, null]}});
    publish["minfo"] = minfo.clone();
    let answer = bob.request("publish", publish).await.expect("a stream");
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(3), "{answer}");
    assert_eq!(answer["jsep"]["type"], "answer");
    let (mid, sfuid) = (&answer["mid"], &answer["sfuid"]);
    bob.request("broadcast", json!({"rid": place.rid(), "data": {"text": "hi"}})).await.expect("a broadcast");
    let unpublish = json!({"rid": place.rid(), "mid": mid, "sfuid": sfuid});
    assert_eq!(bob.request("unpublish", unpublish).await, Ok(json!({})));
    assert_eq!(bob.request("leave", json!({"rid": place.rid()})).await, Ok(json!({})));

    ada.notification("peer-leave", |_| true).await;
    let (rid, uid) = (place.rid(), bob.uid());
    let told = ada.told();
    assert_eq!(methods(&told), ["peer-join", "stream-add", "broadcast", "stream-remove", "peer-leave"]);
    assert_eq!(told[1].1, json!({"rid": rid, "uid": uid, "mid": mid, "sfuid": sfuid, "minfo": minfo}));
    assert_eq!(told[2].1, json!({"rid": rid, "uid": uid, "data": {"text": "hi"}}));
    assert_eq!(told[3].1, json!({"rid": rid, "uid": uid, "mid": mid}));
    assert_eq!(told[4].1, json!({"rid": rid, "uid": uid}));
    assert_eq!(bob.told(), [], "the one who caused it is not told");
}

#[tokio::test]
async fn leaving_with_streams_removes_each_of_them_first() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let streams = [announce(&bob, place.rid()).await, announce(&bob, place.rid()).await];
    bob.request("leave", json!({"rid": place.rid()})).await.expect("left");
    ada.notification("peer-leave", |_| true).await;
    let told = ada.told();
    let order = ["peer-join", "stream-add", "stream-add", "stream-remove", "stream-remove", "peer-leave"];
    assert_eq!(methods(&told), order);
    for mid in streams {
        let removed = told.iter().filter(|(method, data)| method == "stream-remove" && data["mid"] == *mid);
        assert_eq!(removed.count(), 1, "{mid}");
    }
}

#[tokio::test]
async fn a_connection_that_drops_without_leave_leaves() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let mid = announce(&bob, place.rid()).await;
    let uid = bob.uid().to_owned();
    bob.vanish();
    ada.notification("peer-leave", |data| *data == json!({"rid": place.rid(), "uid": uid})).await;
    let told = ada.told();
    assert_eq!(methods(&told), ["peer-join", "stream-add", "stream-remove", "peer-leave"]);
    assert_eq!(told[2].1["mid"], *mid);
}

#[tokio::test]
async fn a_connection_closed_in_good_order_leaves() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let uid = bob.uid().to_owned();
    bob.close().await;
    ada.notification("peer-leave", |data| data["uid"] == *uid).await;
    let room = ada.request("getusers", json!({"rid": place.rid()})).await;
    assert_eq!(room, Ok(json!({"users": []})));
}

#[tokio::test]
async fn the_answer_to_join_comes_before_the_first_notification() {
    let place = Place::new();
    let ada = place.member("ada").await;
    for round in 0..20 {
        let bob = place.peer(&format!("bob{round}")).await;
        let room = json!({"rid": place.rid()});
        // Both at once: bob joins while ada talks.
        let (joined, _) = tokio::join!(
            bob.join(place.rid()),
            ada.request("broadcast", json!({"rid": place.rid(), "data": round}))
        );
        assert_eq!(joined.position, 1, "nothing comes before the answer");
        bob.request("leave", room).await.expect("left");
    }
}

#[tokio::test]
async fn nothing_is_said_to_those_who_are_not_in_the_room() {
    let place = Place::new();
    let outsider = place.peer("outsider").await;
    outsider.join(&place.other_rid("elsewhere")).await;
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    ada.settle(place.rid(), [&bob]).await;
    // Its own room is quiet too: an answered request is the fence.
    outsider.request("keepalive", json!({"rid": place.other_rid("elsewhere")})).await.expect("alive");
    assert_eq!(outsider.notifications().len(), 0);
}
