//! What an operator can see of this SFU's streams.

use std::sync::Arc;

use media::{StreamDetail, SubscriptionDetail, TrackDetail};
use model::ids::{RoomId, StreamId, UserId};

use crate::mailbox::Command;
use crate::workers::Workers;

/// Looks at streams. Cheap to clone; outlives the SFU, and sees nothing then.
#[derive(Debug, Clone)]
pub struct View(Arc<Workers>);

/// A stream of this SFU.
#[derive(Debug, Clone)]
pub struct StreamView {
    /// The room that it is in.
    pub rid: RoomId,
    /// Who publishes it.
    pub uid: UserId,
    /// The worker that serves it, from 0.
    pub worker: usize,
    /// Whether its publisher's transport stands.
    pub connected: bool,
    /// Whether it has sent media.
    pub live: bool,
    /// Whether it is recorded.
    pub recorded: bool,
    /// In the offer's order.
    pub tracks: Vec<TrackDetail>,
    /// Who gets it, and what of it.
    pub subscriptions: Vec<(UserId, SubscriptionDetail)>,
}

impl View {
    pub(crate) fn new(workers: Arc<Workers>) -> Self {
        Self(workers)
    }

    /// A stream; `None` where it is not here, or its worker gives no answer.
    pub async fn stream(&self, mid: &StreamId) -> Option<StreamView> {
        let directory = &self.0.directory;
        let entry = directory.stream(mid)?;
        let mailbox = self.0.mailboxes.get(entry.worker)?;
        let detail = mailbox.ask(|reply| Command::Describe { mid: mid.clone(), reply }).await.ok()??;
        let StreamDetail { connected, live, recorded, tracks, mut subscriptions } = detail;
        for (worker, mailbox) in self.0.mailboxes.iter().enumerate() {
            // Its branches, which know of their own subscribers alone.
            if worker != entry.worker {
                let branch = mailbox.ask(|reply| Command::Describe { mid: mid.clone(), reply }).await;
                subscriptions
                    .extend(branch.ok().flatten().into_iter().flat_map(|branch| branch.subscriptions));
            }
        }
        let whose = |detail: SubscriptionDetail| Some((directory.subscription(&detail.sid)?.uid, detail));
        let mut subscriptions: Vec<_> = subscriptions.into_iter().filter_map(whose).collect();
        subscriptions.sort_by(|(a, one), (b, other)| (a, &one.sid).cmp(&(b, &other.sid)));
        let (rid, uid, worker) = (entry.rid, entry.uid, entry.worker);
        Some(StreamView { rid, uid, worker, connected, live, recorded, tracks, subscriptions })
    }
}
