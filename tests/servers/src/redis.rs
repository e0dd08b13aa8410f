//! One Redis. It appends every change to a file, so that a restart keeps the state.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::ports::Ports;
use crate::{Daemon, Folder, Launch, Tls, find_program};

/// How a Redis is to be started.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// The password of the user `default`.
    pub password: Option<String>,
    /// A second user, with all rights: name and password.
    pub user: Option<(String, String)>,
    /// Clients speak TLS.
    pub tls: Option<Arc<Tls>>,
    /// More arguments, as on its command line (`["--maxclients", "100"]`).
    pub more: Vec<String>,
}

/// One Redis on loopback.
#[derive(Debug)]
pub struct Redis {
    daemon: Daemon,
    port: Ports,
    options: RedisOptions,
    folder: Folder,
}

impl Redis {
    /// Starts one without a password.
    pub fn start() -> Self {
        Self::with(RedisOptions::default())
    }

    /// Starts one.
    pub fn with(options: RedisOptions) -> Self {
        let redis = Self::launch(options);
        redis.wait_until_ready();
        redis
    }

    /// Starts one and does not wait for it.
    pub(crate) fn launch(options: RedisOptions) -> Self {
        let (folder, port) = (Folder::new("redis"), Ports::tcp());
        let (socket, password) = (folder.join("socket"), options.password.clone());
        let daemon = Daemon::launch(Launch {
            name: format!("redis {}", port.number()),
            program: find_program("redis-server"),
            args: args(&options, &port, folder.path()),
            log: folder.join("log"),
            ready: Box::new(move || {
                let answer = cli(&socket, password.as_deref(), &["PING"]);
                answer.is_ok_and(|answer| answer.trim() == "PONG")
            }),
        });
        Self { daemon, port, options, folder }
    }

    /// `HOST:PORT` for clients.
    pub fn address(&self) -> String {
        self.port.address()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `redis://HOST:PORT`, or `rediss://` with TLS, without user and password.
    pub fn url(&self) -> String {
        let scheme = if self.options.tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}://{}", self.address())
    }

    /// Runs one command as the user `default` and returns what `redis-cli` prints; a server that
    /// does not answer fails the test. (Through a Unix socket, so that it works with TLS as well.)
    pub fn cli(&self, command: &[&str]) -> String {
        let answer = cli(&self.folder.join("socket"), self.options.password.as_deref(), command);
        answer.unwrap_or_else(|complaint| panic!("{}: {}: {complaint}", self.name(), command.join(" ")))
    }
}

impl Deref for Redis {
    type Target = Daemon;
    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

fn args(options: &RedisOptions, port: &Ports, folder: &Path) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    let mut set = |key: &str, value: &str| args.extend([format!("--{key}"), value.to_owned()]);
    set("bind", "127.0.0.1");
    set("dir", &folder.display().to_string());
    set("unixsocket", &folder.join("socket").display().to_string());
    set("save", "");
    set("appendonly", "yes");
    // A killed process loses nothing that it has written; only a lost machine would.
    set("appendfsync", "no");
    // A master waits five seconds for more replicas that might want the same copy.
    set("repl-diskless-sync-delay", "0");
    let number = port.number().to_string();
    match &options.tls {
        None => set("port", &number),
        Some(tls) => {
            set("port", "0");
            set("tls-port", &number);
            set("tls-ca-cert-file", &tls.ca().display().to_string());
            set("tls-cert-file", &tls.cert().display().to_string());
            set("tls-key-file", &tls.key().display().to_string());
            set("tls-auth-clients", "no");
        }
    }
    if let Some(password) = &options.password {
        set("requirepass", password);
    }
    if let Some((name, password)) = &options.user {
        args.extend(["--user", name, "on", &format!(">{password}"), "~*", "&*", "+@all"].map(str::to_owned));
    }
    args.extend(options.more.iter().cloned());
    args
}

/// One command over a Unix socket; `Err` with what `redis-cli` complains of. A paused server would
/// keep it for ever, hence `timeout`.
fn cli(socket: &Path, password: Option<&str>, command: &[&str]) -> Result<String, String> {
    let mut cli = Command::new("timeout");
    cli.arg("5").arg(find_program("redis-cli")).arg("-s").arg(socket).arg("-e").args(command);
    cli.env_remove("REDISCLI_AUTH");
    if let Some(password) = password {
        cli.env("REDISCLI_AUTH", password);
    }
    let output = cli.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
    }
}
