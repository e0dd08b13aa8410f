//! Tells the register, now and then, who is still there.
//!
//! A connection that has asked for nothing for a minute leaves its rooms by
//! itself, so whoever is in a room here is there: the register's own expiry is
//! for the users of a node that died. The answers carry the rooms' versions, by
//! which a lost last event is noticed.

use crate::{
    clients::{Held, StillHeld, deadline},
    context::Context,
    session::{Closing, RoomHoldings, Session},
};
use model::RoomId;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// A user whom the register does not find with us may be just leaving, or being
/// kicked, and gets this long.
const DOUBT: Duration = Duration::from_secs(1);

/// A connection in a room, and what it says of itself.
type Entry = (Arc<Session>, Held);

/// How often the node says that it is alive. The registers take its users out after eleven of these.
const BEAT: Duration = Duration::from_secs(1);

/// Says that the node is alive, until it goes down.
pub(crate) async fn beat(context: Arc<Context>) {
    let (node, started) = (&context.node, context.started);
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(refusal) = context.clients.beat(deadline(), node, started).await {
            tracing::debug!(%refusal, "no register heard that this node is alive");
        }
    }
}

/// Runs until the node goes down.
pub(crate) async fn run(context: Arc<Context>) {
    let every = context.timing.refresh;
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => return,
            _ = ticks.tick() => refresh(&context).await,
        }
    }
}

async fn refresh(context: &Context) {
    let not_held = ask(context, everybody(context)).await;
    if not_held.is_empty() {
        return;
    }
    sleep(DOUBT).await;
    for (session, held) in ask(context, not_held).await {
        if is_in(&session, &held) && !session.is_closing() {
            tracing::debug!(uid = ?held.uid, rid = ?held.rid, "the register does not know this user any more");
            session.close(Closing::LOST);
        }
    }
}

/// Refreshes these, and answers those whom the register does not know.
async fn ask(context: &Context, entries: Vec<Entry>) -> Vec<Entry> {
    let mut not_held = Vec::new();
    for batch in entries.chunks(rpc::MAX_BATCH) {
        let held: Vec<Held> = batch.iter().map(|(_, held)| held.clone()).collect();
        match context.clients.keep_alive(deadline(), &held).await {
            Ok(answers) => {
                for (entry, answer) in batch.iter().zip(answers) {
                    note(entry, answer, &mut not_held);
                }
            }
            Err(refusal) => tracing::debug!(%refusal, "could not refresh"),
        }
    }
    not_held
}

fn note(entry: &Entry, answer: StillHeld, not_held: &mut Vec<Entry>) {
    let (session, held) = entry;
    let room = session.holdings.lock().get(&held.rid).map(|holdings| holdings.lease.room());
    let Some(room) = room else { return };
    room.expect(answer.version);
    if !answer.held {
        not_held.push(entry.clone());
    }
}

fn everybody(context: &Context) -> Vec<Entry> {
    let mut entries = Vec::new();
    for session in context.sessions.all() {
        let ours = |(rid, held): (&RoomId, &RoomHoldings)| (!held.handed_over).then(|| rid.clone());
        let rids: Vec<_> = session.holdings.lock().iter().filter_map(ours).collect();
        entries.extend(rids.into_iter().map(|rid| {
            let held = Held { rid, uid: session.uid.clone(), owner: session.owner.clone() };
            (Arc::clone(&session), held)
        }));
    }
    entries
}

fn is_in(session: &Session, held: &Held) -> bool {
    session.holdings.lock().get(&held.rid).is_some_and(|room| !room.handed_over)
}
