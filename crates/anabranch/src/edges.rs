//! The servers between the nodes of a cluster, as the wiring hands them in: chosen here, or by a test.

use std::sync::Arc;

use cluster::{
    Discovery, EtcdConfig, EtcdConfigError, EtcdDiscovery, Events, NatsConfig, NatsConfigError, NatsEvents,
    RedisConfig, RedisConfigError, RedisStore, Store,
};
use model::room::limits::RoomLimits;

use crate::config::{Etcd, Login, Nats, NatsLogin, PeerTls, Redis, RedisKind, Secret};
use crate::ops::Need;

/// A server, and how to tell whether it is there.
pub struct Edge<T: ?Sized> {
    /// What the roles see of it.
    pub server: Arc<T>,
    /// What the operator sees of it.
    pub need: Need,
}

/// A server that cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// etcd.
    #[error(transparent)]
    Etcd(#[from] EtcdConfigError),
    /// NATS.
    #[error(transparent)]
    Nats(#[from] NatsConfigError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] RedisConfigError),
}

impl Edge<dyn Discovery> {
    /// Where the nodes announce themselves.
    #[must_use]
    pub fn discovery(server: Arc<dyn Discovery>) -> Self {
        let asked = Arc::clone(&server);
        Self { server, need: Need::new("etcd", move || asked.healthy()) }
    }
}

impl Edge<dyn Events> {
    /// What carries the rooms' events.
    #[must_use]
    pub fn events(server: Arc<dyn Events>) -> Self {
        let asked = Arc::clone(&server);
        Self { server, need: Need::new("nats", move || asked.healthy()) }
    }
}

impl Edge<dyn Store> {
    /// Where the rooms are kept.
    #[must_use]
    pub fn store(server: Arc<dyn Store>) -> Self {
        let asked = Arc::clone(&server);
        Self { server, need: Need::new("redis", move || asked.healthy()) }
    }
}

/// The nodes that are alive, in etcd.
pub(crate) fn etcd(config: &Etcd) -> Result<Edge<dyn Discovery>, EdgeError> {
    let (username, password) = login(config.login.as_ref());
    let (ca, cert, key) = files(&config.tls);
    let endpoints = config.addrs.clone();
    let config = EtcdConfig { endpoints, username, password, ca, cert, key };
    Ok(Edge::discovery(Arc::new(EtcdDiscovery::connect(&config)?)))
}

/// The rooms' events, over NATS.
pub(crate) async fn nats(config: &Nats) -> Result<Edge<dyn Events>, EdgeError> {
    let (ca, cert, key) = files(&config.tls);
    let mut nats = NatsConfig { urls: config.urls.clone(), ca, cert, key, ..NatsConfig::default() };
    match &config.login {
        NatsLogin::Nobody => {}
        NatsLogin::Login(both) => (nats.username, nats.password) = login(Some(both)),
        NatsLogin::Token(token) => nats.token = Some(token.reveal().to_owned()),
        NatsLogin::Credentials(file) => nats.credentials = Some(file.clone()),
    }
    Ok(Edge::events(Arc::new(NatsEvents::connect(&nats).await?)))
}

/// The rooms, in Redis.
pub(crate) fn redis(config: &Redis, limits: RoomLimits) -> Result<Edge<dyn Store>, EdgeError> {
    let sentinel_master = match &config.kind {
        RedisKind::Sentinel(master) => Some(master.clone()),
        RedisKind::Single | RedisKind::Cluster => None,
    };
    let config = RedisConfig {
        addrs: config.addrs.clone(),
        username: config.username.clone(),
        password: config.password.as_ref().map(Secret::reveal).map(str::to_owned),
        db: Some(i64::from(config.db)),
        sentinel_master,
        cluster: config.kind == RedisKind::Cluster,
        ca: config.ca.clone(),
    };
    Ok(Edge::store(Arc::new(RedisStore::connect(&config)?.with_limits(limits))))
}

fn login(login: Option<&Login>) -> (Option<String>, Option<String>) {
    login.map(|login| (login.username.clone(), login.password.reveal().to_owned())).unzip()
}

type Files = (Option<std::path::PathBuf>, Option<std::path::PathBuf>, Option<std::path::PathBuf>);

/// Authority, certificate and key.
fn files(tls: &PeerTls) -> Files {
    let (cert, key) = tls.identity.clone().unzip();
    (tls.ca.clone(), cert, key)
}
