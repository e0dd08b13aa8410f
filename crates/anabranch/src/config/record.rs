//! What is recorded, and where recordings go.

use std::path::PathBuf;
use std::time::Duration;

use super::cluster::Secret;
use super::error::ConfigError;
use super::layers::Layers;

/// In seconds: an hour of recordings that a power failure takes.
const MAX_SYNC: i64 = 3600;

/// In MiB: a petabyte.
const MAX_FREE: i64 = 1 << 30;
const MIB: u64 = 1024 * 1024;

/// What is recorded, and where to.
#[derive(Debug)]
pub struct Record {
    /// Streams whose publisher does not say.
    pub enabled: bool,
    /// The folder; `None`: nothing is recorded.
    pub dir: Option<PathBuf>,
    /// How often what was written is forced to the disk.
    pub sync_interval: Duration,
    /// Bytes that have to be free on the disk for a recording to begin.
    pub min_free: u64,
}

/// Where finished recordings go.
#[derive(Debug)]
pub struct Upload {
    /// `s3://BUCKET/PREFIX` or `file:///FOLDER`.
    pub to: String,
    /// S3 that is not Amazon's.
    pub endpoint: Option<String>,
    /// The bucket's region.
    pub region: Option<String>,
    /// Who uploads.
    pub access_key_id: Option<String>,
    /// And how that is proved.
    pub secret_access_key: Option<Secret>,
    /// PEM file: who signed the endpoint's certificate.
    pub ca: Option<PathBuf>,
    /// Whether recordings stay where they are as well.
    pub keep_local: bool,
}

impl Layers {
    pub(super) fn record(&self) -> Result<Record, ConfigError> {
        let (enabled, dir) = (self.flag("record", "enabled")?, self.path("record", "dir")?);
        if enabled && dir.is_none() {
            return Err(self.alone("record", "enabled", "dir"));
        }
        let sync_interval = self.seconds("record", "sync_interval", 0..=MAX_SYNC)?;
        let min_free = self.number("record", "min_free", 0..=MAX_FREE)?.unsigned_abs() * MIB;
        Ok(Record { enabled, dir, sync_interval, min_free })
    }

    pub(super) fn upload(&self) -> Result<Option<Upload>, ConfigError> {
        const S: &str = "upload";
        let text = |key| self.optional(S, key, Layers::text);
        let Some(to) = text("to")? else { return Ok(None) };
        Ok(Some(Upload {
            to,
            endpoint: text("endpoint")?,
            region: text("region")?,
            access_key_id: text("access_key_id")?,
            secret_access_key: self.secret(S, "secret_access_key")?,
            ca: self.path(S, "ca")?,
            keep_local: self.flag(S, "keep_local")?,
        }))
    }
}
