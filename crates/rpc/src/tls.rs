//! Mutual TLS between the nodes of a cluster: whoever has a certificate of the cluster's own authority is a
//! node of it, and nobody else is spoken to.
//!
//! Every certificate carries the one name [`SERVER_NAME`], whatever address its node has: addresses come from
//! discovery and change, while what a certificate has to prove is membership.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The DNS name that each node's certificate carries.
pub const SERVER_NAME: &str = "anabranch";

/// HTTP/2 over TLS (RFC 9113 section 3.2).
const ALPN: &[u8] = b"h2";

/// The files of a node's identity, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The node's certificate chain, its own first.
    pub cert: PathBuf,
    /// The private key of it: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// The authorities that sign the nodes' certificates.
    pub ca: PathBuf,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the {what} {}: {why}", path.display())]
pub struct TlsError {
    /// "certificate", "key" or "certificate authority".
    what: &'static str,
    path: PathBuf,
    why: String,
}

/// A node's identity, and whom it takes for another node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files, once: a renewed certificate needs a new start.
    ///
    /// # Errors
    /// Names the file and what is wrong with it, also where the others would not take this certificate.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let ca = |why: &dyn Display| TlsError::new("certificate authority", &files.ca, why);
        let cert = |why: &dyn Display| TlsError::new("certificate", &files.cert, why);
        let key = |why: &dyn Display| TlsError::new("key", &files.key, why);
        let unfit = |why: &dyn Display| key(&format_args!("it does not fit the certificate: {why}"));

        let authorities = authorities(&files.ca)?;
        let chain = certificates("certificate", &files.cert)?;
        let clients = client_verifier(&authorities, &provider).map_err(|error| ca(&error))?;
        check_own(&chain, &authorities, &provider, &*clients).map_err(|error| cert(&error))?;
        let secret = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| key(&error))?;

        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| unfit(&error))?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), secret.clone_key())
            .map_err(|error| unfit(&error))?;
        server.alpn_protocols = vec![ALPN.to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| unfit(&error))?
            .with_root_certificates(authorities)
            .with_client_auth_cert(chain, secret)
            .map_err(|error| unfit(&error))?;
        client.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self { client: Arc::new(client), server: Arc::new(server) })
    }
}

impl TlsError {
    fn new(what: &'static str, path: &Path, why: &dyn Display) -> Self {
        Self { what, path: path.to_owned(), why: why.to_string() }
    }
}

/// The name that certificates are checked for.
pub(crate) fn server_name() -> Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError> {
    ServerName::try_from(SERVER_NAME)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| TlsError::new(what, path, &error))?;
    if found.is_empty() {
        return Err(TlsError::new(what, path, &"it holds no PEM certificate"));
    }
    Ok(found)
}

fn authorities(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    const WHAT: &str = "certificate authority";
    let mut store = RootCertStore::empty();
    for certificate in certificates(WHAT, path)? {
        store.add(certificate).map_err(|error| TlsError::new(WHAT, path, &error))?;
    }
    Ok(Arc::new(store))
}

fn client_verifier(
    authorities: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::server::VerifierBuilderError> {
    WebPkiClientVerifier::builder_with_provider(Arc::clone(authorities), Arc::clone(provider)).build()
}

/// The other nodes check the same: better to hear of it at the start, in one place.
fn check_own(
    chain: &[CertificateDer<'static>],
    authorities: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
    clients: &dyn ClientCertVerifier,
) -> Result<(), Box<dyn std::error::Error>> {
    let Some((own, intermediates)) = chain.split_first() else { return Ok(()) };
    let servers =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(authorities), Arc::clone(provider)).build()?;
    servers.verify_server_cert(own, intermediates, &server_name()?, &[], UnixTime::now())?;
    clients.verify_client_cert(own, intermediates, UnixTime::now())?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod authority;
#[cfg(test)]
mod tests;
