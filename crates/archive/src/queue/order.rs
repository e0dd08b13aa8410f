//! What waits, in the order in which it is to go.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use super::Name;
use crate::file_path::FilePath;

/// A file that was taken to be uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) path: FilePath,
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

/// By the time at which each is due: a new file at once, one that failed later. So the older goes first, and one
/// that fails neither holds up the others nor is forgotten for them.
#[derive(Debug, Default)]
pub(super) struct Order {
    items: HashMap<FilePath, Item>,
    due: BTreeMap<(Instant, Name), FilePath>,
}

impl Order {
    /// Answers with the note that is needless because the file waits already.
    pub(super) fn insert(&mut self, path: FilePath, name: Name, now: Instant) -> Option<Name> {
        match self.items.get_mut(&path).map(|item| &mut item.stage) {
            Some(Stage::UnderWay { again: again @ None }) => *again = Some(name),
            Some(_) => return Some(name),
            None => self.wait(path, name, 0, now),
        }
        None
    }

    /// Whether the file will be read later than now.
    pub(super) fn will_read(&self, path: &FilePath) -> bool {
        self.items.get(path).is_some_and(|item| !matches!(item.stage, Stage::UnderWay { again: None }))
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.keys().next().map(|(due, _)| *due)
    }

    pub(super) fn take(&mut self, now: Instant) -> Option<Ticket> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
        let path = first.remove();
        let item = self.items.get_mut(&path)?;
        item.stage = Stage::UnderWay { again: None };
        Some(Ticket { path, name: item.name, failures: item.failures })
    }

    /// Answers with the later one of two notes.
    pub(super) fn retry(&mut self, ticket: Ticket, due: Instant) -> Option<Name> {
        let again = self.end(&ticket.path);
        self.wait(ticket.path, ticket.name, ticket.failures.saturating_add(1), due);
        again
    }

    pub(super) fn done(&mut self, ticket: &Ticket, now: Instant) {
        if let Some(again) = self.end(&ticket.path) {
            self.wait(ticket.path.clone(), again, 0, now);
        }
    }

    fn end(&mut self, path: &FilePath) -> Option<Name> {
        match self.items.remove(path)?.stage {
            Stage::UnderWay { again } => again,
            Stage::Waits => None,
        }
    }

    fn wait(&mut self, path: FilePath, name: Name, failures: u32, due: Instant) {
        self.due.insert((due, name), path.clone());
        self.items.insert(path, Item { name, failures, stage: Stage::Waits });
    }
}
