//! Finished spans to an OpenTelemetry collector, in the background.

use std::path::PathBuf;

use tonic::codegen::http::Uri;

mod collector;
mod export;
mod span;
mod spans;
mod wire;

pub(crate) use export::{Exporter, start};
pub(crate) use span::OpenSpan;
pub(crate) use spans::Spans;

/// Where spans go.
#[derive(Debug, Clone, PartialEq)]
pub struct Otlp {
    /// The collector's OTLP address for gRPC: `http://HOST:PORT` or `https://HOST:PORT`, usually 4317.
    pub endpoint: String,
    /// PEM file, with https: who signed the collector's certificate. `None`: the system's authorities.
    pub ca: Option<PathBuf>,
    /// The share of the traces begun here that is exported: 0 none, 1 all.
    pub share: f64,
}

/// The settings for the traces cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOtlp {
    /// The address is none.
    #[error("{:?} is no address such as \"http://127.0.0.1:4317\"", without_user(.0))]
    Endpoint(String),
    /// An authority is given for an address without TLS.
    #[error("a certificate authority needs an https address")]
    CaWithoutTls,
    /// The share is no share.
    #[error("{0} is no share from 0 to 1")]
    Share(f64),
    /// The authority's file cannot be read.
    #[error("{path}: {error}")]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error("{0}")]
    Tls(tonic::transport::Error),
}

impl Otlp {
    /// Looks at everything that can be known without a network or a file.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn check(&self) -> Result<(), InvalidOtlp> {
        let uri: Option<Uri> = self.endpoint.parse().ok();
        let good = |uri: &Uri| {
            let host = uri.authority().is_some_and(|host| !host.as_str().contains('@'));
            host && matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.path() == "/"
                && uri.query().is_none()
        };
        let Some(uri) = uri.filter(good) else {
            return Err(InvalidOtlp::Endpoint(self.endpoint.clone()));
        };
        if self.ca.is_some() && uri.scheme_str() != Some("https") {
            return Err(InvalidOtlp::CaWithoutTls);
        }
        if (0.0..=1.0).contains(&self.share) { Ok(()) } else { Err(InvalidOtlp::Share(self.share)) }
    }
}

/// An address as it may be shown: what stands before the host may be a password.
fn without_user(address: &str) -> String {
    let Some((before, host)) = address.rsplit_once('@') else { return address.to_owned() };
    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn otlp(endpoint: &str) -> Otlp {
        Otlp { endpoint: endpoint.into(), ca: None, share: 1.0 }
    }

    #[test]
    fn settings_are_looked_at() {
        for good in ["http://127.0.0.1:4317", "https://collector.example.org/", "http://[::1]:4317"] {
            assert!(otlp(good).check().is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:4317", "grpc://a:1", "http://", "http://a/v1/traces", "http://me:pw@a:1"] {
            assert!(matches!(otlp(bad).check(), Err(InvalidOtlp::Endpoint(_))), "{bad}");
        }
        let told = otlp("http://me:p@w@a:1").check().unwrap_err().to_string();
        assert!(told.contains("\"http://a:1\"") && !told.contains("me"), "{told}");
        let ca = Otlp { ca: Some("ca.pem".into()), ..otlp("http://a:1") };
        assert!(matches!(ca.check(), Err(InvalidOtlp::CaWithoutTls)));
        for bad in [-0.1, 1.1, f64::NAN] {
            let otlp = Otlp { share: bad, ..otlp("http://a:1") };
            assert!(matches!(otlp.check(), Err(InvalidOtlp::Share(_))), "{bad}");
        }
    }
}
