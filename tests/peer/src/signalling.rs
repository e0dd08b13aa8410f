//! A protoo client over WebSocket for tests. It records everything that it receives in order, and
//! can send anything at all, also what no honest client would send.

mod connection;
mod message;
mod methods;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::stream::{SplitSink, StreamExt};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message as Frame};

pub use connection::{Dialled, Transport, dial, dial_with, percent_encoded, request_for, trust};
pub use message::{Message, Refusal};
pub use methods::{Joined, Published};
pub use record::{Closing, Record};

use crate::PATIENCE;

/// The sending half; gone once the connection has ended, so that the socket is closed as a browser's.
type SharedSink = Arc<Mutex<Option<SplitSink<WebSocketStream<Transport>, Frame>>>>;

/// One client connection.
pub struct Peer {
    uid: String,
    record: Record,
    sink: SharedSink,
    reader: JoinHandle<()>,
    next_id: AtomicU64,
}

/// A request on its way: what its answer will be looked for by.
#[derive(Debug, Clone)]
pub struct Pending {
    id: Value,
    from: usize,
    what: String,
}

impl Peer {
    /// Connects as `uid` to `ws://HOST:PORT/ws`; a refusal fails the test.
    pub async fn connect(url: &str, uid: &str) -> Self {
        match Self::try_connect(url, uid).await {
            Ok(peer) => peer,
            Err(error) => panic!("{uid:?} cannot connect to {url}: {error}"),
        }
    }

    /// Connects as `uid`.
    ///
    /// # Errors
    /// When the server refuses, or cannot be reached.
    pub async fn try_connect(url: &str, uid: &str) -> Result<Self, tungstenite::Error> {
        Ok(Self::over(uid, dial(url, uid).await?.socket))
    }

    /// A client on a WebSocket that is open already.
    pub fn over(uid: &str, socket: WebSocketStream<Transport>) -> Self {
        let (sink, stream) = socket.split();
        let record = Record::default();
        let sink: SharedSink = Arc::new(Mutex::new(Some(sink)));
        let (filling, closing) = (record.clone().fill(stream), Arc::clone(&sink));
        let reader = tokio::spawn(async move {
            filling.await;
            drop(closing.lock().await.take());
        });
        // Random, as the real clients' ids are; well below 2^53.
        let mut seed = [0u8; 4];
        getrandom::fill(&mut seed).expect("the system gives random bytes");
        let next_id = AtomicU64::new(u64::from(u32::from_le_bytes(seed)));
        Self { uid: uid.to_owned(), record, sink, reader, next_id }
    }

    /// Who this client says it is.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Everything received so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Sends a request and waits for its answer: `data`, or the refusal.
    ///
    /// # Errors
    /// When the server answers with an error.
    pub async fn request(&self, method: &str, data: Value) -> Result<Value, Refusal> {
        let pending = self.begin(method, data).await;
        self.answer(&pending).await.outcome()
    }

    /// Sends a request where the connection may have ended, or the server may be silent: `None` when
    /// there is no answer within `patience`.
    pub async fn attempt(
        &self,
        method: &str,
        data: Value,
        patience: Duration,
    ) -> Option<Result<Value, Refusal>> {
        let id = json!(self.next_id.fetch_add(1, Ordering::Relaxed));
        let request = json!({"request": true, "id": id, "method": method, "data": data});
        let from = self.record.len();
        let answered = async {
            self.try_send(Frame::text(request.to_string())).await.ok()?;
            self.record.find(from, |message| message.is_answer_to(&id)).await
        };
        timeout(patience, answered).await.ok().flatten().map(|answer| answer.outcome())
    }

    /// Sends a request whose answer is to be waited for later, with [`answer`](Self::answer).
    pub async fn begin(&self, method: &str, data: Value) -> Pending {
        let id = json!(self.next_id.fetch_add(1, Ordering::Relaxed));
        let request = json!({"request": true, "id": id, "method": method, "data": data});
        self.begin_raw(id, &request.to_string()).await
    }

    /// Sends any text and expects an answer with this id.
    pub async fn begin_raw(&self, id: Value, text: &str) -> Pending {
        let from = self.record.len();
        self.send_text(text).await;
        Pending { id, from, what: text.chars().take(200).collect() }
    }

    /// The answer to a request, whole.
    pub async fn answer(&self, pending: &Pending) -> Message {
        let is_answer = |message: &Message| message.is_answer_to(&pending.id);
        let what = || format!("the answer to {} for {}", pending.what, self.uid);
        self.record.wait(pending.from, is_answer, &what, PATIENCE).await
    }

    /// Waits for a notification of this method whose data meets the condition. One that came
    /// before counts too.
    pub async fn notification(&self, method: &str, condition: impl Fn(&Value) -> bool) -> Message {
        self.notification_within(method, condition, PATIENCE).await
    }

    /// The same with a patience of the caller's own.
    pub async fn notification_within(
        &self,
        method: &str,
        condition: impl Fn(&Value) -> bool,
        patience: Duration,
    ) -> Message {
        let wanted = |message: &Message| message.is_notification(method) && condition(message.data());
        let what = || format!("a {method} for {}", self.uid);
        self.record.wait(0, wanted, &what, patience).await
    }

    /// All notifications so far, in order.
    pub fn notifications(&self) -> Vec<Message> {
        self.record.messages().into_iter().filter(|message| message.value()["notification"] == true).collect()
    }

    /// All notifications so far as `method` and `data`, without the broadcasts that mark a
    /// [`settle`](Self::settle).
    pub fn told(&self) -> Vec<(String, Value)> {
        let told =
            self.notifications().into_iter().filter(|message| message.data()["data"]["settled"].is_null());
        told.map(|message| (message.method().to_owned(), message.data().clone())).collect()
    }

    /// Makes sure that everything which happened in the room before this call has been heard by
    /// `listeners`: broadcasts a mark and waits until each of them has it. (A room's notifications
    /// come in one order for everybody.)
    pub async fn settle<'a>(&self, rid: &str, listeners: impl IntoIterator<Item = &'a Self>) {
        let mark = crate::unique();
        let sent = self.request("broadcast", json!({"rid": rid, "data": {"settled": mark}})).await;
        sent.unwrap_or_else(|refusal| panic!("{} cannot broadcast: {refusal}", self.uid));
        for listener in listeners {
            listener.notification("broadcast", |data| data["data"]["settled"] == *mark).await;
        }
    }

    /// Sends a protoo notification.
    pub async fn notify(&self, method: &str, data: Value) {
        self.send_text(&json!({"notification": true, "method": method, "data": data}).to_string()).await;
    }

    /// Sends a text frame, whatever it holds.
    pub async fn send_text(&self, text: &str) {
        self.try_send(Frame::text(text)).await.expect("the connection takes a text frame");
    }

    /// Sends a binary frame.
    pub async fn send_binary(&self, bytes: &[u8]) {
        self.try_send(Frame::binary(bytes.to_vec())).await.expect("the connection takes a binary frame");
    }

    /// Sends any frame and returns when it has been handed to the system.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn try_send(&self, frame: Frame) -> Result<(), tungstenite::Error> {
        match self.sink.lock().await.as_mut() {
            Some(sink) => sink.send(frame).await,
            None => Err(tungstenite::Error::AlreadyClosed),
        }
    }

    /// Hands over many text frames at once, so that they leave back to back.
    pub async fn send_all(&self, texts: &[String]) {
        let mut sink = self.sink.lock().await;
        let sink = sink.as_mut().expect("the connection is open");
        for text in texts {
            sink.feed(Frame::text(text.as_str())).await.expect("the connection takes a text frame");
        }
        sink.flush().await.expect("the connection takes the text frames");
    }

    /// Waits until the server has closed the connection, and how.
    pub async fn closed(&self) -> Closing {
        self.closed_within(PATIENCE).await
    }

    /// The same with a patience of the caller's own.
    pub async fn closed_within(&self, patience: Duration) -> Closing {
        match timeout(patience, self.record.closing()).await {
            Ok(closing) => closing,
            Err(_) => panic!("{} is still connected after {patience:?}", self.uid),
        }
    }

    /// Whether the connection is open as far as this side knows.
    pub fn is_open(&self) -> bool {
        !self.record.is_closed()
    }

    /// Closes the connection as a client that goes away in good order.
    pub async fn close(self) {
        if let Some(sink) = self.sink.lock().await.as_mut() {
            drop(sink.close().await);
        }
        drop(timeout(PATIENCE, self.record.closing()).await);
    }

    /// Drops the TCP connection without a word, as a client does whose machine loses power.
    pub fn vanish(self) {
        drop(self);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({})", self.uid)
    }
}
