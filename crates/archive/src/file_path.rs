//! The path of a file below the folder of the recordings.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The folder of the queue, in that of the recordings.
pub(crate) const QUEUE_FOLDER: &str = ".upload";

/// As Linux has it for paths, so that what waits cannot be large.
const MAX_BYTES: usize = 4096;

/// `ROOM/USER/FILE` or the like: plain names with `/` between them, no control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct FilePath(Arc<str>);

impl FilePath {
    /// `None` for what is absolute, has `..` or a leading `.`, is not UTF-8, or lies in the queue.
    pub(crate) fn new(path: &Path) -> Option<Self> {
        let names: Option<Vec<&str>> = path.components().map(plain_name).collect();
        let names = names?;
        if names.first().is_none_or(|first| *first == QUEUE_FOLDER) {
            return None;
        }
        let text = names.join("/");
        (text.len() <= MAX_BYTES).then(|| Self(text.into()))
    }

    /// A file beside this one.
    pub(crate) fn beside(&self, name: &str) -> Option<Self> {
        let (folders, _) = self.0.rsplit_once('/').unwrap_or_default();
        Self::new(&Path::new(folders).join(name))
    }

    /// The names of its folders and its own.
    pub(crate) fn split(&self) -> (impl Iterator<Item = &str>, &str) {
        let (folders, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        (folders.split('/').filter(|name| !name.is_empty()), name)
    }
}

/// The file whose presence says that this one has been uploaded.
pub(crate) fn uploaded_mark(root: &Path, path: &FilePath) -> PathBuf {
    root.join(format!("{path}.uploaded"))
}

fn plain_name(component: Component<'_>) -> Option<&str> {
    match component {
        Component::Normal(name) => name.to_str().filter(|name| !name.contains(char::is_control)),
        _ => None,
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn paths_of_recordings_are_taken() {
        for good in ["room/user/1.opus", "room/room.json", "x", "a b/ü%2F/..c", "room/.upload/x"] {
            assert_eq!(FilePath::new(Path::new(good)).unwrap().to_string(), good);
        }
        let path = FilePath::new(Path::new("a/b/c")).unwrap();
        let (folders, name) = path.split();
        assert_eq!((folders.collect::<Vec<_>>(), name), (vec!["a", "b"], "c"));
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let long = "x/".repeat(MAX_BYTES);
        for bad in ["", "/etc/passwd", "../x", "a/../b", "./x", ".upload/x", ".upload", "a/b\nc", &long] {
            assert_eq!(FilePath::new(Path::new(bad)), None, "{bad}");
        }
        assert_eq!(FilePath::new(Path::new(OsStr::from_bytes(b"a/\xff"))), None);
    }
}
