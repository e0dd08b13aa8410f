//! What was sent and what was lost, for whoever publishes metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers since the start. Cloning is cheap; all clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    log_dropped: Count,
    kafka_sent: Count,
    kafka_dropped: Count,
    otlp_sent: Count,
    otlp_dropped: Count,
    log_queued: Level,
    kafka_queued: Level,
    otlp_queued: Level,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down. Cloning is cheap; all clones show the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level(Arc<AtomicU64>);

impl Level {
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, now: usize) {
        self.0.store(now as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// Records that standard output did not take in time.
    #[must_use]
    pub fn log_dropped(&self) -> u64 {
        self.0.log_dropped.get()
    }

    /// Records that Kafka has acknowledged.
    #[must_use]
    pub fn kafka_sent(&self) -> u64 {
        self.0.kafka_sent.get()
    }

    /// Records that Kafka did not take: pushed out by newer ones, refused, or left over at the end.
    #[must_use]
    pub fn kafka_dropped(&self) -> u64 {
        self.0.kafka_dropped.get()
    }

    /// Spans that the collector has accepted.
    #[must_use]
    pub fn otlp_sent(&self) -> u64 {
        self.0.otlp_sent.get()
    }

    /// Spans that the collector did not take: pushed out by newer ones, refused, or left over at the end.
    #[must_use]
    pub fn otlp_dropped(&self) -> u64 {
        self.0.otlp_dropped.get()
    }

    /// Records that wait for standard output now.
    #[must_use]
    pub fn log_queued(&self) -> u64 {
        self.0.log_queued.get()
    }

    /// Bytes of records that Kafka has not acknowledged yet.
    #[must_use]
    pub fn kafka_queued(&self) -> u64 {
        self.0.kafka_queued.get()
    }

    /// Bytes of spans that the collector has not accepted yet.
    #[must_use]
    pub fn otlp_queued(&self) -> u64 {
        self.0.otlp_queued.get()
    }

    pub(crate) fn log_level(&self) -> &Level {
        &self.0.log_queued
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn kafka_level(&self) -> &Level {
        &self.0.kafka_queued
    }

    pub(crate) fn otlp_level(&self) -> &Level {
        &self.0.otlp_queued
    }

    pub(crate) fn log_lost(&self) -> &Count {
        &self.0.log_dropped
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn kafka_acknowledged(&self) -> &Count {
        &self.0.kafka_sent
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn kafka_lost(&self) -> &Count {
        &self.0.kafka_dropped
    }

    pub(crate) fn otlp_accepted(&self) -> &Count {
        &self.0.otlp_sent
    }

    pub(crate) fn otlp_lost(&self) -> &Count {
        &self.0.otlp_dropped
    }
}
