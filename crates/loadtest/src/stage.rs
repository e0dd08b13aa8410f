//! How one stream and one subscription begin and end.

use crate::client::{ClientError, Clock, CloseReason, Direction, Identity, Kind, Offering};
use crate::connection::{Connection, Role};
use crate::emitter::{Emitter, StreamCounters};
use crate::media_thread::{ConnectionId, MediaThread};
use crate::options::Options;
use crate::reception::Reception;
use crate::signalling::{Session, SignallingError};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::oneshot;

/// Why a connection did not come up.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Signalling did not do its part.
    #[error(transparent)]
    Signalling(#[from] SignallingError),
    /// What the server answered cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system has no socket.
    #[error("no socket: {0}")]
    Socket(#[from] std::io::Error),
    /// Signalling went well, and media did not.
    #[error("media: {}", reason_text(*.0))]
    Media(CloseReason),
}

fn reason_text(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::ByPeer => "the server closed the connection",
        CloseReason::HandshakeFailed => "the DTLS handshake failed",
        CloseReason::NeverConnected => "not connected within 30 s",
        CloseReason::ConsentLost => "the server does not answer any more",
    }
}

/// What all connections of a load share.
pub(crate) struct Stage {
    pub(crate) options: Options,
    pub(crate) threads: Vec<MediaThread>,
    pub(crate) epoch: Instant,
    identity: Arc<Identity>,
    clock: Clock,
    next: AtomicU64,
}

/// A stream.
pub(crate) struct Published {
    pub(crate) session: Session,
    mid: String,
    counters: Arc<StreamCounters>,
}

/// A subscription.
pub(crate) struct Subscribed {
    pub(crate) session: Arc<Session>,
    pub(crate) stream: Arc<Published>,
    sid: String,
    place: Place,
}

/// Which connection of which thread.
#[derive(Debug, Clone, Copy)]
struct Place {
    thread: usize,
    id: ConnectionId,
}

impl Stage {
    pub(crate) fn new(
        options: &Options,
        identity: Identity,
        threads: Vec<MediaThread>,
        clock: Clock,
    ) -> Self {
        Self {
            options: options.clone(),
            threads,
            epoch: clock.at,
            identity: Arc::new(identity),
            clock,
            next: AtomicU64::new(0),
        }
    }

    /// Connects a user of its own and publishes a stream.
    pub(crate) async fn publish(&self, uid: String, number: usize) -> Result<Published, ConnectError> {
        let options = &self.options;
        let session = Session::join(&options.url, &uid, &options.room).await?;
        let offering = Offering::new(&self.identity, Direction::Publish, &options.kinds, &uid)?;
        let has = |kind| options.kinds.contains(&kind);
        let minfo = json!({
            "audio": has(Kind::Audio), "video": has(Kind::Video), "audiotype": 0, "videotype": 0,
        });
        let data = json!({"minfo": minfo, "record": false});
        let (answer, mid) = session.offer("publish", data, offering.sdp(), "mid").await?;
        let client = offering.accept(Instant::now(), self.clock, &answer)?;
        let counters = Arc::new(StreamCounters::default());
        let first = self.phase(number);
        let stream = u32::try_from(number).unwrap_or(u32::MAX);
        let emitter = Emitter::new(&client, options, stream, self.epoch, Arc::clone(&counters), first);
        self.bring_up(|outcome| Connection::new(client, Role::Publisher(emitter), outcome)).await?;
        Ok(Published { session, mid, counters })
    }

    /// Where in the time of a frame a publisher begins: all of them together are no load that occurs.
    fn phase(&self, number: usize) -> Instant {
        let interval = std::time::Duration::from_secs(1) / self.options.fps;
        Instant::now() + interval.mul_f64(number as f64 / self.options.publishers.max(1) as f64)
    }

    /// Subscribes to a stream.
    pub(crate) async fn subscribe(
        &self,
        session: Arc<Session>,
        stream: Arc<Published>,
    ) -> Result<Subscribed, ConnectError> {
        let options = &self.options;
        let offering = Offering::new(&self.identity, Direction::Subscribe, &options.kinds, "loadtest")?;
        let requested = Instant::now();
        let data = json!({"mid": stream.mid});
        let (answer, sid) = session.offer("subscribe", data, offering.sdp(), "sid").await?;
        let client = offering.accept(Instant::now(), self.clock, &answer)?;
        let seed = self.next.load(Ordering::Relaxed) + 1;
        let reception = Reception::new(
            &client,
            Arc::clone(&stream.counters),
            self.epoch,
            requested,
            options.open_every,
            (options.loss, seed),
        );
        let role = Role::Subscriber(reception);
        let place = self.bring_up(|outcome| Connection::new(client, role, outcome)).await?;
        Ok(Subscribed { session, stream, sid, place })
    }

    /// Ends a subscription.
    pub(crate) async fn unsubscribe(&self, subscribed: &Subscribed) -> Result<(), ConnectError> {
        self.remove(subscribed.place);
        let data = json!({"mid": subscribed.stream.mid, "sid": subscribed.sid});
        subscribed.session.request("unsubscribe", data).await?;
        Ok(())
    }

    /// Takes the stream out of the room.
    pub(crate) async fn unpublish(&self, stream: &Published) -> Result<(), ConnectError> {
        stream.session.request("unpublish", json!({"mid": stream.mid})).await?;
        Ok(())
    }

    /// Gives a connection to the next thread, and waits until it is up.
    async fn bring_up(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<(), CloseReason>>) -> std::io::Result<Connection>,
    ) -> Result<Place, ConnectError> {
        let (sender, outcome) = oneshot::channel();
        let connection = make(sender)?;
        let number = usize::try_from(self.next.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
        let thread = number % self.threads.len().max(1);
        let gone = ConnectError::Media(CloseReason::ByPeer);
        let Some(media) = self.threads.get(thread) else { return Err(gone) };
        let place = Place { thread, id: media.add(connection) };
        match outcome.await {
            Ok(Ok(())) => Ok(place),
            failed => {
                self.remove(place);
                Err(failed.ok().and_then(Result::err).map_or(gone, ConnectError::Media))
            }
        }
    }

    fn remove(&self, place: Place) {
        if let Some(media) = self.threads.get(place.thread) {
            media.remove(place.id);
        }
    }
}
