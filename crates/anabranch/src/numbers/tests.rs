//! What people read about the metrics is what the program has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster::discovery::MemoryDiscovery;
use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{
    Discovery, EtcdConfig, EtcdDiscovery, Events, NatsConfig, NatsEvents, RedisConfig, RedisStore, Store,
};
use rpc::channel::{Dialer, InProcess};
use sfu::RecordConfig;

use super::*;
use crate::config::{Config, Sources};

const PAGE: &str = include_str!("../../../../docs/operate.md");

/// The names of metrics in the page's tables: what stands first in a row, in backquotes.
fn documented() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next());
    names
        .filter(|name| name.starts_with("anabranch_") || name.starts_with("process_"))
        .map(Into::into)
        .collect()
}

/// The names of samples, as one asks for them: those of a histogram by the histogram's own name.
fn known(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let name = |line: &str| match line.split_once(' ').unwrap() {
        (name, "counter") => format!("{name}_total"),
        (name, "info") => format!("{name}_info"),
        (name, _) => name.to_owned(),
    };
    types.map(name).collect()
}

fn config() -> Config {
    let flags = ["signal.listen=127.0.0.1:0", "sfu.port=0", "sfu.workers=1", "sfu.ips=[\"127.0.0.1\"]"];
    let mut flags = flags.map(str::to_owned).to_vec();
    // Any free port; 0 would be none.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    flags.push(format!("sfu.tcp_port={free}"));
    Config::load(&Sources { flags: &flags, ..Sources::default() }).unwrap()
}

/// The numbers of a node that has every role and every backend. None of the servers is there.
async fn all_numbers() -> String {
    let (config, id) = (config(), NodeId::parse("n").unwrap());
    let numbers = Numbers::of(Program::Standalone, &id, "dc");
    let etcd = EtcdConfig { endpoints: vec!["http://127.0.0.1:1".to_owned()], ..EtcdConfig::default() };
    let nats = NatsConfig { urls: vec!["nats://127.0.0.1:1".to_owned()], ..NatsConfig::default() };
    let (etcd, nats) = (EtcdDiscovery::connect(&etcd).unwrap(), NatsEvents::connect(&nats).await.unwrap());
    numbers.add(|registry| cluster::metered::discovery(&etcd, registry));
    numbers.add(|registry| cluster::metered::events(Arc::new(nats), registry));
    let redis = RedisConfig { addrs: vec!["redis://127.0.0.1:1".to_owned()], ..RedisConfig::default() };
    let redis = RedisStore::connect(&redis).unwrap();
    numbers.add(|registry| cluster::metered::store(Arc::new(redis), registry));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());

    let events: Arc<dyn Events> = Arc::new(MemoryEvents::default());
    let discovery: Arc<dyn Discovery> = Arc::new(MemoryDiscovery::default());
    let dialer = Dialer::new(InProcess::default());
    let register = register::Register::new(store, Arc::clone(&events));
    numbers.add(|registry| register.register_metrics(registry));
    let dir = std::env::temp_dir().join(format!("anabranch-numbers-{}", std::process::id()));
    let record =
        RecordConfig { enabled: false, dir: dir.clone(), sync: Duration::ZERO, min_free: 0, keeper: None };
    let sfu = crate::roles::sfu_config(&config, id.clone(), Default::default(), Some(record));
    let sfu = sfu::Sfu::start(&sfu, &*discovery, dialer.clone()).unwrap();
    let to = format!("file://{}", std::env::temp_dir().display());
    let settings = archive::Settings { root: dir.clone(), to, ..Default::default() };
    let runtime = tokio::runtime::Handle::current();
    let (archive, _uploader) = archive::Archive::open(&settings, &runtime).unwrap();
    numbers.add(|registry| uploads::register(archive, registry));
    std::fs::remove_dir_all(dir).unwrap();
    numbers.add(|registry| sfu.register_metrics(registry));
    let webhooks = webhook::Config::new(&["http://hooks.example/"], b"a-secret-of-tests").unwrap();
    let (webhooks, _) = webhook::Webhooks::start(webhooks).unwrap();
    numbers.add(|registry| webhooks.register(registry));
    let edges = signal::Edges { dialer, discovery, events };
    let signal = crate::roles::signal_config(&config, id, ::signal::Access::everybody(), Default::default());
    let signal = signal::Signal::start(signal, edges, axum::Router::new()).await.unwrap();
    numbers.add(|registry| signal.register_metrics(registry));
    numbers.text().unwrap()
}

/// The metrics that a text of queries names.
fn queried(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("anabranch_") || word.starts_with("process_"));
    names.map(|name| name.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn dashboard_and_alerts_ask_for_what_there_is() {
    let dashboard = include_str!("../../../../deploy/grafana/anabranch.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let queries: String =
        targets.flatten().map(|target| target["expr"].as_str().unwrap().to_owned() + "\n").collect();
    let alerts = include_str!("../../../../deploy/prometheus/alerts.yml");
    let documented = documented();
    for text in [&queries, alerts] {
        let queried = queried(text);
        let unknown: Vec<_> = queried.difference(&documented).collect();
        assert!(queried.len() > 10 && unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn no_alert_blames_the_server_for_what_clients_do() {
    let alerts = include_str!("../../../../deploy/prometheus/alerts.yml");
    let faults = |line: &&str| line.contains("_calls_total{") || line.contains("_requests_total{");
    for line in alerts.lines().filter(faults) {
        assert!(line.contains("result=~") || line.contains("result!=\"TooMany\""), "{line}");
        assert!(!line.contains("NotJoined") && !line.contains("result!=\"ok\""), "{line}");
    }
}

#[tokio::test]
async fn the_page_has_every_metric_and_no_other() {
    let (known, documented) = (known(&all_numbers().await), documented());
    let missing: Vec<_> = known.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty(), "not in docs/operate.md: {missing:?}");
    assert!(invented.is_empty(), "only in docs/operate.md: {invented:?}");
    assert!(known.len() > 40, "{known:?}");
}
