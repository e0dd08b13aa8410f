//! Who is connected to this node.

use super::Session;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The connections by number. As many as the server lets in.
#[derive(Default)]
pub(crate) struct Sessions(Arc<Mutex<Roll>>);

type Roll = FxHashMap<u64, Arc<Session>>;

/// Takes the connection off the roll when dropped.
pub(crate) struct Enrolled {
    roll: Arc<Mutex<Roll>>,
    connection: u64,
}

impl Sessions {
    pub(crate) fn enrol(&self, session: &Arc<Session>) -> Enrolled {
        let connection = session.owner.connection;
        self.0.lock().insert(connection, Arc::clone(session));
        Enrolled { roll: Arc::clone(&self.0), connection }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub(crate) fn find(&self, connection: u64) -> Option<Arc<Session>> {
        self.0.lock().get(&connection).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.0.lock().values().cloned().collect()
    }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        self.roll.lock().remove(&self.connection);
    }
}
