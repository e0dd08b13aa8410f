//! The way of one unit: its files read and uploaded, then removed or marked, its note after them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::time::Instant;

use crate::archive::Shared;
use crate::destination::Destination;
use crate::failure::{Failure, blocking};
use crate::file_path::{FilePath, uploaded_mark};
use crate::pace::DELAYS;
use crate::queue::{Name, Ticket};
use crate::settings::Index;
use crate::source::{self, Identity, Source};

/// What an attempt needs.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) root: PathBuf,
    pub(crate) keep_local: bool,
    pub(crate) index: Option<Index>,
    pub(crate) destination: Destination,
    pub(crate) shared: Arc<Shared>,
}

/// A file that has arrived, and which of its unit it is.
struct Arrived<'a> {
    number: usize,
    path: &'a FilePath,
    identity: Identity,
}

/// What has arrived of a unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Uploaded {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Way {
    pub(crate) async fn upload(&self, ticket: &Ticket) -> Result<Uploaded, Failure> {
        let mut arrived = Vec::new();
        for (number, path) in ticket.unit.files().iter().enumerate() {
            match self.put(ticket.name, number, path).await {
                Ok(identity) => arrived.push(Arrived { number, path, identity }),
                // An attempt that was cut off has removed it already, or somebody else has.
                Err(Failure::Gone) => {}
                Err(failure) => return Err(failure),
            }
        }
        if arrived.is_empty() {
            return Err(Failure::Gone);
        }
        self.clear(ticket.name, &arrived).await?;
        let bytes = arrived.iter().map(|file| file.identity.size()).sum();
        Ok(Uploaded { files: arrived.len() as u64, bytes })
    }

    async fn put(&self, name: Name, number: usize, path: &FilePath) -> Result<Identity, Failure> {
        let (root, local, aside) = (self.root.clone(), path.clone(), self.aside(name, number));
        let source = blocking(move || {
            source::put_back_if_aside(&root, &local, &aside)?;
            Source::open(&root, &local)
        });
        let source = source.await?;
        let identity = source.identity();
        let index = self.index_of(path);
        let place = index.and_then(|index| path.beside(&index.uploaded_as));
        self.destination.put(place.as_ref().unwrap_or(path), source).await?;
        Ok(identity)
    }

    /// The index that a file is.
    fn index_of(&self, path: &FilePath) -> Option<&Index> {
        let (_, name) = path.split();
        self.index.as_ref().filter(|index| index.name == name)
    }

    /// Before the note goes, so that a crash between the two leaves no file behind.
    async fn clear(&self, name: Name, arrived: &[Arrived<'_>]) -> Result<(), Failure> {
        for file in arrived.iter().filter(|file| self.index_of(file.path).is_none()) {
            if self.keep_local {
                self.mark(file.path).await;
            } else if !self.remove(name, file).await? {
                // The last one stays for as long as any does.
                break;
            }
        }
        Ok(())
    }

    async fn mark(&self, path: &FilePath) {
        let mark = uploaded_mark(&self.root, path);
        let made = move || File::create(mark).map(drop).map_err(|error| Failure::Local(error.to_string()));
        if let Err(failure) = blocking(made).await {
            tracing::warn!(file = %path, ?failure, "an uploaded file cannot be marked: it is uploaded again after the next start");
        }
    }

    /// False: it is still where it was. A file that could be moved aside and neither removed nor put back is an error: it
    /// needs its note.
    async fn remove(&self, name: Name, file: &Arrived<'_>) -> Result<bool, Failure> {
        let (root, path, identity) = (self.root.clone(), file.path.clone(), file.identity);
        let aside = self.aside(name, file.number);
        let moved = aside.clone();
        match blocking(move || source::remove(&root, &path, identity, &moved)).await {
            Ok(()) | Err(Failure::Gone) => Ok(true),
            Err(failure) if is_there(aside).await => Err(failure),
            Err(failure) => {
                tracing::warn!(file = %file.path, ?failure, "an uploaded file cannot be removed");
                Ok(false)
            }
        }
    }

    fn aside(&self, name: Name, number: usize) -> PathBuf {
        self.shared.queue.disk().sent(name, number)
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
        let due = Instant::now() + DELAYS.after(ticket.failures, outbound::random());
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

async fn is_there(path: PathBuf) -> bool {
    // What cannot be looked at may be there.
    blocking(move || Ok(Path::symlink_metadata(&path).is_ok())).await.unwrap_or(true)
}
