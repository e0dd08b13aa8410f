//! How commands reach a worker's thread, and answers come back.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use media::{MediaError, Outline, Preference, StreamDetail, Wanted};
use metrics::{Depth, Waiting};
use model::ids::{StreamId, SubscriptionId};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::oneshot;

use crate::WorkerStats;
use crate::branches::{Root, Tip};
use crate::recorder::Subject;
use crate::socket::Waker;
use crate::tcp::Newcomer;

/// Commands that wait for one worker. Overflow: the call is refused with
/// RESOURCE_EXHAUSTED; the worker is a second or more behind by then.
const COMMANDS: usize = 1024;

/// What a worker can be told. Whoever asked may have gone: a stream or a
/// subscription whose answer nobody takes is ended again.
#[derive(Debug)]
pub(crate) enum Command {
    Publish {
        mid: StreamId,
        offer: String,
        /// To record it, and whose it is.
        record: Option<Subject>,
        reply: oneshot::Sender<Result<String, MediaError>>,
    },
    /// Answers false where there is nothing to record.
    Record {
        subject: Subject,
        reply: oneshot::Sender<bool>,
    },
    /// Answers false where there is no such stream.
    Mute {
        mid: StreamId,
        muted: bool,
        reply: oneshot::Sender<bool>,
    },
    StopRecording {
        mid: StreamId,
        reply: oneshot::Sender<()>,
    },
    Unpublish {
        mid: StreamId,
        reply: oneshot::Sender<()>,
    },
    Subscribe {
        mid: StreamId,
        sid: SubscriptionId,
        offer: String,
        wanted: Wanted,
        reply: oneshot::Sender<Result<String, MediaError>>,
    },
    /// Answers false where there is no such subscription.
    Prefer {
        sid: SubscriptionId,
        preference: Preference,
        reply: oneshot::Sender<bool>,
    },
    Restart {
        what: Restarted,
        offer: String,
        reply: oneshot::Sender<Result<String, MediaError>>,
    },
    Unsubscribe {
        sid: SubscriptionId,
        reply: oneshot::Sender<()>,
    },
    /// Copies what comes of a stream to another worker. Answers what that one must know; `None`: there is no such
    /// stream.
    BranchOut {
        mid: StreamId,
        root: Root,
        reply: oneshot::Sender<Option<Outline>>,
    },
    /// Begins a branch of a stream that another worker has.
    Graft {
        mid: StreamId,
        tip: Tip,
        outline: Outline,
        reply: oneshot::Sender<Result<(), MediaError>>,
    },
    Describe {
        mid: StreamId,
        reply: oneshot::Sender<Option<StreamDetail>>,
    },
    Stats {
        reply: oneshot::Sender<WorkerStats>,
    },
    /// Somebody has come over TCP.
    Welcome {
        newcomer: Newcomer,
    },
}

/// Whose ICE begins anew.
#[derive(Debug)]
pub(crate) enum Restarted {
    Stream(StreamId),
    Subscription(SubscriptionId),
}

/// A command got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MailboxError {
    #[error("this SFU is overloaded: too many requests wait for a worker")]
    Full,
    #[error("this SFU is shutting down")]
    Stopped,
    #[error("the worker gave no answer")]
    Lost,
}

/// A command on its way.
#[derive(Debug)]
struct Letter {
    command: Command,
    _waiting: Waiting,
}

/// The writing end, one per worker, cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    commands: SyncSender<Letter>,
    waiting: Depth,
    refused: Counter,
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
}

/// The worker's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    commands: Receiver<Letter>,
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
}

/// Makes both ends.
pub(crate) fn mailbox() -> io::Result<(Mailbox, Inbox)> {
    let (sender, receiver) = sync_channel(COMMANDS);
    let waker = Arc::new(Waker::new()?);
    let stop = Arc::new(AtomicBool::new(false));
    let mailbox = Mailbox {
        commands: sender,
        waiting: Depth::default(),
        refused: Counter::default(),
        waker: Arc::clone(&waker),
        stop: Arc::clone(&stop),
    };
    Ok((mailbox, Inbox { commands: receiver, waker, stop }))
}

impl Mailbox {
    /// Hands over a command and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, MailboxError> {
        let (reply, answer) = oneshot::channel();
        self.post(command(reply))?;
        self.waker.wake();
        answer.await.map_err(|_| if self.is_stopping() { MailboxError::Stopped } else { MailboxError::Lost })
    }

    /// Hands over a connection. Where the mailbox is full or the worker gone, it is closed, and its peer tries again.
    pub(crate) fn hand_over(&self, newcomer: Newcomer) {
        if self.post(Command::Welcome { newcomer }).is_ok() {
            self.waker.wake();
        }
    }

    /// What wakes the worker.
    pub(crate) fn waker(&self) -> &Arc<Waker> {
        &self.waker
    }

    fn post(&self, command: Command) -> Result<(), MailboxError> {
        let letter = Letter { command, _waiting: self.waiting.enter() };
        self.commands.try_send(letter).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.refused.inc();
                MailboxError::Full
            }
            TrySendError::Disconnected(_) => MailboxError::Stopped,
        })
    }

    /// How many commands wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.now()
    }

    /// How many found no room so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.get()
    }

    /// Ends the worker, however full the mailbox is.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

impl Inbox {
    /// The oldest command, if one waits.
    pub(crate) fn take(&self) -> Option<Command> {
        self.commands.try_recv().ok().map(|letter| letter.command)
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_mailbox_refuses_and_still_stops() {
        let (mailbox, inbox) = mailbox().unwrap();
        let answers: Vec<_> = (0..COMMANDS)
            .map(|_| {
                let (reply, answer) = oneshot::channel();
                mailbox.post(Command::Stats { reply }).unwrap();
                answer
            })
            .collect();
        assert_eq!(mailbox.ask(|reply| Command::Stats { reply }).await.unwrap_err(), MailboxError::Full);
        assert_eq!((mailbox.waiting(), mailbox.refused()), (COMMANDS as u64, 1));
        assert!(inbox.take().is_some());
        assert_eq!(mailbox.waiting(), COMMANDS as u64 - 1);
        mailbox.stop();
        assert!(inbox.is_stopping());
        drop(inbox);
        for answer in answers {
            assert!(answer.await.is_err());
        }
        assert_eq!(mailbox.waiting(), 0);
        assert_eq!(mailbox.ask(|reply| Command::Stats { reply }).await.unwrap_err(), MailboxError::Stopped);
    }
}
