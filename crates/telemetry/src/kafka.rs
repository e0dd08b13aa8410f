//! Log records to Kafka, each in the Elastic Common Schema, in the background.

use std::fmt;
use std::path::PathBuf;

#[cfg(not(feature = "kafka"))]
mod absent;
#[cfg(feature = "kafka")]
mod client;
#[cfg(feature = "kafka")]
mod outlook;
#[cfg(feature = "kafka")]
mod sender;

#[cfg(not(feature = "kafka"))]
pub(crate) use absent::{Records, Sender, start};
#[cfg(feature = "kafka")]
pub(crate) use sender::{Records, Sender, start};

/// Where the records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// Brokers to begin with, `HOST:PORT` each.
    pub brokers: Vec<String>,
    /// The topic. 1 to 249 letters, digits, `.`, `_`, `-`.
    pub topic: String,
    /// How batches are packed.
    pub compression: Compression,
    /// With TLS. Needs the feature `kafka-tls`.
    pub tls: Option<KafkaTls>,
    /// Who we are, where the brokers ask.
    pub login: Option<KafkaLogin>,
}

/// How batches of records are packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Small, slow.
    Gzip,
    /// Quick.
    #[default]
    Lz4,
    /// Smaller than lz4, slower.
    Zstd,
    /// Quick.
    Snappy,
}

/// TLS to the brokers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KafkaTls {
    /// PEM file: who signed the brokers' certificates. `None`: the system's authorities.
    pub ca: Option<PathBuf>,
}

/// Name and password (SASL).
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaLogin {
    /// How they are shown to the broker.
    pub mechanism: Mechanism,
    /// The name.
    pub username: String,
    /// The password. `Debug` does not show it.
    pub password: String,
}

impl fmt::Debug for KafkaLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mechanism, username, .. } = self;
        f.debug_struct("KafkaLogin").field("mechanism", mechanism).field("username", username).finish()
    }
}

/// How name and password are shown to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// As they are: readable for whoever listens, unless TLS is used.
    Plain,
    /// By a proof with SHA-256. Needs the feature `kafka-tls`, whose library computes it.
    ScramSha256,
    /// By a proof with SHA-512. Needs the feature `kafka-tls`, whose library computes it.
    ScramSha512,
}

/// The settings for Kafka cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidKafka {
    /// The binary does not have it.
    #[error("this binary was built without {0}: build it with the cargo feature of that name")]
    BuiltWithout(&'static str),
    /// Not one broker is named.
    #[error("no broker is named")]
    NoBroker,
    /// An address cannot be one.
    #[error("{0:?} is no HOST:PORT")]
    Broker(String),
    /// The name of the topic is none.
    #[error("{0:?} is no topic: 1 to 249 letters, digits, '.', '_', '-'")]
    Topic(String),
    /// The client library does not accept something, such as a file.
    #[error("{0}")]
    Client(String),
}

impl Kafka {
    /// Looks at everything that can be known without a network or a file.
    ///
    /// # Errors
    /// Names what is wrong, or what this binary was built without.
    pub fn check(&self) -> Result<(), InvalidKafka> {
        if !cfg!(feature = "kafka") {
            return Err(InvalidKafka::BuiltWithout("kafka"));
        }
        if !cfg!(feature = "kafka-tls") && self.needs_tls_library() {
            return Err(InvalidKafka::BuiltWithout("kafka-tls"));
        }
        if self.brokers.is_empty() {
            return Err(InvalidKafka::NoBroker);
        }
        if let Some(broker) = self.brokers.iter().find(|broker| !is_address(broker)) {
            return Err(InvalidKafka::Broker(broker.clone()));
        }
        if is_topic(&self.topic) { Ok(()) } else { Err(InvalidKafka::Topic(self.topic.clone())) }
    }

    fn needs_tls_library(&self) -> bool {
        let scram = self.login.as_ref().is_some_and(|login| login.mechanism != Mechanism::Plain);
        self.tls.is_some() || scram
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = v6.map_or_else(
        || !host.is_empty() && host.chars().all(plain),
        |host| host.parse::<std::net::Ipv6Addr>().is_ok(),
    );
    host && port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

fn is_topic(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=249).contains(&text.len()) && text.chars().all(plain) && text != "." && text != ".."
}

#[cfg(test)]
pub(crate) mod tests;
