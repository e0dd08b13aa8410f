//! One client connection: what comes in, what goes out, and how it ends.
//!
//! A connection is one task with two halves. The reader handles one request
//! after the other, and reads no further while one is under way, so that a flood
//! waits in the sender's own buffers. The writer empties a bounded queue. When
//! either ends, so does the other, and the users leave their rooms.

mod ending;
mod hearing;
mod holdings;
mod network;
mod outbox;
mod pace;
mod reader;
mod roll;
mod wire;
mod writer;

pub(crate) use ending::{close_at_sfus, end_subscription, kick_out, leave_all};
pub(crate) use holdings::{Holdings, Published, RoomHoldings, Subscribed};
#[cfg(test)]
pub(crate) use outbox::Next;
pub(crate) use outbox::{Closing, Outbox};
pub(crate) use roll::Sessions;

use crate::{access::Rights, context::Context, metrics::Connected, notice, server::Wire};
use hearing::Hearing;
use model::{Owner, RoomId, StreamId, UserId};
use network::Network;
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// A connection, as the rest of the node sees it.
pub(crate) struct Session {
    pub(crate) uid: UserId,
    pub(crate) owner: Owner,
    pub(crate) rights: Rights,
    pub(crate) outbox: Outbox,
    /// Taken after a room's lock, never before it, and never while a room is
    /// entered or left.
    pub(crate) holdings: Mutex<Holdings>,
    /// Rooms whose join nobody answered: the user may be in them, to be left at
    /// the end. Never more than [`Limits::rooms`](crate::Limits::rooms).
    pub(crate) unanswered: Mutex<BTreeSet<RoomId>>,
    /// What SFUs tell of its media.
    pub(crate) hearing: Hearing,
    network: Network,
    /// Cancelled when the reader is to stop, which it does between two requests.
    stop: CancellationToken,
    opened: Instant,
    /// When the last request came, in milliseconds after `opened`.
    last_request: AtomicU64,
}

impl Session {
    pub(crate) fn new(
        uid: UserId,
        owner: Owner,
        rights: Rights,
        stop: CancellationToken,
        outbox: Outbox,
    ) -> Self {
        Self {
            uid,
            owner,
            rights,
            outbox,
            holdings: Mutex::default(),
            unanswered: Mutex::default(),
            hearing: Hearing::default(),
            network: Network::new(),
            stop,
            opened: Instant::now(),
            last_request: AtomicU64::new(0),
        }
    }

    /// Ends the connection: what is queued goes out, then this.
    pub(crate) fn close(&self, closing: Closing) {
        self.outbox.close(closing);
        self.stop.cancel();
    }

    /// Another connection speaks for the user now: says so, and closes.
    pub(crate) fn kick(&self, rids: &[RoomId]) {
        for rid in rids {
            self.outbox.notify(notice::peer_kick(rid, &self.uid));
        }
        self.close(Closing::KICKED);
    }

    /// Another connection goes on for the user in a room: says so, and closes where that was the last
    /// room. Until then the client may be moving its other rooms.
    pub(crate) fn hand_over(&self, rid: &RoomId) {
        let mut holdings = self.holdings.lock();
        if let Some(held) = holdings.get_mut(rid) {
            held.handed_over = true;
        }
        let all = holdings.values().all(|held| held.handed_over);
        drop(holdings);
        if all {
            self.kick(std::slice::from_ref(rid));
        } else {
            self.outbox.notify(notice::peer_kick(rid, &self.uid));
        }
    }

    /// The room had a stream of this connection by this version.
    pub(crate) fn added(&self, rid: &RoomId, mid: &StreamId, version: u64) {
        let mut holdings = self.holdings.lock();
        if let Some(published) = holdings.get_mut(rid).and_then(|held| held.published.get_mut(mid)) {
            published.added = version;
        }
    }

    /// Whose network its subscriptions are on; 0: that is not known.
    pub(crate) fn network(&self) -> u64 {
        self.network.id()
    }

    /// It goes on for an older connection, which had this network; 0: none.
    pub(crate) fn go_on_in(&self, network: u64) {
        self.network.go_on(network);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// A request came in now.
    fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_request.store(now, Ordering::Relaxed);
    }

    /// When the last request came, or the connection began.
    pub(crate) fn last_request(&self) -> Instant {
        self.opened + Duration::from_millis(self.last_request.load(Ordering::Relaxed))
    }
}

/// Runs a connection to its end, and takes its users out of their rooms.
pub(crate) async fn run(context: Arc<Context>, uid: UserId, rights: Rights, wire: Wire) {
    let (sink, stream) = wire::open(wire).await;
    let outbox = Outbox::new(Arc::clone(&context.metrics), context.limits.queue_bytes);
    let stop = context.stop.child_token();
    let session = Arc::new(Session::new(uid, context.new_owner(), rights, stop, outbox));
    let _enrolled = context.sessions.enrol(&session);
    let _connected = Connected::new(&context.metrics);
    tracing::info!(uid = ?session.uid, connection = session.owner.connection, "connected");
    let reading = async {
        let (stream, closing) = reader::read(&context, &session, stream).await;
        session.close(closing);
        Box::pin(leave_all(&context, &session)).await;
        stream
    };
    let writing = async {
        let sink = writer::write(&session.outbox, sink, context.timing).await;
        session.stop.cancel();
        sink
    };
    let (stream, sink) = tokio::join!(reading, writing);
    context.metrics.closed(session.outbox.ended());
    tracing::info!(
        uid = ?session.uid,
        connection = session.owner.connection,
        why = %session.outbox.ended(),
        "disconnected"
    );
    Box::pin(wire::close(sink, stream)).await;
}
