//! What waits, in the order in which it is to go.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use super::Name;
use crate::unit::Unit;

/// A unit that was taken to be uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) unit: Unit,
    pub(crate) name: Name,
    /// How often it has failed.
    pub(crate) failures: u32,
}

#[derive(Debug)]
struct Item {
    name: Name,
    failures: u32,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Waits,
    /// It is being uploaded; and was added again meanwhile, perhaps.
    UnderWay {
        again: Option<Name>,
    },
}

/// By the time at which each is due: a new unit at once, one that failed later. So the older goes first, and one
/// that fails neither holds up the others nor is forgotten for them.
#[derive(Debug, Default)]
pub(super) struct Order {
    items: HashMap<Unit, Item>,
    due: BTreeMap<(Instant, Name), Unit>,
    /// In all items together.
    files: usize,
}

impl Order {
    /// Answers with the note that is needless because the unit waits already.
    pub(super) fn insert(&mut self, unit: Unit, name: Name, now: Instant) -> Option<Name> {
        match self.items.get_mut(&unit).map(|item| &mut item.stage) {
            Some(Stage::UnderWay { again: again @ None }) => *again = Some(name),
            Some(_) => return Some(name),
            None => self.wait(unit, name, 0, now),
        }
        None
    }

    /// Whether the unit will be read later than now.
    pub(super) fn will_read(&self, unit: &Unit) -> bool {
        self.items.get(unit).is_some_and(|item| !matches!(item.stage, Stage::UnderWay { again: None }))
    }

    pub(super) fn has(&self, unit: &Unit) -> bool {
        self.items.contains_key(unit)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn files(&self) -> usize {
        self.files
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.keys().next().map(|(due, _)| *due)
    }

    pub(super) fn take(&mut self, now: Instant) -> Option<Ticket> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
        let unit = first.remove();
        let item = self.items.get_mut(&unit)?;
        item.stage = Stage::UnderWay { again: None };
        Some(Ticket { unit, name: item.name, failures: item.failures })
    }

    /// Answers with the later one of two notes.
    pub(super) fn retry(&mut self, ticket: Ticket, due: Instant) -> Option<Name> {
        let again = self.end(&ticket.unit);
        self.wait(ticket.unit, ticket.name, ticket.failures.saturating_add(1), due);
        again
    }

    pub(super) fn done(&mut self, ticket: &Ticket, now: Instant) {
        if let Some(again) = self.end(&ticket.unit) {
            self.wait(ticket.unit.clone(), again, 0, now);
        }
    }

    fn end(&mut self, unit: &Unit) -> Option<Name> {
        let item = self.items.remove(unit)?;
        self.files = self.files.saturating_sub(unit.files().len());
        match item.stage {
            Stage::UnderWay { again } => again,
            Stage::Waits => None,
        }
    }

    fn wait(&mut self, unit: Unit, name: Name, failures: u32, due: Instant) {
        self.due.insert((due, name), unit.clone());
        self.files += unit.files().len();
        self.items.insert(unit, Item { name, failures, stage: Stage::Waits });
    }
}
