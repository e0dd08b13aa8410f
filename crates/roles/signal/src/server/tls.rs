//! The server's identity, read from its files, and read again when they have changed: certificates are renewed every
//! few weeks, and nobody should have to restart a server for that.

use super::StartError;
use crate::Tls;
use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    fmt::Display,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio_rustls::TlsAcceptor;

/// The identity of now.
pub(super) struct Identity {
    files: Tls,
    acceptor: RwLock<TlsAcceptor>,
}

impl Identity {
    pub(super) fn read(files: &Tls) -> Result<Self, StartError> {
        Ok(Self { files: files.clone(), acceptor: RwLock::new(acceptor(files)?) })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().clone()
    }

    /// Looks at the files so often. What cannot be used, or is half written, changes nothing.
    pub(super) async fn keep_fresh(self: Arc<Self>, interval: Duration) {
        let mut read = self.stamps();
        loop {
            tokio::time::sleep(interval).await;
            let now = self.stamps();
            if now == read {
                continue;
            }
            match acceptor(&self.files) {
                Ok(acceptor) => {
                    *self.acceptor.write() = acceptor;
                    read = now;
                    tracing::info!(certificate = %self.files.cert.display(), "the certificate was read anew");
                }
                Err(error) => tracing::warn!(%error, "the certificate stays as it is"),
            }
        }
    }

    /// By what a change is seen.
    fn stamps(&self) -> [Option<(SystemTime, u64)>; 2] {
        let stamp = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        [stamp(&self.files.cert), stamp(&self.files.key)]
    }
}

/// Reads both files and checks that they belong together.
fn acceptor(tls: &Tls) -> Result<TlsAcceptor, StartError> {
    let cert_error = |why: &dyn Display| StartError::Tls {
        what: "certificate",
        path: tls.cert.clone(),
        why: why.to_string(),
    };
    let key_error =
        |why: &dyn Display| StartError::Tls { what: "key", path: tls.key.clone(), why: why.to_string() };

    let chain = CertificateDer::pem_file_iter(&tls.cert).map_err(|error| cert_error(&error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| cert_error(&error))?;
    if chain.is_empty() {
        return Err(cert_error(&"it holds no PEM certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| key_error(&error))?;

    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| key_error(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| key_error(&format_args!("it does not fit the certificate: {error}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
