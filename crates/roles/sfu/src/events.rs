//! What happens on the workers by itself, put into the directory and, where the
//! register has to know, into the reporter's queue. Runs on the workers' threads,
//! so it never waits.

use std::sync::Arc;

use media::Event;
use model::ids::{RoomId, StreamId};
use tokio::sync::mpsc;

use crate::directory::Directory;
use crate::worker::Happening;

/// Ends that wait to be reported. Overflow: the end is not reported, and the
/// register notices when nobody renews the stream.
pub(crate) const ENDED_STREAMS: usize = 16_384;

/// A stream that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) rid: RoomId,
    pub(crate) mid: StreamId,
    pub(crate) reason: String,
}

/// The listener of one worker.
pub(crate) fn listener(
    worker: usize,
    directory: Arc<Directory>,
    ended: mpsc::Sender<Ended>,
) -> impl FnMut(Happening) + Send + 'static {
    move |happening| match happening {
        Happening::Media(event) => hear(&directory, &ended, event),
        Happening::Lost => {
            for (mid, entry) in directory.remove_worker(worker) {
                report(&ended, Ended { rid: entry.rid, mid, reason: "the SFU lost it".into() });
            }
        }
    }
}

fn hear(directory: &Directory, ended: &mpsc::Sender<Ended>, event: Event) {
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
                report(ended, Ended { rid: entry.rid, mid, reason: reason.to_string() });
            }
        }
    }
}

fn report(ended: &mpsc::Sender<Ended>, stream: Ended) {
    if let Err(error) = ended.try_send(stream) {
        tracing::debug!(%error, "the end of a stream is not reported");
    }
}
