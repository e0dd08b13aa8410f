//! Where logs and traces go besides standard output. The settings are those of the crate that sends them.

use telemetry::{Compression, Kafka, KafkaLogin, KafkaTls, Mechanism, Otlp};
use toml::Value;

use super::cluster::Secret;
use super::error::ConfigError;
use super::layers::Layers;

impl Layers {
    pub(super) fn kafka(&self) -> Result<Option<Kafka>, ConfigError> {
        const S: &str = "kafka";
        self.optional(S, "brokers", |layers, _, _| {
            let ca = layers.path(S, "ca")?;
            let kafka = Kafka {
                brokers: layers
                    .list(S, "brokers", "a list of HOST:PORT", |broker| Some(broker.to_owned()))?,
                topic: layers.text(S, "topic")?,
                compression: layers.compression(S, "compression")?,
                tls: layers.flag(S, "tls")?.then(|| KafkaTls { ca: ca.clone() }),
                login: layers.kafka_login(S)?,
            };
            if ca.is_some() && kafka.tls.is_none() {
                return Err(layers.alone(S, "ca", "tls"));
            }
            kafka.check().map_err(|error| layers.refused(S, "brokers", &error))?;
            Ok(kafka)
        })
    }

    fn kafka_login(&self, section: &'static str) -> Result<Option<KafkaLogin>, ConfigError> {
        let username = self.optional(section, "username", Layers::text)?;
        let password = self.secret(section, "password")?;
        match (username, password.as_ref().map(Secret::reveal)) {
            (Some(username), Some(password)) => {
                let mechanism = self.mechanism(section, "mechanism")?;
                Ok(Some(KafkaLogin { mechanism, username, password: password.to_owned() }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.alone(section, "username", "password")),
            (None, Some(_)) => Err(self.alone(section, "password", "username")),
        }
    }

    fn compression(&self, section: &'static str, key: &'static str) -> Result<Compression, ConfigError> {
        let expected = "\"none\", \"gzip\", \"lz4\", \"zstd\" or \"snappy\"";
        self.read(section, key, expected, |value| match value.as_str()? {
            "none" => Some(Compression::None),
            "gzip" => Some(Compression::Gzip),
            "lz4" => Some(Compression::Lz4),
            "zstd" => Some(Compression::Zstd),
            "snappy" => Some(Compression::Snappy),
            _ => None,
        })
    }

    fn mechanism(&self, section: &'static str, key: &'static str) -> Result<Mechanism, ConfigError> {
        let expected = "\"PLAIN\", \"SCRAM-SHA-256\" or \"SCRAM-SHA-512\"";
        self.read(section, key, expected, |value| match value.as_str()? {
            "PLAIN" => Some(Mechanism::Plain),
            "SCRAM-SHA-256" => Some(Mechanism::ScramSha256),
            "SCRAM-SHA-512" => Some(Mechanism::ScramSha512),
            _ => None,
        })
    }

    pub(super) fn trace(&self) -> Result<Option<Otlp>, ConfigError> {
        const S: &str = "trace";
        self.optional(S, "endpoint", |layers, _, _| {
            let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
            let otlp = Otlp {
                endpoint: layers.text(S, "endpoint")?,
                ca: layers.path(S, "ca")?,
                share: layers.read(S, "share", "a number from 0.0 to 1.0", number)?,
            };
            otlp.check().map_err(|error| layers.refused(S, "endpoint", &error))?;
            Ok(otlp)
        })
    }
}
