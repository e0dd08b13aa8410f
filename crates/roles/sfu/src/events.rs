//! What happens on the workers by itself, put into the directory, for the
//! signalling nodes that listen and, where the register has to know, into the
//! reporter's queue. Runs on the workers' threads, so it never waits.

use std::sync::Arc;

use media::Event;
use model::LayerWanted;
use model::ids::{LayerName, NodeId, RoomId, StreamId, SubscriptionId};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;

use crate::directory::{Directory, Topic};
use crate::notices::Notices;
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

/// Whom the workers' happenings concern. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hearers {
    pub(crate) directory: Arc<Directory>,
    pub(crate) ends: Ends,
    pub(crate) notices: Notices,
}

/// The listener of one worker.
pub(crate) fn listener(worker: usize, hearers: Hearers) -> impl FnMut(Happening) + Send + 'static {
    move |happening| match happening {
        Happening::Media(event) => hearers.hear(event),
        Happening::Muted { mid, muted } => {
            let node = hearers.directory.note_mute(&mid, muted);
            hearers.tell(node, Topic::Speech(mid));
        }
        Happening::Lost => {
            for (mid, entry) in hearers.directory.remove_worker(worker) {
                hearers.ends.report(Ended { rid: entry.rid, mid, reason: "the SFU lost it".into() });
            }
        }
    }
}

impl Hearers {
    fn hear(&self, event: Event) {
        match event {
            Event::StreamLive { mid } => tracing::info!(%mid, "stream connected"),
            Event::SubscriptionLive { sid } => tracing::info!(%sid, "subscription connected"),
            Event::SubscriptionEnded { sid, reason } => {
                self.directory.remove_subscription(&sid);
                tracing::info!(%sid, %reason, "subscription ended");
            }
            Event::BranchEnded { mid } => tracing::debug!(%mid, "branch ended: nobody subscribes to it here"),
            Event::StreamEnded { mid, reason } => {
                tracing::info!(%mid, %reason, "stream ended");
                // Not there: it is being unpublished, and whoever does that tells the register.
                if let Some(entry) = self.directory.remove_stream(&mid) {
                    self.ends.report(Ended { rid: entry.rid, mid, reason: reason.to_string() });
                }
            }
            Event::LayersWanted { mid, layers } => self.layers(mid, layers),
            Event::SubscriptionPaused { sid } => self.pause(sid, true),
            Event::SubscriptionResumed { sid } => self.pause(sid, false),
            Event::Speaking { mid, level } => {
                let node = self.directory.note_speech(&mid, level);
                self.tell(node, Topic::Speech(mid));
            }
        }
    }

    fn layers(&self, mid: StreamId, layers: Vec<media::LayerWanted>) {
        // The names came in an offer that was read: they are such names.
        let named = |layer: media::LayerWanted| {
            Some(LayerWanted { rid: LayerName::parse(&layer.rid).ok()?, wanted: layer.wanted })
        };
        let layers: Vec<_> = layers.into_iter().filter_map(named).collect();
        tracing::debug!(%mid, ?layers, "layers wanted");
        let node = self.directory.note_layers(&mid, layers);
        self.tell(node, Topic::Layers(mid));
    }

    fn pause(&self, sid: SubscriptionId, paused: bool) {
        tracing::debug!(%sid, paused, "video of a subscription");
        let node = self.directory.note_pause(&sid, paused);
        self.tell(node, Topic::Pause(sid));
    }

    fn tell(&self, node: Option<NodeId>, topic: Topic) {
        if let Some(node) = node {
            self.notices.tell(&node, [topic]);
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
