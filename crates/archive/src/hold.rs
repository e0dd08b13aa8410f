//! Which process uploads from a folder: one at a time, or each would take the other's notes for its own.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::file_path::QUEUE_FOLDER;

const NAME: &str = "lock";

/// The folder is this process's for as long as this lives.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Locked. The system lets go of it whatever ends the process.
    _file: File,
}

impl Hold {
    /// `None`: another process has the folder.
    pub(crate) fn take(root: &Path) -> io::Result<Option<Self>> {
        let folder = root.join(QUEUE_FOLDER);
        fs::create_dir_all(&folder)?;
        let file = File::options().create(true).append(true).open(folder.join(NAME))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => {
                tracing::warn!(folder = %root.display(), %error, "no locks here: nothing keeps a second process from uploading the same");
            }
        }
        Ok(Some(Self { _file: file }))
    }
}
