//! How one stream and one subscription begin and end.

use crate::client::{Clock, CloseReason, Identity};
use crate::connection::{Connection, Role};
use crate::emitter::{Emitter, StreamCounters};
use crate::error::ConnectError;
use crate::media_thread::{ConnectionId, MediaThread};
use crate::options::Options;
use crate::reception::Reception;
use crate::signalling::{Name, Session, Terms};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::oneshot;

/// What all connections of a load share.
pub(crate) struct Stage {
    pub(crate) options: Options,
    pub(crate) threads: Vec<MediaThread>,
    pub(crate) epoch: Instant,
    terms: Terms,
    next: AtomicU64,
}

/// A stream.
pub(crate) struct Published {
    pub(crate) session: Session,
    name: Name,
    counters: Arc<StreamCounters>,
}

/// A subscription.
pub(crate) struct Subscribed {
    pub(crate) session: Arc<Session>,
    pub(crate) stream: Arc<Published>,
    name: Name,
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
            terms: Terms { identity: Arc::new(identity), clock, kinds: options.kinds.clone() },
            next: AtomicU64::new(0),
        }
    }

    /// Connects a user of its own and publishes a stream.
    pub(crate) async fn publish(&self, uid: String, number: usize) -> Result<Published, ConnectError> {
        let options = &self.options;
        let session = Session::join(options, &uid).await?;
        let (client, name) = session.publish(&self.terms, &uid).await?;
        let counters = Arc::new(StreamCounters::default());
        let first = self.phase(number);
        let stream = u32::try_from(number).unwrap_or(u32::MAX);
        let emitter = Emitter::new(&client, options, stream, self.epoch, Arc::clone(&counters), first);
        self.bring_up(|outcome| Connection::new(client, Role::Publisher(emitter), outcome)).await?;
        session.is_published(&name).await?;
        Ok(Published { session, name, counters })
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
        let requested = Instant::now();
        let (client, name) = session.subscribe(&self.terms, &stream.name).await?;
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
        Ok(Subscribed { session, stream, name, place })
    }

    /// Ends a subscription.
    pub(crate) async fn unsubscribe(&self, subscribed: &Subscribed) -> Result<(), ConnectError> {
        // First here: a server that ends the connection must not look like one that lost it.
        self.remove(subscribed.place).await;
        Ok(subscribed.session.unsubscribe(&subscribed.name).await?)
    }

    /// Takes the stream out of the room.
    pub(crate) async fn unpublish(&self, stream: &Published) -> Result<(), ConnectError> {
        Ok(stream.session.unpublish(&stream.name).await?)
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
                self.remove(place).await;
                Err(failed.ok().and_then(Result::err).map_or(gone, ConnectError::Media))
            }
        }
    }

    async fn remove(&self, place: Place) {
        if let Some(media) = self.threads.get(place.thread) {
            media.remove(place.id).await;
        }
    }
}
