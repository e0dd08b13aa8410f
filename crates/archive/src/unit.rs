//! Files that belong together: a recording, and what is told about it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::error::AddError;
use crate::file_path::FilePath;

/// A note is one small file.
const MAX_FILES: usize = 8;

/// Files that are uploaded one after the other, and removed in the same order when the last one has arrived. Cheap to
/// clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Unit(Arc<[FilePath]>);

impl Unit {
    /// Refuses a path that is none of a recording, no path at all, and more than eight.
    pub(crate) fn new<P: AsRef<Path>>(paths: &[P]) -> Result<Self, AddError> {
        if paths.is_empty() || paths.len() > MAX_FILES {
            return Err(AddError::Number(paths.len()));
        }
        let file =
            |path: &P| FilePath::new(path.as_ref()).ok_or_else(|| AddError::Path(path.as_ref().to_owned()));
        paths.iter().map(file).collect::<Result<_, _>>().map(Self)
    }

    /// What [`to_note`](Self::to_note) wrote; `None` for anything else.
    pub(crate) fn of_note(note: &[u8]) -> Option<Self> {
        let text = str::from_utf8(note).ok()?.strip_suffix('\n')?;
        Self::new(&text.split('\n').take(MAX_FILES + 1).collect::<Vec<_>>()).ok()
    }

    /// A path and a line end for each file. No path has a line end in it.
    pub(crate) fn to_note(&self) -> String {
        self.0.iter().map(|file| format!("{file}\n")).collect()
    }

    pub(crate) fn files(&self) -> &[FilePath] {
        &self.0
    }
}

/// The first of its files stands for all.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.first().map_or(Ok(()), |file| file.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_belongs_together() {
        let unit = Unit::new(&["room/ann/1.opus", "room/ann/1.json"]).unwrap();
        assert_eq!(unit.to_note(), "room/ann/1.opus\nroom/ann/1.json\n");
        assert_eq!(Unit::of_note(unit.to_note().as_bytes()), Some(unit));
        for bad in ["", "\n", "cut of", "a\n\nb\n", "../a\n", "a\n/b\n", &"a\n".repeat(MAX_FILES + 1)] {
            assert_eq!(Unit::of_note(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
