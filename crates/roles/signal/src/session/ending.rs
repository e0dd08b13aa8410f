//! Taking a connection's user out of its rooms, and ending its media.

use super::{Closing, Published, RoomHoldings, Session, Subscribed};
use crate::{clients::deadline, context::Context, notice};
use futures_util::{StreamExt, stream};
use model::{ErrorCode, RoomId, StreamId, SubscriptionId, room::limits::USER_EXPIRY_MS};
use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Calls of one connection that are under way at the same time while it ends.
const AT_ONCE: usize = 16;

/// How long registers that do not answer are told that a user left. By then their
/// own expiry takes the user out.
const PERSISTENCE: Duration = Duration::from_millis(USER_EXPIRY_MS);

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes the user out of all rooms of this connection. The connection may go on.
pub(crate) async fn leave_all(context: &Arc<Context>, session: &Arc<Session>) {
    let holdings = std::mem::take(&mut *session.holdings.lock());
    let unanswered = std::mem::take(&mut *session.unanswered.lock());
    let ending = || (Arc::clone(context), Arc::clone(session));
    let held = at_once(holdings, |(rid, held)| {
        let (context, session) = ending();
        async move { leave(context, session, rid, held).await }
    });
    let doubtful = at_once(unanswered, |rid| {
        let (context, session) = ending();
        async move {
            tell_register(&context, &session, &rid).await;
        }
    });
    tokio::join!(held, doubtful);
}

async fn leave(context: Arc<Context>, session: Arc<Session>, rid: RoomId, held: RoomHoldings) {
    held.lease.dismiss(&session);
    if held.handed_over {
        return;
    }
    // The register first: where it knows another connection for the user, the media lives on through that one, unless
    // this one was kicked, and its streams with it.
    let ours = tell_register(&context, &session, &rid).await;
    if ours || session.outbox.ended() == Closing::KICKED {
        close_at_sfus(&context, &session, &rid, held.published, held.subscriptions).await;
    }
}

/// Kicks the connection out of a room, whose others hear that its user left, and closes it where that was its last.
/// False: it is not there.
pub(crate) async fn kick_out(context: &Arc<Context>, session: &Arc<Session>, rid: &RoomId) -> bool {
    let Some(held) = session.holdings.lock().remove(rid) else { return false };
    session.outbox.notify(notice::peer_kick(rid, &session.uid));
    leave(Arc::clone(context), Arc::clone(session), rid.clone(), held).await;
    if session.holdings.lock().is_empty() {
        session.close(Closing::KICKED);
    }
    true
}

/// Answers whether the user was this connection's, as far as anybody said.
async fn tell_register(context: &Context, session: &Session, rid: &RoomId) -> bool {
    let since = Instant::now();
    while since.elapsed() < PERSISTENCE {
        match context.clients.leave(deadline(), rid, &session.uid, &session.owner).await {
            Ok(_) => return true,
            // Another connection speaks for the user by now: not our business.
            Err(refusal) if refusal.code == ErrorCode::NotJoined => return false,
            Err(refusal) => tracing::debug!(uid = ?session.uid, ?rid, %refusal, "could not leave"),
        }
        if context.stop.is_cancelled() {
            return true;
        }
        tokio::time::sleep(PAUSE).await;
    }
    true
}

/// Ends streams and subscriptions at their SFUs, except those that another connection has claimed since. An
/// SFU that does not answer finds out by itself that nobody knows them any more.
pub(crate) async fn close_at_sfus(
    context: &Arc<Context>,
    session: &Arc<Session>,
    rid: &RoomId,
    published: BTreeMap<StreamId, Published>,
    subscriptions: BTreeMap<SubscriptionId, Subscribed>,
) {
    let ending = || (Arc::clone(context), Arc::clone(session), rid.clone());
    let streams = at_once(published, |(mid, Published { sfu, .. })| {
        let (context, session, rid) = ending();
        async move {
            let ended = context.clients.unpublish(deadline(), &sfu, &rid, &session.owner, &mid).await;
            if let Err(refusal) = ended {
                tracing::debug!(uid = ?session.uid, ?mid, %refusal, "could not end a stream");
            }
        }
    });
    let subscriptions = at_once(subscriptions, |(sid, at)| {
        let (context, session, rid) = ending();
        async move { end_subscription(&context, &session, &rid, &sid, &at).await }
    });
    tokio::join!(streams, subscriptions);
}

/// Ends a subscription that nobody will ask for any more.
pub(crate) async fn end_subscription(
    context: &Context,
    session: &Session,
    rid: &RoomId,
    sid: &SubscriptionId,
    at: &Subscribed,
) {
    let ended = context.clients.unsubscribe(deadline(), &at.sfu, rid, session, &at.mid, sid).await;
    if let Err(refusal) = ended {
        tracing::debug!(uid = ?session.uid, ?sid, %refusal, "could not end a subscription");
    }
}

/// Does something for each, [`AT_ONCE`] at a time.
fn at_once<T, F>(all: impl IntoIterator<Item = T>, each: impl FnMut(T) -> F) -> impl Future<Output = ()>
where
    F: Future<Output = ()>,
{
    stream::iter(all).for_each_concurrent(AT_ONCE, each)
}
