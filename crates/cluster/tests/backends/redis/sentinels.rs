//! A failover by sentinels under a stream of joins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::{RedisConfig, RedisStore, StoreError};
use servers::RedisSentinel;
use tokio::sync::watch;

use super::people::{LONGEST_CALL, config, eventually, join, rid};

/// Joins without a pause until it is told to stop; answers how many worked and the longest time in which none did.
async fn keep_joining(store: Arc<RedisStore>, stop: watch::Receiver<bool>) -> (usize, Duration) {
    let (mut worked, mut last, mut longest) = (0, Instant::now(), Duration::ZERO);
    while !*stop.borrow() {
        let asked = Instant::now();
        let answer = join(&*store, &rid(&format!("room {}", worked % 50)), &format!("user {worked}")).await;
        assert!(asked.elapsed() < LONGEST_CALL, "a call took {:?}", asked.elapsed());
        match answer {
            Ok(_) => {
                worked += 1;
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (worked, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joins_go_on_after_a_failover() {
    let group = tokio::task::spawn_blocking(RedisSentinel::start).await.unwrap();
    let sentinels =
        RedisConfig { sentinel_master: Some(group.master_name().to_owned()), ..config(group.urls()) };
    let store = Arc::new(RedisStore::connect(&sentinels).unwrap());
    let quiet = rid("quiet");
    let before = eventually(|| join(&*store, &quiet, "ann")).await.state;
    let (stop, stopped) = watch::channel(false);
    let joining = tokio::spawn(keep_joining(Arc::clone(&store), stopped));
    let group = tokio::task::spawn_blocking(move || {
        group.fail_over().start_again();
        group
    });
    let group = group.await.unwrap();
    let after = eventually(|| join(&*store, &quiet, "bob")).await.state;
    stop.send(true).unwrap();
    let (worked, longest) = joining.await.unwrap();
    println!("{worked} joins, none for {longest:?} at the most");
    assert!(worked > 0 && longest < Duration::from_secs(15));
    assert!(after.version > before.version + 1, "the new master may lack what readers have heard");
    assert_eq!(after.users.len(), 2);
    drop(group);
}
