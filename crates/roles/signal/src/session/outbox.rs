//! What waits to be sent to one client: bounded, so that a slow reader costs
//! only itself.

use crate::metrics::Metrics;
use parking_lot::Mutex;
use std::{collections::VecDeque, fmt, sync::Arc};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

/// Messages that may wait. A reader who is further behind is disconnected: it
/// would act on a past that is minutes old, and can come back to the present.
const MAX_MESSAGES: usize = 4096;

/// With more than this waiting, the client's next request is not read: its
/// answers must not be what overflows the queue. Of bytes: this part of what may wait.
const LOW_WATER_MESSAGES: usize = 512;
const LOW_WATER_SHARE: usize = 8;

/// How a connection is closed: the WebSocket close code, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl Closing {
    pub(crate) const DONE: Self = Self { code: 1000, reason: "closed by the client" };
    pub(crate) const GONE: Self = Self { code: 1006, reason: "the connection broke" };
    pub(crate) const GOING_AWAY: Self = Self { code: 1001, reason: "the node goes down: connect again" };
    pub(crate) const SILENT: Self = Self { code: 1001, reason: "nothing was heard for too long" };
    pub(crate) const BROKEN: Self = Self { code: 1002, reason: "no WebSocket frame" };
    pub(crate) const BINARY: Self = Self { code: 1003, reason: "expected text frames" };
    pub(crate) const NO_UTF8: Self = Self { code: 1007, reason: "a text frame was not UTF-8" };
    pub(crate) const GARBAGE: Self = Self { code: 1008, reason: "too many invalid messages" };
    pub(crate) const FLOOD: Self = Self { code: 1008, reason: "too many requests" };
    pub(crate) const TOO_LARGE: Self = Self { code: 1009, reason: "a frame was larger than 256 KiB" };
    pub(crate) const LOST: Self = Self { code: 1012, reason: "no longer in the room: connect again" };
    pub(crate) const TOO_SLOW: Self = Self { code: 1013, reason: "too much was waiting to be read" };
    pub(crate) const KICKED: Self = Self { code: 4000, reason: "kicked" };

    /// All of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::DONE,
        Self::GONE,
        Self::GOING_AWAY,
        Self::SILENT,
        Self::BROKEN,
        Self::BINARY,
        Self::NO_UTF8,
        Self::GARBAGE,
        Self::TOO_LARGE,
        Self::LOST,
        Self::TOO_SLOW,
        Self::KICKED,
    ];
}

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

/// The next thing for the writer to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send this.
    Message(Utf8Bytes),
    /// Nothing waits any more: close.
    Close(Closing),
}

/// The queue between everybody who has something to say to a client, and the
/// client's writer.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Bytes that may wait. A single message may be larger (the lists of a full room are), if nothing else waits.
    max_bytes: usize,
    queue: Mutex<Queue>,
    /// There is something to take. One taker.
    filled: Notify,
    /// It is below the low water. One waiter.
    drained: Notify,
    closed: CancellationToken,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Utf8Bytes>,
    bytes: usize,
    closing: Option<Closing>,
}

impl Queue {
    fn has_room_for(&self, bytes: usize, max_bytes: usize) -> bool {
        self.messages.is_empty() || (self.messages.len() < MAX_MESSAGES && self.bytes + bytes <= max_bytes)
    }

    fn is_low(&self, max_bytes: usize) -> bool {
        self.messages.len() <= LOW_WATER_MESSAGES && self.bytes <= max_bytes / LOW_WATER_SHARE
    }
}

impl Outbox {
    /// In which so many bytes may wait.
    pub(crate) fn new(metrics: Arc<Metrics>, max_bytes: usize) -> Self {
        let (queue, filled, drained) = (Mutex::default(), Notify::new(), Notify::new());
        Self { max_bytes, queue, filled, drained, closed: CancellationToken::new(), metrics }
    }

    /// Queues a message that nobody asked for.
    pub(crate) fn notify(&self, notification: Utf8Bytes) {
        self.metrics.notifications.inc();
        self.push(notification);
    }

    /// Queues a message. Where there is no room, everything that waits is thrown
    /// away and the connection ends.
    pub(crate) fn push(&self, message: Utf8Bytes) {
        let mut queue = self.queue.lock();
        if queue.closing.is_some() {
            return;
        }
        if queue.has_room_for(message.len(), self.max_bytes) {
            queue.bytes += message.len();
            self.count_queued(1, message.len());
            queue.messages.push_back(message);
        } else {
            let thrown_away = std::mem::take(&mut *queue);
            drop(queue);
            self.overflow(&thrown_away);
            return self.close(Closing::TOO_SLOW);
        }
        drop(queue);
        self.filled.notify_one();
    }

    fn overflow(&self, thrown_away: &Queue) {
        let messages = thrown_away.messages.len();
        self.count_gone(messages, thrown_away.bytes);
        self.metrics.overflows.inc();
        self.metrics.dropped.inc_by(messages as u64 + 1);
    }

    fn count_queued(&self, messages: usize, bytes: usize) {
        self.metrics.queued_messages.inc_by(messages as i64);
        self.metrics.queued_bytes.inc_by(bytes as i64);
    }

    fn count_gone(&self, messages: usize, bytes: usize) {
        self.metrics.queued_messages.dec_by(messages as i64);
        self.metrics.queued_bytes.dec_by(bytes as i64);
    }

    /// Closes after what is queued; further messages are dropped. The first
    /// reason counts.
    pub(crate) fn close(&self, closing: Closing) {
        self.queue.lock().closing.get_or_insert(closing);
        self.closed.cancel();
        self.filled.notify_one();
        self.drained.notify_one();
    }

    /// Waits for something to do.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    /// Whether [`Outbox::next`] would wait.
    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.queue.lock();
        queue.messages.is_empty() && queue.closing.is_none()
    }

    /// Comes when it is closed.
    pub(crate) async fn closing(&self) {
        self.closed.cancelled().await;
    }

    /// Waits until another request may be read.
    pub(crate) async fn low(&self) {
        loop {
            let low = {
                let queue = self.queue.lock();
                queue.is_low(self.max_bytes) || queue.closing.is_some()
            };
            if low {
                return;
            }
            self.drained.notified().await;
        }
    }

    /// Why the connection ended, once it has.
    pub(crate) fn ended(&self) -> Closing {
        self.queue.lock().closing.unwrap_or(Closing::DONE)
    }

    fn take(&self) -> Option<Next> {
        let mut queue = self.queue.lock();
        let was_low = queue.is_low(self.max_bytes);
        let Some(message) = queue.messages.pop_front() else { return queue.closing.map(Next::Close) };
        queue.bytes -= message.len();
        self.count_gone(1, message.len());
        if !was_low && queue.is_low(self.max_bytes) {
            self.drained.notify_one();
        }
        Some(Next::Message(message))
    }
}

impl Drop for Outbox {
    /// A client that went away took nothing more.
    fn drop(&mut self) {
        let queue = std::mem::take(self.queue.get_mut());
        self.count_gone(queue.messages.len(), queue.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{Closing, LOW_WATER_MESSAGES, MAX_MESSAGES, Metrics, Next, Outbox};
    use futures_util::FutureExt;
    use std::sync::Arc;

    const MAX_BYTES: usize = 1024 * 1024;

    fn empty() -> Outbox {
        Outbox::new(Arc::default(), MAX_BYTES)
    }

    fn next(outbox: &Outbox) -> Option<Next> {
        outbox.next().now_or_never()
    }

    #[test]
    fn messages_come_out_in_order_and_the_close_behind_them() {
        let outbox = empty();
        assert_eq!(next(&outbox), None);
        outbox.push("a".into());
        outbox.push("b".into());
        outbox.close(Closing::KICKED);
        outbox.close(Closing::DONE);
        outbox.push("c".into());
        assert_eq!(next(&outbox), Some(Next::Message("a".into())));
        assert_eq!(next(&outbox), Some(Next::Message("b".into())));
        assert_eq!(next(&outbox), Some(Next::Close(Closing::KICKED)));
    }

    #[test]
    fn what_waits_is_counted_until_it_is_taken_or_its_client_gone() {
        let metrics = Arc::new(Metrics::default());
        let waiting = || (metrics.queued_messages.get(), metrics.queued_bytes.get());
        let (one, other) =
            (Outbox::new(Arc::clone(&metrics), MAX_BYTES), Outbox::new(Arc::clone(&metrics), MAX_BYTES));
        one.push("abc".into());
        one.push("de".into());
        other.push("f".into());
        assert_eq!(waiting(), (3, 6));
        assert!(next(&one).is_some());
        assert_eq!(waiting(), (2, 3));
        drop(one);
        assert_eq!(waiting(), (1, 1));
        (0..MAX_MESSAGES).for_each(|_| other.push("x".into()));
        assert_eq!((waiting(), metrics.overflows.get()), ((0, 0), 1));
    }

    #[test]
    fn too_many_messages_end_it_and_free_what_waits() {
        let outbox = empty();
        for _ in 0..MAX_MESSAGES {
            outbox.push("x".into());
        }
        assert!(!outbox.closed.is_cancelled());
        outbox.push("x".into());
        assert_eq!(next(&outbox), Some(Next::Close(Closing::TOO_SLOW)));
        assert_eq!(usize::try_from(outbox.metrics.dropped.get()), Ok(MAX_MESSAGES + 1));
    }

    #[test]
    fn too_many_bytes_end_it_and_one_huge_message_does_not() {
        let outbox = empty();
        outbox.push("x".repeat(MAX_BYTES + 1).into());
        assert!(!outbox.closed.is_cancelled());
        outbox.push("x".into());
        assert_eq!(next(&outbox), Some(Next::Close(Closing::TOO_SLOW)));
    }

    #[test]
    fn further_requests_wait_until_the_queue_is_low() {
        let outbox = empty();
        for _ in 0..=LOW_WATER_MESSAGES {
            outbox.push("x".into());
        }
        let mut low = Box::pin(outbox.low());
        assert_eq!((&mut low).now_or_never(), None);
        assert!(matches!(next(&outbox), Some(Next::Message(_))));
        assert_eq!((&mut low).now_or_never(), Some(()));
    }

    #[test]
    fn waiting_for_low_ends_with_the_connection() {
        let outbox = empty();
        outbox.push("x".repeat(MAX_BYTES).into());
        let mut low = Box::pin(outbox.low());
        assert_eq!((&mut low).now_or_never(), None);
        outbox.push("x".into());
        assert_eq!((&mut low).now_or_never(), Some(()));
    }
}
