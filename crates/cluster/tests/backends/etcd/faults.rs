//! etcd goes away, stands still, forgets: the nodes stay known, and come again by themselves.

use std::sync::atomic::Ordering;

use super::*;
use servers::{Etcd, EtcdCluster};
use tokio::time::{Instant, sleep};

/// Where an etcd keeps its data.
fn data_of(etcd: &Etcd) -> std::path::PathBuf {
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", etcd.pid().unwrap())).unwrap();
    let mut args = line.split('\0');
    args.find_map(|arg| arg.strip_prefix("--data-dir=")).unwrap().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_may_start_before_etcd() {
    let etcd = Etcd::start();
    etcd.kill();
    let discovery = at(etcd.url());
    let mut sfus = discovery.watch(Role::Sfu);
    let began = Instant::now();
    let error = discovery.register(node(Role::Sfu, "a")).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(error.to_string().contains(etcd.address()), "{error}");
    assert!(!discovery.healthy());
    etcd.start_again();
    let _lease = announced(&discovery, node(Role::Sfu, "a")).await;
    until_ids(&mut sfus, &["a"]).await;
    assert!(discovery.healthy());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_and_a_compaction_change_nothing() {
    let etcd = Etcd::start();
    let (here, there) = (at(etcd.url()), at(etcd.url()));
    let mut sfus = there.watch(Role::Sfu);
    let lease = here.register(node(Role::Sfu, "a")).await.unwrap();
    until_ids(&mut sfus, &["a"]).await;
    let fewest = fewest(sfus.clone());

    etcd.kill();
    lease.update(0.5, true);
    etcd.start_again();
    for n in 0..10 {
        etcd.etcdctl(&["put", "/x", &n.to_string()]);
    }
    let status = etcd.etcdctl(&["get", "/x", "-w", "json"]);
    let revision = status.split("\"revision\":").nth(1).unwrap();
    let revision: String = revision.chars().take_while(char::is_ascii_digit).collect();
    etcd.etcdctl(&["compact", &revision]);
    until(&mut sfus, "what was said meanwhile", |nodes| nodes[0].load == 0.5).await;
    etcd.kill();
    etcd.start_again();
    lease.update(0.75, true);
    until(&mut sfus, "what was said later", |nodes| nodes[0].load == 0.75).await;
    assert_eq!(fewest.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_lost_everything_is_told_again() {
    let etcd = Etcd::start();
    let (here, there) = (at(etcd.url()), at(etcd.url()));
    let mut sfus = there.watch(Role::Sfu);
    // So that the revision is higher than the new etcd's will be for long.
    for n in 0..20 {
        etcd.etcdctl(&["put", "/x", &n.to_string()]);
    }
    let lease = here.register(node(Role::Sfu, "stays")).await.unwrap();
    until_ids(&mut sfus, &["stays"]).await;
    let gone = here.register(node(Role::Sfu, "goes")).await.unwrap();
    until_ids(&mut sfus, &["goes", "stays"]).await;
    let fewest = fewest(sfus.clone());

    let data = data_of(&etcd);
    etcd.kill();
    std::fs::remove_dir_all(data).unwrap();
    drop(gone);
    sleep(Duration::from_secs(2)).await;
    etcd.start_again();
    until_ids(&mut at(etcd.url()).watch(Role::Sfu), &["stays"]).await;
    lease.update(0.5, false);
    until(&mut sfus, "who is there", |nodes| ids(nodes) == ["stays"] && nodes[0].load == 0.5).await;
    assert_ne!(fewest.load(Ordering::SeqCst), 0, "the list was never empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_stood_still_does_not_empty_the_list() {
    let etcd = Etcd::start();
    let (here, there) = (at(etcd.url()), at(etcd.url()));
    let mut sfus = there.watch(Role::Sfu);
    let lease = here.register(node(Role::Sfu, "a")).await.unwrap();
    until_ids(&mut sfus, &["a"]).await;
    let fewest = fewest(sfus.clone());
    etcd.pause();
    let began = Instant::now();
    while there.healthy() {
        assert!(began.elapsed() < Duration::from_secs(6), "nobody noticed");
        sleep(Duration::from_millis(20)).await;
    }
    // All leases run out meanwhile.
    sleep(Duration::from_secs(7).saturating_sub(began.elapsed())).await;
    etcd.resume();
    lease.update(0.5, false);
    until(&mut sfus, "it goes on", |nodes| nodes[0].load == 0.5).await;
    sleep(Duration::from_secs(2)).await;
    assert_ne!(fewest.load(Ordering::SeqCst), 0, "the list was never empty");
    assert!(there.healthy());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_go_on_without_one() {
    let etcd = EtcdCluster::start(3);
    let leader = etcd.leader();
    // The one that dies is asked first.
    let mut urls = etcd.urls();
    urls.rotate_left(leader);
    let discovery = EtcdDiscovery::connect(&config(urls)).unwrap();
    let mut sfus = discovery.watch(Role::Sfu);
    let lease = announced(&discovery, node(Role::Sfu, "a")).await;
    until_ids(&mut sfus, &["a"]).await;
    let fewest = fewest(sfus.clone());

    etcd.kill(leader);
    lease.update(0.5, false);
    until(&mut sfus, "after the death of the leader", |nodes| nodes[0].load == 0.5).await;
    let other = announced(&discovery, node(Role::Sfu, "b")).await;
    until_ids(&mut sfus, &["a", "b"]).await;

    etcd.node(leader).start_again();
    let still = (leader + 1) % 3;
    etcd.node(still).pause();
    let began = Instant::now();
    lease.update(0.75, false);
    until(&mut sfus, "while one stands still", |nodes| nodes[0].load == 0.75).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    etcd.node(still).resume();
    drop(other);
    until_ids(&mut sfus, &["a"]).await;
    assert_eq!(fewest.load(Ordering::SeqCst), 1);
}
