//! What the operator decides.

use std::fmt;
use std::path::PathBuf;

/// Where recordings are and where they go.
#[derive(Clone, Default)]
pub struct Settings {
    /// The folder of the recordings. The queue stands in its `.upload`.
    pub root: PathBuf,
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`; `file:///FOLDER`, an absolute path taken as it stands.
    pub to: String,
    /// S3 that is not Amazon's: `https://HOST:PORT`, or `http://…` for one without TLS. The bucket is then part
    /// of the path and not of the host's name.
    pub endpoint: Option<String>,
    /// The bucket's region. Default: `us-east-1`, which most other storages take too.
    pub region: Option<String>,
    /// Needed for `s3`.
    pub access_key_id: Option<String>,
    /// Needed for `s3`. Stands in no log.
    pub secret_access_key: Option<String>,
    /// PEM file: who signed the certificate of an `https` endpoint. Default: the system's authorities.
    pub ca: Option<PathBuf>,
    /// Whether local files stay after their upload. Then an empty file with `.uploaded` behind its name stands beside
    /// each that has been.
    pub keep_local: bool,
    /// Files that their writer goes on with.
    pub index: Option<Index>,
}

/// Files of one name, in every folder, that are written on: they stay here whatever becomes of the others.
#[derive(Clone, Debug)]
pub struct Index {
    /// Their name here.
    pub name: String,
    /// Their name where they go: other nodes bring theirs to the same folder.
    pub uploaded_as: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("root", &self.root)
            .field("to", &self.to)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &self.secret_access_key.as_ref().map(|_| "***"))
            .field("ca", &self.ca)
            .field("keep_local", &self.keep_local)
            .field("index", &self.index)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_shown() {
        let settings = Settings {
            access_key_id: Some("the-key-id".to_owned()),
            secret_access_key: Some("the-secret".to_owned()),
            ..Settings::default()
        };
        let shown = format!("{settings:?}");
        assert!(shown.contains("the-key-id") && shown.contains("***"), "{shown}");
        assert!(!shown.contains("the-secret"), "{shown}");
    }
}
