//! The notes on disk: `DIR/.upload/NAME`, each with the paths of the files of one unit and a line end for each.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Name;
use crate::file_path::QUEUE_FOLDER;
use crate::source;
use crate::unit::Unit;

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
    pub(super) fn read(&self) -> io::Result<Vec<(Name, Unit)>> {
        let mut found = Vec::new();
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let file = entry?.file_name();
            let file = file.to_string_lossy();
            match Name::parse(&file) {
                Some(name) => found.extend(self.read_note(name)?.map(|unit| (name, unit))),
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

    fn read_note(&self, name: Name) -> io::Result<Option<Unit>> {
        let unit = Unit::of_note(&fs::read(self.note(name))?);
        if unit.is_none() {
            tracing::warn!(note = %self.note(name).display(), "removed a damaged note of a waiting upload");
            self.remove(name)?;
        }
        Ok(unit)
    }

    fn clear(&self, file: &str, notes: &[(Name, Unit)]) -> io::Result<()> {
        let Some((name, what)) = file.split_once('.') else { return Ok(()) };
        let Some(name) = Name::parse(name) else { return Ok(()) };
        if what == UNFINISHED {
            return fs::remove_file(self.folder.join(file));
        }
        let Some(number) = what.strip_suffix(SENT).and_then(|number| number.strip_suffix('.')) else {
            return Ok(());
        };
        let noted = notes.iter().find(|(noted, _)| *noted == name);
        let path = noted.and_then(|(_, unit)| unit.files().get(number.parse::<usize>().ok()?));
        let whose = || io::Error::other("no note says whose it is: look at it, and remove it");
        source::put_back(&self.root, path.ok_or_else(whose)?, &self.folder.join(file))
    }

    /// Writes a note: it is there whole or not at all.
    pub(super) fn write(&self, name: Name, unit: &Unit) -> io::Result<()> {
        let unfinished = self.folder.join(format!("{name}.{UNFINISHED}"));
        fs::write(&unfinished, unit.to_note())?;
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

    /// Where a note's file of this number is moved to before it is removed.
    pub(crate) fn sent(&self, name: Name, number: usize) -> PathBuf {
        self.folder.join(format!("{name}.{number}.{SENT}"))
    }

    fn note(&self, name: Name) -> PathBuf {
        self.folder.join(name.to_string())
    }
}
