//! Where files go.

use std::fmt;

use crate::bucket::Bucket;
use crate::error::OpenError;
use crate::failure::Failure;
use crate::file_path::FilePath;
use crate::folder::Folder;
use crate::settings::Settings;
use crate::source::Source;

/// One of the kinds of storage.
#[derive(Debug)]
pub(crate) enum Destination {
    Bucket(Bucket),
    Folder(Folder),
}

impl Destination {
    /// Checks the settings. Whether the storage can be reached is seen with the first file.
    pub(crate) fn open(settings: &Settings) -> Result<Self, OpenError> {
        if let Some(place) = settings.to.strip_prefix("s3://") {
            return Bucket::open(settings, place).map(Self::Bucket);
        }
        if let Some(place) = settings.to.strip_prefix("file://") {
            return Folder::open(settings, place).map(Self::Folder);
        }
        Err(OpenError::Destination(settings.to.clone()))
    }

    /// Brings a file there, whole or not at all, over one of the same path.
    pub(crate) async fn put(&self, path: &FilePath, source: Source) -> Result<(), Failure> {
        match self {
            Self::Bucket(bucket) => bucket.put(path, source).await,
            Self::Folder(folder) => folder.put(path, source).await,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket(bucket) => bucket.fmt(f),
            Self::Folder(folder) => folder.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
