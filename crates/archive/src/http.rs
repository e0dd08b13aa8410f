//! HTTP for the S3 client, made of what the server has anyway: hyper, and rustls with its one crypto library.
//!
//! Each request has a connection of its own. Recordings end now and then, so a pool would mostly hold connections
//! that the other side has closed; and what is dropped here leaves nothing running.

mod connection;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::{Response, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use rustls::ClientConfig;
use tokio::time::timeout;

use connection::{connect, exchange, handshake};

/// For one request with its answer: a part of a file needs some 70 kB/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a request has no answer that is of use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    /// No connection, or it broke, or it took too long.
    #[error("{0}")]
    Unanswered(String),
    /// The server says no.
    #[error("the server answers {}: {text}", status.as_u16())]
    Answer { status: StatusCode, text: String },
}

/// The client. `tls` is for `https` addresses and there whenever the endpoint is one.
#[derive(Clone)]
pub(crate) struct Http {
    tls: Option<Arc<ClientConfig>>,
}

impl Http {
    pub(crate) fn new(tls: Option<Arc<ClientConfig>>) -> Self {
        Self { tls }
    }

    async fn request(&self, request: HttpRequest) -> Result<Response<Bytes>, RequestError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_tls = uri.scheme_str() == Some("https");
        let stream = connect(&host, uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 })).await?;
        match (&self.tls, is_tls) {
            (Some(tls), true) => exchange(handshake(tls, host, stream).await?, request).await,
            (_, false) => exchange(stream, request).await,
            (None, true) => Err(unanswered("TLS is not set up for", &uri)),
        }
    }
}

impl HttpConnector for Http {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = match timeout(REQUEST_TIMEOUT, self.request(request)).await {
            Ok(answer) => answer.and_then(check),
            Err(_) => Err(RequestError::Unanswered("the server has not answered in time".to_owned())),
        };
        // Of this kind nothing is tried again below us: that is the queue's work.
        answer
            .map(|answer| answer.map(Into::into))
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))
    }
}

fn check(answer: Response<Bytes>) -> Result<Response<Bytes>, RequestError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    Err(RequestError::Answer { status, text: explain(status, &String::from_utf8_lossy(answer.body())) })
}

/// An S3 error is a short XML document; of anything else the reason phrase is enough.
fn explain(status: StatusCode, body: &str) -> String {
    let part = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text.chars().take(200).collect::<String>())
    };
    match (part("Code"), part("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => status.canonical_reason().unwrap_or("no reason given").to_owned(),
    }
}

fn unanswered(what: impl fmt::Display, why: impl fmt::Display) -> RequestError {
    RequestError::Unanswered(format!("{what}: {why}"))
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_s3_says_is_kept_short() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>";
        assert_eq!(explain(StatusCode::NOT_FOUND, xml), "NoSuchBucket: gone");
        assert_eq!(explain(StatusCode::BAD_GATEWAY, "<html>"), "Bad Gateway");
        let long = format!("<Code>X</Code><Message>{}</Message>", "m".repeat(10_000));
        assert!(explain(StatusCode::BAD_REQUEST, &long).len() < 300);
    }
}
