//! What the operator decides. Four layers, the later one wins: defaults, the
//! file, the environment, the flags. Whatever is wrong is named with its place.

mod address;
mod auth;
mod cluster;
mod error;
mod keys;
mod layers;
mod limits;
mod logs;
mod program;
mod record;
mod sections;

mod value;
mod webhooks;

use std::net::SocketAddr;
use std::path::Path;

pub use auth::{Auth, KeysError};
pub use cluster::{Etcd, Login, Nats, NatsLogin, PeerTls, Redis, RedisKind, Rpc, Secret};
pub use error::ConfigError;
use layers::Layers;
pub use limits::Limits;
pub use program::Program;
pub use record::{Record, Upload};
use sections::MAX_WORKERS;
pub use sections::{Log, Node, Ops, Sfu, Signal, TlsFiles};

/// Everything that anabranch can be told. One config may serve all roles: each reads its part.
#[derive(Debug)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[signal]`
    pub signal: Signal,
    /// `[auth]`
    pub auth: Option<Auth>,
    /// `[admin]`: where the `Admin` service listens, if it does.
    pub admin: Option<SocketAddr>,
    /// `[limits]`
    pub limits: Limits,
    /// `[sfu]`
    pub sfu: Sfu,
    /// `[rpc]`
    pub rpc: Rpc,
    /// `[etcd]`
    pub etcd: Option<Etcd>,
    /// `[nats]`
    pub nats: Option<Nats>,
    /// `[redis]`
    pub redis: Option<Redis>,
    /// `[record]`
    pub record: Record,
    /// `[upload]`
    pub upload: Option<Upload>,
    /// `[webhooks]`
    pub webhooks: Option<webhook::Config>,
    /// `[log]`
    pub log: Log,
    /// `[kafka]`
    pub kafka: Option<telemetry::Kafka>,
    /// `[trace]`
    pub trace: Option<telemetry::Otlp>,
    /// `[ops]`
    pub ops: Ops,
}

/// Where the layers above the defaults come from.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// The file of `-c`.
    pub file: Option<&'a Path>,
    /// The environment; only names with our prefix are looked at.
    pub environment: Vec<(String, String)>,
    /// The `--set` flags, `section.key=value` each.
    pub flags: &'a [String],
}

impl Config {
    /// Reads the layers and checks every value.
    ///
    /// # Errors
    /// Names the first thing that is wrong, and where it stands.
    pub fn load(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        Self::from_layers(&Self::layers(sources)?)
    }

    /// Reads a config for one program, or for those whose sections it has; answers for which.
    ///
    /// # Errors
    /// Names the first thing that is wrong, and for which program.
    pub fn check_all(sources: &Sources<'_>, program: Option<Program>) -> Result<Vec<Program>, ConfigError> {
        let layers = Self::layers(sources)?;
        let config = Self::from_layers(&layers)?;
        let programs = program.map_or_else(|| Program::meant_by(&layers), |program| vec![program]);
        programs.iter().try_for_each(|program| config.check(*program))?;
        Ok(programs)
    }

    fn layers(sources: &Sources<'_>) -> Result<Layers, ConfigError> {
        let mut layers = Layers::defaults()?;
        if let Some(path) = sources.file {
            let text =
                std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
            layers.file(path, &text)?;
        }
        layers.environment(&sources.environment)?;
        layers.flags(sources.flags)?;
        Ok(layers)
    }

    fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        let config = Self {
            node: layers.node()?,
            signal: layers.signal()?,
            auth: layers.auth()?,
            admin: layers.optional("admin", "listen", Layers::listen)?,
            limits: layers.limits()?,
            sfu: layers.sfu()?,
            rpc: layers.rpc()?,
            etcd: layers.etcd()?,
            nats: layers.nats()?,
            redis: layers.redis()?,
            record: layers.record()?,
            upload: layers.upload()?,
            webhooks: layers.webhooks()?,
            log: layers.log()?,
            kafka: layers.kafka()?,
            trace: layers.trace()?,
            ops: Ops { listen: layers.listen("ops", "listen")? },
        };
        config.check_ports(layers)?;
        config.check_admin(layers)?;
        Ok(config)
    }

    /// The number of workers: what was set, or one per core.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.sfu.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS as usize)
        })
    }

    /// Its tokens must not be readable on the way.
    fn check_admin(&self, layers: &Layers) -> Result<(), ConfigError> {
        let Some(listen) = self.admin else { return Ok(()) };
        if self.auth.is_none() {
            return Err(layers.wrong("admin", "listen", "[auth] to be set: nobody has a token otherwise"));
        }
        if !listen.ip().is_loopback() && self.rpc.tls.is_none() {
            let expected = "an address of loopback, or rpc.cert, rpc.key and rpc.ca to be set";
            return Err(layers.wrong("admin", "listen", expected));
        }
        Ok(())
    }

    fn check_ports(&self, layers: &Layers) -> Result<(), ConfigError> {
        let last = usize::from(self.sfu.port) + self.workers() - 1;
        if self.sfu.port != 0 && last > usize::from(u16::MAX) {
            let expected = format!("a port that leaves room for {} workers below 65536", self.workers());
            return Err(layers.wrong("sfu", "port", &expected));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
