//! Runs the real server for a test: free ports, ready by condition, ended by its pid, and a log
//! in which an ERROR or WARN that nobody expected is a failed test.

mod binary;
mod http;
mod log;
mod ports;

use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub use binary::path as binary_path;
pub use http::{Reply, get};
pub use log::{Log, is_alarm};
pub use ports::{free_tcp_port, free_udp_ports};

/// The server must have exited this long after SIGTERM.
pub const EXIT_WITHIN: Duration = Duration::from_secs(5);
/// The server must be ready this long after its start; it takes a fraction of a second.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How often conditions outside this process are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a server is to be started.
#[derive(Debug, Clone, Default)]
pub struct ServerConfig {
    settings: Vec<String>,
    expected: Vec<String>,
    workers: Option<usize>,
    tls: bool,
    files: Option<u32>,
}

impl ServerConfig {
    /// One more `--set KEY=VALUE`.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push(format!("{key}={value}"));
        self
    }

    /// WARN and ERROR lines of the log that hold this text are expected.
    #[must_use]
    pub fn expect_log(mut self, text: &str) -> Self {
        self.expected.push(text.to_owned());
        self
    }

    /// How many file descriptors it may have.
    #[must_use]
    pub fn files(mut self, files: u32) -> Self {
        self.files = Some(files);
        self
    }

    /// Number of media workers, each with a UDP port of its own (default: the server's).
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Serve `wss` with this certificate and key (paths of PEM files).
    #[must_use]
    pub fn tls(mut self, cert: &std::path::Path, key: &std::path::Path) -> Self {
        self.tls = true;
        self.set("signal.cert", &toml_string(cert)).set("signal.key", &toml_string(key))
    }
}

fn toml_string(path: &std::path::Path) -> String {
    format!("{:?}", path.display().to_string())
}

/// A running `anabranch standalone` on loopback. Dropping it ends it and checks how it ended.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: Log,
    ws_url: String,
    ops: String,
    expected: Vec<String>,
    ended: bool,
}

impl Server {
    /// Starts a server with the default configuration and waits until it is ready.
    pub fn start() -> Self {
        Self::with(ServerConfig::default())
    }

    /// Starts a server and waits until it is ready.
    pub fn with(config: ServerConfig) -> Self {
        let workers =
            config.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        let signal = format!("127.0.0.1:{}", free_tcp_port());
        let ops = format!("127.0.0.1:{}", free_tcp_port());
        let mut command = match config.files {
            None => Command::new(binary_path()),
            // The shell becomes the server, so that its pid is the server's.
            Some(files) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]).arg(binary_path());
                shell
            }
        };
        command.arg("standalone");
        for setting in [
            format!("signal.listen={signal:?}"),
            format!("ops.listen={ops:?}"),
            format!("sfu.port={}", free_udp_ports(workers)),
            format!("sfu.workers={workers}"),
            "sfu.ips=[\"127.0.0.1\"]".to_owned(),
            // Every packet is counted here, and a machine that is out of breath looks like a narrow network.
            "sfu.congestion_control=false".to_owned(),
        ] {
            command.arg("--set").arg(setting);
        }
        for setting in &config.settings {
            command.arg("--set").arg(setting);
        }
        let mut child = command
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server's binary starts");
        let log = Log::of(&mut child);
        let scheme = if config.tls { "wss" } else { "ws" };
        let mut server = Self {
            child,
            log,
            ws_url: format!("{scheme}://{signal}/ws"),
            ops,
            expected: config.expected,
            ended: false,
        };
        server.wait_until_ready();
        server
    }

    /// Where clients connect: `ws://HOST:PORT/ws`.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// `HOST:PORT` of the signalling listener.
    pub fn signal_address(&self) -> &str {
        let rest = self.ws_url.split("://").nth(1).unwrap_or_default();
        rest.trim_end_matches("/ws")
    }

    /// `HOST:PORT` of the operator's listener.
    pub fn ops_address(&self) -> &str {
        &self.ops
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Ends the server with SIGTERM and asserts that it exits with 0 within five seconds and that
    /// its log has nothing that a person would have to act on.
    pub fn stop(mut self) {
        self.finish();
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                self.ended = true;
                panic!("the server ended at its start with {status}:\n{}", self.log.text());
            }
            if get(&self.ops, "/readyz").is_ok_and(|reply| reply.status == 200) {
                return;
            }
            assert!(Instant::now() < deadline, "the server is not ready:\n{}", self.log.text());
            thread::sleep(LOOK_EVERY);
        }
    }

    fn finish(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        if thread::panicking() {
            eprintln!("the end of the server's log:\n{}", self.log.tail(40));
        }
        let status = terminate(&mut self.child);
        let complaint = match status {
            None => Some(format!("the server did not exit within {EXIT_WITHIN:?} of SIGTERM")),
            Some(status) if !status.success() => Some(format!("the server ended with {status}")),
            Some(_) => None,
        };
        let alarms = self.log.alarms(&self.expected);
        if let Some(complaint) = complaint {
            fail(&format!("{complaint}; the end of its log:\n{}", self.log.tail(40)));
        }
        if !alarms.is_empty() {
            fail(&format!("unexpected lines in the server's log:\n{}", alarms.join("\n")));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Panics, or only says so when a test is failing already.
fn fail(message: &str) {
    if thread::panicking() {
        eprintln!("{message}");
    } else {
        panic!("{message}");
    }
}

/// Sends SIGTERM and waits up to [`EXIT_WITHIN`]; kills and returns `None` when that was not enough.
pub fn terminate(child: &mut Child) -> Option<ExitStatus> {
    // Through `kill` because sending a signal from here would need unsafe code.
    let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIGTERM can be sent");
    let deadline = Instant::now() + EXIT_WITHIN;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("the child can be asked") {
            return Some(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    drop(child.kill());
    drop(child.wait());
    None
}
