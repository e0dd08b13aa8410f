//! What one process can be, and what each needs of the config.

use std::fmt;

use super::cluster::{Etcd, Nats, Redis};
use super::layers::Layers;
use super::{Config, ConfigError};

/// What a process is: one role of a cluster, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Program {
    /// All roles, on one machine.
    Standalone,
    /// Terminates client connections.
    Signal,
    /// Owns the rooms.
    Register,
    /// Moves media.
    Sfu,
}

/// An address that a role of a cluster cannot do without; no default can be right.
struct Need {
    key: &'static str,
    example: &'static str,
}

const ETCD: Need = Need { key: "etcd.addrs", example: "[\"http://127.0.0.1:2379\"]" };
const NATS: Need = Need { key: "nats.url", example: "\"nats://127.0.0.1:4222\"" };
const REDIS: Need = Need { key: "redis.addrs", example: "[\"redis://127.0.0.1:6379\"]" };

impl Program {
    /// The name, as in the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Signal => "signal",
            Self::Register => "register",
            Self::Sfu => "sfu",
        }
    }

    /// The programs that a config is for: the roles of a cluster whose sections it has, all of them
    /// where it has none, and standalone where it names no cluster.
    pub(super) fn meant_by(layers: &Layers) -> Vec<Self> {
        let has = |section| layers.sets_any_of(section);
        if !["etcd", "nats", "redis"].into_iter().any(has) {
            return vec![Self::Standalone];
        }
        let sections = [(Self::Signal, "signal"), (Self::Register, "redis"), (Self::Sfu, "sfu")];
        let meant: Vec<Self> =
            sections.iter().filter(|(_, section)| has(section)).map(|(program, _)| *program).collect();
        if meant.is_empty() { sections.map(|(program, _)| program).to_vec() } else { meant }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Config {
    /// Checks that a program finds here all that it needs.
    ///
    /// # Errors
    /// Names every address that is not set.
    pub fn check(&self, program: Program) -> Result<(), ConfigError> {
        match program {
            Program::Standalone => Ok(()),
            Program::Signal => self.for_signal().map(drop),
            Program::Register => self.for_register().map(drop),
            Program::Sfu => self.for_sfu().map(drop),
        }
    }

    /// Checks that not just anybody on the network can come in.
    ///
    /// # Errors
    /// Says what to set.
    pub fn check_entrance(&self) -> Result<(), ConfigError> {
        if self.auth.is_some() || self.signal.listen.ip().is_loopback() {
            return Ok(());
        }
        let why = "everybody could come in: set [auth], let signal.listen be an address of loopback, or say --insecure";
        Err(ConfigError::of_program(Program::Signal, why))
    }

    /// What a signalling node needs of the cluster.
    ///
    /// # Errors
    /// Names every address that is not set.
    pub fn for_signal(&self) -> Result<(&Etcd, &Nats), ConfigError> {
        match (&self.etcd, &self.nats) {
            (Some(etcd), Some(nats)) => Ok((etcd, nats)),
            (etcd, nats) => Err(missing(Program::Signal, &[(etcd.is_none(), ETCD), (nats.is_none(), NATS)])),
        }
    }

    /// What a register needs of the cluster.
    ///
    /// # Errors
    /// Names every address that is not set.
    pub fn for_register(&self) -> Result<(&Etcd, &Nats, &Redis), ConfigError> {
        match (&self.etcd, &self.nats, &self.redis) {
            (Some(etcd), Some(nats), Some(redis)) => Ok((etcd, nats, redis)),
            (etcd, nats, redis) => {
                let needs = [(etcd.is_none(), ETCD), (nats.is_none(), NATS), (redis.is_none(), REDIS)];
                Err(missing(Program::Register, &needs))
            }
        }
    }

    /// What an SFU needs of the cluster.
    ///
    /// # Errors
    /// Names the address that is not set.
    pub fn for_sfu(&self) -> Result<&Etcd, ConfigError> {
        self.etcd.as_ref().ok_or_else(|| missing(Program::Sfu, &[(true, ETCD)]))
    }
}

fn missing(program: Program, needs: &[(bool, Need)]) -> ConfigError {
    let needs: Vec<String> = needs
        .iter()
        .filter(|(missing, _)| *missing)
        .map(|(_, Need { key, example })| format!("{key} (such as {example})"))
        .collect();
    ConfigError::of_program(program, format_args!("not set: {}", needs.join(", ")))
}
