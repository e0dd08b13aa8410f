//! What happens on the workers by itself, put into the directory and, where the
//! register has to know, into the reporter's queue. Runs on the workers' threads,
//! so it never waits.

use std::sync::Arc;

use media::Event;
use model::ids::{RoomId, StreamId};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;

use crate::directory::Directory;
use crate::worker::Happening;

/// Ends that wait to be reported. Overflow: the end is not reported, and the
/// register notices when nobody renews the stream.
const ENDED_STREAMS: usize = 16_384;

/// A stream that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) rid: RoomId,
    pub(crate) mid: StreamId,
    pub(crate) reason: String,
}

/// Where ends wait to be reported. Cheap to clone; every clone is the same queue.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    queue: mpsc::Sender<Ended>,
    lost: Counter,
}

/// The queue, and the reporter's end of it.
pub(crate) fn ends() -> (Ends, mpsc::Receiver<Ended>) {
    let (queue, receiver) = mpsc::channel(ENDED_STREAMS);
    (Ends { queue, lost: Counter::default() }, receiver)
}

impl Ends {
    fn report(&self, stream: Ended) {
        if let Err(error) = self.queue.try_send(stream) {
            self.lost.inc();
            tracing::debug!(%error, "the end of a stream is not reported");
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.queue.max_capacity().saturating_sub(self.queue.capacity()) as u64
    }

    /// How many found no room so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.get()
    }
}

/// The listener of one worker.
pub(crate) fn listener(
    worker: usize,
    directory: Arc<Directory>,
    ends: Ends,
) -> impl FnMut(Happening) + Send + 'static {
    move |happening| match happening {
        Happening::Media(event) => hear(&directory, &ends, event),
        Happening::Lost => {
            for (mid, entry) in directory.remove_worker(worker) {
                ends.report(Ended { rid: entry.rid, mid, reason: "the SFU lost it".into() });
            }
        }
    }
}

fn hear(directory: &Directory, ends: &Ends, event: Event) {
    match event {
        Event::StreamLive { mid } => tracing::info!(%mid, "stream connected"),
        Event::SubscriptionLive { sid } => tracing::info!(%sid, "subscription connected"),
        Event::SubscriptionEnded { sid, reason } => {
            directory.remove_subscription(&sid);
            tracing::info!(%sid, %reason, "subscription ended");
        }
        Event::BranchEnded { mid } => tracing::debug!(%mid, "branch ended: nobody subscribes to it here"),
        Event::StreamEnded { mid, reason } => {
            tracing::info!(%mid, %reason, "stream ended");
            // Not there: it is being unpublished, and whoever does that tells the register.
            if let Some(entry) = directory.remove_stream(&mid) {
                ends.report(Ended { rid: entry.rid, mid, reason: reason.to_string() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_find_no_room_are_counted() {
        let (ends, mut queue) = ends();
        let stream = Ended {
            rid: RoomId::parse("tea").unwrap(),
            mid: StreamId::parse("m").unwrap(),
            reason: String::new(),
        };
        (0..ENDED_STREAMS + 2).for_each(|_| ends.report(stream.clone()));
        assert_eq!((ends.waiting(), ends.lost()), (ENDED_STREAMS as u64, 2));
        assert_eq!(queue.try_recv(), Ok(stream));
        assert_eq!(ends.waiting(), ENDED_STREAMS as u64 - 1);
    }
}
