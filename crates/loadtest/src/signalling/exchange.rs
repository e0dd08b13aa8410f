//! A WebSocket that many requests share: each waits for the answer that belongs to it.

use super::SignallingError;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A server that is slower than this is no use to anybody: its own calls are given up after 3 s each. The text of
/// [`SignallingError::Silence`] names it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who does not answer a goodbye within this is left without one.
const GOODBYE: Duration = Duration::from_secs(1);

/// What a message of the server's is waited for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The answer to the request of this number.
    Answer(u64),
    /// That media flows on the server's handle of this number.
    MediaUp(u64),
}

/// Says what a message is, if anybody can wait for it: protocols differ in that.
pub(super) type Sort = fn(&Value) -> Option<Key>;

type Pending = Arc<Mutex<HashMap<Key, oneshot::Sender<Value>>>>;

/// An open connection. Dropping it closes it without a goodbye.
#[derive(Debug)]
pub(super) struct Exchange {
    outgoing: mpsc::UnboundedSender<Message>,
    pending: Pending,
    next: AtomicU64,
    pump: JoinHandle<()>,
}

impl Exchange {
    /// Connects with one of these sub-protocols.
    pub(super) async fn open(url: &str, protocols: &str, sort: Sort) -> Result<Self, SignallingError> {
        let connecting = timeout(PATIENCE, connect(url, protocols)).await;
        let socket = connecting.map_err(|_| SignallingError::Silence("connect"))??;
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let pending = Pending::default();
        let pump = tokio::spawn(pump(socket, to_send, Arc::clone(&pending), sort));
        Ok(Self { outgoing, pending, next: AtomicU64::new(1), pump })
    }

    /// Sends the request that `write` makes with its number in it, and waits for the answer.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        write: impl FnOnce(u64) -> Value,
    ) -> Result<Value, SignallingError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let answer = self.expect(Key::Answer(number));
        self.send(write(number).to_string()).map_err(|()| SignallingError::Closed(method))?;
        arrival(method, answer).await
    }

    /// Has a message kept from now on, for [`arrival`] to wait for.
    pub(super) fn expect(&self, key: Key) -> oneshot::Receiver<Value> {
        let (sender, receiver) = oneshot::channel();
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(key, sender);
        receiver
    }

    /// Says this again and again, for as long as the connection lives.
    pub(super) fn keep_alive(&self, text: String, every: Duration) {
        let outgoing = self.outgoing.clone();
        tokio::spawn(async move {
            while timeout(every, outgoing.closed()).await.is_err() {
                let _closing = outgoing.send(Message::text(text.clone()));
            }
        });
    }

    /// Closes in good order, and waits until that is done.
    pub(super) async fn leave(&self) {
        if self.outgoing.send(Message::Close(None)).is_ok() {
            let _slow = timeout(GOODBYE, self.outgoing.closed()).await;
        }
    }

    fn send(&self, text: String) -> Result<(), ()> {
        self.outgoing.send(Message::text(text)).map_err(drop)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Waits for a message that is expected.
pub(super) async fn arrival(
    method: &'static str,
    message: oneshot::Receiver<Value>,
) -> Result<Value, SignallingError> {
    let message = timeout(PATIENCE, message).await.map_err(|_| SignallingError::Silence(method))?;
    message.map_err(|_| SignallingError::Closed(method))
}

async fn connect(url: &str, protocols: &str) -> Result<WebSocketStream<TcpStream>, SignallingError> {
    let mut request = url.into_client_request().map_err(Box::new)?;
    let protocols = HeaderValue::from_str(protocols);
    let protocols = protocols.map_err(|error| Box::new(tungstenite::Error::HttpFormat(error.into())))?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocols);
    let host = request.uri().host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let tcp = TcpStream::connect((host, request.uri().port_u16().unwrap_or(80))).await?;
    tcp.set_nodelay(true)?;
    let (socket, _) = client_async(request, tcp).await.map_err(Box::new)?;
    Ok(socket)
}

/// Moves messages until either side is gone; then whoever waits hears of it.
async fn pump(
    mut socket: WebSocketStream<TcpStream>,
    mut outgoing: mpsc::UnboundedReceiver<Message>,
    pending: Pending,
    sort: Sort,
) {
    loop {
        let message = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    hear(&pending, sort, &text);
                    continue;
                }
                // After a goodbye the stream ends by itself, when the other side has answered it.
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => break,
            },
            message = outgoing.recv() => match message {
                Some(message) => message,
                None => break,
            },
        };
        if socket.send(message).await.is_err() {
            break;
        }
    }
    pending.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Takes a message to who waits for it. What else happens in the room is nothing to a load.
fn hear(pending: &Pending, sort: Sort, text: &str) {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return };
    let Some(key) = sort(&message) else { return };
    if let Some(sender) = pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&key) {
        let _gone = sender.send(message);
    }
}
