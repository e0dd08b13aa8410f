//! Many users at once: whatever the order of things, everybody ends with the truth.

use std::collections::BTreeSet;

use peer::Peer;
use peer::signalling::Joined;
use serde_json::json;

use crate::fixture::{Place, announce, publish_data};

const USERS: usize = 50;

/// A user of the crowd, and its latest `join`.
struct Guest {
    peer: Peer,
    joined: Option<Joined>,
    streams: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_notifications_are_the_truth_for_everybody() {
    let place = Place::new();
    let mut guests = Vec::new();
    for number in 0..USERS {
        let peer = place.peer(&format!("guest{number}")).await;
        guests.push(Guest { peer, joined: None, streams: BTreeSet::new() });
    }
    let busy = guests.into_iter().enumerate().map(|(number, guest)| mingle(number, guest, place.rid()));
    let guests = futures_util::future::join_all(busy).await;

    let present: Vec<_> = guests.iter().filter(|guest| guest.joined.is_some()).collect();
    assert!(present.len() > USERS / 2 && present.len() < USERS, "{} stayed", present.len());
    let teller = place.member("teller").await;
    teller.settle(place.rid(), present.iter().map(|guest| &guest.peer)).await;

    let mut everybody: BTreeSet<_> = present.iter().map(|guest| guest.peer.uid().to_owned()).collect();
    everybody.insert(teller.uid().to_owned());
    let streams: BTreeSet<_> = present.iter().flat_map(|guest| guest.streams.clone()).collect();
    for guest in &present {
        let joined = guest.joined.as_ref().expect("it is present");
        // Fails when somebody is told twice, or of an end without a beginning.
        let state = guest.peer.state(joined, place.rid());
        let mut others = everybody.clone();
        others.remove(guest.peer.uid());
        assert_eq!(state.users, others, "as {} sees it", guest.peer.uid());
        let theirs: BTreeSet<_> = streams.difference(&guest.streams).cloned().collect();
        assert_eq!(
            state.streams.into_keys().collect::<BTreeSet<_>>(),
            theirs,
            "as {} sees it",
            guest.peer.uid()
        );
    }
}

/// Joins, publishes, leaves and comes back, each guest in its own way.
async fn mingle(number: usize, mut guest: Guest, rid: &str) -> Guest {
    for round in 0..4 {
        guest.joined = Some(guest.peer.join(rid).await);
        if (number + round).is_multiple_of(3) {
            guest.streams.insert(announce(&guest.peer, rid).await);
        }
        let stays = round == 3 && !number.is_multiple_of(4);
        if !stays {
            guest.peer.request("leave", json!({"rid": rid})).await.expect("left");
            guest.joined = None;
            guest.streams.clear();
        }
    }
    guest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_come_and_go_at_once() {
    const PUBLISHERS: usize = 10;
    let place = Place::new();
    let (ada, joined) = place.joined("ada").await;
    let mut publishers = Vec::new();
    for number in 0..PUBLISHERS {
        publishers.push(place.member(&format!("publisher{number}")).await);
    }
    let busy = publishers.iter().map(|publisher| async {
        for _ in 0..3 {
            let (one, two) = tokio::join!(
                publisher.request("publish", publish_data(place.rid())),
                publisher.request("publish", publish_data(place.rid()))
            );
            let mid = one.expect("a stream")["mid"].clone();
            two.expect("a second stream");
            publisher
                .request("unpublish", json!({"rid": place.rid(), "mid": mid}))
                .await
                .expect("unpublished");
        }
    });
    futures_util::future::join_all(busy).await;
    publishers[0].settle(place.rid(), [&ada]).await;
    let state = ada.state(&joined, place.rid());
    assert_eq!(state.streams.len(), PUBLISHERS * 3);
    let listed = ada.request("getpubs", json!({"rid": place.rid()})).await.expect("a list");
    let listed: BTreeSet<_> =
        listed["pubs"].as_array().expect("a list").iter().map(|one| one["mid"].to_string()).collect();
    let heard: BTreeSet<_> = state.streams.keys().map(|mid| json!(mid).to_string()).collect();
    assert_eq!(heard, listed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rooms_at_once_do_not_mix() {
    const ROOMS: usize = 40;
    let place = Place::new();
    let place = &place;
    let rooms = (0..ROOMS).map(|number| async move {
        let rid = place.other_rid(&format!("room{number}"));
        let (ada, bob) =
            (place.peer(&format!("ada{number}")).await, place.peer(&format!("bob{number}")).await);
        ada.join(&rid).await;
        bob.join(&rid).await;
        for _ in 0..10 {
            ada.settle(&rid, [&bob]).await;
            bob.settle(&rid, [&ada]).await;
        }
        for peer in [&ada, &bob] {
            assert!(
                peer.notifications().iter().all(|notice| notice.data()["rid"] == *rid),
                "of another room"
            );
        }
        assert_eq!(ada.told().len(), 1, "bob joined: {:?}", ada.told());
    });
    futures_util::future::join_all(rooms).await;
}
