//! What nodes say of themselves reaches the others.

use super::*;
use servers::Etcd;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_seen_as_long_as_it_wants_to_be() {
    let etcd = Etcd::start();
    let (here, there) = (at(etcd.url()), at(etcd.url()));
    let (mut sfus, mut signals) = (there.watch(Role::Sfu), there.watch(Role::Signal));
    let told = NodeInfo { dc: "Köln \"1\"".into(), ..node(Role::Sfu, "sfu-1.a_b") };
    let lease = here.register(told.clone()).await.unwrap();
    let other = here.register(node(Role::Signal, "s")).await.unwrap();
    assert_eq!(*until_ids(&mut sfus, &["sfu-1.a_b"]).await, [told]);
    until_ids(&mut signals, &["s"]).await;
    assert!(here.healthy() && there.healthy());

    for load in 1..=100 {
        lease.update(load as f32 / 200.0, false);
    }
    lease.update(0.25, true);
    until(&mut sfus, "the newest", |nodes| nodes[0].load == 0.25 && nodes[0].draining).await;

    let began = Instant::now();
    lease.end().await;
    drop(other);
    until_ids(&mut sfus, &[]).await;
    until_ids(&mut signals, &[]).await;
    assert!(began.elapsed() < Duration::from_secs(3), "before the leases end: {:?}", began.elapsed());
    assert_eq!(etcd.etcdctl(&["get", "--prefix", "/anabranch/"]), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_later_sees_who_is_there() {
    let etcd = Etcd::start();
    let here = at(etcd.url());
    let _leases = [
        here.register(node(Role::Register, "b")).await.unwrap(),
        here.register(node(Role::Register, "a")).await.unwrap(),
    ];
    until_ids(&mut at(etcd.url()).watch(Role::Register), &["a", "b"]).await;
}

#[test]
fn a_node_that_dies_goes_with_its_lease() {
    let etcd = Etcd::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node_process = tokio::runtime::Runtime::new().unwrap();
    node_process.block_on(async {
        let lease = at(etcd.url()).register(node(Role::Sfu, "dead")).await.unwrap();
        std::mem::forget(lease);
    });
    runtime.block_on(async {
        let discovery = at(etcd.url());
        let mut sfus = discovery.watch(Role::Sfu);
        until_ids(&mut sfus, &["dead"]).await;
        node_process.shutdown_background();
        let began = Instant::now();
        until_ids(&mut sfus, &[]).await;
        assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_announcement_takes_the_place_of_an_older_one() {
    let etcd = Etcd::start();
    let (older_process, newer_process) = (at(etcd.url()), at(etcd.url()));
    let mut sfus = at(etcd.url()).watch(Role::Sfu);
    let discovery = at(etcd.url());
    let mut later = discovery.watch(Role::Sfu);
    let older = older_process.register(node(Role::Sfu, "a")).await.unwrap();
    let moved = NodeInfo { address: "http://127.0.0.1:9701".into(), ..node(Role::Sfu, "a") };
    let newer = newer_process.register(moved.clone()).await.unwrap();
    until(&mut later, "the newer", |nodes| nodes.first() == Some(&moved)).await;

    older.update(1.0, true);
    older.end().await;
    newer.update(0.5, false);
    let nodes = until(&mut later, "the newer goes on", |nodes| nodes[0].load == 0.5).await;
    assert_eq!(nodes[0].address, moved.address);
    drop(sfus.borrow_and_update());
    drop(newer);
    until_ids(&mut later, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_node_is_not_seen() {
    let etcd = Etcd::start();
    let here = at(etcd.url());
    let mut sfus = here.watch(Role::Sfu);
    let lease = here.register(node(Role::Sfu, "good")).await.unwrap();
    let value = etcd.etcdctl(&["get", "--print-value-only", "/anabranch/nodes/sfu/good"]);
    let value = value.trim();
    let long = value.replace('{', &format!("{{\"x\":\"{}\",", "x".repeat(100_000)));
    for (key, value) in [
        ("sfu/a", "junk"),
        ("sfu/b", ""),
        ("sfu/c", value),
        ("sfu/good/x", value),
        ("mixer/good", value),
        ("sfu/%41", value),
        ("sfu/", value),
        ("sfu/long", &long.replace("good", "long")),
        ("sfu/good", "junk"),
    ] {
        etcd.etcdctl(&["put", &format!("/anabranch/nodes/{key}"), value]);
    }
    lease.update(0.5, false);
    until(&mut sfus, "the good one", |nodes| ids(nodes) == ["good"]).await;
    until_ids(&mut at(etcd.url()).watch(Role::Signal), &[]).await;
    let other = here.register(node(Role::Sfu, "z")).await.unwrap();
    until_ids(&mut sfus, &["good", "z"]).await;
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_somebody_removed_comes_again() {
    let etcd = Etcd::start();
    let here = at(etcd.url());
    let mut sfus = here.watch(Role::Sfu);
    let _lease = here.register(node(Role::Sfu, "a")).await.unwrap();
    until_ids(&mut sfus, &["a"]).await;
    etcd.etcdctl(&["del", "/anabranch/nodes/sfu/a"]);
    until_ids(&mut sfus, &[]).await;
    until_ids(&mut sfus, &["a"]).await;
}
