//! The rooms that are known here, each for as long as somebody needs it.

use super::{Room, listener};
use crate::{clients::Clients, metrics::Metrics, session::Session};
use cluster::Events;
use model::{NodeId, RoomId};
use parking_lot::Mutex;
use std::{collections::HashMap, ops::Deref, sync::Arc, time::Duration};

/// How long a join waits for the room's events to be listened to. It goes on
/// without: what was missed until then is asked for.
const LISTENING: Duration = Duration::from_millis(500);

/// All rooms with connections of this node. Bounded by the rooms that one
/// connection may be in, times the connections.
pub(crate) struct Rooms {
    node: NodeId,
    rooms: Mutex<HashMap<RoomId, Entry>>,
    events: Arc<dyn Events>,
    clients: Arc<Clients>,
    metrics: Arc<Metrics>,
}

struct Entry {
    room: Arc<Room>,
    leases: usize,
}

/// Keeps a room known. Not to be dropped while a room or session is locked.
pub(crate) struct Lease {
    rooms: Arc<Rooms>,
    room: Arc<Room>,
}

impl Rooms {
    pub(crate) fn new(
        node: NodeId,
        events: Arc<dyn Events>,
        clients: Arc<Clients>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self { node, rooms: Mutex::default(), events, clients, metrics })
    }

    /// Makes a room known and listens to its events: what happens after this is
    /// not missed.
    pub(crate) async fn enter(self: &Arc<Self>, rid: &RoomId) -> Lease {
        let lease = self.lease(rid);
        let mut listening = lease.room.listening.subscribe();
        let _ = tokio::time::timeout(LISTENING, listening.wait_for(|listening| *listening)).await;
        lease
    }

    fn lease(self: &Arc<Self>, rid: &RoomId) -> Lease {
        let mut rooms = self.rooms.lock();
        let entry = rooms.entry(rid.clone()).or_insert_with(|| {
            let room = Arc::new(Room::new(rid.clone(), self.node.clone()));
            let (listening, events) = (Arc::clone(&room), Arc::clone(&self.events));
            let (clients, metrics) = (Arc::clone(&self.clients), Arc::clone(&self.metrics));
            tokio::spawn(listener::run(listening, events, clients, metrics));
            self.metrics.rooms.inc();
            Entry { room, leases: 0 }
        });
        entry.leases += 1;
        self.metrics.users.inc();
        Lease { rooms: Arc::clone(self), room: Arc::clone(&entry.room) }
    }
}

impl Lease {
    pub(crate) fn room(&self) -> Arc<Room> {
        Arc::clone(&self.room)
    }

    /// See [`Room::dismiss`].
    pub(crate) fn dismiss(&self, session: &Session) {
        self.room.dismiss(session);
    }
}

impl Deref for Lease {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.room
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut rooms = self.rooms.rooms.lock();
        let Some(entry) = rooms.get_mut(&self.room.rid) else { return };
        entry.leases -= 1;
        self.rooms.metrics.users.dec();
        if entry.leases == 0 {
            self.rooms.metrics.rooms.dec();
            self.room.gone.cancel();
            rooms.remove(&self.room.rid);
        }
    }
}
