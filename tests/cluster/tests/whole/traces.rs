//! The way of one request through the nodes, as their logs tell it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cluster_suite::{Caller, Cluster, Node, Shape};
use peer::MediaThread;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

/// A node's records; each line has to be one.
fn records(node: &Node) -> Vec<Value> {
    let log = node.log();
    // What the system prints before the log begins, or a line that is being written, is no record.
    log.lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The traces of a node's records that say this and have this label.
fn traces(node: &Node, message: &str, label: (&str, &str)) -> BTreeSet<String> {
    let (name, value) = label;
    let said = |record: &&Value| {
        record["message"] == message && record["labels"].get(name).is_some_and(|label| label == value)
    };
    let trace = |record: &Value| record["trace.id"].as_str().map(str::to_owned);
    records(node).iter().filter(said).filter_map(trace).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_one_trace_on_every_node_that_it_reaches() {
    let settings = ["node.drain_timeout=1", "log.format=json", "log.level=debug"].map(str::to_owned).to_vec();
    let cluster = tokio::task::block_in_place(|| Cluster::with(&Shape { settings, ..Shape::default() }));
    let media = MediaThread::start();
    let urls = cluster.urls();
    let other_way: Vec<String> = urls.iter().rev().cloned().collect();
    let ada = Caller::start("ada", "tea", &urls, &media);
    let bob = Caller::start("bob", "tea", &other_way, &media);
    ada.talks(PATIENCE).await;
    bob.talks(PATIENCE).await;
    let (mid, sfu) = ada.stream().unwrap();

    // Ada's publish: asked of the first signal, done by an SFU and a register, and heard of by the other signal.
    let deadline = Instant::now() + PATIENCE;
    let trace = loop {
        let published = traces(cluster.sfu(&sfu), "publish", ("mid", &mid));
        let done = traces(&cluster.signals[0], "done", ("method", "publish"));
        let heard = traces(&cluster.signals[1], "heard", ("rid", "tea"));
        let common = published.iter().find(|trace| done.contains(*trace) && heard.contains(*trace));
        if let Some(trace) = common {
            break trace.clone();
        }
        assert!(Instant::now() < deadline, "{published:?} at the SFU, {done:?} and {heard:?} at the signals");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(trace.len(), 32);

    // Every line is a record of the schema, and says whose it is.
    for node in cluster.nodes() {
        let records = records(node);
        assert!(!records.is_empty());
        for record in records {
            assert_eq!(record["service.node.name"], node.id(), "{record}");
            assert!(record["@timestamp"].is_string() && record["log.level"].is_string(), "{record}");
        }
    }
    drop((ada, bob));
    tokio::task::block_in_place(|| drop(cluster));
}
