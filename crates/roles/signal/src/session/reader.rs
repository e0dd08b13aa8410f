//! Reads what the client sends, one message after the other.

use super::{
    Session, leave_all,
    outbox::Closing,
    pace::{Pace, Verdict},
    wire::Stream,
};
use crate::{
    context::Context,
    method::{self, Call},
    refusal::Refusal,
};
use futures_util::StreamExt;
use model::ErrorCode;
use protoo::{Flaw, Garbage, GarbageCounter, Incoming, RequestId};
use std::{sync::Arc, time::Instant};
use tokio_tungstenite::tungstenite::{self, Message};

/// Reads until the connection ends, and answers how to close it.
pub(super) async fn read(
    context: &Arc<Context>,
    session: &Arc<Session>,
    stream: Stream,
) -> (Stream, Closing) {
    let now = Instant::now();
    let garbage = GarbageCounter::default();
    let pace = Pace::new(&context.limits, now);
    let mut reader = Reader { context, session, stream, heard: now, garbage, pace };
    let closing = reader.run().await;
    (reader.stream, closing)
}

struct Reader<'a> {
    context: &'a Arc<Context>,
    session: &'a Arc<Session>,
    stream: Stream,
    /// When anything came last.
    heard: Instant,
    garbage: GarbageCounter,
    pace: Pace,
}

enum Event {
    Frame(Option<Result<Message, tungstenite::Error>>),
    Silent,
    Idle,
    Stop,
}

impl Reader<'_> {
    async fn run(&mut self) -> Closing {
        loop {
            let handled = match self.next().await {
                Event::Frame(Some(Ok(frame))) => {
                    self.heard = Instant::now();
                    self.frame(frame).await
                }
                Event::Frame(Some(Err(error))) => Err(closing_for(&error)),
                Event::Frame(None) => Err(Closing::DONE),
                Event::Silent => Err(Closing::SILENT),
                Event::Idle => {
                    Box::pin(leave_all(self.context, self.session)).await;
                    self.session.touch();
                    Ok(())
                }
                // Where nobody said why, the node goes down.
                Event::Stop => Err(Closing::GOING_AWAY),
            };
            if let Err(closing) = handled {
                return closing;
            }
        }
    }

    /// Waits for the next thing to happen. While the client leaves too much
    /// unread, nothing more of it is read.
    async fn next(&mut self) -> Event {
        let timing = self.context.timing;
        let silent_at = self.heard + timing.silence;
        let idle_at = self.session.last_request() + timing.idle;
        let (session, stream) = (self.session, &mut self.stream);
        let frame = async {
            session.outbox.low().await;
            stream.next().await
        };
        tokio::select! {
            biased;
            () = session.stop.cancelled() => Event::Stop,
            frame = frame => Event::Frame(frame),
            () = tokio::time::sleep_until(silent_at.into()) => Event::Silent,
            () = tokio::time::sleep_until(idle_at.into()) => Event::Idle,
        }
    }

    async fn frame(&mut self, frame: Message) -> Result<(), Closing> {
        match frame {
            Message::Text(text) => self.text(&text).await,
            Message::Binary(_) => Err(Closing::BINARY),
            // Pings are answered, and a close too, by the reading itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(()),
        }
    }

    async fn text(&mut self, text: &str) -> Result<(), Closing> {
        match protoo::decode(text) {
            Ok(Incoming::Request(request)) => {
                self.request(Some(&request.id), &request.method, request.data, text.len()).await
            }
            Ok(Incoming::Notification(said)) => self.request(None, &said.method, said.data, text.len()).await,
            Ok(Incoming::Response) => Ok(()),
            Err(garbage) => self.garbage(&garbage),
        }
    }

    async fn request(
        &mut self,
        id: Option<&RequestId>,
        method: &str,
        data: Option<&str>,
        bytes: usize,
    ) -> Result<(), Closing> {
        self.session.touch();
        let call = Call::new(self.context, self.session, id, data);
        let verdict = self.pace.judge(bytes, Instant::now());
        if verdict == Verdict::Allowed {
            // In a box: what a request needs while it is handled would be part of every idle connection's memory.
            Box::pin(method::handle(&call, method)).await;
            return Ok(());
        }
        self.context.metrics.requests.refuse(method, ErrorCode::TooMany.name());
        call.refuse(&Refusal::plain(ErrorCode::TooMany));
        if verdict == Verdict::Flood { Err(Closing::FLOOD) } else { Ok(()) }
    }

    fn garbage(&mut self, garbage: &Garbage) -> Result<(), Closing> {
        tracing::debug!(uid = ?self.session.uid, flaw = %garbage.flaw, "invalid message");
        if let Some(id) = &garbage.id {
            let code = if garbage.flaw == Flaw::NoMethod { ErrorCode::Internal } else { ErrorCode::Data };
            let reason = garbage.flaw.to_string();
            Call::new(self.context, self.session, Some(id), None).refuse(&Refusal::new(code, reason));
        }
        if self.garbage.record(Instant::now()) { Err(Closing::GARBAGE) } else { Ok(()) }
    }
}

fn closing_for(error: &tungstenite::Error) -> Closing {
    match error {
        tungstenite::Error::Capacity(_) => Closing::TOO_LARGE,
        tungstenite::Error::Utf8(_) => Closing::NO_UTF8,
        tungstenite::Error::Protocol(_) => Closing::BROKEN,
        _ => Closing::GONE,
    }
}
