//! Certificates for a test: an authority, a server on loopback, and a client.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use crate::Folder;

/// PEM files in a temporary folder, all signed by one authority made for this test.
#[derive(Debug)]
pub struct Tls {
    folder: Folder,
}

impl Tls {
    /// Makes an authority, a certificate for 127.0.0.1 and localhost, and one for a client whose
    /// common name is `root`.
    pub fn generate() -> Self {
        let folder = Folder::new("tls");
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&key).expect("an authority");
        folder.write("ca.pem", &certificate.pem());
        let issuer = Issuer::new(authority, key);
        let tls = Self { folder };
        tls.issue(&issuer, "server", "localhost");
        tls.issue(&issuer, "client", "root");
        tls
    }

    fn issue(&self, issuer: &Issuer<'_, KeyPair>, file: &str, name: &str) {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).expect("plain names");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        // Servers are each other's clients in a cluster.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, issuer).expect("a certificate");
        self.folder.write(&format!("{file}.pem"), &certificate.pem());
        self.folder.write(&format!("{file}.key"), &key.serialize_pem());
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The server's certificate.
    pub fn cert(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The server's key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// A client's certificate.
    pub fn client_cert(&self) -> PathBuf {
        self.folder.join("client.pem")
    }

    /// A client's key.
    pub fn client_key(&self) -> PathBuf {
        self.folder.join("client.key")
    }
}
