//! What a client has received, in order, and waiting for something in it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::stream::{SplitStream, StreamExt};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::connection::Transport;
use super::message::Message;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The close code, where the server sent a close frame with one.
    pub code: Option<u16>,
    /// The reason that came with it.
    pub reason: String,
}

impl Closing {
    /// This side ends it: the server broke the protocol.
    fn violation(what: &str) -> Self {
        Self { code: None, reason: format!("the server broke the protocol: {what}") }
    }
}

/// Everything that one client has received.
#[derive(Debug, Clone)]
pub struct Record {
    received: Arc<Mutex<Received>>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Received {
    messages: Vec<Message>,
    pings: usize,
    closing: Option<Closing>,
}

impl Default for Record {
    fn default() -> Self {
        Self { received: Arc::default(), changes: watch::Sender::new(()) }
    }
}

impl Record {
    /// Reads until the connection ends.
    pub(super) async fn fill(self, mut stream: SplitStream<WebSocketStream<Transport>>) {
        let mut closing = Closing { code: None, reason: String::new() };
        while let Some(Ok(frame)) = stream.next().await {
            match frame {
                Frame::Text(text) => match Message::parse(&text) {
                    Some(message) => self.locked().messages.push(message),
                    None => return self.end(Closing::violation(&format!("no protoo message: {text:?}"))),
                },
                Frame::Ping(_) => self.locked().pings += 1,
                Frame::Close(Some(frame)) => {
                    closing = Closing { code: Some(frame.code.into()), reason: frame.reason.to_string() };
                }
                Frame::Binary(_) => return self.end(Closing::violation("a binary frame")),
                _ => {}
            }
            self.changes.send_replace(());
        }
        self.end(closing);
    }

    fn end(&self, closing: Closing) {
        self.locked().closing = Some(closing);
        self.changes.send_replace(());
    }

    /// Number of messages so far.
    pub fn len(&self) -> usize {
        self.locked().messages.len()
    }

    /// Whether nothing has come yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All messages so far.
    pub fn messages(&self) -> Vec<Message> {
        self.locked().messages.clone()
    }

    /// Pings so far.
    pub fn pings(&self) -> usize {
        self.locked().pings
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.locked().closing.is_some()
    }

    /// Waits until the connection has ended.
    pub async fn closing(&self) -> Closing {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(closing) = self.locked().closing.clone() {
                return closing;
            }
            drop(changes.changed().await);
        }
    }

    /// Waits until there are `count` pings.
    pub async fn pinged(&self, count: usize) {
        let mut changes = self.changes.subscribe();
        while self.pings() < count {
            drop(changes.changed().await);
        }
    }

    /// Waits for the first message from index `from` on that meets the condition; fails the test,
    /// with everything received, when it does not come in time or the connection ends before.
    pub async fn wait(
        &self,
        from: usize,
        wanted: impl Fn(&Message) -> bool,
        what: &(dyn Fn() -> String + Sync),
        patience: Duration,
    ) -> Message {
        match timeout(patience, self.find(from, wanted)).await {
            Ok(Some(message)) => message,
            Ok(None) => panic!("connection ended before {}; it had:\n{}", what(), self.story()),
            Err(_) => panic!("not within {patience:?}: {}; it had:\n{}", what(), self.story()),
        }
    }

    /// The message with this number, counted from 0, as soon as it is there; `None` when the
    /// connection ends before.
    pub async fn at(&self, number: usize) -> Option<Message> {
        self.find(number, |_| true).await
    }

    /// The first message from index `from` on that meets the condition; `None` when the connection
    /// ends before.
    pub(super) async fn find(&self, mut from: usize, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let mut changes = self.changes.subscribe();
        loop {
            let (found, ended) = {
                let received = self.locked();
                let fresh = received.messages.iter().skip(from);
                let found = fresh.clone().find(|message| wanted(message)).cloned();
                from = received.messages.len();
                (found, received.closing.is_some())
            };
            if found.is_some() || ended {
                return found;
            }
            drop(changes.changed().await);
        }
    }

    /// The last messages, for the report of a failure.
    fn story(&self) -> String {
        const LAST: usize = 30;
        let received = self.locked();
        let skipped = received.messages.len().saturating_sub(LAST);
        let lines = received.messages.iter().skip(skipped).map(|message| {
            let text: String = message.text().chars().take(300).collect();
            format!("  {text}")
        });
        let mut story: Vec<_> = lines.collect();
        story.insert(0, format!("  ({skipped} messages before)"));
        story.push(format!("  closing: {:?}", received.closing));
        story.join("\n")
    }

    fn locked(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
