//! The same user joins the same room on a second connection.

use serde_json::json;

use crate::fixture::{Place, announce, code_of, methods};

#[tokio::test]
async fn the_older_connection_is_kicked_and_the_room_sees_leave_before_join() {
    let place = Place::new();
    let bob = place.member("bob").await;
    let old = place.member_known_to("ada", &[&bob]).await;
    let mid = announce(&old, place.rid()).await;

    let (new, joined) = place.joined("ada").await;
    assert_eq!(joined.data["users"][0]["uid"], *bob.uid());
    assert_eq!(joined.data["users"].as_array().map(Vec::len), Some(1), "{}", joined.data);
    assert_eq!(joined.data["pubs"], json!([]));

    let kick = old.notification("peer-kick", |_| true).await;
    assert_eq!(*kick.data(), json!({"rid": place.rid(), "uid": old.uid()}));
    assert_eq!(old.closed().await.code, Some(4000));
    assert_eq!(
        old.record().messages().last().map(|last| last.method().to_owned()).as_deref(),
        Some("peer-kick")
    );

    new.settle(place.rid(), [&bob]).await;
    let told = bob.told();
    assert_eq!(methods(&told), ["peer-join", "stream-add", "stream-remove", "peer-leave", "peer-join"]);
    assert_eq!(told[2].1, json!({"rid": place.rid(), "uid": new.uid(), "mid": mid}));
    assert_eq!(told[3].1, json!({"rid": place.rid(), "uid": new.uid()}));

    // The kicked connection's end is not the new one's.
    bob.settle(place.rid(), [&new]).await;
    assert_eq!(new.told(), [], "nobody hears of himself");
    assert_eq!(bob.told().len(), 5, "{:?}", bob.told());
    let room = bob.request("getusers", json!({"rid": place.rid()})).await.expect("a list");
    assert_eq!(room["users"][0]["uid"], *new.uid());
}

#[tokio::test]
async fn a_kicked_connection_leaves_its_other_rooms_too() {
    let place = Place::new();
    let side_room = place.other_rid("side room");
    let bob = place.peer("bob").await;
    bob.join(&side_room).await;
    let old = place.member("ada").await;
    old.join(&side_room).await;
    bob.notification("peer-join", |data| data["uid"] == *old.uid()).await;
    let new = place.member("ada").await;
    assert_eq!(old.closed().await.code, Some(4000));
    bob.notification("peer-leave", |data| *data == json!({"rid": side_room, "uid": old.uid()})).await;
    assert!(new.is_open());
}

#[tokio::test]
async fn the_same_user_in_different_rooms_on_two_connections_is_no_takeover() {
    let place = Place::new();
    let (red, blue) = (place.other_rid("red"), place.other_rid("blue"));
    let (one, two) = (place.peer("ada").await, place.peer("ada").await);
    one.join(&red).await;
    two.join(&blue).await;
    assert_eq!(one.request("keepalive", json!({"rid": red})).await, Ok(json!({})));
    assert_eq!(two.request("keepalive", json!({"rid": blue})).await, Ok(json!({})));
    assert_eq!(code_of(&one, "keepalive", json!({"rid": blue})).await, 15);
    assert_eq!((one.notifications().len(), two.notifications().len()), (0, 0));
}

#[tokio::test]
async fn many_takeovers_in_a_row_leave_one_user() {
    const TIMES: usize = 10;
    let place = Place::new();
    let bob = place.member("bob").await;
    let mut connections = Vec::new();
    for _ in 0..TIMES {
        connections.push(place.member("ada").await);
    }
    let last = connections.pop().expect("the last one");
    for old in &connections {
        assert_eq!(old.closed().await.code, Some(4000));
        assert_eq!(old.notifications().iter().filter(|notice| notice.method() == "peer-kick").count(), 1);
    }
    last.settle(place.rid(), [&bob]).await;
    let told = bob.told();
    let told = methods(&told);
    assert_eq!(told.len(), 2 * TIMES - 1, "{told:?}");
    for pair in told.chunks(2) {
        assert!(matches!(pair, ["peer-join", "peer-leave"] | ["peer-join"]), "{told:?}");
    }
    assert!(last.is_open());
}

#[tokio::test]
async fn simultaneous_takeovers_leave_one_user() {
    let place = Place::new();
    let (bob, joined) = place.joined("bob").await;
    let ada = || async {
        let peer = place.peer("ada").await;
        // Also the one that is kicked before its answer gets one.
        drop(peer.request("join", json!({"rid": place.rid()})).await);
        peer
    };
    let (one, two, three, four) = tokio::join!(ada(), ada(), ada(), ada());
    let connections = [one, two, three, four];
    bob.settle(place.rid(), []).await;
    let room = bob.request("getusers", json!({"rid": place.rid()})).await.expect("a list");
    assert_eq!(room["users"].as_array().map(Vec::len), Some(1), "{room}");
    while connections.iter().filter(|connection| connection.is_open()).count() > 1 {
        tokio::task::yield_now().await;
    }
    let winner = connections.iter().find(|connection| connection.is_open()).expect("one stays");
    winner.settle(place.rid(), [&bob]).await;
    let state = bob.state(&joined, place.rid());
    assert_eq!(state.users.into_iter().collect::<Vec<_>>(), [winner.uid()]);
}
