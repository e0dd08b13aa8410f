//! The server's identity, read from its files.

use super::StartError;
use crate::Tls;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{fmt::Display, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// Reads both files and checks that they belong together.
pub(super) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, StartError> {
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
