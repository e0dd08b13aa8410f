//! The notes on disk: `DIR/.upload/NAME`, each with the path of one file and a line end.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Name;
use crate::file_path::{FilePath, QUEUE_FOLDER};
use crate::source;

/// A note that is being written.
const UNFINISHED: &str = "new";
/// A local file on its way out: it has been uploaded and was moved here to be removed.
const SENT: &str = "sent";

/// The folder of the notes. Everything here blocks.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    root: PathBuf,
    folder: PathBuf,
}

impl Disk {
    /// Makes the folder where there is none.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let folder = root.join(QUEUE_FOLDER);
        fs::create_dir_all(&folder)?;
        Ok(Self { root: root.to_owned(), folder })
    }

    /// All notes, the oldest first. Clears what a crash has left.
    pub(super) fn read(&self) -> io::Result<Vec<(Name, FilePath)>> {
        let mut found = Vec::new();
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let file = entry?.file_name();
            let file = file.to_string_lossy();
            match Name::parse(&file) {
                Some(name) => found.extend(self.read_note(name)?.map(|path| (name, path))),
                None => left.push(file.into_owned()),
            }
        }
        found.sort();
        for file in left {
            if let Err(error) = self.clear(&file, &found) {
                tracing::warn!(file, %error, "cannot clear what is left of an upload");
            }
        }
        Ok(found)
    }

    fn read_note(&self, name: Name) -> io::Result<Option<FilePath>> {
        let content = fs::read(self.note(name))?;
        let text = str::from_utf8(&content).ok().and_then(|text| text.strip_suffix('\n'));
        let path = text.and_then(|text| FilePath::new(Path::new(text)));
        if path.is_none() {
            tracing::warn!(note = %self.note(name).display(), "removed a damaged note of a waiting upload");
            self.remove(name)?;
        }
        Ok(path)
    }

    fn clear(&self, file: &str, notes: &[(Name, FilePath)]) -> io::Result<()> {
        let Some((name, what)) = file.rsplit_once('.') else { return Ok(()) };
        let Some(name) = Name::parse(name) else { return Ok(()) };
        match what {
            UNFINISHED => fs::remove_file(self.folder.join(file)),
            SENT => match notes.iter().find(|(noted, _)| *noted == name) {
                Some((_, path)) => source::put_back(&self.root, path, &self.sent(name)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Writes a note: it is there whole or not at all.
    pub(super) fn write(&self, name: Name, path: &FilePath) -> io::Result<()> {
        let unfinished = self.folder.join(format!("{name}.{UNFINISHED}"));
        fs::write(&unfinished, format!("{path}\n"))?;
        fs::rename(unfinished, self.note(name))
    }

    /// Removes a note, if it is there.
    pub(crate) fn remove(&self, name: Name) -> io::Result<()> {
        match fs::remove_file(self.note(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Brings notes to the disk itself, so that they survive the machine's end too.
    pub(crate) fn sync(&self, names: &[Name]) -> io::Result<()> {
        for name in names {
            match File::open(self.note(*name)) {
                Ok(note) => note.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        File::open(&self.folder)?.sync_all()
    }

    /// Where the file of a note is moved to before it is removed.
    pub(crate) fn sent(&self, name: Name) -> PathBuf {
        self.folder.join(format!("{name}.{SENT}"))
    }

    fn note(&self, name: Name) -> PathBuf {
        self.folder.join(name.to_string())
    }
}
