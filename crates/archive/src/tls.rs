//! Whom an `https` endpoint is believed to be.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::OpenError;

/// Trusts the authorities of a PEM file, or the system's.
pub(crate) fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>, OpenError> {
    let authorities = match ca {
        Some(path) => from_file(path)?,
        None => from_system()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Client(error.to_string()))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn from_file(path: &Path) -> Result<RootCertStore, OpenError> {
    let wrong = |why: String| OpenError::Authority { path: path.display().to_string(), why };
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() { Err(wrong("it holds no PEM certificate".to_owned())) } else { Ok(store) }
}

/// Single certificates of the system may be of a kind that nobody here can use; none at all is a fault.
fn from_system() -> Result<RootCertStore, OpenError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let why =
            found.errors.first().map_or_else(|| "there are no certificates".to_owned(), ToString::to_string);
        return Err(OpenError::Authority { path: "of the system".to_owned(), why });
    }
    Ok(store)
}
