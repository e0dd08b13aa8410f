//! The logs of a whole process in Kafka, through outages. The broker is librdkafka's, which speaks Kafka
//! on a port; what it has is read back with kcat.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use serde_json::Value;
use telemetry::{Compression, Filter, Format, Kafka, Service, Settings};

/// Where the node finds its brokers.
const BROKERS: &str = "TEST_KAFKA_BROKERS";

const TROUBLE: &str = "WARN telemetry::kafka";
const BACK: &str = "Kafka takes log records again";

/// The node: logs every line that it gets, until there are no more.
#[test]
#[ignore = "it is the other process of the test below"]
fn node() {
    let kafka = Kafka {
        brokers: vec![std::env::var(BROKERS).unwrap()],
        topic: "anabranch-logs".into(),
        compression: Compression::default(),
        tls: None,
        login: None,
    };
    let telemetry = telemetry::start(Settings {
        filter: Filter::parse("info,quiet=error").unwrap(),
        format: Format::Text,
        service: Service { node: "sfu-1".into(), role: "sfu".into(), version: "1.2.3".into() },
        kafka: Some(kafka),
        otlp: None,
    });
    let telemetry = telemetry.unwrap();
    for line in std::io::stdin().lines() {
        tracing::info!(uid = "eve\n", "{}", line.unwrap());
        tracing::warn!(target: "quiet", "unheard");
    }
    drop(telemetry);
}

struct Node {
    process: Child,
    output: Arc<Mutex<Vec<String>>>,
}

impl Node {
    fn start(brokers: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "node", "--nocapture"])
            .env(BROKERS, brokers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Arc::new(Mutex::new(Vec::new()));
        let (lines, seen) = (BufReader::new(process.stdout.take().unwrap()).lines(), Arc::clone(&output));
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| seen.lock().unwrap().push(line)));
        Self { process, output }
    }

    fn log(&mut self, message: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    /// How often the node has said this.
    fn said(&self, what: &str) -> usize {
        self.output.lock().unwrap().iter().filter(|line| line.contains(what)).count()
    }

    fn wait_to_say(&self, what: &str, times: usize) {
        let start = Instant::now();
        while self.said(what) < times {
            assert!(start.elapsed() < Duration::from_secs(90), "not said {times} times: {what}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// All records of the topic with their keys.
fn read(brokers: &str) -> Vec<(String, Value)> {
    let args = ["-C", "-e", "-q", "-t", "anabranch-logs", "-o", "beginning", "-f", "%k %s\\n", "-b", brokers];
    let output = Command::new("kcat").args(args).output().expect("kcat: Debian's package kcat");
    let text = String::from_utf8(output.stdout).unwrap();
    let record = |line: &str| {
        let (key, record) = line.split_once(' ').unwrap();
        (key.to_owned(), serde_json::from_str(record).unwrap())
    };
    text.lines().map(record).collect()
}

#[test]
fn a_node_logs_through_outages() {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("anabranch-logs", 3, 1).unwrap();
    let brokers = broker.bootstrap_servers();

    // Nobody is there at first.
    broker.broker_down(-1).unwrap();
    let mut node = Node::start(&brokers);
    node.log("early");
    node.wait_to_say(TROUBLE, 1);
    broker.broker_up(-1).unwrap();
    node.wait_to_say(BACK, 1);

    // The broker goes while much is logged, and comes back.
    (0..1000).for_each(|n| node.log(&format!("number {n:04}")));
    broker.broker_down(-1).unwrap();
    (1000..2000).for_each(|n| node.log(&format!("number {n:04}")));
    node.wait_to_say(TROUBLE, 2);
    broker.broker_up(-1).unwrap();
    node.wait_to_say(BACK, 2);

    // The last ones are sent at the end.
    (2000..3000).for_each(|n| node.log(&format!("number {n:04}")));
    drop(node.process.stdin.take());
    assert!(node.process.wait().unwrap().success());
    node.wait_to_say("number 2999", 1);
    assert_eq!((node.said(TROUBLE), node.said(BACK)), (2, 2), "each outage is told once, and its end");

    let records = read(&brokers);
    assert!(records.iter().all(|(key, _)| key == "sfu-1"));
    let early = &records.iter().find(|(_, record)| record["message"] == "early").unwrap().1;
    assert_eq!(early["labels"]["uid"], "eve\n");
    assert_eq!(early["service.node.role"], "sfu");
    assert!(!records.iter().any(|(_, record)| record["message"] == "unheard"));
    // What was sent again because its answer was lost may stand there twice.
    let mut numbers: Vec<&str> =
        records.iter().filter_map(|(_, record)| record["message"].as_str()).collect();
    numbers.retain(|message| message.starts_with("number"));
    numbers.sort_unstable();
    numbers.dedup();
    let expected: Vec<String> = (0..3000).map(|n| format!("number {n:04}")).collect();
    assert_eq!(numbers, expected);
}
