//! The way of one file: read, uploaded, removed, its note with it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use crate::archive::Shared;
use crate::destination::Destination;
use crate::failure::{Failure, blocking};
use crate::pace::{delay, random};
use crate::queue::{Name, Ticket};
use crate::source::{self, Source};

/// What an attempt needs.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) root: PathBuf,
    pub(crate) keep_local: bool,
    pub(crate) index: Option<String>,
    pub(crate) destination: Destination,
    pub(crate) shared: Arc<Shared>,
}

impl Way {
    pub(crate) async fn upload(&self, ticket: &Ticket) -> Result<u64, Failure> {
        let (root, path) = (self.root.clone(), ticket.path.clone());
        let source = blocking(move || Source::open(&root, &path)).await?;
        let identity = source.identity();
        self.destination.put(&ticket.path, source).await?;
        if !self.keep_local && !self.is_index(ticket) {
            self.remove_local(ticket, identity).await;
        }
        Ok(identity.size())
    }

    fn is_index(&self, ticket: &Ticket) -> bool {
        let path = ticket.path.to_string();
        self.index.as_deref().is_some_and(|index| path.rsplit('/').next() == Some(index))
    }

    /// Before the note goes, so that a crash between the two leaves no file behind.
    async fn remove_local(&self, ticket: &Ticket, uploaded: source::Identity) {
        let (root, path) = (self.root.clone(), ticket.path.clone());
        let aside = self.shared.queue.disk().sent(ticket.name);
        let removed = blocking(move || source::remove(&root, &path, uploaded, &aside)).await;
        match removed {
            Ok(()) | Err(Failure::Gone) => {}
            Err(failure) => {
                tracing::warn!(file = %ticket.path, ?failure, "an uploaded file cannot be removed");
            }
        }
    }

    pub(crate) async fn done(&self, ticket: &Ticket) {
        self.forget(ticket.name).await;
        self.shared.queue.done(ticket);
    }

    /// Brings new notes to the disk itself.
    pub(crate) async fn sync(&self) {
        let names = self.shared.queue.take_unsynced();
        if names.is_empty() {
            return;
        }
        let disk = self.shared.queue.disk().clone();
        let synced =
            blocking(move || disk.sync(&names).map_err(|error| Failure::Local(error.to_string()))).await;
        if let Err(failure) = synced {
            tracing::debug!(?failure, "notes of waiting uploads may not survive the end of the machine");
        }
    }

    pub(crate) async fn retry(&self, ticket: Ticket) {
        let due = Instant::now() + delay(ticket.failures, random());
        if let Some(needless) = self.shared.queue.retry(ticket, due) {
            self.forget(needless).await;
        }
    }

    /// A note that stays leads to one more upload of the same at the next start.
    pub(crate) async fn forget(&self, name: Name) {
        let disk = self.shared.queue.disk().clone();
        let removed =
            blocking(move || disk.remove(name).map_err(|error| Failure::Local(error.to_string()))).await;
        if let Err(failure) = removed {
            tracing::debug!(%name, ?failure, "a note of the upload queue cannot be removed");
        }
    }
}
