//! The rooms that there are, page by page, for people who look.
//!
//! Every room stands in its bucket's index of what may expire. The order of pages is that of the buckets, and
//! within a bucket that of the ids, so the last room of a page says where the next one begins. A page asks some
//! buckets at a time for all of their index, which has a bound, until it is full.

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::{StreamExt, stream};
use model::RoomId;
use redis::Value;
use tokio::time::Instant;

use super::call::{Call, PATIENCE, What};
use super::keys::{self, BUCKETS, bucket_of};
use super::reply::text;
use super::scripts::SCRIPTS;
use super::{RedisStore, StoreError};
use crate::store::{RoomPage, RoomSummary};

/// Questions of one page under way at the same time.
const AT_ONCE: usize = 16;

impl RedisStore {
    pub(super) async fn page_of_rooms(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<RoomPage, StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let mut rids = self.ids_after(after, limit.saturating_add(1), deadline).await?;
        let more = rids.len() > limit;
        rids.truncate(limit);
        let looks: Vec<BoxFuture<'_, _>> =
            rids.iter().map(|rid| self.summary(rid, deadline).boxed()).collect();
        let looks: Vec<Result<Option<RoomSummary>, StoreError>> =
            stream::iter(looks).buffered(AT_ONCE).collect().await;
        let rooms = looks.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(RoomPage { rooms, next: rids.pop().filter(|_| more) })
    }

    /// The next rooms in the order of pages.
    async fn ids_after(
        &self,
        after: Option<&RoomId>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Vec<RoomId>, StoreError> {
        let first = after.map_or(0, bucket_of);
        let asked: Vec<BoxFuture<'_, _>> =
            (first..BUCKETS).map(|bucket| self.ids_of(bucket, deadline).boxed()).collect();
        let mut buckets = stream::iter(asked).buffered(AT_ONCE);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(rids) = buckets.next().await
        {
            let follows =
                |rid: &RoomId| after.is_none_or(|after| bucket_of(after) != bucket_of(rid) || rid > after);
            found.extend(rids?.into_iter().filter(follows));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// All rooms of a bucket, by id. What no script put there is left out.
    async fn ids_of(&self, bucket: usize, deadline: Instant) -> Result<Vec<RoomId>, StoreError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(keys::due(bucket)).arg(0).arg(-1);
        let call = Call { bucket, what: What::Plain(&command) };
        let Value::Array(items) = self.perform(call, deadline).await? else { return Ok(Vec::new()) };
        let rids = items.into_iter().filter_map(text).filter_map(|rid| RoomId::parse(&rid).ok());
        let mut rids: Vec<RoomId> = rids.filter(|rid| bucket_of(rid) == bucket).collect();
        rids.sort_unstable();
        Ok(rids)
    }

    /// Nothing where nobody is in the room any more.
    async fn summary(&self, rid: &RoomId, deadline: Instant) -> Result<Option<RoomSummary>, StoreError> {
        let (_, mut reply) = self.step(rid, &SCRIPTS.summary, &[], deadline).await?;
        let version = reply.number()?;
        let mut count = || reply.number().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let (users, streams) = (count()?, count()?);
        Ok((users > 0).then(|| RoomSummary { rid: rid.clone(), version, users, streams }))
    }
}
