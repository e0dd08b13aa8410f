//! `[auth]`: whose tokens let people in, and the keys that check them.

use std::fs;
use std::path::{Path, PathBuf};

use auth::{KeyMaterial, KeySpec, Keys};

use super::cluster::Secret;
use super::error::ConfigError;
use super::layers::Layers;

/// Whatever is larger is no key.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// The section; without `secret` and `keys` there is none, and everybody may come in.
#[derive(Clone, Debug)]
pub struct Auth {
    /// A shared secret without a name, for HS256.
    pub secret: Option<Secret>,
    /// A folder of keys: `NAME.secret` has a shared secret, `NAME.pem` a public key. Read again on SIGHUP.
    pub keys: Option<PathBuf>,
    /// Whether the token may stand in the query.
    pub query: bool,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or the folder cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A key is none.
    #[error(transparent)]
    Key(#[from] auth::KeyError),
    /// Nobody could ever come in.
    #[error("there is no key in {}: expected NAME.secret or NAME.pem", .0.display())]
    Empty(PathBuf),
}

impl Auth {
    /// Reads the keys as they are now.
    ///
    /// # Errors
    /// Names the file that cannot be read, or the key that is none.
    pub fn read_keys(&self) -> Result<Keys, KeysError> {
        let unnamed = self.secret.iter().map(|secret| KeySpec {
            kid: None,
            material: KeyMaterial::Secret(secret.reveal().as_bytes().to_vec()),
        });
        let mut specs: Vec<KeySpec> = unnamed.collect();
        if let Some(folder) = &self.keys {
            specs.extend(in_folder(folder)?);
            if specs.is_empty() {
                return Err(KeysError::Empty(folder.clone()));
            }
        }
        Ok(Keys::new(&specs)?)
    }
}

/// By the order of their names, so that errors do not depend on the disk's.
fn in_folder(folder: &Path) -> Result<Vec<KeySpec>, KeysError> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| KeysError::Unreadable {
        path: path.into(),
        why: error.to_string(),
    };
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(folder, &error))?;
    paths.sort();
    let mut specs = Vec::new();
    for path in paths {
        let name = path.file_stem().and_then(|name| name.to_str());
        let kind = path.extension().and_then(|kind| kind.to_str());
        // What begins with a dot is an editor's or Kubernetes' own.
        let (Some(name), Some(kind)) = (name.filter(|name| !name.starts_with('.')), kind) else { continue };
        let is_secret = match kind {
            "secret" => true,
            "pem" => false,
            _ => continue,
        };
        let size = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.len();
        if size > MAX_KEY_BYTES {
            return Err(unreadable(&path, &format!("it has more than {MAX_KEY_BYTES} bytes")));
        }
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let material = if is_secret {
            // Whoever wrote it with an editor does not mean the end of the line.
            KeyMaterial::Secret(bytes.trim_ascii_end().to_vec())
        } else {
            let text = String::from_utf8(bytes).map_err(|_| unreadable(&path, &"it is not UTF-8"))?;
            KeyMaterial::PublicPem(text)
        };
        specs.push(KeySpec { kid: Some(name.to_owned()), material });
    }
    Ok(specs)
}

impl Layers {
    pub(super) fn auth(&self) -> Result<Option<Auth>, ConfigError> {
        const S: &str = "auth";
        let auth = Auth {
            secret: self.secret(S, "secret")?,
            keys: self.path(S, "keys")?,
            query: self.flag(S, "query")?,
        };
        if auth.secret.is_none() && auth.keys.is_none() {
            return if auth.query { Err(self.alone(S, "query", "secret")) } else { Ok(None) };
        }
        Ok(Some(auth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(folder: &Path) -> Auth {
        Auth { secret: None, keys: Some(folder.into()), query: false }
    }

    #[test]
    fn the_names_of_files_are_the_names_of_keys() {
        let folder = std::env::temp_dir().join(format!("anabranch-keys-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(matches!(auth(&folder).read_keys(), Err(KeysError::Empty(_))));
        fs::write(folder.join("new.secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::write(folder.join(".hidden.secret"), "short").unwrap();
        fs::write(folder.join("README"), "about these keys").unwrap();
        assert!(auth(&folder).read_keys().is_ok());
        fs::write(folder.join("old.secret"), "short").unwrap();
        let error = auth(&folder).read_keys().unwrap_err().to_string();
        assert!(error.contains("\"old\"") && error.contains('5') && !error.contains("short"), "{error}");
        fs::remove_file(folder.join("old.secret")).unwrap();
        fs::write(folder.join("bad.pem"), "no key").unwrap();
        assert!(auth(&folder).read_keys().unwrap_err().to_string().contains("\"bad\""));
        fs::write(folder.join("bad.pem"), vec![b'x'; 20_000]).unwrap();
        assert!(auth(&folder).read_keys().unwrap_err().to_string().contains("bad.pem"));
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(auth(&folder).read_keys(), Err(KeysError::Unreadable { .. })));
    }
}
