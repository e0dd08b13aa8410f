//! One TCP connection, from accept until it is a WebSocket or gone.

use super::{
    half_open::{HalfOpen, Pending},
    places::Place,
    tls::Identity,
};
use crate::{context::Context, metrics::Refused};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header::STRICT_TRANSPORT_SECURITY},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, future::Future, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep, timeout, timeout_at},
};
use tower::Service;

/// What a WebSocket runs on.
pub(crate) type Wire = TokioIo<Upgraded>;

/// The request line and all headers. Browsers stay below 4 KiB; hyper answers
/// 431 beyond.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Headers of one request. hyper answers 431 beyond.
const MAX_HEADERS: usize = 64;

/// A connection that fetches pages ends after this long, whatever it is doing:
/// nobody reads a page this slowly in good faith.
const HTTP_LIFETIME: Duration = Duration::from_secs(60);

/// Browsers that were here over TLS do not come without it.
const A_YEAR: &str = "max-age=31536000";

/// The rest of an answer, when the connection is to end.
const HTTP_FAREWELL: Duration = Duration::from_secs(1);

/// Everything that an accepted connection needs.
pub(super) struct Entrance {
    context: Arc<Context>,
    router: axum::Router,
    tls: Option<Arc<Identity>>,
    half_open: HalfOpen,
}

impl Entrance {
    pub(super) fn new(context: Arc<Context>, router: axum::Router, tls: Option<Arc<Identity>>) -> Self {
        let half_open = HalfOpen::new(context.limits.half_open);
        Self { context, router, tls, half_open }
    }

    pub(super) fn stopped(&self) -> impl Future<Output = ()> {
        self.context.stop.cancelled()
    }

    pub(super) fn refused(&self, why: Refused) {
        self.context.metrics.refused(why);
    }

    /// A connection could not be accepted.
    pub(super) fn failed(&self) {
        self.context.metrics.accepts_failed.inc();
    }

    pub(super) fn admit(self: &Arc<Self>, socket: TcpStream, place: Place) {
        let entrance = Arc::clone(self);
        self.context.tasks.spawn(async move { entrance.serve(socket, place).await });
    }

    async fn serve(&self, socket: TcpStream, place: Place) {
        // Answers and notifications are small and must not wait for one another.
        let _ = socket.set_nodelay(true);
        let pending = self.half_open.enter();
        let evicted = pending.evicted();
        tokio::select! {
            () = evicted => {
                self.refused(Refused::HalfOpen);
                tracing::debug!("closed: too many half-open connections");
            }
            () = self.shake_hands(socket, place, pending) => {}
        }
    }

    async fn shake_hands(&self, socket: TcpStream, place: Place, pending: Pending) {
        let deadline = Instant::now() + self.context.timing.handshake;
        let Some(tls) = &self.tls else { return self.http(socket, deadline, place, pending).await };
        match timeout_at(deadline, tls.acceptor().accept(socket)).await {
            Ok(Ok(stream)) => return self.http(stream, deadline, place, pending).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
        self.refused(Refused::Tls);
    }

    async fn http<S>(&self, stream: S, deadline: Instant, place: Place, pending: Pending)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let answer = service_fn(|request| self.answer(request, &place, &pending));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(deadline.saturating_duration_since(Instant::now()))
            .max_buf_size(MAX_HEADER_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "HTTP connection failed");
                }
                return;
            }
            () = self.stopped() => {}
            () = sleep(HTTP_LIFETIME) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(HTTP_FAREWELL, connection).await;
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        place: &Place,
        pending: &Pending,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        pending.done();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(place.clone());
        let mut router = self.router.clone();
        let secure = self.tls.is_some();
        async move {
            let mut response = router.call(request).await?;
            if secure {
                response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(A_YEAR));
            }
            Ok(response)
        }
    }
}
