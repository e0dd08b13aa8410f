//! What can be wrong when an archive is opened, and when a file is handed to it.

use std::io;
use std::path::PathBuf;

use outbound::TrustError;

/// An archive cannot be opened: the settings are to be changed, or the folder of the queue to be made writable.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `to` is of no known form.
    #[error("expected s3://BUCKET/PREFIX or file:///FOLDER, not {:?}", without_user(.0))]
    Destination(String),
    /// `s3://` without the name of a bucket, or with one that cannot be.
    #[error("{:?} names no bucket: expected s3://BUCKET or s3://BUCKET/PREFIX", without_user(.0))]
    Bucket(String),
    /// The prefix cannot begin a key.
    #[error("the prefix of {:?} is not made of plain names with single slashes between them", without_user(.0))]
    Prefix(String),
    /// Uploads would replace what is uploaded.
    #[error("the folder {} lies in the folder of the recordings", .0.display())]
    Inside(PathBuf),
    /// S3 is spoken to with both, or not at all.
    #[error("S3 needs both an access key id and a secret access key: the {0} is missing")]
    Credentials(&'static str),
    /// `endpoint` is no address.
    #[error("expected an endpoint such as https://HOST:PORT, not {:?}", without_user(.0))]
    Endpoint(String),
    /// `region` is empty or has other characters than letters, digits and hyphens.
    #[error("{0:?} is no region")]
    Region(String),
    /// The authorities cannot be used.
    #[error(transparent)]
    Authority(#[from] TrustError),
    /// The client of the storage refuses its settings.
    #[error("cannot use these settings for S3: {0}")]
    Client(String),
    /// Another process uploads from it.
    #[error("another process uploads from the folder {}: each needs a folder of its own", .0.display())]
    InUse(PathBuf),
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
    /// Files that belong together are some, and not many.
    #[error("{0} files cannot be uploaded as one")]
    Number(usize),
    /// So much waits that this is not taken.
    #[error("{0} recordings wait to be uploaded already")]
    Full(usize),
    /// It could not be written down that the file waits.
    #[error("cannot note that it waits: {0}")]
    Disk(#[from] io::Error),
}

/// An address as it may be shown: whoever put a name and a password before the host is not to read them in a log.
fn without_user(address: &str) -> String {
    let Some((before, host)) = address.rsplit_once('@') else { return address.to_owned() };
    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_host_is_not_repeated() {
        for (address, shown) in [
            ("http://id:secret@host:9000", "http://host:9000"),
            ("ftp://id:sec@ret@host/x", "ftp://host/x"),
            ("id:secret@host", "host"),
            ("s3://bucket/a//b", "s3://bucket/a//b"),
        ] {
            let errors = [
                OpenError::Destination(address.to_owned()),
                OpenError::Bucket(address.to_owned()),
                OpenError::Prefix(address.to_owned()),
                OpenError::Endpoint(address.to_owned()),
            ];
            for error in errors {
                let text = error.to_string();
                assert!(text.contains(&format!("{shown:?}")) && !text.contains("sec"), "{text}");
            }
        }
    }
}
