//! The sections of a cluster: how nodes reach each other, and the three servers between them.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use rpc::tls::TlsFiles;

use super::error::ConfigError;
use super::layers::Layers;

/// Redis has 16 databases, unless it is told to have more.
const MAX_DB: i64 = 255;

/// How the other nodes reach this one.
#[derive(Debug)]
pub struct Rpc {
    /// The address of the gRPC services.
    pub listen: SocketAddr,
    /// `HOST:PORT` that the others are told; `None`: derived from `listen`.
    pub advertise: Option<String>,
    /// With them: mutual TLS.
    pub tls: Option<TlsFiles>,
}

/// Where the nodes announce themselves.
#[derive(Debug)]
pub struct Etcd {
    /// Its endpoints, `http://HOST:PORT` or `https://…`.
    pub addrs: Vec<String>,
    /// Who we are to it.
    pub login: Option<Login>,
    /// With `https`.
    pub tls: PeerTls,
}

/// What carries the rooms' events.
#[derive(Debug)]
pub struct Nats {
    /// Its servers, `nats://HOST:PORT` or `tls://…`.
    pub urls: Vec<String>,
    /// Who we are to it.
    pub login: NatsLogin,
    /// The certificates, where it uses TLS.
    pub tls: PeerTls,
}

/// The ways to log in at NATS.
#[derive(Debug)]
pub enum NatsLogin {
    /// None needed.
    Nobody,
    /// By name and password.
    Login(Login),
    /// By a token.
    Token(Secret),
    /// By a credentials file (JWT and seed).
    Credentials(PathBuf),
}

/// Where the rooms are kept.
#[derive(Debug)]
pub struct Redis {
    /// Its servers, or the sentinels, `redis://HOST:PORT` or `rediss://…`.
    pub addrs: Vec<String>,
    /// The name of the user, where it has several.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub db: u8,
    /// How the servers work together.
    pub kind: RedisKind,
    /// The authority of its certificates, with `rediss`.
    pub ca: Option<PathBuf>,
}

/// How the servers of Redis work together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisKind {
    /// There is one.
    Single,
    /// Sentinels know the master of this name.
    Sentinel(String),
    /// A Redis Cluster.
    Cluster,
}

/// A name and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// The certificates for a server that we call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerTls {
    /// The authority of its certificates.
    pub ca: Option<PathBuf>,
    /// Our own certificate and key, for a server that asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Text that stands in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For the one who has to send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Layers {
    pub(super) fn rpc(&self) -> Result<Rpc, ConfigError> {
        const S: &str = "rpc";
        let files = (self.path(S, "cert")?, self.path(S, "key")?, self.path(S, "ca")?);
        let tls = match files {
            (Some(cert), Some(key), Some(ca)) => Some(TlsFiles { cert, key, ca }),
            (None, None, None) => None,
            _ => return Err(self.all_or_none(S, &["cert", "key", "ca"])),
        };
        let listen = self.listen(S, "listen")?;
        let secure = tls.is_some();
        let advertise = self.optional(S, "advertise", |layers, _, _| layers.advertised(secure))?;
        Ok(Rpc { listen, advertise, tls })
    }

    pub(super) fn etcd(&self) -> Result<Option<Etcd>, ConfigError> {
        const S: &str = "etcd";
        self.optional(S, "addrs", |layers, _, _| {
            let addrs = layers.servers(S, "addrs", &["http", "https"], "http://127.0.0.1:2379")?;
            let tls = layers.peer_tls(S)?;
            let plain = addrs.iter().any(|addr| addr.starts_with("http:"));
            match (&tls.ca, plain) {
                (Some(_), true) => Err(layers.without(S, "ca", "addrs", "https")),
                (None, _) if tls.identity.is_some() => Err(layers.alone(S, "cert", "ca")),
                (None, _) if addrs.iter().any(|addr| addr.starts_with("https:")) => {
                    Err(layers.wrong(S, "addrs", "etcd.ca with https addresses, which is not set"))
                }
                _ => Ok(Etcd { addrs, login: layers.login(S)?, tls }),
            }
        })
    }

    pub(super) fn nats(&self) -> Result<Option<Nats>, ConfigError> {
        const S: &str = "nats";
        self.optional(S, "url", |layers, _, _| {
            let urls = layers.servers(S, "url", &["nats", "tls"], "nats://127.0.0.1:4222")?;
            let token = layers.secret(S, "token")?;
            let login = match (layers.login(S)?, token, layers.path(S, "credentials")?) {
                (None, None, None) => NatsLogin::Nobody,
                (Some(login), None, None) => NatsLogin::Login(login),
                (None, Some(token), None) => NatsLogin::Token(token),
                (None, None, Some(file)) => NatsLogin::Credentials(file),
                _ => return Err(layers.only_one_of(S, &["username", "token", "credentials"])),
            };
            Ok(Nats { urls, login, tls: layers.peer_tls(S)? })
        })
    }

    pub(super) fn redis(&self) -> Result<Option<Redis>, ConfigError> {
        const S: &str = "redis";
        self.optional(S, "addrs", |layers, _, _| {
            let addrs = layers.servers(S, "addrs", &["redis", "rediss"], "redis://127.0.0.1:6379")?;
            let sentinel = layers.optional(S, "sentinel_master", Layers::text)?;
            let kind = match (sentinel, layers.flag(S, "cluster")?) {
                (None, false) => RedisKind::Single,
                (Some(master), false) => RedisKind::Sentinel(master),
                (None, true) => RedisKind::Cluster,
                (Some(_), true) => return Err(layers.only_one_of(S, &["sentinel_master", "cluster"])),
            };
            let db = layers.number(S, "db", 0..=MAX_DB)? as u8;
            if db != 0 && kind == RedisKind::Cluster {
                return Err(layers.wrong(S, "db", "0, the only database that Redis Cluster has"));
            }
            let ca = layers.path(S, "ca")?;
            if ca.is_some() && addrs.iter().any(|addr| addr.starts_with("redis:")) {
                return Err(layers.without(S, "ca", "addrs", "rediss"));
            }
            let username = layers.optional(S, "username", Layers::text)?;
            let password = layers.secret(S, "password")?;
            if username.is_some() && password.is_none() {
                return Err(layers.alone(S, "username", "password"));
            }
            Ok(Redis { addrs, username, password, db, kind, ca })
        })
    }

    fn login(&self, section: &'static str) -> Result<Option<Login>, ConfigError> {
        let username = self.optional(section, "username", Layers::text)?;
        match (username, self.secret(section, "password")?) {
            (Some(username), Some(password)) => Ok(Some(Login { username, password })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.alone(section, "username", "password")),
            (None, Some(_)) => Err(self.alone(section, "password", "username")),
        }
    }

    fn peer_tls(&self, section: &'static str) -> Result<PeerTls, ConfigError> {
        let identity = match (self.path(section, "cert")?, self.path(section, "key")?) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => return Err(self.alone(section, "cert", "key")),
            (None, Some(_)) => return Err(self.alone(section, "key", "cert")),
        };
        Ok(PeerTls { ca: self.path(section, "ca")?, identity })
    }

    pub(super) fn secret(
        &self,
        section: &'static str,
        key: &'static str,
    ) -> Result<Option<Secret>, ConfigError> {
        self.optional(section, key, |layers, section, key| layers.text(section, key).map(Secret))
    }
}
