//! A local file that is to be uploaded: found without following a link, read in parts, removed only if it is
//! still what was uploaded.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open, openat, renameat, unlink};
use rustix::io::Errno;

use crate::failure::{Failure, blocking};
use crate::file_path::FilePath;

/// A file that stands open, with what it was when it was opened.
#[derive(Debug)]
pub(crate) struct Source {
    file: Arc<File>,
    left: u64,
    identity: Identity,
}

/// The same file with the same contents, as far as the file system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Source {
    /// Opens a file below `root`. Blocks.
    pub(crate) fn open(root: &Path, path: &FilePath) -> Result<Self, Failure> {
        let (folder, name) = find(root, path)?;
        // Whoever put a pipe there must not stop us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(openat(folder, name, flags, Mode::empty()).map_err(failure)?);
        let metadata = file.metadata().map_err(|error| Failure::Local(error.to_string()))?;
        if !metadata.is_file() {
            return Err(Failure::Unfit("it is no file".to_owned()));
        }
        let identity = Identity::of(&metadata);
        Ok(Self { file: Arc::new(file), left: identity.size, identity })
    }

    /// Bytes that are still to be read.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// What was opened.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// The next bytes, `limit` of them unless fewer are left.
    pub(crate) async fn read(&mut self, limit: u64) -> Result<Bytes, Failure> {
        let (file, size) = (Arc::clone(&self.file), self.left.min(limit));
        let bytes = blocking(move || read_part(&file, size)).await?;
        self.left -= size;
        Ok(bytes)
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

fn read_part(file: &File, size: u64) -> Result<Bytes, Failure> {
    let capacity = usize::try_from(size).unwrap_or_default();
    let mut part = Vec::with_capacity(capacity);
    let read = file.take(size).read_to_end(&mut part);
    match read {
        Ok(read) if read == capacity => Ok(part.into()),
        Ok(_) => Err(Failure::Local("it became shorter while it was read".to_owned())),
        Err(error) => Err(Failure::Local(error.to_string())),
    }
}

/// The folder that the file is in, reached from `root` by plain folders alone.
fn find<'a>(root: &Path, path: &'a FilePath) -> Result<(OwnedFd, &'a str), Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // Without it, nothing is known about the files: they may come back with it.
    let mut folder = open(root, flags, Mode::empty()).map_err(|errno| Failure::Local(text(errno)))?;
    let (folders, name) = path.split();
    for name in folders {
        folder = openat(folder, name, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(failure)?;
    }
    Ok((folder, name))
}

fn failure(errno: Errno) -> Failure {
    match errno {
        Errno::NOENT => Failure::Gone,
        Errno::LOOP | Errno::NOTDIR => Failure::Unfit("its path leads through a link or a file".to_owned()),
        errno => Failure::Local(text(errno)),
    }
}

fn text(errno: Errno) -> String {
    io::Error::from(errno).to_string()
}

/// Removes the file, unless it is not the one that was uploaded any more. Blocks.
///
/// It is moved to `aside` first and looked at there, so that a newer file which takes its place at this very
/// moment is not removed for it.
pub(crate) fn remove(root: &Path, path: &FilePath, uploaded: Identity, aside: &Path) -> Result<(), Failure> {
    let (folder, name) = find(root, path)?;
    renameat(folder, name, CWD, aside).map_err(failure)?;
    let same = fs::symlink_metadata(aside).is_ok_and(|metadata| Identity::of(&metadata) == uploaded);
    let removed = if same { fs::remove_file(aside) } else { put_back(root, path, aside) };
    removed.map_err(|error| {
        // Nothing more can be done here when this fails as well.
        let _ = put_back(root, path, aside);
        Failure::Local(error.to_string())
    })
}

/// Undoes the first half of a [`remove`] that went no further. Blocks.
pub(crate) fn put_back_if_aside(root: &Path, path: &FilePath, aside: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => put_back(root, path, aside).map_err(|error| Failure::Local(error.to_string())),
    }
}

/// Undoes the first half of [`remove`]; where a newer file has come, that one stays. Blocks.
pub(crate) fn put_back(root: &Path, path: &FilePath, aside: &Path) -> io::Result<()> {
    let Ok((folder, name)) = find(root, path) else {
        return Err(io::Error::other(format!("the folder of {path} is gone")));
    };
    match linkat(CWD, aside, folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::EXIST) => Ok(unlink(aside)?),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests;
