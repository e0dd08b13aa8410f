//! HTTP for the S3 client.
//!
//! Each request has a connection of its own. Recordings end now and then, so a pool would mostly hold connections
//! that the other side has closed.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::{Response, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use outbound::{Connection, Trust, connect, resolve, secure};
use tokio::time::timeout;

/// For one request with its answer: a part of a file needs some 70 kB/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Answers to uploads are short. A longer one is an error.
const MAX_ANSWER: usize = 1 << 20;

/// Why a request has no answer that is of use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    /// No connection, or it broke.
    #[error(transparent)]
    Unanswered(#[from] outbound::Unanswered),
    /// It took too long.
    #[error("the server has not answered in time")]
    Late,
    /// The address is `https`, and the endpoint was not.
    #[error("TLS is not set up")]
    NoTls,
    /// The server says no.
    #[error("the server answers {}: {text}", status.as_u16())]
    Answer { status: StatusCode, text: String },
}

/// The client. `trust` is for `https` addresses and there whenever the endpoint is one.
#[derive(Clone)]
pub(crate) struct Http {
    trust: Option<Trust>,
}

impl Http {
    pub(crate) fn new(trust: Option<Trust>) -> Self {
        Self { trust }
    }

    async fn request(&self, request: HttpRequest) -> Result<Response<Bytes>, RequestError> {
        let uri = request.uri();
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = connect(&resolve(&host, port).await?).await?;
        let mut connection = match (&self.trust, is_tls) {
            (Some(trust), true) => Connection::open(secure(trust, &host, stream).await?).await?,
            (_, false) => Connection::open(stream).await?,
            (None, true) => return Err(RequestError::NoTls),
        };
        let (head, body) = connection.send(request).await?.into_parts();
        Ok(Response::from_parts(head, connection.read(body, MAX_ANSWER).await?))
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
            Err(_) => Err(RequestError::Late),
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
