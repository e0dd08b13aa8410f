//! How NATS is reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};

use crate::events::subscription::QUEUE;

/// A server that says nothing for this long is asked whether it is there, and after two such questions without
/// an answer left for another.
const PING_EVERY: Duration = Duration::from_secs(1);

/// How long connecting may take, TLS and login included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Subscriptions and messages on their way to the connection. Where it is full, because all rooms of a node
/// come while NATS is away or slow, a further one is an error.
const COMMANDS: usize = 65_536;

/// What goes before the subject on which this program hears itself: below the one permission that is needed.
const INBOX: &str = "anabranch.inbox";

/// Where NATS is, and who we are to it. At most one of name and password, token, and credentials.
#[derive(Clone, Default)]
pub struct NatsConfig {
    /// `nats://HOST:PORT` or `tls://HOST:PORT` of servers of one cluster.
    pub urls: Vec<String>,
    /// With a password.
    pub username: Option<String>,
    /// With a name.
    pub password: Option<String>,
    /// A token.
    pub token: Option<String>,
    /// A `.creds` file: a JWT and the seed of its key.
    pub credentials: Option<PathBuf>,
    /// The authority of the servers' certificates (PEM). Without one, those of the system count.
    pub ca: Option<PathBuf>,
    /// Our own certificate (PEM), for servers that ask for one.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// What is wrong with a [`NatsConfig`]; names the key of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NatsConfigError(String);

impl NatsConfigError {
    pub(super) fn of(error: &async_nats::ConnectError) -> Self {
        wrong("url", &error.to_string())
    }
}

/// A configuration that can be used.
pub(super) struct Plan {
    pub(super) servers: Vec<ServerAddr>,
    pub(super) options: ConnectOptions,
}

impl NatsConfig {
    /// Whether it can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), NatsConfigError> {
        self.plan().map(drop)
    }

    pub(super) fn plan(&self) -> Result<Plan, NatsConfigError> {
        if self.urls.is_empty() {
            return Err(wrong("url", "expected at least one address"));
        }
        let servers = self.urls.iter().map(|url| server(url)).collect::<Result<_, _>>()?;
        let options = self
            .certificates(self.login()?)?
            .name("anabranch")
            .retry_on_initial_connect()
            .ping_interval(PING_EVERY)
            .connection_timeout(CONNECT_TIMEOUT)
            .client_capacity(COMMANDS)
            .subscription_capacity(QUEUE)
            .custom_inbox_prefix(INBOX)
            .reconnect_delay_callback(pause);
        Ok(Plan { servers, options })
    }

    fn login(&self) -> Result<ConnectOptions, NatsConfigError> {
        let login = match (self.username.clone(), self.password.clone()) {
            (Some(name), Some(password)) => Some((name, password)),
            (None, None) => None,
            _ => return Err(wrong("username", "expected with nats.password, both or none")),
        };
        match (login, self.token.clone(), &self.credentials) {
            (None, None, None) => Ok(ConnectOptions::new()),
            (Some((name, password)), None, None) => {
                Ok(ConnectOptions::with_user_and_password(name, password))
            }
            (None, Some(token), None) => Ok(ConnectOptions::with_token(token)),
            (None, None, Some(path)) => {
                let text = read("credentials", path)?;
                ConnectOptions::with_credentials(&String::from_utf8_lossy(&text))
                    .map_err(|error| wrong("credentials", &format!("{}: {error}", path.display())))
            }
            _ => Err(wrong("username", "expected at most one of username, token and credentials")),
        }
    }

    /// The files are read anew for each connection, so they may be renewed.
    fn certificates(&self, mut options: ConnectOptions) -> Result<ConnectOptions, NatsConfigError> {
        if let Some(ca) = &self.ca {
            read("ca", ca)?;
            options = options.add_root_certificates(ca.clone());
        }
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                read("cert", cert)?;
                read("key", key)?;
                Ok(options.add_client_certificate(cert.clone(), key.clone()))
            }
            (None, None) => Ok(options),
            _ => Err(wrong("cert", "expected with nats.key, both or none")),
        }
    }
}

/// How long to wait before the next of so many attempts.
fn pause(attempts: usize) -> Duration {
    const LONGEST: Duration = Duration::from_secs(1);
    let doublings = u32::try_from(attempts.saturating_sub(2)).unwrap_or(u32::MAX).min(8);
    if attempts <= 1 { Duration::ZERO } else { Duration::from_millis(20 << doublings).min(LONGEST) }
}

fn wrong(key: &str, what: &str) -> NatsConfigError {
    NatsConfigError(format!("nats.{key}: {what}"))
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, NatsConfigError> {
    std::fs::read(path).map_err(|error| wrong(key, &format!("cannot read {}: {error}", path.display())))
}

fn server(url: &str) -> Result<ServerAddr, NatsConfigError> {
    let shape = || wrong("url", "expected nats://HOST:PORT or tls://HOST:PORT");
    let address: ServerAddr = url.parse().map_err(|_| shape())?;
    let known = ["nats://", "tls://"].iter().any(|scheme| url.starts_with(scheme));
    if known && !address.host().is_empty() { Ok(address) } else { Err(shape()) }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig")
            .field("servers", &self.urls.len())
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("credentials", &self.credentials)
            .field("ca", &self.ca)
            .field("cert", &self.cert)
            .field("key", &self.key)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &NatsConfig) -> String {
        config.check().map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let with = |url: &str| NatsConfig { urls: vec![url.into()], ..NatsConfig::default() };
        assert_eq!(said(&with("nats://127.0.0.1:4222")), "fine");
        assert_eq!(said(&with("tls://nats.example:4222")), "fine");
        for url in ["", "127.0.0.1:4222", "http://127.0.0.1:4222", "ws://127.0.0.1:1", "nats://"] {
            assert!(said(&with(url)).starts_with("nats.url: "), "{url}");
        }
        assert!(said(&NatsConfig::default()).starts_with("nats.url: "));
        let fine = with("nats://127.0.0.1:4222");
        let half = NatsConfig { password: Some("p".into()), ..fine.clone() };
        assert!(said(&half).starts_with("nats.username: "));
        let both = NatsConfig { username: Some("u".into()), token: Some("t".into()), ..half };
        assert!(said(&both).contains("at most one"));
        let missing = NatsConfig { credentials: Some("/no/such/file".into()), ..fine.clone() };
        assert!(said(&missing).starts_with("nats.credentials: cannot read"));
        let garbled = NatsConfig { credentials: Some("/dev/null".into()), ..fine };
        assert!(said(&garbled).starts_with("nats.credentials: "));
    }

    #[test]
    fn no_secret_is_shown() {
        let config = NatsConfig {
            urls: vec!["nats://u:secret@127.0.0.1:4222".into()],
            password: Some("secret".into()),
            token: Some("secret".into()),
            ..NatsConfig::default()
        };
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn the_pauses_grow_up_to_a_second() {
        assert_eq!(pause(1), Duration::ZERO);
        assert!(pause(2) < pause(3));
        assert_eq!(pause(usize::MAX), Duration::from_secs(1));
    }
}
