//! A folder on this machine, or one that is mounted from another.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::OpenError;
use crate::failure::{Failure, blocking};
use crate::file_path::FilePath;
use crate::settings::Settings;
use crate::source::Source;

/// Copied at a time: between two of these an upload can be stopped.
const PART: u64 = 4 << 20;

/// Where the files go. It is not made here: one that is not mounted has to look missing, and not to be filled
/// in its place.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// `place` is what follows `file://`.
    pub(crate) fn open(settings: &Settings, place: &str) -> Result<Self, OpenError> {
        let path = PathBuf::from(place);
        if !path.is_absolute() {
            return Err(OpenError::Destination(settings.to.clone()));
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if real(&path).starts_with(real(&settings.root)) {
            return Err(OpenError::Inside(path));
        }
        Ok(Self { path })
    }

    /// Copies a file; it is there whole or not at all.
    pub(crate) async fn put(&self, path: &FilePath, mut source: Source) -> Result<(), Failure> {
        let (folders, name) = path.split();
        let folder = folders.fold(self.path.clone(), |folder, name| folder.join(name));
        let (place, base) = (folder.join(name), self.path.clone());
        // The name stays the same for each attempt, so that one that broke leaves at most one behind.
        let unfinished = folder.join(format!(".{name}.part"));
        let begin = unfinished.clone();
        let copy = Arc::new(work(move || create(&base, &folder, &begin)).await?);
        while source.left() > 0 {
            let (part, copy) = (source.read(PART).await?, Arc::clone(&copy));
            work(move || append(&copy, &part)).await?;
        }
        work(move || finish(&copy, &unfinished, &place)).await
    }
}

fn create(base: &Path, folder: &Path, file: &Path) -> io::Result<File> {
    if !base.is_dir() {
        return Err(io::Error::new(ErrorKind::NotFound, format!("there is no folder {}", base.display())));
    }
    fs::create_dir_all(folder)?;
    File::create(file)
}

fn append(mut copy: &File, part: &Bytes) -> io::Result<()> {
    copy.write_all(part)
}

/// The original may be removed after this, so the copy has to be on the disk.
fn finish(copy: &File, unfinished: &Path, place: &Path) -> io::Result<()> {
    copy.sync_all()?;
    fs::rename(unfinished, place)?;
    place.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

async fn work<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    blocking(move || work().map_err(|error| failure(&error))).await
}

/// What is about one name is that file's trouble, everything else the folder's.
fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::AlreadyExists
        | ErrorKind::InvalidFilename => Failure::Refused(error.to_string()),
        _ => Failure::Away(error.to_string()),
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file://{}", self.path.display())
    }
}
