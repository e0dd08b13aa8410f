//! Where Redis is: what stands in the configuration, and what it means.

use std::fmt;
use std::path::PathBuf;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates,
};

/// Addresses in a configuration: those of a large cluster's masters, or of all its sentinels.
const MAX_ADDRESSES: usize = 64;

/// Where Redis is and how to get in.
#[derive(Clone, Default)]
pub struct RedisConfig {
    /// `redis://[USER:PASSWORD@]HOST:PORT[/DB]`, or `rediss://` with TLS. Of one server, of a cluster's nodes,
    /// or of the sentinels where [`sentinel_master`](Self::sentinel_master) is set.
    pub addrs: Vec<String>,
    /// For the servers, not the sentinels. Goes before what an address says.
    pub username: Option<String>,
    /// For the servers, not the sentinels. Goes before what an address says.
    pub password: Option<String>,
    /// The number of the database. Goes before what an address says.
    pub db: Option<i64>,
    /// The name by which the sentinels know the master.
    pub sentinel_master: Option<String>,
    /// Whether it is a Redis Cluster.
    pub cluster: bool,
    /// The file with the certificates of those who may have signed the servers' (PEM). Without it those that the
    /// machine trusts.
    pub ca: Option<PathBuf>,
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses may have passwords in them.
        f.debug_struct("RedisConfig")
            .field("addrs", &self.addrs.len())
            .field("sentinel_master", &self.sentinel_master)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a configuration: names the key, and repeats no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("redis.{key}: {what}")]
pub struct RedisConfigError {
    key: &'static str,
    what: String,
}

fn wrong(key: &'static str, what: impl Into<String>) -> RedisConfigError {
    RedisConfigError { key, what: what.into() }
}

/// What a configuration comes to.
#[derive(Clone)]
pub(super) struct Plan {
    /// How to reach each address.
    pub(super) addrs: Vec<ConnectionInfo>,
    /// How to get into a server whose address is learnt only later.
    pub(super) settings: RedisConnectionInfo,
    pub(super) sentinel_master: Option<String>,
    pub(super) cluster: bool,
}

impl RedisConfig {
    /// Says what is wrong with it, if anything. Does not connect.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), RedisConfigError> {
        self.plan().map(drop)
    }

    pub(super) fn plan(&self) -> Result<Plan, RedisConfigError> {
        if self.addrs.is_empty() {
            return Err(wrong("addrs", "is not set, expected at least one redis://HOST:PORT"));
        }
        if self.addrs.len() > MAX_ADDRESSES {
            return Err(wrong("addrs", format!("has {}, at most {MAX_ADDRESSES}", self.addrs.len())));
        }
        if self.cluster && self.sentinel_master.is_some() {
            return Err(wrong("sentinel_master", "a Redis Cluster (redis.cluster) has no sentinels"));
        }
        let ca = self.read_ca()?;
        let addrs = self.addrs.iter().enumerate().map(|(at, addr)| address(at, addr, ca.as_deref()));
        let addrs = addrs.collect::<Result<Vec<_>, _>>()?;
        let settings = self.settings(addrs.first());
        if self.cluster && settings.db() != 0 {
            return Err(wrong("db", "a Redis Cluster has database 0 only"));
        }
        if settings.db() < 0 {
            return Err(wrong("db", "is negative"));
        }
        Ok(Plan { addrs, settings, sentinel_master: self.sentinel_master.clone(), cluster: self.cluster })
    }

    fn read_ca(&self) -> Result<Option<Vec<u8>>, RedisConfigError> {
        let Some(path) = &self.ca else { return Ok(None) };
        let pem = std::fs::read(path)
            .map_err(|error| wrong("ca", format!("{} cannot be read: {error}", path.display())))?;
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(wrong("ca", format!("{} has no certificate (PEM) in it", path.display())));
        }
        Ok(Some(pem))
    }

    fn settings(&self, first: Option<&ConnectionInfo>) -> RedisConnectionInfo {
        // What stands in the addresses of sentinels is for the sentinels.
        let of_addr = first.filter(|_| self.sentinel_master.is_none());
        let mut settings = of_addr.map(|info| info.redis_settings().clone()).unwrap_or_default();
        settings = settings.set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        if let Some(db) = self.db {
            settings = settings.set_db(db);
        }
        settings
    }
}

fn address(at: usize, addr: &str, ca: Option<&[u8]>) -> Result<ConnectionInfo, RedisConfigError> {
    let expected = "expected redis://HOST:PORT or rediss://HOST:PORT";
    let number = at + 1;
    let info = addr.into_connection_info().map_err(|error| {
        wrong(
            "addrs",
            format!("number {number} is none ({}), {expected}", error.detail().unwrap_or("malformed")),
        )
    })?;
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    let info = info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    match (info.addr(), ca) {
        (ConnectionAddr::TcpTls { insecure: true, .. }, _) => {
            Err(wrong("addrs", format!("number {number} asks for TLS without checks, which there is not")))
        }
        (ConnectionAddr::TcpTls { .. }, Some(pem)) => {
            let trusted = TlsCertificates { client_tls: None, root_cert: Some(pem.to_vec()) };
            let client =
                Client::build_with_tls(info, trusted).map_err(|error| wrong("ca", error.to_string()))?;
            Ok(client.get_connection_info().clone())
        }
        (ConnectionAddr::Tcp(..), Some(_)) => {
            Err(wrong("ca", format!("is for TLS, but number {number} of redis.addrs is not rediss://")))
        }
        (ConnectionAddr::TcpTls { .. } | ConnectionAddr::Tcp(..), None) => Ok(info),
        _ => Err(wrong("addrs", format!("number {number} is no address in a network, {expected}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(addrs: &[&str]) -> RedisConfig {
        RedisConfig { addrs: addrs.iter().map(|addr| (*addr).to_owned()).collect(), ..RedisConfig::default() }
    }

    fn complaint(config: &RedisConfig) -> String {
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn what_is_usable_is_taken() {
        let config = of(&["redis://user:secret@localhost:7000/3", "rediss://[::1]:7001"]);
        let plan = config.plan().map_err(|error| error.to_string()).map(|plan| plan.settings);
        let settings = plan.unwrap();
        assert_eq!((settings.db(), settings.password()), (3, Some("secret")));
        let over = RedisConfig { password: Some("other".to_owned()), db: Some(1), ..config };
        let settings = over.plan().map_err(|error| error.to_string()).map(|plan| plan.settings).unwrap();
        assert_eq!(
            (settings.db(), settings.username(), settings.password()),
            (1, Some("user"), Some("other"))
        );
        assert!(!format!("{over:?}").contains("secret"));
    }

    #[test]
    fn a_complaint_names_the_key_and_repeats_no_password() {
        assert!(complaint(&of(&[])).starts_with("redis.addrs: is not set"));
        for addr in [
            "localhost:6379",
            "http://:secret@localhost",
            "redis://:secret@",
            "redis://:secret@h/x",
            "unix:///x",
        ] {
            let said = complaint(&of(&["redis://localhost", addr]));
            assert!(said.starts_with("redis.addrs: number 2 ") && !said.contains("secret"), "{said}");
        }
        let cluster = RedisConfig { cluster: true, ..of(&["redis://localhost"]) };
        let with_db = RedisConfig { db: Some(1), ..cluster.clone() };
        assert!(complaint(&with_db).starts_with("redis.db: "));
        let with_sentinels = RedisConfig { sentinel_master: Some("m".to_owned()), ..cluster };
        assert!(complaint(&with_sentinels).starts_with("redis.sentinel_master: "));
        let no_file = RedisConfig { ca: Some("/nowhere.pem".into()), ..of(&["rediss://localhost"]) };
        assert!(complaint(&no_file).starts_with("redis.ca: /nowhere.pem "));
    }
}
