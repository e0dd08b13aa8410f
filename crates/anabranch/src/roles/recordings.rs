//! Where an SFU writes recordings, and where they go when they are complete.

use std::path::Path;
use std::sync::Arc;

use archive::{Archive, Settings, Uploader};
use sfu::{Finished, RecordConfig};
use tokio::runtime::Handle;

use super::StartError;
use crate::config::{Config, Secret, Upload};
use crate::numbers::{Numbers, uploads};

/// What the SFU is told, and what uploads.
pub(super) struct Recordings {
    pub(super) config: Option<RecordConfig>,
    uploads: Option<(Archive, Uploader)>,
}

impl Recordings {
    /// Opens what the config names. To be called within a tokio runtime.
    pub(super) fn open(config: &Config) -> Result<Self, StartError> {
        let Some(dir) = config.record.dir.clone() else { return Ok(Self { config: None, uploads: None }) };
        let (finished, uploads) = match &config.upload {
            Some(upload) => {
                let (archive, uploader) = Archive::open(&settings(dir.clone(), upload), &Handle::current())?;
                (Some(hand_over_to(archive.clone())), Some((archive, uploader)))
            }
            None => (None, None),
        };
        let record =
            RecordConfig { enabled: config.record.enabled, dir, sync: config.record.sync_interval, finished };
        Ok(Self { config: Some(record), uploads })
    }

    /// Adds what the uploads count.
    pub(super) fn register_metrics(&self, numbers: &Numbers) {
        if let Some((archive, _)) = &self.uploads {
            numbers.add(|registry| uploads::register(archive.clone(), registry));
        }
    }

    /// Uploads no more; what waits goes on at the next start.
    pub(super) async fn close(self) {
        if let Some((_, uploader)) = self.uploads {
            uploader.close().await;
        }
    }
}

fn hand_over_to(archive: Archive) -> Finished {
    Arc::new(move |path: &Path| {
        if let Err(error) = archive.add(path) {
            tracing::error!(file = ?path, %error, "a recording is not uploaded");
        }
    })
}

fn settings(root: std::path::PathBuf, upload: &Upload) -> Settings {
    Settings {
        root,
        to: upload.to.clone(),
        endpoint: upload.endpoint.clone(),
        region: upload.region.clone(),
        access_key_id: upload.access_key_id.clone(),
        secret_access_key: upload.secret_access_key.as_ref().map(Secret::reveal).map(str::to_owned),
        ca: upload.ca.clone(),
        keep_local: upload.keep_local,
        index: Some(sfu::RECORDING_INDEX.to_owned()),
    }
}
