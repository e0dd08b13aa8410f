//! Sends clients elsewhere before they have to: when this node is to end, and when the SFU of their
//! stream is.

use crate::{context::Context, notice, session::Session};
use cluster::NodeInfo;
use model::{NodeId, RoomId, StreamId};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// The clients are sent away over this time, so that the other nodes are not met by all of them at once.
const SPREAD: Duration = Duration::from_secs(10);

/// How often is looked whether all have gone.
const LOOK: Duration = Duration::from_millis(50);

/// While an SFU drains, how often is looked for streams that came to it after all.
const LOOK_FOR_STREAMS: Duration = Duration::from_secs(2);

/// Asks every client to go elsewhere, and waits until all have.
pub(crate) async fn send_away(context: &Arc<Context>, patience: Duration) {
    let (began, sessions) = (Instant::now(), context.sessions.all());
    let spread = SPREAD.min(patience / 2);
    let number = u32::try_from(sessions.len()).unwrap_or(u32::MAX).max(1);
    for (session, nth) in sessions.iter().zip(0u32..) {
        sleep_until(began + spread * nth / number).await;
        session.outbox.notify(notice::reconnect());
    }
    // Who came in while the door was closing.
    let told: BTreeSet<u64> = sessions.iter().map(|session| session.owner.connection).collect();
    for session in context.sessions.all() {
        if !told.contains(&session.owner.connection) {
            session.outbox.notify(notice::reconnect());
        }
    }
    drop(sessions);
    while context.sessions.len() > 0 {
        sleep(LOOK).await;
    }
}

/// Tells the publishers of streams whose SFU drains, once each, until the node goes down.
pub(crate) async fn move_streams(context: Arc<Context>) {
    let mut sfus = context.clients.sfus();
    loop {
        let draining = draining(&sfus.borrow_and_update());
        if !draining.is_empty() {
            context.sessions.all().iter().for_each(|session| tell(session, &draining));
        }
        let look_again = async {
            if draining.is_empty() { std::future::pending().await } else { sleep(LOOK_FOR_STREAMS).await }
        };
        tokio::select! {
            () = context.stop.cancelled() => return,
            changed = sfus.changed() => if changed.is_err() { return },
            () = look_again => {}
        }
    }
}

fn draining(sfus: &[NodeInfo]) -> BTreeSet<NodeId> {
    sfus.iter().filter(|node| node.draining).map(|node| node.id.clone()).collect()
}

fn tell(session: &Session, draining: &BTreeSet<NodeId>) {
    for (rid, mid) in to_move(session, draining) {
        session.outbox.notify(notice::stream_move(&rid, &session.uid, &mid));
    }
}

fn to_move(session: &Session, draining: &BTreeSet<NodeId>) -> Vec<(RoomId, StreamId)> {
    let mut to_move = Vec::new();
    for (rid, held) in session.holdings.lock().iter_mut().filter(|(_, held)| !held.handed_over) {
        for (mid, published) in &mut held.published {
            if !published.told_to_move && draining.contains(&published.sfu) {
                published.told_to_move = true;
                to_move.push((rid.clone(), mid.clone()));
            }
        }
    }
    to_move
}
