//! One connection, for one request after the other.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::pending;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Fuse, FusedFuture as _};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Unanswered, chain};

/// HTTP/1.1 on a stream. It moves only while one of its methods is awaited.
pub struct Connection<B> {
    sender: SendRequest<B>,
    /// Reads and writes, until the connection is closed.
    io: Fuse<BoxFuture<'static, ()>>,
}

impl<B> Connection<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Begins on a stream that is open, and secured where it has to be.
    ///
    /// # Errors
    /// When the stream cannot be used.
    pub async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, Unanswered> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| broke(&e))?;
        // Why it ended, whoever waits for an answer hears as well.
        Ok(Self { sender, io: connection.map(drop).boxed().fuse() })
    }

    /// Sends a request, whose address is absolute, and waits for the head of its answer. The body of the answer
    /// before is to be read by then.
    ///
    /// # Errors
    /// When the connection breaks; then it is of no further use.
    pub async fn send(&mut self, mut request: Request<B>) -> Result<Response<Incoming>, Unanswered> {
        to_origin_form(&mut request).map_err(|error| Unanswered::new(request.uri(), error))?;
        let sender = &mut self.sender;
        let answer = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        beside(&mut self.io, answer).await.map_err(|error| broke(&error))
    }

    /// Reads the body of the answer.
    ///
    /// # Errors
    /// When the connection breaks or the body is longer; then the connection is of no further use.
    pub async fn read(&mut self, body: Incoming, max_bytes: usize) -> Result<Bytes, Unanswered> {
        let body = beside(&mut self.io, Limited::new(body, max_bytes).collect()).await;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|error| Unanswered::new("the answer", chain(&*error)))
    }

    /// Waits until the connection is closed. For one that has nothing to do.
    pub async fn closed(&mut self) {
        if !self.io.is_terminated() {
            (&mut self.io).await;
        }
    }
}

/// Does some work while the connection reads and writes.
async fn beside<T>(io: &mut Fuse<BoxFuture<'static, ()>>, work: impl Future<Output = T>) -> T {
    // The work is what counts: it also hears of a connection that broke.
    let drive = async {
        io.await;
        pending::<Infallible>().await
    };
    tokio::select! {
        done = work => done,
        never = drive => match never {},
    }
}

/// HTTP/1.1 names the host in a header and only the path in its first line (RFC 9112 section 3.2.1).
fn to_origin_form<B>(request: &mut Request<B>) -> Result<(), hyper::http::Error> {
    let uri = request.uri().clone();
    let host = uri.authority().map_or("", |authority| authority.as_str()).parse::<HeaderValue>()?;
    request.headers_mut().entry(HOST).or_insert(host);
    *request.uri_mut() = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    Ok(())
}

fn broke(error: &hyper::Error) -> Unanswered {
    Unanswered(chain(error))
}

impl<B> fmt::Debug for Connection<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}
