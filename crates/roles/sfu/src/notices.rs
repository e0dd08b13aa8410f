//! What signalling nodes are told of their clients' media, each over one call that lasts.
//!
//! A queue holds what there is to tell of, not what to tell: that is looked up in the directory at the last moment. So
//! a node that reads slowly skips what is over, and hears nothing in the wrong order.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{ErrorCode, NodeId};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use rpc::proto;
use rpc::status::refuse;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Notify, mpsc};
use tonic::Status;

use crate::directory::{Directory, Topic};

/// Topics that wait for one node: as many as there are streams and subscriptions of it, unless it reads nothing while
/// they come and go. Overflow: the oldest is not told, until it changes again or the node asks anew.
const WAITING: usize = 65_536;

/// Signalling nodes that listen. There are never as many; further ones are refused.
const WATCHERS: usize = 1024;

/// Notices on their way to a call, whose own buffers are what should fill.
const ON_THEIR_WAY: usize = 16;

/// A call's replies.
type Replies = mpsc::Sender<Result<proto::MediaNotice, Status>>;

/// Who listens. Cheap to clone; every clone is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notices(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    watchers: Mutex<Watchers>,
    dropped: Counter,
}

#[derive(Debug, Default)]
struct Watchers {
    by_node: FxHashMap<NodeId, Arc<Watcher>>,
    closed: bool,
}

/// A node that listens.
#[derive(Debug, Default)]
struct Watcher {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<Topic>,
    waiting: FxHashSet<Topic>,
    ended: Option<End>,
}

/// Why a node is told nothing more.
#[derive(Debug, Clone, Copy)]
enum End {
    /// It listens by another call.
    Replaced,
    Stopped,
}

impl End {
    fn status(self) -> Status {
        match self {
            Self::Replaced => Status::aborted("this node listens by a later call"),
            Self::Stopped => refuse(ErrorCode::Draining, "this SFU is shutting down"),
        }
    }
}

impl Queue {
    /// False: the oldest had to go for it.
    fn push(&mut self, topic: Topic) -> bool {
        if !self.waiting.insert(topic.clone()) {
            return true;
        }
        self.order.push_back(topic);
        if self.order.len() <= WAITING {
            return true;
        }
        if let Some(oldest) = self.order.pop_front() {
            self.waiting.remove(&oldest);
        }
        false
    }

    fn pop(&mut self) -> Option<Topic> {
        let topic = self.order.pop_front()?;
        self.waiting.remove(&topic);
        Some(topic)
    }
}

impl Watcher {
    fn end(&self, why: End) {
        self.queue.lock().ended.get_or_insert(why);
        self.filled.notify_one();
    }

    async fn next(&self) -> Result<Topic, End> {
        loop {
            {
                let mut queue = self.queue.lock();
                if let Some(end) = queue.ended {
                    return Err(end);
                }
                if let Some(topic) = queue.pop() {
                    return Ok(topic);
                }
            }
            self.filled.notified().await;
        }
    }
}

impl Notices {
    /// There is something to tell a node of. Nothing happens where it does not listen: it asks for everything when it
    /// does.
    pub(crate) fn tell(&self, node: &NodeId, topics: impl IntoIterator<Item = Topic>) {
        let watcher = self.0.watchers.lock().by_node.get(node).cloned();
        if let Some(watcher) = watcher {
            self.queue(&watcher, topics);
        }
    }

    fn queue(&self, watcher: &Watcher, topics: impl IntoIterator<Item = Topic>) {
        let mut queue = watcher.queue.lock();
        for topic in topics {
            if !queue.push(topic) {
                self.0.dropped.inc();
            }
        }
        drop(queue);
        watcher.filled.notify_one();
    }

    /// Tells a node everything from now on, what is so already first. An earlier call of it ends.
    ///
    /// # Errors
    /// Where too many listen, or this SFU ends.
    pub(crate) fn listen(
        &self,
        node: NodeId,
        directory: Arc<Directory>,
    ) -> Result<mpsc::Receiver<Result<proto::MediaNotice, Status>>, Status> {
        let watcher = Arc::new(Watcher::default());
        let before = {
            let mut watchers = self.0.watchers.lock();
            if watchers.closed {
                return Err(End::Stopped.status());
            }
            if watchers.by_node.len() >= WATCHERS && !watchers.by_node.contains_key(&node) {
                return Err(refuse(ErrorCode::Limit, "too many nodes listen to this SFU"));
            }
            watchers.by_node.insert(node.clone(), Arc::clone(&watcher))
        };
        if let Some(before) = before {
            before.end(End::Replaced);
        }
        // After it is in the list: what changes from now on is queued anyway.
        self.queue(&watcher, directory.topics(&node));
        let (replies, receiver) = mpsc::channel(ON_THEIR_WAY);
        let this = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = pass_on(&watcher, &node, &directory, &replies) => {}
                () = replies.closed() => {}
            }
            this.forget(&node, &watcher);
        });
        Ok(receiver)
    }

    fn forget(&self, node: &NodeId, watcher: &Arc<Watcher>) {
        let mut watchers = self.0.watchers.lock();
        if watchers.by_node.get(node).is_some_and(|latest| Arc::ptr_eq(latest, watcher)) {
            watchers.by_node.remove(node);
        }
    }

    /// Ends all calls, and takes no more: a server that shuts down waits for them.
    pub(crate) fn close(&self) {
        let mut watchers = self.0.watchers.lock();
        watchers.closed = true;
        watchers.by_node.drain().for_each(|(_, watcher)| watcher.end(End::Stopped));
    }

    /// How many nodes listen.
    pub(crate) fn watchers(&self) -> u64 {
        self.0.watchers.lock().by_node.len() as u64
    }

    /// How many topics wait.
    pub(crate) fn waiting(&self) -> u64 {
        let watchers: Vec<_> = self.0.watchers.lock().by_node.values().cloned().collect();
        watchers.iter().map(|watcher| watcher.queue.lock().order.len() as u64).sum()
    }

    /// How many found no room so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.get()
    }
}

async fn pass_on(watcher: &Watcher, node: &NodeId, directory: &Directory, replies: &Replies) {
    loop {
        // Room first, so that what is said is so when it leaves.
        let Ok(place) = replies.reserve().await else { return };
        let end = loop {
            match watcher.next().await {
                Ok(topic) => {
                    if let Some(notice) = directory.notice(node, &topic) {
                        break Ok(notice);
                    }
                }
                Err(end) => break Err(end),
            }
        };
        match end {
            Ok(notice) => place.send(Ok((&notice).into())),
            Err(end) => return place.send(Err(end.status())),
        }
    }
}

#[cfg(test)]
mod tests;
