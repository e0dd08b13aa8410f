//! Users and streams that are still there: many rooms at once, one script for each.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use model::{NodeId, RoomId, StreamId};
use tokio::time::Instant;

use super::call::PATIENCE;
use super::reply::Reply;
use super::scripts::{SCRIPTS, Script};
use super::{RedisStore, StoreError};
use crate::{KeptAlive, Member};

/// Scripts of one request that are under way at the same time. They share a connection, so that more would
/// only wait in line.
const AT_ONCE: usize = 64;

/// One room's part of a request, and the answer to it.
struct Part<'a> {
    rid: &'a RoomId,
    args: Vec<&'a str>,
    /// Where its entries stand in the request.
    places: Vec<usize>,
}

impl RedisStore {
    /// A room whose server is away is answered as unchanged, as long as another's is there: nobody is to be
    /// thought gone because of it, and the others are to be answered.
    pub(super) async fn keep_members(&self, members: &[Member]) -> Result<Vec<KeptAlive>, StoreError> {
        let connections: Vec<String> =
            members.iter().map(|member| member.owner.connection.to_string()).collect();
        let entries = members.iter().zip(&connections).map(|(member, connection)| {
            (&member.rid, vec![member.uid.as_str(), member.owner.signal.as_str(), connection.as_str()])
        });
        let unchanged = KeptAlive { version: 0, held: true };
        let mut answers = vec![unchanged; members.len()];
        for (places, mut reply) in self.in_rooms(&SCRIPTS.keep_alive, Vec::new(), entries).await? {
            let version = reply.number()?;
            for (place, held) in places.into_iter().zip(reply.verdicts()) {
                if let Some(answer) = answers.get_mut(place) {
                    *answer = KeptAlive { version, held };
                }
            }
        }
        Ok(answers)
    }

    /// The streams that no room knows on this SFU. One whose room's server is away is none of them.
    pub(super) async fn unknown_streams(
        &self,
        sfu: &NodeId,
        streams: &[(RoomId, StreamId)],
    ) -> Result<Vec<(RoomId, StreamId)>, StoreError> {
        let entries = streams.iter().map(|(rid, mid)| (rid, vec![mid.as_str()]));
        let mut known = vec![true; streams.len()];
        for (places, reply) in self.in_rooms(&SCRIPTS.hold_streams, vec![sfu.as_str()], entries).await? {
            for (place, verdict) in places.into_iter().zip(reply.verdicts()) {
                if let Some(known) = known.get_mut(place) {
                    *known = verdict;
                }
            }
        }
        let unknown = streams.iter().zip(known).filter(|(_, known)| !known);
        Ok(unknown.map(|(stream, _)| stream.clone()).collect())
    }

    /// Runs a script once for each room with all that concerns it. An error only where no room is answered.
    async fn in_rooms<'a>(
        &self,
        script: &Script,
        first: Vec<&'a str>,
        entries: impl Iterator<Item = (&'a RoomId, Vec<&'a str>)>,
    ) -> Result<Vec<(Vec<usize>, Reply)>, StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let mut parts: HashMap<&RoomId, Part<'a>> = HashMap::new();
        for (place, (rid, args)) in entries.enumerate() {
            let part =
                parts.entry(rid).or_insert_with(|| Part { rid, args: first.clone(), places: Vec::new() });
            part.args.extend(args);
            part.places.push(place);
        }
        let steps: Vec<BoxFuture<'_, _>> =
            parts.into_values().map(|part| self.in_room(script, part, deadline).boxed()).collect();
        let answers: Vec<Result<_, StoreError>> =
            stream::iter(steps).buffer_unordered(AT_ONCE).collect().await;
        let (answered, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        match failed.into_iter().find_map(Result::err) {
            Some(error) if answered.is_empty() => Err(error),
            _ => Ok(answered.into_iter().flatten().collect()),
        }
    }

    async fn in_room(
        &self,
        script: &Script,
        part: Part<'_>,
        deadline: Instant,
    ) -> Result<(Vec<usize>, Reply), StoreError> {
        let (_, reply) = self.step(part.rid, script, &part.args, deadline).await?;
        Ok((part.places, reply))
    }
}
