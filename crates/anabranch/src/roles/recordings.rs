//! Where an SFU writes recordings, and where they go when they are complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::{AddError, Archive, Index, Settings, Uploader};
use model::NodeId;
use sfu::{Keeper, NotTaken, RecordConfig};
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
    /// Opens what the config names, for this node. To be called within a tokio runtime.
    pub(super) fn open(config: &Config, node: &NodeId) -> Result<Self, StartError> {
        let Some(dir) = config.record.dir.clone() else { return Ok(Self { config: None, uploads: None }) };
        let settings = config.upload.as_ref().map(|upload| settings(dir.clone(), upload, node));
        let uploads = settings.map(|settings| Archive::open(&settings, &Handle::current())).transpose()?;
        let keeper =
            uploads.as_ref().map(|(archive, _)| Arc::new(Uploads(archive.clone())) as Arc<dyn Keeper>);
        let record = &config.record;
        let (enabled, sync, min_free) = (record.enabled, record.sync_interval, record.min_free);
        Ok(Self { config: Some(RecordConfig { enabled, dir, sync, min_free, keeper }), uploads })
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

/// Has what is complete uploaded.
struct Uploads(Archive);

impl Keeper for Uploads {
    fn take(&self, files: &[&Path]) -> Result<(), NotTaken> {
        self.0.add_together(files).map_err(|error| match error {
            AddError::Path(_) | AddError::Number(_) => NotTaken::Ever(error.to_string()),
            AddError::Full(_) | AddError::Disk(_) => NotTaken::Now(error.to_string()),
        })
    }

    fn knows(&self, files: &[&Path]) -> bool {
        self.0.knows(files)
    }
}

fn settings(root: PathBuf, upload: &Upload, node: &NodeId) -> Settings {
    // Nodes upload to one place, and each has its own index of a room.
    let name = sfu::RECORDING_INDEX.to_owned();
    let uploaded_as = name.replacen('.', &format!(".{node}."), 1);
    Settings {
        root,
        to: upload.to.clone(),
        endpoint: upload.endpoint.clone(),
        region: upload.region.clone(),
        access_key_id: upload.access_key_id.clone(),
        secret_access_key: upload.secret_access_key.as_ref().map(Secret::reveal).map(str::to_owned),
        ca: upload.ca.clone(),
        keep_local: upload.keep_local,
        index: Some(Index { name, uploaded_as }),
    }
}
