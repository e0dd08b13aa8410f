//! The thread that hands records to the client library, and the queue before it.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};

use super::Kafka;
use super::client::{Producer, producer};
use crate::backlog::{Backlog, Weight};
use crate::{Counters, StartError};

/// Bytes of records that wait for Kafka, those that the client library has among them. Overflow:
/// the oldest are dropped and counted.
const LIMIT: usize = 64 * 1024 * 1024;

/// Bytes that the client library has at a time: some batches, so that it is never idle. It gives
/// nothing back but all at once, so it gets little.
pub(super) const WINDOW: usize = 4 * 1024 * 1024;

/// What keeping a record costs besides its text: our place in the queue, the library's message.
const OVERHEAD: usize = 256;

/// How long the library is listened to at a time; the longest that a record waits beside it.
const POLL: Duration = Duration::from_millis(20);

/// How long an idle sender sleeps before it listens to the library.
const IDLE: Duration = Duration::from_secs(1);

/// Kafka has taken nothing for so long: it is away, and not only slow.
const STALLED: Duration = Duration::from_secs(5);

/// One record in JSON, without a line end.
pub(crate) struct Record(Box<str>);

impl Weight for Record {
    fn weight(&self) -> usize {
        self.0.len() + OVERHEAD
    }
}

/// Takes records. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Records {
    backlog: Arc<Backlog<Record>>,
    counters: Counters,
}

impl Records {
    fn new(limit: usize, counters: Counters) -> Self {
        let backlog = Backlog::new(limit, counters.kafka_level().clone());
        Self { backlog: Arc::new(backlog), counters }
    }

    /// Never waits. `line` may have its line end.
    pub(crate) fn push(&self, line: &str) {
        let lost = self.backlog.push(Record(line.trim_end_matches('\n').into()));
        if lost > 0 {
            self.counters.kafka_lost().add(lost);
        }
    }
}

/// The thread that sends.
pub(crate) struct Sender {
    backlog: Arc<Backlog<Record>>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("ended", &self.has_ended()).finish()
    }
}

/// Starts the thread. Kafka need not be there yet.
pub(crate) fn start(kafka: &Kafka, node: &str, counters: &Counters) -> Result<(Records, Sender), StartError> {
    start_with(kafka, node, counters, LIMIT, WINDOW)
}

fn start_with(
    kafka: &Kafka,
    node: &str,
    counters: &Counters,
    limit: usize,
    window: usize,
) -> Result<(Records, Sender), StartError> {
    kafka.check()?;
    let records = Records::new(limit, counters.clone());
    let backlog = Arc::clone(&records.backlog);
    let producer = producer(kafka, node, Arc::clone(&backlog), counters.clone())?;
    let work =
        Work { producer, records: records.clone(), window, topic: kafka.topic.clone(), key: node.to_owned() };
    let thread = thread::Builder::new().name("log-kafka".into()).spawn(move || work.run())?;
    Ok((records, Sender { backlog, thread }))
}

impl Sender {
    /// No more records come; those that wait are sent until `deadline`. Returns at once.
    pub(crate) fn end(&self, deadline: Instant) {
        self.backlog.end(deadline);
    }

    /// Whether everything is done.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

struct Work {
    producer: Producer,
    records: Records,
    window: usize,
    topic: String,
    key: String,
}

impl Work {
    fn run(self) {
        let backlog = &self.records.backlog;
        while !backlog.is_over() {
            let taken = self.hand_over();
            if backlog.out() > 0 {
                self.listen(POLL);
                self.watch(Instant::now());
            } else if !taken {
                self.listen(IDLE);
            } else {
                backlog.wait(IDLE);
                // While nothing was on its way, connections may have come and gone.
                self.producer.poll(Duration::from_millis(1));
                self.producer.context().idle(Instant::now());
            }
        }
        // What the library still has is counted when the producer is dropped.
        self.records.counters.kafka_lost().add(backlog.clear());
    }

    fn listen(&self, most: Duration) {
        self.producer.poll(self.records.backlog.time_left().unwrap_or(most).min(most));
    }

    /// Gives the library what it may have, and says whether it took that.
    fn hand_over(&self) -> bool {
        while let Some(record) = self.records.backlog.take(self.window) {
            let message = BaseRecord::with_opaque_to(&self.topic, record.weight());
            let sent = self.producer.send(message.key(self.key.as_str()).payload(&*record.0));
            if let Err((error, _)) = sent {
                // Such as a topic that does not exist: it may yet.
                self.producer.context().refused(&error);
                self.records.backlog.give_back(vec![record]);
                return false;
            }
        }
        true
    }

    /// While Kafka is away, what the library has is the oldest: that goes first.
    fn watch(&self, now: Instant) {
        let reports = self.producer.context();
        if now.duration_since(reports.progress()) < STALLED {
            return;
        }
        reports.stalled(now);
        if self.records.backlog.overflowed() {
            self.producer.purge(PurgeConfig::default().queue());
        }
    }
}

#[cfg(test)]
mod tests;
