//! Ids are what strangers choose: each room has its own keys, whatever it is called.

use std::collections::{BTreeMap, BTreeSet};

use cluster::{Expiry, Store};
use servers::Redis;

use super::people::{join, owner, rid, store_at, stream_at, uid};

const HOSTILE: [&str; 16] = [
    "room",
    "Room",
    "room ",
    "%72oom",
    "a:b",
    "a}:meta:{b",
    "{anabranch:00}",
    "}{",
    "*",
    "?",
    "[a-z]",
    "\\",
    "\" '",
    "комната",
    "🦆🦆",
    "meta:room",
];

/// What a room's keys end with.
const OF_ROOM: [&str; 6] = ["held", "log", "meta", "seen", "streams", "users"];

fn keys(redis: &Redis) -> BTreeSet<String> {
    redis.cli(&["KEYS", "*"]).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_key_is_in_its_place_whatever_the_names() {
    let redis = Redis::start();
    let store = store_at(&redis);
    for room in HOSTILE {
        for user in HOSTILE {
            join(&store, &rid(room), user).await.unwrap();
            let stream = stream_at("f1", &uid(user), &format!("{user}#{room}"), 0);
            store.add_stream(&rid(room), &owner(1), stream, Expiry::NEVER).await.unwrap();
        }
    }
    for room in HOSTILE {
        let state = store.snapshot(&rid(room)).await.unwrap();
        let users: BTreeSet<&str> = state.users.iter().map(|user| user.uid.as_str()).collect();
        assert_eq!(users, BTreeSet::from(HOSTILE));
        assert!(state.streams.iter().all(|stream| stream.mid.as_str() == format!("{}#{room}", stream.uid)));
    }

    let mut rooms: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for key in keys(&redis) {
        let (tag, rest) = key.strip_prefix("{anabranch:").unwrap().split_once("}:").unwrap();
        assert!(tag.len() == 2 && tag.bytes().all(|c| c.is_ascii_hexdigit()), "{key}");
        match rest.split_once(':') {
            None => assert!(["due", "nodes", "last"].contains(&rest), "{key}"),
            Some((what, room)) => {
                let plain = |c: u8| c.is_ascii_alphanumeric() || b"_-%".contains(&c);
                assert!(room.bytes().all(plain), "{key}");
                rooms.entry((tag.to_owned(), room.to_owned())).or_default().push(what.to_owned());
            }
        }
    }
    assert_eq!(rooms.len(), HOSTILE.len());
    for (room, mut whats) in rooms {
        whats.sort();
        assert_eq!(whats, OF_ROOM, "{room:?}");
    }

    for room in HOSTILE {
        for user in HOSTILE {
            store.leave(&rid(room), &uid(user), &owner(1)).await.unwrap();
        }
    }
    let left = keys(&redis);
    assert!(left.iter().all(|key| key.ends_with(":last")), "{left:?}");
}
