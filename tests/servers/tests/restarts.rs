//! Each server starts, keeps its data over a restart, and does what the faults' tests rest on.

use std::sync::Arc;
use std::time::Duration;

use servers::{
    Etcd, EtcdCluster, EtcdOptions, Nats, NatsCluster, Redis, RedisCluster, RedisOptions, RedisSentinel, Tls,
};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn etcd_keeps_its_keys_over_a_restart() {
    let etcd = Etcd::start();
    etcd.etcdctl(&["put", "river", "arm"]);
    etcd.kill();
    assert!(!etcd.is_ready());
    etcd.start_again();
    assert_eq!(etcd.etcdctl(&["get", "river", "--print-value-only"]).trim(), "arm");
    etcd.pause();
    assert!(!etcd.is_ready());
    etcd.resume();
    etcd.wait_until_ready();
    assert!(etcd.stop().is_some());
}

#[test]
fn etcd_speaks_tls_with_client_certificates() {
    let tls = Some(Arc::new(Tls::generate()));
    let etcd = Etcd::with(EtcdOptions { tls, client_cert: true });
    etcd.etcdctl(&["put", "river", "arm"]);
    assert_eq!(etcd.etcdctl(&["get", "river", "--print-value-only"]).trim(), "arm");
}

#[test]
fn etcd_elects_another_leader() {
    let cluster = EtcdCluster::start(3);
    let first = cluster.leader();
    cluster.kill(first);
    let second = cluster.leader();
    assert_ne!(first, second);
    cluster.node(second).etcdctl(&["put", "river", "arm"]);
    cluster.node(first).start_again();
}

#[test]
fn redis_keeps_its_keys_over_a_restart() {
    let redis = Redis::start();
    redis.cli(&["SET", "river", "arm"]);
    redis.kill();
    redis.start_again();
    assert_eq!(redis.cli(&["GET", "river"]).trim(), "arm");
}

#[test]
fn redis_with_a_password_a_user_and_tls() {
    let tls = Some(Arc::new(Tls::generate()));
    let (password, user) = (Some("secret".to_owned()), Some(("ada".to_owned(), "other".to_owned())));
    let redis = Redis::with(RedisOptions { password, user, tls, ..RedisOptions::default() });
    assert!(redis.url().starts_with("rediss://"));
    assert!(redis.cli(&["ACL", "LIST"]).contains("user ada on"));
}

#[test]
fn a_redis_cluster_serves_all_slots_again_after_a_master_came_back() {
    let cluster = RedisCluster::start();
    cluster.kill(1);
    cluster.node(1).start_again();
    cluster.wait_until_ready();
    assert!(cluster.node(0).cli(&["CLUSTER", "SLOTS"]).contains("16383"));
}

#[test]
fn sentinels_make_the_replica_the_master() {
    let group = RedisSentinel::start();
    group.master().cli(&["SET", "river", "arm"]);
    let [_, replica] = group.servers();
    servers::until("the replica has it", PATIENCE, || replica.cli(&["GET", "river"]).trim() == "arm");
    let old = group.fail_over();
    assert_eq!(group.master().cli(&["GET", "river"]).trim(), "arm");
    old.start_again();
}

#[test]
fn nats_nodes_find_each_other_again() {
    let cluster = NatsCluster::start(3);
    cluster.kill(cluster.busiest());
    let down = cluster.nodes().iter().find(|node| node.pid().is_none()).expect("the killed one");
    down.start_again();
    cluster.wait_until_ready();
}

#[test]
fn nats_with_a_password_is_ready_too() {
    let nats = Nats::with("authorization { user: \"ada\", password: \"secret\" }");
    assert_eq!(nats.connections(), 0);
    nats.stop();
    nats.start_again();
}
