//! Sends what waits in the outbox, and the pings.

use super::{
    outbox::{Closing, Next, Outbox},
    wire::Sink,
};
use crate::Timing;
use futures_util::SinkExt;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::{self, Bytes, Message, protocol::CloseFrame};

/// What is left to send when the connection is to close gets this long.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Writes until the outbox is closed and empty, or the client takes nothing any
/// more.
pub(super) async fn write(outbox: &Outbox, mut sink: Sink, timing: Timing) -> Sink {
    let out_of_patience = async {
        outbox.closing().await;
        sleep(FAREWELL).await;
    };
    tokio::select! {
        biased;
        sent = send_all(outbox, &mut sink, timing) => {
            if sent.is_err() {
                outbox.close(Closing::GONE);
            }
        }
        () = out_of_patience => {}
    }
    sink
}

async fn send_all(outbox: &Outbox, sink: &mut Sink, timing: Timing) -> Result<(), tungstenite::Error> {
    let mut pings = interval_at(Instant::now() + timing.ping, timing.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            next = outbox.next() => match next {
                Next::Message(text) => Message::Text(text),
                Next::Close(closing) => return sink.send(close_frame(closing)).await,
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        let sent = async {
            sink.feed(message).await?;
            // Small messages that wait together leave together.
            if outbox.is_empty() { sink.flush().await } else { Ok(()) }
        };
        if let Ok(sent) = timeout(timing.silence, sent).await {
            sent?;
        } else {
            outbox.close(Closing::TOO_SLOW);
            return Ok(());
        }
    }
}

fn close_frame(closing: Closing) -> Message {
    Message::Close(Some(CloseFrame { code: closing.code.into(), reason: closing.reason.into() }))
}
