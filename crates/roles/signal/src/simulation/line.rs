//! A client's connection to a signalling node, as [`crate::session::run`] has it, without a WebSocket.

use super::replay::Replay;
use crate::{
    context::Context,
    method::{self, Call},
    session::{Closing, Next, Session, leave_all},
};
use model::Owner;
use protoo::Incoming;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The client's end. Dropping `requests` is how the node finds out that the client has gone.
pub(super) struct Line {
    pub(super) owner: Owner,
    pub(super) replay: Arc<Replay>,
    pub(super) requests: mpsc::Sender<String>,
}

/// The client's end of the requests, and what the node does for it until the connection is over.
pub(super) fn open(
    context: Arc<Context>,
    session: Arc<Session>,
    replay: Arc<Replay>,
) -> (mpsc::Sender<String>, impl Future<Output = ()> + Send + 'static) {
    let (sender, mut requests) = mpsc::channel::<String>(1);
    let serving = async move {
        let _enrolled = context.sessions.enrol(&session);
        let reading = async {
            loop {
                tokio::select! {
                    biased;
                    () = session.outbox.closing() => break,
                    request = requests.recv() => match request {
                        Some(text) => request_came(&context, &session, &text).await,
                        None => break session.close(Closing::GONE),
                    },
                }
            }
            leave_all(&context, &session).await;
        };
        let writing = async {
            loop {
                match session.outbox.next().await {
                    Next::Message(text) => replay.hear(&text),
                    Next::Close(closing) => break replay.closed(closing.reason),
                }
            }
        };
        tokio::join!(reading, writing);
    };
    (sender, serving)
}

async fn request_came(context: &Arc<Context>, session: &Arc<Session>, text: &str) {
    let Ok(Incoming::Request(request)) = protoo::decode(text) else { panic!("no request: {text}") };
    method::handle(&Call::new(context, session, Some(&request.id), request.data), &request.method).await;
}
