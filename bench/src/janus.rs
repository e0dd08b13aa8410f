//! Janus with its plugin VideoRoom, as Debian packages it: set up in a folder of its own for one load, ended by its pid.

mod configuration;

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

/// It must listen this long after its start; it takes a fraction of a second.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running Janus. Dropping it ends it, and its folder goes.
pub(crate) struct Janus {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Janus {
    /// Starts it with so many event loops, or, by default, one for each connection, and waits until it listens.
    pub(crate) fn start(event_loops: Option<usize>) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("anabranch-janus-{}", peer::unique()));
        fs::create_dir(&folder)?;
        let port = peer::server::free_tcp_port();
        let started = configuration::write(&folder, port, event_loops).and_then(|()| spawn(&folder));
        let child = started.inspect_err(|_| {
            let _gone = fs::remove_dir_all(&folder);
        })?;
        let mut janus = Self { child, port, folder };
        janus.wait_until_ready()?;
        Ok(janus)
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.child.try_wait()?.is_some() || since.elapsed() > READY_WITHIN {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                anyhow::bail!("Janus does not start; its log:\n{log}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // What fails here fails because it is gone already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

/// The version that is installed.
pub(crate) fn version() -> anyhow::Result<String> {
    // It shows its version, and then finds fault with the option.
    let output =
        Command::new("janus").arg("--version").output().context("Debian's package janus is missing")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("Janus version: "));
    let version = line.and_then(|line| line.split_once('(')?.1.split_once(')'));
    Ok(version.context("Janus does not tell its version")?.0.to_owned())
}

fn spawn(folder: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new("janus");
    command.arg("--configs-folder").arg(folder).arg("--log-file").arg(folder.join("log"));
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("Debian's package janus is missing")
}
