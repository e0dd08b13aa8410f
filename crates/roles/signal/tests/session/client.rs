//! A protoo client, with what a well-behaved one does and what it never would.

use crate::world::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{collections::VecDeque, net::SocketAddr};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        handshake::client::Response,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    /// Notifications that came while an answer was waited for.
    inbox: VecDeque<Value>,
    next_id: u64,
}

/// A response's outcome: the data, or the error code and reason.
pub(crate) type Outcome = Result<Value, (u64, String)>;

pub(crate) fn minfo() -> Value {
    json!({"audio": true, "video": true, "audiotype": 1, "videotype": 2, "name": "camera"})
}

pub(crate) fn offer() -> Value {
    json!({"type": "offer", "sdp": "v=0"})
}

/// Opens a WebSocket at a path, with further headers.
pub(crate) async fn open(
    address: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<(WebSocketStream<TcpStream>, Response), tungstenite::Error> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let tcp = TcpStream::connect(address).await.unwrap();
    tokio_tungstenite::client_async(request, tcp).await
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, uid: &str) -> Self {
        let uid: String = uid.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (socket, _) = open(address, &format!("/ws?peer={uid}"), &[]).await.unwrap();
        Self::on(socket)
    }

    /// On a WebSocket that stands.
    pub(crate) fn on(socket: WebSocketStream<TcpStream>) -> Self {
        Self { socket, inbox: VecDeque::new(), next_id: 1 }
    }

    pub(crate) async fn text(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// A frame that no library would send: text with any bytes.
    pub(crate) async fn raw_text(&mut self, bytes: Vec<u8>) {
        let frame = Frame::message(bytes, OpCode::Data(Data::Text), true);
        self.socket.send(Message::Frame(frame)).await.unwrap();
    }

    pub(crate) async fn notify(&mut self, method: &str, data: Value) {
        self.text(json!({"notification": true, "method": method, "data": data}).to_string()).await;
    }

    /// Sends a request and leaves its answer for later.
    pub(crate) async fn send(&mut self, method: &str, data: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.text(json!({"request": true, "id": id, "method": method, "data": data}).to_string()).await;
        id
    }

    pub(crate) async fn ask(&mut self, method: &str, data: Value) -> Outcome {
        let id = self.send(method, data).await;
        let response = self.response().await;
        assert_eq!(response["id"], id, "{response}");
        outcome(&response)
    }

    pub(crate) async fn ok(&mut self, method: &str, data: Value) -> Value {
        self.ask(method, data).await.unwrap_or_else(|error| panic!("{method}: {error:?}"))
    }

    pub(crate) async fn error(&mut self, method: &str, data: Value) -> u64 {
        let (code, reason) = self.ask(method, data.clone()).await.expect_err(&format!("{method} {data}"));
        assert!(!reason.is_empty());
        code
    }

    pub(crate) async fn join(&mut self, rid: &str) -> Value {
        self.ok("join", json!({"rid": rid})).await
    }

    pub(crate) async fn publish(&mut self, rid: &str) -> String {
        let data = json!({"rid": rid, "jsep": offer(), "minfo": minfo()});
        self.ok("publish", data).await["mid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn subscribe(&mut self, rid: &str, mid: &str) -> String {
        let data = json!({"rid": rid, "mid": mid, "jsep": offer()});
        self.ok("subscribe", data).await["sid"].as_str().unwrap().to_owned()
    }

    /// The next response; notifications before it are kept.
    pub(crate) async fn response(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message["response"] == true {
                return message;
            }
            self.inbox.push_back(message);
        }
    }

    /// The next notification: its method and data.
    pub(crate) async fn heard(&mut self) -> (String, Value) {
        let message = match self.inbox.pop_front() {
            Some(message) => message,
            None => self.message().await,
        };
        assert_eq!(message["notification"], true, "{message}");
        (message["method"].as_str().unwrap().to_owned(), message["data"].clone())
    }

    /// The methods of the next notifications.
    pub(crate) async fn heard_methods(&mut self, count: usize) -> Vec<String> {
        let mut methods = Vec::new();
        for _ in 0..count {
            methods.push(self.heard().await.0);
        }
        methods
    }

    /// Everything that was said up to now has been heard: an answer comes behind
    /// all notifications of what the register knew when it was asked.
    pub(crate) async fn all_heard(&mut self, rid: &str) -> Vec<(String, Value)> {
        self.ok("getusers", json!({"rid": rid})).await;
        let heard = self
            .inbox
            .drain(..)
            .map(|message| (message["method"].as_str().unwrap().to_owned(), message["data"].clone()));
        heard.collect()
    }

    /// Reads until the server closes, and answers the close code, and what came
    /// before it. 1006 where no close frame came.
    pub(crate) async fn closed(&mut self) -> (u16, Vec<Value>) {
        let mut before: Vec<Value> = self.inbox.drain(..).collect();
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the server never closed") {
                Some(Ok(Message::Text(text))) => before.push(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return (frame.map_or(1005, |frame| frame.code.into()), before);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (1006, before),
            }
        }
    }

    async fn message(&mut self) -> Value {
        serde_json::from_str(&self.text_frame().await).unwrap()
    }

    /// The next message as it came.
    pub(crate) async fn text_frame(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("nothing came") {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }
}

pub(crate) fn outcome(response: &Value) -> Outcome {
    if response["ok"] == true {
        assert!(response["data"].is_object(), "{response}");
        return Ok(response["data"].clone());
    }
    assert_eq!(response["ok"], false, "{response}");
    let reason = response["errorReason"].as_str().unwrap().to_owned();
    Err((response["errorCode"].as_u64().unwrap(), reason))
}
