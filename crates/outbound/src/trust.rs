//! Whom a server is believed to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Authorities whose certificates are believed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

/// Why authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file with authorities.
    #[error("cannot use the certificate authority {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Those of the system.
    #[error("cannot use the certificate authorities of the system: {0}")]
    System(String),
    /// The TLS library takes no part of what it is set up with.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Trust {
    /// Trusts the authorities of a PEM file, or the system's. Reads files.
    ///
    /// # Errors
    /// Says which authorities are of no use, and why.
    pub fn load(ca: Option<&Path>) -> Result<Self, TrustError> {
        let authorities = ca.map_or_else(of_system, of_file)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

fn of_file(path: &Path) -> Result<RootCertStore, TrustError> {
    let wrong = |why: String| TrustError::File { path: path.to_owned(), why };
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() { Err(wrong("it holds no PEM certificate".to_owned())) } else { Ok(store) }
}

/// Single certificates of the system may be of a kind that nobody here can use; none at all is a fault.
fn of_system() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let why = found.errors.first().map(ToString::to_string);
        return Err(TrustError::System(why.unwrap_or_else(|| "there are no certificates".to_owned())));
    }
    Ok(store)
}
