//! One connection, for one request.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Response, Uri};
use hyper_util::rt::TokioIo;
use object_store::client::HttpRequest;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{RequestError, unanswered};

/// For each address of the host, and for the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers to uploads are short. A longer one is an error.
const MAX_ANSWER: usize = 1 << 20;

pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, RequestError> {
    let what = || format!("{host}:{port}");
    let lookup = timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((host, port))).await;
    let addresses = lookup.map_err(|error| unanswered(what(), error))?;
    let mut last = unanswered(what(), "the name has no address");
    for address in addresses.map_err(|error| unanswered(what(), error))? {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = unanswered(what(), error),
            Err(error) => last = unanswered(what(), error),
        }
    }
    Err(last)
}

pub(super) async fn handshake(
    tls: &Arc<ClientConfig>,
    host: String,
    stream: TcpStream,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static + use<>, RequestError> {
    let name = ServerName::try_from(host.clone()).map_err(|error| unanswered(&host, error))?;
    let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    let done = timeout(CONNECT_TIMEOUT, handshake).await.map_err(|error| unanswered(&host, error))?;
    done.map_err(|error| unanswered(host, error))
}

pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    mut request: HttpRequest,
) -> Result<Response<Bytes>, RequestError> {
    let uri = request.uri().clone();
    let broke = |error: hyper::Error| unanswered(uri.authority().map_or("", |a| a.as_str()), chain(&error));
    to_origin_form(&mut request, &uri).map_err(|error| unanswered(&uri, error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let answer = async { collect(sender.send_request(request).await.map_err(broke)?).await };
    // The answer is what counts: it also hears of a connection that broke.
    let drive = async {
        drop(connection.await);
        pending::<Infallible>().await
    };
    tokio::select! {
        answer = answer => answer,
        never = drive => match never {},
    }
}

/// HTTP/1.1 names the host in a header and only the path in its first line (RFC 9112 section 3.2.1).
fn to_origin_form(request: &mut HttpRequest, uri: &Uri) -> Result<(), hyper::http::Error> {
    let host =
        uri.authority().map_or("", |authority| authority.as_str()).parse::<hyper::header::HeaderValue>()?;
    request.headers_mut().entry(hyper::header::HOST).or_insert(host);
    *request.uri_mut() = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    Ok(())
}

async fn collect(answer: Response<Incoming>) -> Result<Response<Bytes>, RequestError> {
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    let body = body.map_err(|error| unanswered("the answer", chain(&*error)))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
