//! Streams that go on on another worker: one copy of each packet over a bounded ring, whatever the number of
//! subscribers there. The worker that has the publisher holds *roots*, the other one *tips*.
//!
//! Whichever end goes, the other one notices: a tip without a root ends its branch, a root without a tip copies no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::{Instant, SystemTime};

use media::{BranchId, Copies, DatagramSink, Router, Wish};
use metrics::{Depth, Waiting};
use model::ids::StreamId;

use crate::socket::Waker;

/// Batches of copies on their way: a frame each, so some seconds of video at the most. Overflow: they are left out, and
/// the branch wishes for what its subscribers miss; the worker is far behind by then.
const RING: usize = 128;

/// Wishes on their way back. Overflow: they are left out, and subscribers ask again.
const WISHES: usize = 256;

/// The end of a ring at the worker that has the publisher.
#[derive(Debug)]
pub(crate) struct Root {
    branch: BranchId,
    copies: SyncSender<(Copies, Waiting)>,
    waiting: Depth,
    /// Emptied copies that come back.
    spare: Receiver<Copies>,
    wishes: Receiver<Wish>,
    /// The other worker's.
    waker: Arc<Waker>,
}

/// The end of a ring at the other worker.
#[derive(Debug)]
pub(crate) struct Tip {
    branch: BranchId,
    copies: Receiver<(Copies, Waiting)>,
    spare: SyncSender<Copies>,
    wishes: SyncSender<Wish>,
    /// That of the publisher's worker.
    waker: Arc<Waker>,
}

impl Root {
    pub(crate) fn branch(&self) -> BranchId {
        self.branch
    }
}

impl Tip {
    pub(crate) fn branch(&self) -> BranchId {
        self.branch
    }
}

/// A ring between two workers. `waiting` has all batches of copies that are on their way.
pub(crate) fn ring(root: Arc<Waker>, tip: Arc<Waker>, waiting: Depth) -> (Root, Tip) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let branch = BranchId(NEXT.fetch_add(1, Ordering::Relaxed));
    let (copies, from_root) = sync_channel(RING);
    let (back, spare) = sync_channel(RING);
    let (wishes, from_tip) = sync_channel(WISHES);
    (
        Root { branch, copies, waiting, spare, wishes: from_tip, waker: tip },
        Tip { branch, copies: from_root, spare: back, wishes, waker: root },
    )
}

/// The ends at one worker.
#[derive(Debug, Default)]
pub(crate) struct Branches {
    roots: Vec<(StreamId, Root)>,
    tips: Vec<(StreamId, Tip)>,
    dropped: u64,
}

impl Branches {
    pub(crate) fn add_root(&mut self, mid: StreamId, root: Root) {
        self.roots.push((mid, root));
    }

    pub(crate) fn add_tip(&mut self, mid: StreamId, tip: Tip) {
        self.tips.push((mid, tip));
    }

    /// Packets that found no room on their way to another worker, since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The stream is no longer here: its branches end, or it was one.
    pub(crate) fn ended(&mut self, mid: &StreamId) {
        self.roots.retain(|(other, _)| other != mid);
        self.tips.retain(|(other, _)| other != mid);
    }

    /// Sends on what the router has for other workers.
    pub(crate) fn hand_over(&mut self, router: &mut Router) {
        while let Some((branch, copies)) = router.take_copies() {
            let Some(at) = self.roots.iter().position(|(_, root)| root.branch == branch) else { continue };
            let Some((mid, root)) = self.roots.get(at) else { continue };
            while let Ok(emptied) = root.spare.try_recv() {
                router.give_back(emptied);
            }
            match root.copies.try_send((copies, root.waiting.enter())) {
                Ok(()) => root.waker.wake(),
                Err(TrySendError::Full((copies, _))) => {
                    self.dropped += copies.len() as u64;
                    router.give_back(copies);
                }
                Err(TrySendError::Disconnected(_)) => {
                    router.cut_branch(mid, branch);
                    self.roots.swap_remove(at);
                }
            }
        }
        while let Some((branch, wish)) = router.poll_wish() {
            if let Some((_, tip)) = self.tips.iter().find(|(_, tip)| tip.branch == branch)
                && tip.wishes.try_send(wish).is_ok()
            {
                tip.waker.wake();
            }
        }
    }

    /// Takes in what other workers sent.
    pub(crate) fn take_in(&mut self, router: &mut Router, sink: &mut impl DatagramSink) {
        self.tips.retain(|(mid, tip)| {
            // No more than the ring holds: others wait, too.
            for _ in 0..RING {
                match tip.copies.try_recv() {
                    Ok((copies, _taken)) => {
                        router.receive_copies(Instant::now(), SystemTime::now(), mid, &copies, sink);
                        let _ = tip.spare.try_send(copies);
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        router.unpublish(Instant::now(), mid, sink);
                        return false;
                    }
                }
            }
            true
        });
        for (mid, root) in &self.roots {
            while let Ok(wish) = root.wishes.try_recv() {
                router.grant(Instant::now(), mid, root.branch, wish, sink);
            }
        }
    }
}
