//! How etcd is reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// How long connecting may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection with a call under way and no answer is asked for a sign of life this often. etcd takes more
/// than one such question in 5 s for an attack (`--grpc-keepalive-min-time`).
const PING_EVERY: Duration = Duration::from_secs(10);

/// Without a sign of life for so long the connection is given up, so that the next one may be tried.
const PING_PATIENCE: Duration = Duration::from_secs(3);

/// Where etcd is, and who we are to it.
#[derive(Clone, Default)]
pub struct EtcdConfig {
    /// `http://HOST:PORT` or `https://HOST:PORT` of each member.
    pub endpoints: Vec<String>,
    /// With a password, where etcd has authentication on.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// The authority of etcd's certificates (PEM), for `https`.
    pub ca: Option<PathBuf>,
    /// Our own certificate (PEM), for an etcd that asks for one.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// What is wrong with an [`EtcdConfig`]; names the key of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EtcdConfigError(String);

impl EtcdConfigError {
    pub(super) fn no_address() -> Self {
        wrong("addrs", "expected at least one address")
    }
}

/// A name and its password.
pub(super) struct Login {
    pub(super) name: String,
    pub(super) password: String,
}

/// A configuration that can be used.
pub(super) struct Plan {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) login: Option<Login>,
}

impl EtcdConfig {
    /// Whether it can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), EtcdConfigError> {
        self.plan().map(drop)
    }

    pub(super) fn plan(&self) -> Result<Plan, EtcdConfigError> {
        if self.endpoints.is_empty() {
            return Err(EtcdConfigError::no_address());
        }
        let tls = self.tls()?;
        let endpoints = self.endpoints.iter().map(|address| endpoint(address, tls.as_ref()));
        Ok(Plan { endpoints: endpoints.collect::<Result<_, _>>()?, login: self.login()? })
    }

    fn login(&self) -> Result<Option<Login>, EtcdConfigError> {
        match (self.username.clone(), self.password.clone()) {
            (Some(name), Some(password)) => Ok(Some(Login { name, password })),
            (None, None) => Ok(None),
            _ => Err(wrong("username", "expected with etcd.password, both or none")),
        }
    }

    fn tls(&self) -> Result<Option<ClientTlsConfig>, EtcdConfigError> {
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(Identity::from_pem(read("cert", cert)?, read("key", key)?)),
            (None, None) => None,
            _ => return Err(wrong("cert", "expected with etcd.key, both or none")),
        };
        let Some(ca) = &self.ca else {
            return match identity {
                Some(_) => Err(wrong("cert", "expected with etcd.ca")),
                None => Ok(None),
            };
        };
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("ca", ca)?));
        Ok(Some(match identity {
            Some(identity) => tls.identity(identity),
            None => tls,
        }))
    }
}

fn wrong(key: &str, what: &str) -> EtcdConfigError {
    EtcdConfigError(format!("etcd.{key}: {what}"))
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, EtcdConfigError> {
    std::fs::read(path).map_err(|error| wrong(key, &format!("cannot read {}: {error}", path.display())))
}

fn endpoint(address: &str, tls: Option<&ClientTlsConfig>) -> Result<Endpoint, EtcdConfigError> {
    let shape = || wrong("addrs", &format!("{address}: expected http://HOST:PORT or https://HOST:PORT"));
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| shape())?;
    if endpoint.uri().port_u16().is_none() || endpoint.uri().path() != "/" {
        return Err(shape());
    }
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE);
    match (endpoint.uri().scheme_str(), tls) {
        (Some("http"), None) => Ok(endpoint),
        (Some("https"), Some(tls)) => endpoint
            .tls_config(tls.clone())
            .map_err(|error| wrong("ca", &format!("the certificates cannot be used: {error:?}"))),
        (Some("http"), Some(_)) => Err(wrong("ca", "expected with https addresses")),
        (Some("https"), None) => Err(wrong("addrs", "https addresses need etcd.ca")),
        _ => Err(shape()),
    }
}

impl fmt::Debug for EtcdConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdConfig")
            .field("endpoints", &self.endpoints)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("ca", &self.ca)
            .field("cert", &self.cert)
            .field("key", &self.key)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &EtcdConfig) -> String {
        config.check().map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let with = |endpoint: &str| EtcdConfig { endpoints: vec![endpoint.into()], ..EtcdConfig::default() };
        assert_eq!(said(&with("http://127.0.0.1:2379")), "fine");
        for address in ["", "127.0.0.1:2379", "http://127.0.0.1", "ftp://127.0.0.1:1", "http://a:1/x"] {
            assert!(said(&with(address)).starts_with("etcd.addrs: "), "{address}");
        }
        assert!(said(&with("https://127.0.0.1:2379")).contains("etcd.ca"));
        assert!(said(&EtcdConfig::default()).starts_with("etcd.addrs: "));
        let fine = with("http://127.0.0.1:2379");
        let half = EtcdConfig { username: Some("root".into()), ..fine.clone() };
        assert!(said(&half).starts_with("etcd.username: "));
        let missing = EtcdConfig { ca: Some("/no/such/file".into()), ..fine };
        assert!(said(&missing).starts_with("etcd.ca: cannot read"));
    }

    #[test]
    fn no_password_is_shown() {
        let config = EtcdConfig { password: Some("secret".into()), ..EtcdConfig::default() };
        assert!(!format!("{config:?}").contains("secret"));
    }
}
