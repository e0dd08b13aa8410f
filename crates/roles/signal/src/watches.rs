//! Listens to the SFUs that have streams or subscriptions of this node's clients, and hands on what they tell.

use crate::{
    context::Context,
    session::{RoomHoldings, Session},
};
use model::{MediaFact, MediaNotice, NodeId};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::{AbortHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

/// Between two attempts to listen: the first and the longest. An SFU tells everything again that is so, so that what
/// happens in between comes late, but comes.
const AGAIN: Duration = Duration::from_millis(250);
const AGAIN_AT_MOST: Duration = Duration::from_secs(2);

/// How often is looked for SFUs that have nothing of this node's clients any more, and how long they had been used
/// then.
const LOOK: Duration = Duration::from_secs(30);

/// The SFUs that are listened to, and when something of a client came to each of them last. There are never more than
/// SFUs in the cluster.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    wanted: Mutex<BTreeMap<NodeId, Instant>>,
    /// There is a new one.
    stirred: Notify,
}

impl Watches {
    /// An SFU has something of a client of this node, which is among the client's holdings by now.
    pub(crate) fn want(&self, sfu: &NodeId) {
        if self.wanted.lock().insert(sfu.clone(), Instant::now()).is_none() {
            self.stirred.notify_one();
        }
    }

    /// Forgets those of which nobody has anything, and answers them. What is `used` was looked up before.
    fn forget(&self, used: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let mut wanted = self.wanted.lock();
        let over = |sfu: &NodeId, at: &mut Instant| at.elapsed() >= LOOK && !used.contains(sfu);
        wanted.extract_if(.., |sfu, at| over(sfu, at)).map(|(sfu, _)| sfu).collect()
    }
}

/// Runs until the node goes down.
pub(crate) async fn run(context: Arc<Context>) {
    let mut calls = JoinSet::new();
    let mut listening: BTreeMap<NodeId, AbortHandle> = BTreeMap::new();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let wanted: Vec<NodeId> = context.watches.wanted.lock().keys().cloned().collect();
        for sfu in wanted {
            listening
                .entry(sfu)
                .or_insert_with_key(|sfu| calls.spawn(listen(Arc::clone(&context), sfu.clone())));
        }
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = context.watches.stirred.notified() => {}
            _ = look.tick() => {
                for sfu in context.watches.forget(&used(&context)) {
                    if let Some(call) = listening.remove(&sfu) {
                        call.abort();
                    }
                }
                while calls.try_join_next().is_some() {}
            }
        }
    }
}

/// The SFUs that have anything of a client.
fn used(context: &Context) -> BTreeSet<NodeId> {
    let mut used = BTreeSet::new();
    for session in context.sessions.all() {
        let holdings = session.holdings.lock();
        used.extend(holdings.values().flat_map(RoomHoldings::sfus).cloned());
    }
    used
}

/// Listens to one SFU, again and again.
async fn listen(context: Arc<Context>, sfu: NodeId) {
    let mut pause = AGAIN;
    loop {
        match context.clients.notices(&sfu, &context.node).await {
            Ok(mut notices) => {
                pause = AGAIN;
                let ended = loop {
                    match notices.next().await {
                        Ok(Some(notice)) => hand_on(&context, notice),
                        Ok(None) => break None,
                        Err(status) => break Some(status),
                    }
                };
                tracing::debug!(%sfu, ?ended, "an SFU tells nothing more");
            }
            Err(status) => tracing::debug!(%sfu, %status, "cannot listen to an SFU"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(AGAIN_AT_MOST);
    }
}

fn hand_on(context: &Context, notice: MediaNotice) {
    let session: Option<Arc<Session>> = context.sessions.find(notice.connection);
    let Some(session) = session else { return };
    if let MediaFact::Speaking(level) = notice.fact {
        if let Some(room) = session.speaks_in(&notice) {
            room.speaks(&notice.mid, level);
        }
    } else {
        session.hear(notice);
    }
}

#[cfg(test)]
mod tests {
    use super::{LOOK, Watches};
    use model::NodeId;
    use std::collections::BTreeSet;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn an_sfu_is_forgotten_when_nobody_has_had_anything_there_for_a_while() {
        let (watches, sfu) = (Watches::default(), NodeId::parse("sfu-1").unwrap());
        let used = BTreeSet::from([sfu.clone()]);
        watches.want(&sfu);
        assert!(watches.forget(&BTreeSet::new()).is_empty(), "it may be about to be used");
        advance(LOOK).await;
        assert!(watches.forget(&used).is_empty());
        watches.want(&sfu);
        assert!(watches.forget(&BTreeSet::new()).is_empty());
        advance(LOOK).await;
        assert_eq!(watches.forget(&BTreeSet::new()), [sfu]);
    }
}
