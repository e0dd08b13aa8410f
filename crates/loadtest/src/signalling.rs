//! One user's WebSocket, which many requests share.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
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

/// The server forgets whoever is silent for 60 s.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Why signalling failed.
#[derive(Debug, thiserror::Error)]
pub enum SignallingError {
    /// No connection, or it broke.
    #[error("WebSocket: {0}")]
    WebSocket(#[from] Box<tungstenite::Error>),
    /// There is no listener, or no way to it.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The server refused a request.
    #[error("{method}: error {code}: {reason}")]
    Refused {
        /// What was asked for.
        method: &'static str,
        /// The protocol's code.
        code: i64,
        /// For people.
        reason: String,
    },
    /// There was no answer in time.
    #[error("{0}: no answer within 15 s")]
    Silence(&'static str),
    /// The connection is closed.
    #[error("{0}: the connection is closed")]
    Closed(&'static str),
    /// The answer lacks what the protocol promises.
    #[error("{method}: the answer has no {member}")]
    Incomplete {
        /// What was asked for.
        method: &'static str,
        /// What is not there.
        member: &'static str,
    },
}

type Pending = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A user in a room. Dropping it closes the connection, which leaves the room.
#[derive(Debug)]
pub(crate) struct Session {
    room: String,
    outgoing: mpsc::UnboundedSender<Message>,
    pending: Pending,
    next_id: AtomicU64,
    pump: JoinHandle<()>,
}

impl Session {
    /// Connects as `uid` and joins the room.
    pub(crate) async fn join(url: &str, uid: &str, room: &str) -> Result<Self, SignallingError> {
        let connecting = timeout(PATIENCE, connect(url, uid)).await;
        let socket = connecting.map_err(|_| SignallingError::Silence("connect"))??;
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let pending = Pending::default();
        let pump = tokio::spawn(pump(socket, to_send, Arc::clone(&pending), room.to_owned()));
        let session = Self { room: room.to_owned(), outgoing, pending, next_id: AtomicU64::new(1), pump };
        session.request("join", json!({})).await?;
        Ok(session)
    }

    /// Sends a request for the room and waits for its answer.
    pub(crate) async fn request(
        &self,
        method: &'static str,
        mut data: Value,
    ) -> Result<Value, SignallingError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        if let Some(data) = data.as_object_mut() {
            data.insert("rid".to_owned(), json!(self.room));
        }
        let (sender, receiver) = oneshot::channel();
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        let text = json!({"request": true, "id": id, "method": method, "data": data}).to_string();
        self.outgoing.send(Message::text(text)).map_err(|_| SignallingError::Closed(method))?;
        let answer = timeout(PATIENCE, receiver).await.map_err(|_| SignallingError::Silence(method))?;
        outcome(method, answer.map_err(|_| SignallingError::Closed(method))?)
    }

    /// Leaves in good order, and waits until that is done.
    pub(crate) async fn leave(&self) {
        if self.outgoing.send(Message::Close(None)).is_ok() {
            let _slow = timeout(GOODBYE, self.outgoing.closed()).await;
        }
    }

    /// Sends an offer; the answer's SDP, and the id that the server gave (`mid` or `sid`).
    pub(crate) async fn offer(
        &self,
        method: &'static str,
        mut data: Value,
        sdp: &str,
        id: &'static str,
    ) -> Result<(String, String), SignallingError> {
        if let Some(data) = data.as_object_mut() {
            data.insert("jsep".to_owned(), json!({"type": "offer", "sdp": sdp}));
        }
        let answer = self.request(method, data).await?;
        let text = |value: Option<&Value>, member| {
            let text = value.and_then(Value::as_str).map(str::to_owned);
            text.ok_or(SignallingError::Incomplete { method, member })
        };
        Ok((text(answer.pointer("/jsep/sdp"), "sdp")?, text(answer.get(id), id)?))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

async fn connect(url: &str, uid: &str) -> Result<WebSocketStream<TcpStream>, SignallingError> {
    let mut request = format!("{url}?peer={uid}").into_client_request().map_err(Box::new)?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("protoo"));
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
    room: String,
) {
    let mut keepalive = tokio::time::interval(KEEPALIVE);
    let alive = json!({"notification": true, "method": "keepalive", "data": {"rid": room}}).to_string();
    loop {
        let message = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    hear(&pending, &text);
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
            _ = keepalive.tick() => Message::text(alive.clone()),
        };
        if socket.send(message).await.is_err() {
            break;
        }
    }
    pending.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Takes an answer to who waits for it. What else happens in the room is nothing to a load.
fn hear(pending: &Pending, text: &str) {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return };
    let Some(id) = message.get("response").and_then(|_| message.get("id")?.as_u64()) else { return };
    if let Some(sender) = pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
        let _gone = sender.send(message);
    }
}

fn outcome(method: &'static str, mut answer: Value) -> Result<Value, SignallingError> {
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer.get_mut("data").map(Value::take).unwrap_or_default());
    }
    let code = answer.get("errorCode").and_then(Value::as_i64).unwrap_or(0);
    let reason = answer.get("errorReason").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
    Err(SignallingError::Refused { method, code, reason })
}
