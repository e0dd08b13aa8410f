//! `join`, `leave`, `keepalive`, `getusers`, `getpubs`: what they answer, member by member.

use serde_json::{Value, json};

use crate::fixture::{Place, announce, code_of, minfo};

#[tokio::test]
async fn the_first_in_a_room_finds_it_empty() {
    let place = Place::new();
    let ada = place.peer("ada").await;
    let answer = ada.request("join", json!({"rid": place.rid()})).await;
    assert_eq!(answer, Ok(json!({"users": [], "pubs": []})));
}

#[tokio::test]
async fn join_lists_the_others_and_what_they_publish_without_the_caller() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let mid = announce(&ada, place.rid()).await;
    let (bob, joined) = place.joined("bob").await;

    let users = &joined.data["users"];
    let signalid = node(&users[0]["signalid"]);
    assert_eq!(*users, json!([{"rid": place.rid(), "uid": ada.uid(), "signalid": signalid}]));
    let pubs = &joined.data["pubs"];
    let sfuid = node(&pubs[0]["sfuid"]);
    let stream = json!({"rid": place.rid(), "uid": ada.uid(), "mid": mid, "sfuid": sfuid, "minfo": minfo()});
    assert_eq!(*pubs, json!([stream]));

    // The same lists on request, for each without itself.
    let room = json!({"rid": place.rid()});
    assert_eq!(bob.request("getusers", room.clone()).await, Ok(json!({"users": users})));
    assert_eq!(bob.request("getpubs", room.clone()).await, Ok(json!({"pubs": [stream]})));
    assert_eq!(ada.request("getpubs", room.clone()).await, Ok(json!({"pubs": []})));
    let users = ada.request("getusers", room).await.expect("a list");
    assert_eq!(users["users"][0]["uid"], *bob.uid());
    assert_eq!(users["users"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_second_join_of_the_same_connection_answers_again_and_tells_nobody() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    announce(&ada, place.rid()).await;
    let again = ada.request("join", json!({"rid": place.rid()})).await.expect("the lists");
    assert_eq!(again["users"][0]["uid"], *bob.uid());
    assert_eq!(again["pubs"], json!([]));

    ada.settle(place.rid(), [&bob]).await;
    let told = bob.told();
    assert_eq!(crate::fixture::methods(&told), ["stream-add"], "{told:?}");
    assert!(ada.is_open(), "a join by the same connection kicks nobody");
}

#[tokio::test]
async fn leave_is_answered_and_ends_the_membership() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let room = json!({"rid": place.rid()});
    assert_eq!(ada.request("leave", room.clone()).await, Ok(json!({})));
    assert_eq!(code_of(&ada, "leave", room).await, 15);
    // And back in.
    assert_eq!(ada.join(place.rid()).await.data, json!({"users": [], "pubs": []}));
}

#[tokio::test]
async fn who_has_left_hears_nothing_more() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    ada.request("leave", json!({"rid": place.rid()})).await.expect("left");
    let before = ada.told();
    bob.request("broadcast", json!({"rid": place.rid(), "data": "secret"})).await.expect("a broadcast");
    // Back again: what the room said in between is not told afterwards.
    ada.join(place.rid()).await;
    bob.settle(place.rid(), [&ada]).await;
    assert_eq!(ada.told(), before);
}

#[tokio::test]
async fn keepalive_is_answered() {
    let place = Place::new();
    let ada = place.member("ada").await;
    assert_eq!(ada.request("keepalive", json!({"rid": place.rid()})).await, Ok(json!({})));
}

#[tokio::test]
async fn one_connection_is_in_several_rooms() {
    let place = Place::new();
    let (red, blue) = (place.other_rid("red"), place.other_rid("blue"));
    let ada = place.peer("ada").await;
    let (bob, cleo) = (place.peer("bob").await, place.peer("cleo").await);
    ada.join(&red).await;
    ada.join(&blue).await;
    bob.join(&red).await;
    cleo.join(&blue).await;
    ada.notification("peer-join", |data| data["rid"] == *red && data["uid"] == *bob.uid()).await;
    ada.notification("peer-join", |data| data["rid"] == *blue && data["uid"] == *cleo.uid()).await;

    // What is said in one room stays there.
    ada.request("broadcast", json!({"rid": red, "data": "red"})).await.expect("a broadcast");
    bob.notification("broadcast", |data| data["data"] == "red").await;
    ada.settle(&blue, [&cleo]).await;
    assert_eq!(cleo.told(), []);

    // Leaving one room is not leaving the other.
    ada.request("leave", json!({"rid": red})).await.expect("left");
    bob.notification("peer-leave", |data| data["uid"] == *ada.uid()).await;
    ada.settle(&blue, [&cleo]).await;
    assert_eq!(cleo.told(), []);

    // Losing the connection is leaving all.
    let uid = ada.uid().to_owned();
    ada.join(&red).await;
    ada.vanish();
    bob.notification("peer-leave", |data| data["uid"] == *uid).await;
    cleo.notification("peer-leave", |data| *data == json!({"rid": blue, "uid": uid})).await;
}

fn node(id: &Value) -> &str {
    id.as_str().filter(|id| !id.is_empty()).unwrap_or_else(|| panic!("no node id: {id}"))
}
