//! What the operator decides.

use std::path::PathBuf;
use std::time::Duration;

use crate::signature::{InvalidSecret, Secret};
use crate::url::{HookUrl, InvalidUrl};

/// URLs that there may be: each has a queue, a connection and metrics of its own.
pub const MAX_URLS: usize = 16;

/// Where things are told, and how.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) urls: Vec<HookUrl>,
    pub(crate) secret: Secret,
    /// Whether URLs may lead to addresses that are not public: loopback, private networks and the like.
    pub allow_private: bool,
    /// PEM file: who signs the certificates of `https` URLs. Default: the system's authorities.
    pub ca: Option<PathBuf>,
    /// How long things take at most, and how often they are tried.
    pub timings: Timings,
}

/// How long things take at most, and how often they are tried.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// One attempt, from the lookup of the host's name to the head of the answer.
    pub attempt: Duration,
    /// The shortest wait before another attempt. It is doubled with each failure in a row, and up to as much again is
    /// added at random.
    pub first_delay: Duration,
    /// The longest wait, also where the receiver asks for a longer one.
    pub last_delay: Duration,
    /// Attempts of one delivery.
    pub attempts: u32,
    /// After this time no further attempt of a delivery begins.
    pub give_up: Duration,
}

impl Default for Timings {
    /// Waits of half a second to a minute make 17 attempts in some 10 minutes.
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            first_delay: Duration::from_millis(500),
            last_delay: Duration::from_secs(60),
            attempts: 17,
            give_up: Duration::from_secs(600),
        }
    }
}

/// What is wrong with what the operator decided. Shows neither URLs nor the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is nowhere to tell anything.
    #[error("no webhook URL is given")]
    NoUrl,
    /// There are too many URLs.
    #[error("{0} webhook URLs are given, expected at most {MAX_URLS}")]
    TooManyUrls(usize),
    /// A URL is of no use.
    #[error("webhook URL {number} {why}")]
    Url {
        /// Which, from 1.
        number: usize,
        /// Why.
        why: InvalidUrl,
    },
    /// A URL stands there twice: its receiver would be told everything twice.
    #[error("webhook URL {0} is there already")]
    Twice(usize),
    /// The secret is of no use.
    #[error("the webhook secret {0}")]
    Secret(#[from] InvalidSecret),
}

impl Config {
    /// Checks the URLs and the secret. Everything else is as it is by default: no private addresses, the system's
    /// authorities.
    ///
    /// # Errors
    /// Says what is wrong with which of them.
    pub fn new<U: AsRef<str>>(urls: &[U], secret: &[u8]) -> Result<Self, ConfigError> {
        match urls.len() {
            0 => return Err(ConfigError::NoUrl),
            1..=MAX_URLS => {}
            many => return Err(ConfigError::TooManyUrls(many)),
        }
        let mut found = Vec::with_capacity(urls.len());
        for (number, url) in (1..).zip(urls) {
            let url = HookUrl::parse(url.as_ref()).map_err(|why| ConfigError::Url { number, why })?;
            if found.contains(&url) {
                return Err(ConfigError::Twice(number));
            }
            found.push(url);
        }
        let secret = Secret::new(secret)?;
        Ok(Self { urls: found, secret, allow_private: false, ca: None, timings: Timings::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a-secret-of-tests";

    fn why(urls: &[&str], secret: &[u8]) -> String {
        Config::new(urls, secret).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_named() {
        let urls: Vec<String> = (0..=MAX_URLS).map(|n| format!("http://{n}.example/")).collect();
        assert_eq!(why(&[], SECRET), "no webhook URL is given");
        assert_eq!(Config::new(&urls, SECRET).unwrap_err(), ConfigError::TooManyUrls(17));
        assert_eq!(why(&["http://a/", "http://b/", "http://A"], SECRET), "webhook URL 3 is there already");
        assert_eq!(
            why(&["http://a/", "ftp://b/"], SECRET),
            "webhook URL 2 has another scheme, expected http or https"
        );
        assert_eq!(why(&["http://a/"], b"short"), "the webhook secret has 5 bytes, expected 16 to 1024");
    }

    #[test]
    fn neither_the_secret_nor_a_key_in_a_url_is_shown() {
        let shown = format!("{:?}", Config::new(&["https://a.example/k-e-y?k-e-y"], SECRET).unwrap());
        assert!(shown.contains("https://a.example:443"), "{shown}");
        assert!(!shown.contains("k-e-y") && !shown.contains("secret-of"), "{shown}");
    }
}
