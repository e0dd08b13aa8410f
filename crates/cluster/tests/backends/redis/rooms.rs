//! Looking at all rooms, page by page.

use std::collections::BTreeMap;

use cluster::{Expiry, RoomSummary, Store};
use model::RoomId;
use servers::{Redis, RedisCluster};

use super::people::{config, join, owner, rid, store_at, stream_at, uid};

/// All pages, and how many there were.
async fn all(store: &dyn Store, limit: usize) -> (usize, Vec<RoomSummary>) {
    let (mut pages, mut rooms, mut after) = (0, Vec::new(), None);
    loop {
        let page = store.rooms(after.as_ref(), limit).await.unwrap();
        assert!(page.rooms.len() <= limit);
        pages += 1;
        rooms.extend(page.rooms);
        after = page.next;
        if after.is_none() {
            return (pages, rooms);
        }
    }
}

/// Rooms of odd names, each with ann and one stream, every third with bob.
async fn fill(store: &dyn Store, number: usize) -> BTreeMap<RoomId, (usize, usize)> {
    let mut expected = BTreeMap::new();
    for n in 0..number {
        let room = rid(&format!("room/{n}}} ü"));
        join(store, &room, "ann").await.unwrap();
        store
            .add_stream(&room, &owner(1), stream_at("f1", &uid("ann"), "m", 0), Expiry::NEVER)
            .await
            .unwrap();
        if n % 3 == 0 {
            join(store, &room, "bob").await.unwrap();
        }
        expected.insert(room, (1 + usize::from(n % 3 == 0), 1));
    }
    expected
}

async fn every_room_is_on_one_page(store: &dyn Store) {
    assert_eq!(all(store, 10).await, (1, Vec::new()));
    let expected = fill(store, 700).await;
    for limit in [7, 100, 1000] {
        let (pages, rooms) = all(store, limit).await;
        assert_eq!((pages, rooms.len()), (700usize.div_ceil(limit), 700), "{limit}");
        let found = rooms.iter().map(|room| (room.rid.clone(), (room.users, room.streams))).collect();
        assert_eq!(expected, found);
    }
    for room in store.rooms(None, 10).await.unwrap().rooms {
        assert_eq!(room.version, store.snapshot(&room.rid).await.unwrap().version);
    }
}

#[tokio::test]
async fn every_room_is_on_one_page_with_what_is_in_it() {
    let redis = Redis::start();
    every_room_is_on_one_page(&store_at(&redis)).await;
}

#[tokio::test]
async fn rooms_on_many_servers_are_one_list() {
    let cluster = RedisCluster::start();
    let config = cluster::RedisConfig { cluster: true, ..config(cluster.urls()) };
    every_room_is_on_one_page(&cluster::RedisStore::connect(&config).unwrap()).await;
}

#[tokio::test]
async fn a_page_goes_on_after_a_room_that_is_gone() {
    let redis = Redis::start();
    let store = store_at(&redis);
    fill(&store, 30).await;
    let first = store.rooms(None, 10).await.unwrap();
    let last = first.next.unwrap();
    for user in ["ann", "bob"] {
        store.leave(&last, &uid(user), &owner(1)).await.ok();
    }
    let rest = store.rooms(Some(&last), 100).await.unwrap();
    assert_eq!((rest.rooms.len(), rest.next), (20, None));
    assert!(rest.rooms.iter().all(|room| !first.rooms.contains(room)));
}
