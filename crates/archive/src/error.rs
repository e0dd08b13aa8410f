//! What can be wrong when an archive is opened, and when a file is handed to it.

use std::io;
use std::path::PathBuf;

/// An archive cannot be opened: the settings are to be changed, or the folder of the queue to be made writable.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `to` is of no known form.
    #[error("expected s3://BUCKET/PREFIX or file:///FOLDER, not {0:?}")]
    Destination(String),
    /// `s3://` without the name of a bucket, or with one that cannot be.
    #[error("{0:?} names no bucket: expected s3://BUCKET or s3://BUCKET/PREFIX")]
    Bucket(String),
    /// The prefix cannot begin a key.
    #[error("the prefix of {0:?} is not made of plain names with single slashes between them")]
    Prefix(String),
    /// Uploads would replace what is uploaded.
    #[error("the folder {} lies in the folder of the recordings", .0.display())]
    Inside(PathBuf),
    /// S3 is spoken to with both, or not at all.
    #[error("S3 needs both an access key id and a secret access key: the {0} is missing")]
    Credentials(&'static str),
    /// `endpoint` is no address.
    #[error("expected an endpoint such as https://HOST:PORT, not {0:?}")]
    Endpoint(String),
    /// `region` is empty or has other characters than letters, digits and hyphens.
    #[error("{0:?} is no region")]
    Region(String),
    /// The authorities cannot be used.
    #[error("cannot use the certificate authority {path}: {why}")]
    Authority {
        /// The file, or what stands for the system's.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client of the storage refuses its settings.
    #[error("cannot use these settings for S3: {0}")]
    Client(String),
    /// The queue cannot be read or made.
    #[error("cannot use the folder {}: {why}", path.display())]
    Queue {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: io::Error,
    },
}

/// A file was not taken; it stays where it is and is not uploaded.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The path is absolute, leaves the folder, is the queue's own, or is not text.
    #[error("{0:?} is not the path of a recording, relative to the folder of the recordings")]
    Path(PathBuf),
    /// So many files wait that this one is not taken.
    #[error("{0} files wait to be uploaded already")]
    Full(usize),
    /// It could not be written down that the file waits.
    #[error("cannot note that it waits: {0}")]
    Disk(#[from] io::Error),
}
