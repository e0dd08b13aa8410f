//! The store of a cluster: rooms in Redis 6.2 or later, on one server, behind sentinels, or in a Redis Cluster.
//!
//! - Each change is one Lua script (`redis/scripts/`), and so one step and one call, with the same semantics as
//!   [`model::Room`]. The time is the server's.
//! - [`keys`]: where a room is kept; its hash tag is that of a bucket, which has indexes for the sweeps.
//! - [`servers`], [`peer`], [`link`]: who has a bucket, through restarts, failovers and redirections.
//! - [`call`]: one command; what may have been executed is never sent twice.
//!
//! A server that was restarted or took over may have lost the last changes, of which readers have heard. It
//! is another process, so a room's first script in it finds another `run_id` with the room than its own, and
//! the version leaps over all that can have been lost: every reader then finds a gap, and gets a snapshot.
//!
//! The server must not evict keys (`maxmemory-policy noeviction`, the default).

mod address;
mod buckets;
mod call;
mod config;
mod keys;
mod link;
mod members;
mod peer;
mod record;
mod reply;
mod rooms;
mod runs;
mod scripts;
mod servers;
mod sweep;

use std::time::Duration;

use async_trait::async_trait;
use metrics::Depth;
use model::room::limits::RoomLimits;
use model::{
    EventsSince, Gone, JsonText, Left, NodeId, Owner, Refusal, Removed, RoomEvent, RoomId, RoomState, Stream,
    StreamId, Takeover, UserId,
};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use redis::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Clock, Expiry, Joined, KeptAlive, Member, NodeRun, RoomPage, Store, StoreError};
use call::{Call, Failure, PATIENCE, What};
use keys::{bucket_of, keys_of};
use reply::Reply;
use scripts::{SCRIPTS, Script};
use servers::Servers;

pub use config::{RedisConfig, RedisConfigError};

/// Calls under way at a time. A further one is refused, as where Redis is away: a server that answers has far fewer
/// waiting, and each may hold a broadcast of 256 KiB.
const MAX_CALLS: usize = 4096;

/// How often it is said that a server refuses what it is asked: the same cause would fill the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// All rooms, in Redis.
pub struct RedisStore {
    servers: Servers,
    limits: RoomLimits,
    clock: Option<Clock>,
    calls: Semaphore,
    running: Depth,
    refused: Counter,
    complained: Mutex<Option<Instant>>,
}

impl RedisStore {
    /// A store where this configuration says. Does not connect yet: Redis may come later.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn connect(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        Ok(Self {
            servers: Servers::new(config.plan()?),
            limits: RoomLimits::default(),
            clock: None,
            calls: Semaphore::new(MAX_CALLS),
            running: Depth::default(),
            refused: Counter::default(),
            complained: Mutex::default(),
        })
    }

    /// Goes by this clock instead of the servers' own: for tests. All who use the same Redis must.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Lets rooms get no larger than this. All registers of a cluster should say the same.
    #[must_use]
    pub fn with_limits(self, limits: RoomLimits) -> Self {
        Self { limits, ..self }
    }

    fn time(&self) -> Option<String> {
        self.clock.as_ref().map(|clock| clock().to_string())
    }

    async fn perform(&self, call: Call<'_>, deadline: Instant) -> Result<Value, StoreError> {
        let Ok(_permit) = self.calls.try_acquire() else {
            self.refused.inc();
            return Err(StoreError::Unavailable("too many calls under way".to_owned()));
        };
        let _running = self.running.enter();
        call.perform(&self.servers, deadline).await.map_err(|failure| self.unavailable(failure))
    }

    fn unavailable(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Away(why) => StoreError::Unavailable(why),
            Failure::Denied(why) => {
                self.complain(&why);
                StoreError::Unavailable(why)
            }
        }
    }

    /// Says once in a while that a person must look at Redis.
    fn complain(&self, why: &str) {
        let mut last = self.complained.lock();
        if last.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            *last = Some(Instant::now());
            tracing::warn!(why, "Redis refuses what it is asked");
        }
    }

    /// One script on a room, until a deadline. Answers the script's first word and the rest.
    async fn step(
        &self,
        rid: &RoomId,
        script: &Script,
        args: &[&str],
        deadline: Instant,
    ) -> Result<(String, Reply), StoreError> {
        let (keys, time) = (keys_of(rid), self.time());
        let args = [&[rid.as_str()], args].concat();
        let what = What::Script { script, keys: &keys, time: time.as_deref().unwrap_or(""), args: &args };
        Reply::of(self.perform(Call { bucket: bucket_of(rid), what }, deadline).await?)
    }

    /// One script on a room. Answers what it says after `Ok`.
    async fn change(&self, rid: &RoomId, script: &Script, args: &[&str]) -> Result<Reply, StoreError> {
        Ok(self.step(rid, script, args, Instant::now() + PATIENCE).await?.1)
    }
}

/// An expiry as the scripts take it.
fn expiry_text(expiry: Expiry) -> String {
    expiry.0.map(|at| at.to_string()).unwrap_or_default()
}

#[async_trait]
impl Store for RedisStore {
    async fn join(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        takeover: Takeover,
        expiry: Expiry,
    ) -> Result<Joined, StoreError> {
        let (connection, expiry) = (owner.connection.to_string(), expiry_text(expiry));
        let resume = if takeover == Takeover::Resume { "1" } else { "" };
        let users = self.limits.users.to_string();
        let args = [uid.as_str(), owner.signal.as_str(), &connection, resume, &expiry, &users];
        let mut reply = self.change(rid, &SCRIPTS.join, &args).await?;
        let event = reply.maybe_event(rid)?;
        Ok(Joined { event, state: reply.state()? })
    }

    async fn leave(&self, rid: &RoomId, uid: &UserId, owner: &Owner) -> Result<Left, StoreError> {
        let connection = owner.connection.to_string();
        let args = [uid.as_str(), owner.signal.as_str(), &connection];
        let mut reply = self.change(rid, &SCRIPTS.leave, &args).await?;
        Ok(Left { event: reply.event(rid)?, streams: reply.streams()? })
    }

    async fn add_stream(
        &self,
        rid: &RoomId,
        owner: &Owner,
        stream: Stream,
        expiry: Expiry,
    ) -> Result<RoomEvent, StoreError> {
        let (connection, expiry) = (owner.connection.to_string(), expiry_text(expiry));
        let speaker = [stream.uid.as_str(), owner.signal.as_str(), &connection];
        let streams = self.limits.streams_per_user.to_string();
        let published = [stream.mid.as_str(), stream.sfu.as_str(), stream.info.as_str(), &expiry, &streams];
        let args = [&speaker[..], &published[..]].concat();
        self.change(rid, &SCRIPTS.add_stream, &args).await?.event(rid)
    }

    async fn remove_stream(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<Removed, StoreError> {
        let connection = owner.connection.to_string();
        let args = [uid.as_str(), owner.signal.as_str(), &connection, mid.as_str()];
        let mut reply = self.change(rid, &SCRIPTS.remove_stream, &args).await?;
        let event = reply.event(rid)?;
        let stream = reply.streams()?.pop().ok_or(Refusal::NoSuchStream)?;
        Ok(Removed { event, stream })
    }

    async fn broadcast(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        data: JsonText,
    ) -> Result<RoomEvent, StoreError> {
        let connection = owner.connection.to_string();
        let args = [uid.as_str(), owner.signal.as_str(), &connection, data.as_str()];
        self.change(rid, &SCRIPTS.broadcast, &args).await?.event(rid)
    }

    async fn stream_ended(
        &self,
        rid: &RoomId,
        mid: &StreamId,
        sfu: &NodeId,
    ) -> Result<Option<RoomEvent>, StoreError> {
        let args = [mid.as_str(), sfu.as_str()];
        self.change(rid, &SCRIPTS.stream_ended, &args).await?.maybe_event(rid)
    }

    async fn keep_alive(&self, members: &[Member]) -> Result<Vec<KeptAlive>, StoreError> {
        self.keep_members(members).await
    }

    async fn hold_streams(
        &self,
        sfu: &NodeId,
        streams: &[(RoomId, StreamId)],
    ) -> Result<Vec<(RoomId, StreamId)>, StoreError> {
        self.unknown_streams(sfu, streams).await
    }

    async fn snapshot(&self, rid: &RoomId) -> Result<RoomState, StoreError> {
        self.change(rid, &SCRIPTS.snapshot, &[]).await?.state()
    }

    async fn events_since(&self, rid: &RoomId, after: u64) -> Result<EventsSince, StoreError> {
        let args = [after.to_string()];
        let deadline = Instant::now() + PATIENCE;
        let (word, mut reply) = self.step(rid, &SCRIPTS.events_since, &[&args[0]], deadline).await?;
        if word == "Snapshot" {
            return Ok(EventsSince::Snapshot(reply.state()?));
        }
        match reply.kept_events(rid) {
            Ok(events) => Ok(EventsSince::Events(events)),
            // Something else wrote into the log: the state is as good.
            Err(_) => Ok(EventsSince::Snapshot(self.snapshot(rid).await?)),
        }
    }

    async fn find_stream(&self, rid: &RoomId, mid: &StreamId) -> Result<Stream, StoreError> {
        let [_, _, streams, ..] = keys_of(rid);
        let mut command = redis::cmd("HGET");
        command.arg(streams).arg(mid.as_str());
        let call = Call { bucket: bucket_of(rid), what: What::Plain(&command) };
        let record = reply::text(self.perform(call, Instant::now() + PATIENCE).await?);
        let stream = record.and_then(|record| record::read_stream(mid.as_str(), &record));
        Ok(stream.ok_or(Refusal::NoSuchStream)?)
    }

    async fn rooms(&self, after: Option<&RoomId>, limit: usize) -> Result<RoomPage, StoreError> {
        self.page_of_rooms(after, limit).await
    }

    async fn expire(&self) -> Result<Vec<RoomEvent>, StoreError> {
        self.expire_round().await
    }

    async fn release(&self, gone: &Gone) -> Result<Vec<RoomEvent>, StoreError> {
        self.release_round(gone).await
    }

    async fn beat(&self, run: &NodeRun) -> Result<u64, StoreError> {
        self.note_beat(run).await
    }

    async fn runs(&self) -> Result<Vec<(NodeRun, u64)>, StoreError> {
        self.all_runs().await
    }

    async fn forget_run(&self, run: &NodeRun, beats: u64) -> Result<(), StoreError> {
        self.end_run(run, beats).await
    }

    fn healthy(&self) -> bool {
        self.servers.answer()
    }

    fn register_metrics(&self, registry: &mut Registry) {
        self.running.register(registry, "redis_calls_running", "Calls to Redis under way, of 4096");
        let help = "Calls to Redis refused because too many were under way";
        registry.register("redis_calls_refused", help, self.refused.clone());
    }
}
