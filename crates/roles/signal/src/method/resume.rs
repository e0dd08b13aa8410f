//! `join` with `resume`: a client that lost its connection, or was asked to leave it, and still has its
//! media. What the SFUs still hold of it lives on; the room sees nothing.

use super::call::Call;
use crate::{
    clients::{Claimed, deadline},
    refusal::Refusal,
    session::{Published, RoomHoldings, Subscribed, end_subscription},
};
use futures_util::future::join_all;
use model::{
    ErrorCode, MediaInfo, NodeId, RoomId, RoomState, Stream, StreamId, SubscriptionId,
    room::limits::MAX_STREAMS_PER_USER,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// What the SFUs may take to say what they hold: the join itself needs time too.
const CLAIMING: Duration = Duration::from_millis(900);

/// What the client says it still has.
pub(super) struct Resume {
    pub(super) pubs: Vec<ResumedPub>,
    pub(super) subs: Vec<ResumedSub>,
}

pub(super) struct ResumedPub {
    pub(super) mid: StreamId,
    pub(super) sfu: NodeId,
    pub(super) info: MediaInfo,
}

pub(super) struct ResumedSub {
    pub(super) mid: StreamId,
    pub(super) sid: SubscriptionId,
    pub(super) sfu: NodeId,
}

/// What lives on, for the answer.
#[derive(Serialize)]
pub(crate) struct Resumed {
    pubs: Vec<String>,
    subs: Vec<String>,
}

impl Resumed {
    pub(super) fn of(held: &RoomHoldings) -> Self {
        Self {
            pubs: held.published.keys().map(ToString::to_string).collect(),
            subs: held.subscriptions.keys().map(ToString::to_string).collect(),
        }
    }
}

/// What the SFUs said.
#[derive(Default)]
pub(super) struct Claims {
    held: Claimed,
    /// SFUs that gave no answer.
    silent: BTreeSet<NodeId>,
}

impl Claims {
    fn has_stream(&self, mid: &StreamId) -> bool {
        self.held.mids.contains(mid)
    }

    /// Whether a stream is not known to have ended.
    fn may_live(&self, mid: &StreamId, sfu: &NodeId) -> bool {
        self.has_stream(mid) || self.silent.contains(sfu)
    }
}

impl Resume {
    /// More than a client can have is refused.
    pub(super) fn bounded(self, max_subs: usize) -> Result<Self, Refusal> {
        let over = |what: &str, max: usize| {
            Refusal::new(ErrorCode::Limit, format!("too many resume.{what}: at most {max} are taken over"))
        };
        if self.pubs.len() > MAX_STREAMS_PER_USER {
            return Err(over("pubs", MAX_STREAMS_PER_USER));
        }
        if self.subs.len() > max_subs {
            return Err(over("subs", max_subs));
        }
        Ok(self)
    }

    /// Asks the SFUs what they still hold of it.
    pub(super) async fn claim(&self, call: &Call<'_>, rid: &RoomId) -> Claims {
        let mut wanted: BTreeMap<&NodeId, Claimed> = BTreeMap::new();
        for stream in &self.pubs {
            wanted.entry(&stream.sfu).or_default().mids.insert(stream.mid.clone());
        }
        for subscription in &self.subs {
            wanted.entry(&subscription.sfu).or_default().sids.insert(subscription.sid.clone());
        }
        let until = call.deadline.min(Instant::now() + CLAIMING);
        let asking = wanted.into_iter().map(async |(sfu, wanted)| {
            (sfu, call.clients().claim(until, sfu, rid, call.session, &wanted).await)
        });
        let mut claims = Claims::default();
        for (sfu, answer) in join_all(asking).await {
            match answer {
                Ok(held) => {
                    if held.network != 0 {
                        claims.held.network = held.network;
                    }
                    claims.held.mids.extend(held.mids);
                    claims.held.sids.extend(held.sids);
                }
                Err(refusal) => {
                    tracing::debug!(%sfu, %refusal, "an SFU does not say what it holds");
                    claims.silent.insert(sfu.clone());
                }
            }
        }
        claims
    }

    /// Of what this very connection holds in a room, what the client still has.
    pub(super) fn named_of(&self, held: &RoomHoldings) -> Resumed {
        let mut resumed = Resumed::of(held);
        resumed.pubs.retain(|mid| self.pubs.iter().any(|named| named.mid.as_str() == mid));
        resumed.subs.retain(|sid| self.subs.iter().any(|named| named.sid.as_str() == sid));
        resumed
    }

    /// Ends the rest of it.
    pub(super) fn let_go(&self, call: &Call<'_>, rid: &RoomId) {
        let rest = call.holding(rid, |held| {
            let streams: Vec<_> = held.published.extract_if(.., |mid, _| !self.names_stream(mid)).collect();
            let unnamed = |sid: &SubscriptionId| self.subs.iter().all(|named| named.sid != *sid);
            let subscriptions: Vec<_> = held.subscriptions.extract_if(.., |sid, _| unnamed(sid)).collect();
            (streams, subscriptions)
        });
        // Another connection may have taken the room over by now, and all this with it.
        let Ok((streams, subscriptions)) = rest else { return };
        for (mid, published) in streams {
            end(call, rid, mid, published.sfu);
        }
        for (sid, at) in subscriptions {
            let (context, session, rid) = (Arc::clone(call.context), Arc::clone(call.session), rid.clone());
            call.afterwards(async move { end_subscription(&context, &session, &rid, &sid, &at).await });
        }
    }

    fn names_stream(&self, mid: &StreamId) -> bool {
        self.pubs.iter().any(|named| named.mid == *mid)
    }

    /// After the join that answered `state`: takes over what lives, announces again what the room has lost,
    /// and ends what the client no longer has.
    pub(super) async fn settle(
        &self,
        call: &Call<'_>,
        rid: &RoomId,
        state: &RoomState,
        claims: &Claims,
        held: &mut RoomHoldings,
    ) {
        let own = || state.streams.iter().filter(|stream| stream.uid == call.session.uid);
        for stream in own() {
            if self.names_stream(&stream.mid) && claims.may_live(&stream.mid, &stream.sfu) {
                held.published
                    .insert(stream.mid.clone(), Published::at(stream.sfu.clone()).added(state.version));
            } else {
                end(call, rid, stream.mid.clone(), stream.sfu.clone());
            }
        }
        for lost in self.pubs.iter().filter(|named| own().all(|stream| stream.mid != named.mid)) {
            if !claims.has_stream(&lost.mid) {
                continue;
            }
            if let Some(version) = announce(call, rid, lost).await {
                held.published.insert(lost.mid.clone(), Published::at(lost.sfu.clone()).added(version));
            }
        }
        for subscription in self.subs.iter().filter(|named| claims.held.sids.contains(&named.sid)) {
            let at = Subscribed::resumed(subscription.mid.clone(), subscription.sfu.clone());
            held.subscriptions.insert(subscription.sid.clone(), at);
        }
        call.session.go_on_in(claims.held.network);
        let sfus: BTreeSet<NodeId> = held.sfus().cloned().collect();
        sfus.iter().for_each(|sfu| call.context.watches.want(sfu));
        for sfu in sfus.intersection(&claims.silent) {
            claim_again(call, rid, sfu.clone());
        }
    }
}

/// An SFU that did not answer goes on telling the older connection of the streams that live on, unless it hears later
/// whose they are.
fn claim_again(call: &Call<'_>, rid: &RoomId, sfu: NodeId) {
    let (context, session, rid) = (Arc::clone(call.context), Arc::clone(call.session), rid.clone());
    call.afterwards(async move {
        let mut wanted = Claimed::default();
        if let Some(held) = session.holdings.lock().get(&rid).filter(|held| !held.handed_over) {
            let there = held.published.iter().filter(|(_, published)| published.sfu == sfu);
            wanted.mids = there.map(|(mid, _)| mid.clone()).collect();
        }
        if wanted.mids.is_empty() {
            return;
        }
        if let Err(refusal) = context.clients.claim(deadline(), &sfu, &rid, &session, &wanted).await {
            tracing::debug!(%sfu, %refusal, "an SFU does not hear whose its streams are");
        }
    });
}

/// A stream that its SFU holds and the room does not know. Answers the room's version with it, or 0 where
/// that is not known.
async fn announce(call: &Call<'_>, rid: &RoomId, lost: &ResumedPub) -> Option<u64> {
    let stream = Stream {
        mid: lost.mid.clone(),
        uid: call.session.uid.clone(),
        sfu: lost.sfu.clone(),
        info: lost.info.clone(),
    };
    let added = call.clients().add_stream(call.deadline, rid, &call.session.owner, &stream).await;
    if let Err(refusal) = &added {
        tracing::debug!(mid = ?stream.mid, %refusal, "a stream could not be announced again");
    }
    added.ok().map(Option::unwrap_or_default)
}

/// A stream that the room knows and the client no longer has.
fn end(call: &Call<'_>, rid: &RoomId, mid: StreamId, sfu: NodeId) {
    let (context, session, rid) = (Arc::clone(call.context), Arc::clone(call.session), rid.clone());
    call.afterwards(async move {
        let clients = &context.clients;
        let removed = clients.remove_stream(deadline(), &rid, &session.uid, &session.owner, &mid).await;
        let ended = clients.unpublish(deadline(), &sfu, &rid, &session.owner, &mid).await;
        if let Err(refusal) = removed.map(drop).and(ended) {
            tracing::debug!(?mid, %refusal, "could not end a stream");
        }
    });
}
