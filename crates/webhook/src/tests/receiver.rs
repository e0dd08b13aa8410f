//! A server that is told things, and answers as a test wants.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use servers::Tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) at: Instant,
}

impl Told {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn uid(&self) -> String {
        self.json()["uid"].as_str().unwrap().to_owned()
    }
}

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Status(u16),
    /// A status, and a header.
    With(u16, &'static str, &'static str),
    /// 200, and a body without end.
    Endless,
    /// Nothing at all.
    Never,
}

/// Ends with the runtime of its test.
pub(super) struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    inbox: Arc<Inbox>,
}

struct Inbox {
    requests: Mutex<Vec<Told>>,
    number: watch::Sender<usize>,
    connections: AtomicUsize,
    /// One for each request, and the last one for all further ones.
    replies: Vec<Reply>,
}

impl Receiver {
    pub(super) async fn start(replies: &[Reply]) -> Self {
        Self::serve(replies, None).await
    }

    pub(super) async fn with_tls(tls: &Tls) -> Self {
        let certificates = CertificateDer::pem_file_iter(tls.cert()).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(tls.key()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        Self::serve(&[Reply::Status(200)], Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(replies: &[Reply], tls: Option<TlsAcceptor>) -> Self {
        // Of all addresses, so that 127.0.0.2 leads here too.
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inbox = Inbox {
            requests: Mutex::default(),
            number: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
            replies: replies.to_vec(),
        };
        let inbox = Arc::new(inbox);
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(accept(listener, tls, Arc::clone(&inbox)));
        Self { address, scheme, inbox }
    }

    pub(super) fn url(&self) -> String {
        self.url_at("127.0.0.1")
    }

    pub(super) fn url_at(&self, host: &str) -> String {
        format!("{}://{host}:{}/hook?key=k-e-y", self.scheme, self.address.port())
    }

    /// The requests so far, once there are so many.
    pub(super) async fn requests(&self, number: usize) -> Vec<Told> {
        let mut changes = self.inbox.number.subscribe();
        let came = timeout(PATIENCE, changes.wait_for(|came| *came >= number)).await;
        let requests = self.so_far();
        assert!(came.is_ok(), "expected {number} requests, not {requests:?}");
        requests
    }

    pub(super) fn so_far(&self) -> Vec<Told> {
        self.inbox.requests.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.inbox.connections.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, inbox: Arc<Inbox>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        inbox.connections.fetch_add(1, Ordering::Relaxed);
        let (inbox, tls) = (Arc::clone(&inbox), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, inbox).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, inbox).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, inbox: Arc<Inbox>) {
    let service = service_fn(|request| answer(request, Arc::clone(&inbox)));
    // A client that goes away is part of some tests.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(
    request: Request<Incoming>,
    inbox: Arc<Inbox>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let request = Told {
        path: head.uri.to_string(),
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
        at: Instant::now(),
    };
    let number = {
        let mut requests = inbox.requests.lock().unwrap();
        requests.push(request);
        requests.len()
    };
    inbox.number.send_replace(number);
    let reply = inbox.replies.get(number - 1).or(inbox.replies.last()).unwrap();
    let answer = Response::builder();
    let empty = Empty::new().boxed();
    Ok(match *reply {
        Reply::Status(status) => answer.status(status).body(empty),
        Reply::With(status, name, value) => answer.status(status).header(name, value).body(empty),
        Reply::Endless => {
            let bytes = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b'x'; 1000]))));
            answer.body(StreamBody::new(bytes).boxed())
        }
        Reply::Never => std::future::pending().await,
    }
    .unwrap())
}
