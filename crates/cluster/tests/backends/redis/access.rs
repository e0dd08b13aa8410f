//! Getting in: users, passwords, TLS, and which of several servers is the master.

use std::sync::Arc;

use cluster::{RedisConfig, RedisStore, Store, StoreError};
use servers::{Redis, RedisOptions, Tls};

use super::people::{config, eventually, join, rid};

#[tokio::test]
async fn a_user_with_a_password_gets_in_over_tls() {
    let tls = Arc::new(Tls::generate());
    let redis = Redis::with(RedisOptions {
        user: Some(("anabranch".to_owned(), "secret".to_owned())),
        tls: Some(Arc::clone(&tls)),
        ..RedisOptions::default()
    });
    let right = RedisConfig {
        username: Some("anabranch".to_owned()),
        password: Some("secret".to_owned()),
        db: Some(3),
        ca: Some(tls.ca()),
        ..config(vec![redis.url()])
    };
    let store = RedisStore::connect(&right).unwrap();
    join(&store, &rid("room"), "ann").await.unwrap();
    assert_eq!(redis.cli(&["-n", "3", "KEYS", "*:meta:room"]).lines().count(), 1);

    let strangers = Tls::generate();
    let stranger = RedisConfig { ca: Some(strangers.ca()), ..right.clone() };
    let plain = RedisConfig { ca: None, ..config(vec![format!("redis://{}", redis.address())]) };
    let guess = RedisConfig { password: Some("guess".to_owned()), ..right };
    for wrong in [stranger, plain, guess] {
        let store = RedisStore::connect(&wrong).unwrap();
        let refused = join(&store, &rid("room"), "bob").await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(!store.healthy());
    }
}

#[tokio::test]
async fn whichever_of_several_servers_is_the_master_is_found() {
    let first = Redis::start();
    let second = Redis::start();
    second.cli(&["REPLICAOF", "127.0.0.1", &first.port().to_string()]);
    let store = RedisStore::connect(&config(vec![second.url(), first.url()])).unwrap();
    let room = rid("room");
    let before = eventually(|| join(&store, &room, "ann")).await.state;
    // While it loads, it answers with an error.
    servers::until("the replica follows", std::time::Duration::from_secs(20), || {
        second.cli(&["KEYS", "*:meta:room"]).lines().any(|line| line.ends_with(":meta:room"))
    });
    // A failover by hand: the connection to the old master stays open.
    second.cli(&["REPLICAOF", "NO", "ONE"]);
    first.cli(&["REPLICAOF", "127.0.0.1", &second.port().to_string()]);
    let after = eventually(|| join(&store, &room, "bob")).await.state;
    assert_eq!(after.users.len(), 2);
    assert!(after.version > before.version + 1, "the new master may lack what readers have heard");
    assert!(second.cli(&["KEYS", "*:meta:room"]).lines().count() == 1);
}
