//! What the register is told: streams that ended by themselves, at once, and now
//! and then which streams run here, so that neither side keeps a stream that the
//! other one has lost.

use std::sync::Arc;
use std::time::Duration;

use model::ids::StreamId;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::directory::Directory;
use crate::events::Ended;
use crate::registers::{CallError, Register};

/// How often the register hears which streams run here. A third of what the
/// register waits before it takes a stream for lost.
const HOLD_INTERVAL: Duration = Duration::from_secs(10);

/// A younger stream may not have reached its room yet: it is published here first.
const HOLD_AGE: Duration = Duration::from_secs(10);

/// How often the end of a stream is told before it is given up; the register then
/// notices that nobody holds the stream.
const TRIES: u32 = 6;

/// The pause after the first try; each further one is twice as long. With six
/// tries that are 15 s.
const PAUSE: Duration = Duration::from_millis(500);

/// Ends a stream here that no room knows.
pub(crate) trait EndStream: Send + Sync + 'static {
    fn end(&self, mid: StreamId) -> impl Future<Output = ()> + Send;
}

/// Reports every end, in order. Ends with the last sender.
pub(crate) async fn report_ends(register: Arc<impl Register>, mut ended: mpsc::Receiver<Ended>) {
    while let Some(stream) = ended.recv().await {
        report(&*register, &stream).await;
    }
}

async fn report(register: &impl Register, stream: &Ended) {
    for attempt in 0..TRIES {
        match register.stream_ended(stream).await {
            Ok(()) => return,
            Err(CallError::Refused(reason)) => {
                tracing::debug!(mid = %stream.mid, %reason, "the end of a stream was not taken");
                return;
            }
            Err(error @ CallError::Silent(_)) => {
                tracing::debug!(mid = %stream.mid, %error, attempt, "the end of a stream is told again");
                tokio::time::sleep(PAUSE * 2u32.pow(attempt)).await;
            }
        }
    }
}

/// Renews the streams that run here, for ever.
pub(crate) async fn hold_streams(
    register: Arc<impl Register>,
    directory: Arc<Directory>,
    streams: Arc<impl EndStream>,
) {
    let mut ticks = tokio::time::interval_at(Instant::now() + HOLD_INTERVAL, HOLD_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let held = directory.streams_older_than(HOLD_AGE, Instant::now().into_std());
        for batch in held.chunks(rpc::MAX_BATCH) {
            match register.hold(batch).await {
                Ok(unknown) => {
                    for mid in unknown {
                        tracing::info!(%mid, "stream ended: no room knows it");
                        streams.end(mid).await;
                    }
                }
                Err(error) => tracing::debug!(%error, streams = batch.len(), "streams are not renewed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::ids::{RoomId, UserId};
    use parking_lot::Mutex;

    use super::*;

    /// Is silent for a while, then takes down what it hears.
    #[derive(Default)]
    struct Fake {
        silent: Mutex<u32>,
        ended: Mutex<Vec<StreamId>>,
        held: Mutex<Vec<Vec<StreamId>>>,
        unknown: Vec<StreamId>,
    }

    impl Register for Fake {
        async fn stream_ended(&self, stream: &Ended) -> Result<(), CallError> {
            let mut silent = self.silent.lock();
            if *silent > 0 {
                *silent -= 1;
                return Err(CallError::Silent("away".into()));
            }
            if stream.mid.as_str() == "refused" {
                return Err(CallError::Refused("no".into()));
            }
            self.ended.lock().push(stream.mid.clone());
            Ok(())
        }

        async fn hold(&self, streams: &[(RoomId, StreamId)]) -> Result<Vec<StreamId>, CallError> {
            self.held.lock().push(streams.iter().map(|(_, mid)| mid.clone()).collect());
            Ok(self.unknown.clone())
        }
    }

    struct Ends(mpsc::UnboundedSender<StreamId>);

    impl EndStream for Ends {
        async fn end(&self, mid: StreamId) {
            self.0.send(mid).unwrap();
        }
    }

    fn mid(text: &str) -> StreamId {
        StreamId::parse(text).unwrap()
    }

    fn ended(name: &str) -> Ended {
        Ended { rid: RoomId::parse("room").unwrap(), mid: mid(name), reason: "closed".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_told_until_the_register_is_back_and_the_next_one_follows() {
        let fake = Arc::new(Fake { silent: Mutex::new(TRIES - 1), ..Fake::default() });
        let (sender, receiver) = mpsc::channel(8);
        for name in ["a", "refused", "b"] {
            sender.send(ended(name)).await.unwrap();
        }
        drop(sender);
        report_ends(Arc::clone(&fake), receiver).await;
        assert_eq!(*fake.ended.lock(), [mid("a"), mid("b")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_register_that_stays_away_costs_an_end_and_not_those_that_follow() {
        let fake = Arc::new(Fake { silent: Mutex::new(TRIES), ..Fake::default() });
        let (sender, receiver) = mpsc::channel(8);
        for name in ["lost", "b"] {
            sender.send(ended(name)).await.unwrap();
        }
        drop(sender);
        report_ends(Arc::clone(&fake), receiver).await;
        assert_eq!(*fake.ended.lock(), [mid("b")]);
    }

    #[tokio::test(start_paused = true)]
    async fn streams_are_held_in_batches_and_unknown_ones_end() {
        let directory = Arc::new(Directory::new(1));
        let (rid, uid) = (RoomId::parse("room").unwrap(), UserId::parse("user").unwrap());
        let born = Instant::now().into_std();
        for n in 0..=rpc::MAX_BATCH {
            directory.add_stream(&mid(&format!("m{n}")), rid.clone(), uid.clone(), born).unwrap();
        }
        let fake = Arc::new(Fake { unknown: vec![mid("m7")], ..Fake::default() });
        let (sender, mut ends) = mpsc::unbounded_channel();
        let task =
            tokio::spawn(hold_streams(Arc::clone(&fake), Arc::clone(&directory), Arc::new(Ends(sender))));
        assert_eq!(ends.recv().await, Some(mid("m7")));
        assert_eq!(ends.recv().await, Some(mid("m7")));
        task.abort();
        let sizes: Vec<_> = fake.held.lock().iter().map(Vec::len).collect();
        assert_eq!(sizes, [rpc::MAX_BATCH, 1]);
    }
}
