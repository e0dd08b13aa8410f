//! Temporary folders, removed with the server whose data they hold.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// A new folder under the system's temporary one. Dropping it removes it with all that is in it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes one whose name begins with `name`.
    pub fn new(name: &str) -> Self {
        let mut bytes = [0u8; 6];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        let random: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = env::temp_dir().join(format!("anabranch-{name}-{random}"));
        fs::create_dir_all(&path).expect("a temporary folder");
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file into it and returns its path.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, content).expect("a file in a folder of our own");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}
