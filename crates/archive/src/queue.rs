//! What waits. Each unit is noted on disk as one small file in the queue's folder, written aside and renamed:
//! unlike a journal this needs no compaction and no repair after a crash, and an operator sees and edits it with
//! `ls` and `rm`.

mod disk;
mod name;
mod order;

use std::io;
use std::path::Path;

use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use disk::Disk;
pub(crate) use name::Name;
use name::Names;
use order::Order;
pub(crate) use order::Ticket;

use crate::error::AddError;
use crate::unit::Unit;

/// Units that wait, some 300 bytes of memory and an inode each: days of a storage that is away, for a busy node.
/// Overflow: a further one is not taken, and whoever has it is told. It stays where it is.
const MAX_WAITING: usize = 500_000;

/// What waits, in memory and on disk. All that touches the disk blocks.
#[derive(Debug)]
pub(crate) struct Queue {
    disk: Disk,
    names: Names,
    order: Mutex<Order>,
    /// Noted, but perhaps not yet on the disk itself. Bounded as `order` is.
    unsynced: Mutex<Vec<Name>>,
}

impl Queue {
    /// Reads what waits from earlier. `root` is the folder of the recordings.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let disk = Disk::open(root)?;
        let mut order = Order::default();
        let now = Instant::now();
        let found = disk.read()?;
        let names = Names::after(found.last().map(|(name, _)| *name));
        for (name, unit) in found {
            if let Some(needless) = order.insert(unit, name, now) {
                disk.remove(needless)?;
            }
        }
        Ok(Self { disk, names, order: Mutex::new(order), unsynced: Mutex::default() })
    }

    /// Notes that files wait; when this returns the note survives the end of this process. What waits
    /// already waits once: it is read when its upload begins.
    pub(crate) fn add(&self, unit: Unit) -> Result<(), AddError> {
        if self.is_known(&unit)? {
            return Ok(());
        }
        // The disk is written without the lock, so that a slow one never stops the runtime's threads.
        let name = self.names.next()?;
        self.disk.write(name, &unit)?;
        let needless = self.order.lock().insert(unit, name, Instant::now());
        match needless {
            Some(needless) => self.disk.remove(needless)?,
            None => self.unsynced.lock().push(name),
        }
        Ok(())
    }

    fn is_known(&self, unit: &Unit) -> Result<bool, AddError> {
        let order = self.order.lock();
        match order.will_read(unit) {
            false if order.len() >= MAX_WAITING => Err(AddError::Full(MAX_WAITING)),
            known => Ok(known),
        }
    }

    /// Whether a unit waits or is under way.
    pub(crate) fn has(&self, unit: &Unit) -> bool {
        self.order.lock().has(unit)
    }

    /// The next unit whose time has come.
    pub(crate) fn take(&self, now: Instant) -> Option<Ticket> {
        self.order.lock().take(now)
    }

    /// When the next unit's time comes.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.order.lock().next_due()
    }

    /// How many units wait or are under way.
    pub(crate) fn len(&self) -> usize {
        self.order.lock().len()
    }

    /// How many files are in them.
    pub(crate) fn files(&self) -> usize {
        self.order.lock().files()
    }

    /// Puts a unit back. Answers with a note that has become needless, for [`Disk::remove`].
    pub(crate) fn retry(&self, ticket: Ticket, due: Instant) -> Option<Name> {
        self.order.lock().retry(ticket, due)
    }

    /// The unit is done with, unless it was added again meanwhile. Its note has to be removed first.
    pub(crate) fn done(&self, ticket: &Ticket) {
        self.order.lock().done(ticket, Instant::now());
    }

    /// The notes that have not been brought to the disk itself; they count as such from now on.
    pub(crate) fn take_unsynced(&self) -> Vec<Name> {
        std::mem::take(&mut *self.unsynced.lock())
    }

    /// The folder of the notes.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }
}

#[cfg(test)]
mod tests;
