//! The WebSocket itself: its limits, and an end in which the close frame arrives.

use crate::server::Wire;
use futures_util::{
    StreamExt,
    stream::{SplitSink, SplitStream},
};
use protoo::MAX_MESSAGE_BYTES;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};

pub(super) type Socket = WebSocketStream<Wire>;
pub(super) type Sink = SplitSink<Socket, Message>;
pub(super) type Stream = SplitStream<Socket>;

/// What one read asks for. Most messages fit; the default of 128 KiB would be
/// the largest part of an idle connection's memory.
const READ_BYTES: usize = 4 * 1024;

/// What is collected before it goes to the socket.
const WRITE_BYTES: usize = 16 * 1024;

/// How long a client may take to close its side after we closed ours.
const LINGER: Duration = Duration::from_secs(1);

pub(super) async fn open(wire: Wire) -> (Sink, Stream) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .max_message_size(Some(MAX_MESSAGE_BYTES));
    WebSocketStream::from_raw_socket(wire, Role::Server, Some(config)).await.split()
}

/// Ends the connection. What the client is still sending is read and thrown
/// away for a moment: a socket closed over unread bytes resets the connection,
/// and the close frame would be lost.
pub(super) async fn close(sink: Sink, stream: Stream) {
    let Ok(socket) = sink.reunite(stream) else { return };
    let mut wire = socket.into_inner();
    let ending = async {
        wire.shutdown().await?;
        let mut ignored = [0; READ_BYTES];
        while wire.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(LINGER, ending).await;
}
