//! Rounds over all buckets: what fell silent, and what a dead node left.
//!
//! A round asks every bucket's index for a few rooms, all buckets of a server in one go, and then runs one
//! script for each of these rooms. So an idle round is one trip to each server, however many rooms there are.
//! Others may sweep at the same time: a script looks again, so each change is made once.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use model::{Gone, RoomEvent, RoomId};
use tokio::time::Instant;

use super::buckets::Answers;
use super::call::{Call, PATIENCE, What};
use super::keys;
use super::scripts::{SCRIPTS, Script};
use super::{RedisStore, StoreError};

/// Rooms that change in one round, so that others get their turn in between.
const MAX_SWEPT_ROOMS: usize = 256;

/// Rooms of one bucket that are looked at in one round of expiry.
const DUE_ROOMS: usize = 4;

/// Users or streams of one bucket that are released in one round.
const RELEASED: usize = 128;

/// Rounds without a change after which the rest may wait for the next sweep. A room is looked at once a minute even
/// where all are kept alive, so there are such rounds.
const MAX_IDLE_ROUNDS: usize = 16;

/// Scripts of one round under way at the same time.
const AT_ONCE: usize = 32;

/// The rooms of a round, each with what is known to be released, and why not all buckets were asked.
#[derive(Default)]
struct Work {
    rooms: BTreeMap<RoomId, Vec<String>>,
    incomplete: Option<StoreError>,
}

impl RedisStore {
    pub(super) async fn expire_round(&self) -> Result<Vec<RoomEvent>, StoreError> {
        for _ in 0..MAX_IDLE_ROUNDS {
            let deadline = Instant::now() + PATIENCE;
            let due = self.due(deadline).await?;
            let idle = due.rooms.is_empty();
            let events = self.sweep(due, &SCRIPTS.expire, deadline).await?;
            if idle || !events.is_empty() {
                return Ok(events);
            }
        }
        Ok(Vec::new())
    }

    pub(super) async fn release_round(&self, gone: &Gone) -> Result<Vec<RoomEvent>, StoreError> {
        let (from, to) = match gone {
            Gone::Signal { id, before } => keys::signal_range(id, *before),
            Gone::Sfu { id } => keys::sfu_range(id),
        };
        for _ in 0..MAX_IDLE_ROUNDS {
            let deadline = Instant::now() + PATIENCE;
            let left = self.left_behind(&from, &to, deadline).await?;
            let idle = left.rooms.is_empty();
            let events = self.sweep(left, &SCRIPTS.release, deadline).await?;
            if idle || !events.is_empty() {
                return Ok(events);
            }
        }
        Ok(Vec::new())
    }

    /// Rooms in which something may have expired.
    async fn due(&self, deadline: Instant) -> Result<Work, StoreError> {
        let earliest = |bucket| {
            let mut command = redis::cmd("ZRANGE");
            command.arg(keys::due(bucket)).arg(0).arg(DUE_ROOMS - 1).arg("WITHSCORES");
            command
        };
        let Answers { answers, incomplete } = self.ask_buckets(earliest, deadline).await;
        let mut work = Work { incomplete, ..Work::default() };
        for answer in answers {
            let mut items = answer.items.into_iter();
            while let (Some(rid), Some(due)) = (items.next(), items.next()) {
                let is_due = due.parse::<f64>().is_ok_and(|due| due <= answer.now);
                match RoomId::parse(&rid).ok().filter(|rid| keys::bucket_of(rid) == answer.bucket) {
                    Some(rid) if is_due => drop(work.rooms.entry(rid).or_default()),
                    Some(_) => {}
                    None => self.remove(keys::due, &rid, answer.bucket, deadline).await?,
                }
            }
        }
        Ok(work)
    }

    /// What the indexes say that a node spoke for or held, by room.
    async fn left_behind(&self, from: &str, to: &str, deadline: Instant) -> Result<Work, StoreError> {
        let range = |bucket| {
            let mut command = redis::cmd("ZRANGEBYLEX");
            command.arg(keys::nodes(bucket)).arg(from).arg(to).arg("LIMIT").arg(0).arg(RELEASED);
            command
        };
        let Answers { answers, incomplete } = self.ask_buckets(range, deadline).await;
        let mut work = Work { incomplete, ..Work::default() };
        for answer in answers {
            for entry in answer.items {
                match keys::room_of_entry(&entry).filter(|rid| keys::bucket_of(rid) == answer.bucket) {
                    Some(rid) => work.rooms.entry(rid).or_default().push(entry),
                    None => self.remove(keys::nodes, &entry, answer.bucket, deadline).await?,
                }
            }
        }
        Ok(work)
    }

    /// Takes out of an index what no script put there, lest it be in the way for ever.
    async fn remove(
        &self,
        index: fn(usize) -> String,
        entry: &str,
        bucket: usize,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZREM");
        command.arg(index(bucket)).arg(entry);
        self.perform(Call { bucket, what: What::Plain(&command) }, deadline).await.map(drop)
    }

    /// Runs a script in each room. What has changed is answered whatever happens in other rooms; an error
    /// only where nothing has.
    async fn sweep(
        &self,
        work: Work,
        script: &Script,
        deadline: Instant,
    ) -> Result<Vec<RoomEvent>, StoreError> {
        let rooms = work.rooms.iter().take(MAX_SWEPT_ROOMS);
        let steps: Vec<BoxFuture<'_, _>> =
            rooms.map(|(rid, entries)| self.sweep_room(rid, entries, script, deadline).boxed()).collect();
        let answers: Vec<Result<Option<RoomEvent>, StoreError>> =
            stream::iter(steps).buffer_unordered(AT_ONCE).collect().await;
        let (mut events, mut failure) = (Vec::new(), work.incomplete);
        for answer in answers {
            match answer {
                Ok(event) => events.extend(event),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if events.is_empty() => Err(error),
            _ => Ok(events),
        }
    }

    async fn sweep_room(
        &self,
        rid: &RoomId,
        entries: &[String],
        script: &Script,
        deadline: Instant,
    ) -> Result<Option<RoomEvent>, StoreError> {
        let mut entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        // By user or stream, as a room lists them.
        entries.sort_unstable_by_key(|entry| entry.rsplit(keys::SEPARATOR).next());
        let (_, mut reply) = self.step(rid, script, &entries, deadline).await?;
        reply.maybe_event(rid)
    }
}
