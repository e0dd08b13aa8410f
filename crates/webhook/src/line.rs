//! The way to one URL: a connection that is kept as long as it is of use.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use outbound::{Connection, Trust, connect, resolve, secure};
use tokio::time::{sleep, timeout};

use crate::answer::Outcome;
use crate::public_address::special;
use crate::url::HookUrl;

/// Answers are of no interest; a short one is read, so that the connection can be used again.
const MAX_ANSWER: usize = 4096;
/// The time for that.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// A connection without work is closed after this, so that a host's new address is noticed.
const KEEP: Duration = Duration::from_secs(60);

type Post = Request<Full<Bytes>>;

/// One URL, and the connection to it, if there is one.
pub(crate) struct Line {
    url: HookUrl,
    /// There for `https`.
    trust: Option<Trust>,
    allow_private: bool,
    kept: Option<Connection<Full<Bytes>>>,
}

impl Line {
    pub(crate) fn new(url: HookUrl, trust: Option<Trust>, allow_private: bool) -> Self {
        Self { url, trust, allow_private, kept: None }
    }

    pub(crate) fn url(&self) -> &HookUrl {
        &self.url
    }

    /// Makes one attempt.
    pub(crate) async fn post(&mut self, request: Post, within: Duration) -> Outcome {
        match timeout(within, self.exchange(request)).await {
            Ok(Ok((connection, answer))) => self.settle(connection, answer).await,
            Ok(Err(outcome)) => outcome,
            Err(_) => Outcome::TimedOut,
        }
    }

    /// Looks after the connection while there is nothing to send. Never ends.
    pub(crate) async fn idle(&mut self) {
        if let Some(connection) = &mut self.kept {
            tokio::select! {
                () = connection.closed() => {}
                () = sleep(KEEP) => {}
            }
            self.kept = None;
        }
        std::future::pending::<()>().await;
    }

    async fn exchange(
        &mut self,
        request: Post,
    ) -> Result<(Connection<Full<Bytes>>, Response<Incoming>), Outcome> {
        // One that was kept may be closed by the other side at any moment, and that says nothing of the receiver.
        if let Some(mut connection) = self.kept.take()
            && let Ok(answer) = connection.send(request.clone()).await
        {
            return Ok((connection, answer));
        }
        let mut connection = self.dial().await?;
        let answer = connection.send(request).await?;
        Ok((connection, answer))
    }

    /// The connection is made to an address that was looked at, and the name not resolved again: whoever answers for it
    /// could say something else the second time. One address that is not public is enough to refuse them all.
    async fn dial(&mut self) -> Result<Connection<Full<Bytes>>, Outcome> {
        let host = self.url.host().to_string();
        let addresses = resolve(&host, self.url.port()).await?;
        if !self.allow_private {
            let found = addresses.iter().find_map(|address| Some((address.ip(), special(address.ip())?)));
            if let Some((address, what)) = found {
                return Err(Outcome::Forbidden { address, what });
            }
        }
        let stream = connect(&addresses).await?;
        Ok(match &self.trust {
            Some(trust) => Connection::open(secure(trust, &host, stream).await?).await?,
            None => Connection::open(stream).await?,
        })
    }

    async fn settle(
        &mut self,
        mut connection: Connection<Full<Bytes>>,
        answer: Response<Incoming>,
    ) -> Outcome {
        let (head, body) = answer.into_parts();
        let read = timeout(ANSWER_WITHIN, connection.read(body, MAX_ANSWER)).await;
        if matches!(read, Ok(Ok(_))) {
            self.kept = Some(connection);
        }
        Outcome::of(head.status, &head.headers)
    }
}
