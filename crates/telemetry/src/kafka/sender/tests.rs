//! Records in the queue, and out of a broker: librdkafka's, which speaks Kafka on a port. What it has
//! is read back with kcat.

use std::process::Command;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::*;
use crate::kafka::Compression;
use crate::kafka::tests::kafka;

fn broker() -> MockCluster<'static, DefaultProducerContext> {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("logs", 3, 1).unwrap();
    broker
}

/// All records of the topic, `KEY RECORD` each.
fn read(brokers: &str) -> Vec<String> {
    let args = ["-C", "-e", "-q", "-t", "logs", "-o", "beginning", "-f", "%k %s\\n", "-b", brokers];
    let output = Command::new("kcat").args(args).output().expect("kcat: Debian's package kcat");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a sender that has all the time it wants.
fn finish(sender: &Sender) {
    sender.end(Instant::now() + Duration::from_secs(60));
    wait_until(|| sender.has_ended());
}

#[test]
fn the_queue_has_a_bound_and_the_oldest_go_first() {
    let counters = Counters::default();
    let records = Records::new(LIMIT, counters.clone());
    let text = "x".repeat(16 * 1024);
    let pushed = 2 * LIMIT as u64 / text.len() as u64;
    for n in 0..pushed {
        records.push(&format!("{n} {text}\n"));
    }
    let kept: Vec<Record> = std::iter::from_fn(|| records.backlog.take(usize::MAX)).collect();
    let bytes: usize = kept.iter().map(Weight::weight).sum();
    assert!(bytes <= 64 * 1024 * 1024 && bytes > 63 * 1024 * 1024, "{bytes}");
    assert_eq!(kept.len() as u64 + counters.kafka_dropped(), pushed);
    for (record, n) in kept.iter().zip(counters.kafka_dropped()..) {
        assert!(record.0.starts_with(&format!("{n} ")), "{:.20}", record.0);
    }
}

#[test]
fn records_come_out_of_a_broker_however_they_are_packed() {
    use Compression::{Gzip, Lz4, None, Snappy, Zstd};
    for compression in [None, Gzip, Lz4, Zstd, Snappy] {
        let broker = broker();
        let brokers = broker.bootstrap_servers();
        let kafka = Kafka { compression, ..kafka(&[&brokers]) };
        let counters = Counters::default();
        let (records, sender) = start(&kafka, "sfu-1", &counters).unwrap();
        let text = "größe ".repeat(100);
        (0..100).for_each(|n| records.push(&format!("{n} {text}\n")));
        finish(&sender);
        let expected: Vec<String> = (0..100).map(|n| format!("sfu-1 {n} {text}")).collect();
        assert_eq!(read(&brokers), expected, "{compression:?}");
        assert_eq!((counters.kafka_sent(), counters.kafka_dropped()), (100, 0));
    }
}

#[test]
fn a_broker_that_comes_back_gets_the_newest_without_a_gap() {
    let broker = broker();
    broker.broker_down(-1).unwrap();
    let brokers = broker.bootstrap_servers();
    let counters = Counters::default();
    let limit = 256 * 1024;
    let (records, sender) = start_with(&kafka(&[&brokers]), "sfu-1", &counters, limit, limit / 8).unwrap();
    let text = "x".repeat(1000);
    let push = |n: u64| records.push(&format!("{n:06} {text}"));
    // Some are in the library's hands when the others push out what is before them.
    (0..10).for_each(push);
    wait_until(|| records.backlog.out() > 0);
    (10..1000).for_each(push);
    let dropped = counters.kafka_dropped();
    assert!(dropped > 0);
    wait_until(|| counters.kafka_dropped() > dropped);
    broker.broker_up(-1).unwrap();
    finish(&sender);

    let read = read(&brokers);
    let first = 1000 - read.len() as u64;
    assert!(read.len() > 100, "{}", read.len());
    let expected: Vec<String> = (first..1000).map(|n| format!("sfu-1 {n:06} {text}")).collect();
    assert!(read == expected, "not the last {} in order", read.len());
    assert_eq!(counters.kafka_sent(), read.len() as u64);
    assert_eq!(counters.kafka_dropped(), first);
}

#[test]
fn the_end_does_not_wait_for_a_broker_that_is_away() {
    let broker = broker();
    broker.broker_down(-1).unwrap();
    let counters = Counters::default();
    let (records, sender) = start(&kafka(&[&broker.bootstrap_servers()]), "sfu-1", &counters).unwrap();
    (0..10_000).for_each(|n| records.push(&format!("{n}")));
    sender.end(Instant::now());
    wait_until(|| sender.has_ended());
    assert_eq!((counters.kafka_sent(), counters.kafka_dropped()), (0, 10_000));
}
