//! What the register is told: streams that ended by themselves, at once, and now
//! and then which streams run here, so that neither side keeps a stream that the
//! other one has lost.

use std::sync::Arc;
use std::time::Duration;

use model::ids::StreamId;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior};

use crate::directory::Directory;
use crate::events::Ended;
use crate::registers::{CallError, Register};

/// How often the register hears which streams run here. A sixth of what the
/// register waits before it takes a stream for lost; and so long, at most, does a stream
/// stay here that was taken out of its room while this SFU was away. Ten thousand streams
/// are ten calls.
const HOLD_INTERVAL: Duration = Duration::from_secs(10);

/// A younger stream may not have reached its room yet: it is published here first.
const HOLD_AGE: Duration = Duration::from_secs(10);

/// How often the end of a stream is told before it is given up: with the pauses
/// a good minute, and by then the register has noticed that nobody holds the stream.
const TRIES: u32 = 34;

/// The pause after the first try; each further one is twice as long, up to
/// [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);

/// So soon after an outage the rooms hear what ended during it.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

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
                tokio::time::sleep(pause(attempt)).await;
            }
        }
    }
}

fn pause(attempt: u32) -> Duration {
    PAUSE.saturating_mul(2u32.saturating_pow(attempt)).min(LONGEST_PAUSE)
}

/// Renews the streams that run here, for ever: now and then, and whenever asked to.
pub(crate) async fn hold_streams(
    register: Arc<impl Register>,
    directory: Arc<Directory>,
    streams: Arc<impl EndStream>,
    at_once: Arc<Notify>,
) {
    let mut ticks = tokio::time::interval_at(Instant::now() + HOLD_INTERVAL, HOLD_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = at_once.notified() => ticks.reset(),
        }
        let held = directory.streams_older_than(HOLD_AGE, Instant::now().into_std());
        for batch in held.chunks(rpc::MAX_BATCH) {
            match register.hold(batch).await {
                Ok(unknown) => {
                    for mid in unknown {
                        end(&directory, &*streams, mid).await;
                    }
                }
                Err(error) => tracing::debug!(%error, streams = batch.len(), "streams are not renewed"),
            }
        }
    }
}

/// Unless its user came back for it while the register was asked.
async fn end(directory: &Directory, streams: &impl EndStream, mid: StreamId) {
    if directory.give_up(&mid, HOLD_AGE, Instant::now().into_std()) {
        tracing::info!(%mid, "stream ended: no room knows it");
        streams.end(mid).await;
    }
}

#[cfg(test)]
mod tests {
    use model::ids::{RoomId, UserId};
    use parking_lot::Mutex;

    use super::*;
    use crate::directory::Party;

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
            let party = Party { rid: rid.clone(), uid: uid.clone(), connection: None };
            directory.add_stream(&mid(&format!("m{n}")), party, born).unwrap();
        }
        let fake = Arc::new(Fake { unknown: vec![mid("m7")], ..Fake::default() });
        let (sender, mut ends) = mpsc::unbounded_channel();
        let at_once = Arc::new(Notify::new());
        let held = hold_streams(
            Arc::clone(&fake),
            Arc::clone(&directory),
            Arc::new(Ends(sender)),
            Arc::clone(&at_once),
        );
        let task = tokio::spawn(held);
        // Once for each batch.
        assert_eq!(ends.recv().await, Some(mid("m7")));
        assert_eq!(ends.recv().await, Some(mid("m7")));
        let asked = Instant::now();
        at_once.notify_one();
        assert_eq!(ends.recv().await, Some(mid("m7")));
        assert_eq!(asked.elapsed(), Duration::ZERO, "at once");
        task.abort();
        let sizes: Vec<_> = fake.held.lock().iter().map(Vec::len).collect();
        assert_eq!(sizes[..2], [rpc::MAX_BATCH, 1]);
    }
}
