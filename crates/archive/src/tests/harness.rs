//! A folder of recordings, and patience.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use servers::Folder;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::{Archive, Settings, Uploader};

/// The longest back-off that a test meets is some seconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder that a recorder writes.
pub(super) struct Recordings {
    folder: Folder,
}

impl Recordings {
    pub(super) fn new() -> Self {
        Self { folder: Folder::new("archive") }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file in its place as a recorder does, whole.
    pub(super) fn write(&self, path: &str, contents: &[u8]) {
        let place = self.folder.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let aside = place.with_extension("aside");
        fs::write(&aside, contents).unwrap();
        fs::rename(aside, place).unwrap();
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.folder.join(path).exists()
    }

    /// The notes of what waits.
    pub(super) fn notes(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.join(".upload")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("lock")).collect()
    }

    pub(super) fn to_folder(&self, to: &Path, keep_local: bool) -> Settings {
        let to = format!("file://{}", to.display());
        Settings { root: self.path().to_owned(), to, keep_local, ..Settings::default() }
    }
}

pub(super) fn open(settings: &Settings) -> (Archive, Uploader) {
    Archive::open(settings, &Handle::current()).unwrap()
}

pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

pub(super) async fn until_all_arrived(archive: &Archive) {
    until("nothing waits any more", || archive.counters().waiting == 0).await;
}

pub(super) fn random(bytes: usize) -> Vec<u8> {
    let mut contents = vec![0; bytes];
    getrandom::fill(&mut contents).unwrap();
    contents
}
