//! What the operator decides. Four layers, the later one wins: defaults, the
//! file, the environment, the flags. Whatever is wrong is named with its place.

mod address;
mod error;
mod keys;
mod layers;
mod value;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use model::ids::NodeId;

pub use error::ConfigError;
use layers::Layers;

/// Everything that `anabranch standalone` can be told.
#[derive(Debug)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[signal]`
    pub signal: Signal,
    /// `[sfu]`
    pub sfu: Sfu,
    /// `[log]`
    pub log: Log,
    /// `[ops]`
    pub ops: Ops,
}

/// Who this node is.
#[derive(Debug)]
pub struct Node {
    /// Its name in the cluster.
    pub id: NodeId,
    /// The data centre that it stands in.
    pub dc: String,
}

/// Where clients connect.
#[derive(Debug)]
pub struct Signal {
    /// The address of the WebSocket and of the pages.
    pub listen: SocketAddr,
    /// Certificate chain and private key, PEM files: with them, `https` and `wss`.
    pub tls: Option<TlsFiles>,
    /// The origins whose pages may connect besides our own; `*`: any.
    pub allowed_origins: Vec<String>,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where media flows.
#[derive(Debug)]
pub struct Sfu {
    /// The addresses announced to clients; empty: those of the interfaces.
    pub ips: Vec<IpAddr>,
    /// The UDP port of the first worker, worker n has `port + n`; 0: any free ones.
    pub port: u16,
    /// How many workers; `None`: one per core.
    pub workers: Option<usize>,
}

/// What is logged, and how.
#[derive(Debug)]
pub struct Log {
    /// The filter, which [`telemetry::Filter`] has accepted.
    pub level: String,
    /// One line for people, or one of JSON.
    pub format: telemetry::Format,
}

/// Where the operator looks.
#[derive(Debug)]
pub struct Ops {
    /// The address of `/healthz` and `/readyz`.
    pub listen: SocketAddr,
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
        let mut layers = Layers::defaults()?;
        if let Some(path) = sources.file {
            let text =
                std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
            layers.file(path, &text)?;
        }
        layers.environment(&sources.environment)?;
        layers.flags(sources.flags)?;
        Self::from_layers(&layers)
    }

    fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        let config = Self {
            node: Node { id: layers.node_id("node", "id")?, dc: layers.text("node", "dc")? },
            signal: Signal {
                listen: layers.listen("signal", "listen")?,
                tls: tls(layers)?,
                allowed_origins: layers.origins("signal", "allowed_origins")?,
            },
            sfu: Sfu {
                ips: layers.addresses("sfu", "ips")?,
                port: layers.number("sfu", "port", 0..=65_535)? as u16,
                workers: layers.optional("sfu", "workers", |layers, section, key| {
                    layers.number(section, key, 1..=MAX_WORKERS).map(|number| number as usize)
                })?,
            },
            log: Log {
                level: layers.log_level("log", "level")?,
                format: layers.log_format("log", "format")?,
            },
            ops: Ops { listen: layers.listen("ops", "listen")? },
        };
        config.check_ports(layers)?;
        Ok(config)
    }

    /// The number of workers: what was set, or one per core.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.sfu.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS as usize)
        })
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

/// More cores than that are not served by one process.
const MAX_WORKERS: i64 = 256;

fn tls(layers: &Layers) -> Result<Option<TlsFiles>, ConfigError> {
    let file = |key| {
        layers.optional("signal", key, |layers, section, key| layers.text(section, key).map(PathBuf::from))
    };
    match (file("cert")?, file("key")?) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(layers.alone("signal", "cert", "key")),
        (None, Some(_)) => Err(layers.alone("signal", "key", "cert")),
    }
}

#[cfg(test)]
mod tests;
