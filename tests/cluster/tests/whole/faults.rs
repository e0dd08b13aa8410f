//! Every fault of the table, under a live call, on real servers. Faults that need the same servers
//! share a cluster and come one after the other; the groups run beside each other.

use cluster_suite::Cluster;
use cluster_suite::fault::{self, Fault};
use peer::MediaThread;

/// Inflicts these faults one after the other, and fails with everything that was not as it should be.
async fn endure(faults: &[Fault]) {
    let media = MediaThread::start();
    let mut complaints = Vec::new();
    if let Some(first) = faults.first() {
        let cluster = tokio::task::block_in_place(|| Cluster::with(&first.shape()));
        for fault in faults {
            let outcome = fault::run(*fault, &cluster, &media).await;
            eprintln!(
                "{}: {:?} without media, {:?} for a join, the room saw {}",
                fault.name(),
                outcome.pause,
                outcome.slowest_join,
                outcome.story()
            );
            complaints.extend(outcome.complaints());
        }
        tokio::task::block_in_place(|| drop(cluster));
    }
    if !complaints.is_empty() {
        panic!("{}", complaints.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_each_role_is_killed() {
    endure(&[Fault::KillSignal, Fault::KillRegister, Fault::KillSfu]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_and_a_register_stand_still_for_30_s() {
    endure(&[Fault::PauseSignal, Fault::PauseRegister]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcd_and_nats_are_away_for_20_s() {
    endure(&[Fault::StopEtcd, Fault::StopNats]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_then_everything_is_away_for_20_s() {
    endure(&[Fault::StopRedis, Fault::StopAll]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_of_etcd_nats_and_redis_lose_a_node() {
    endure(&[Fault::KillEtcdLeader, Fault::KillNatsNode, Fault::StopRedisMaster]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_fail_over() {
    endure(&[Fault::FailOverRedis]).await;
}
