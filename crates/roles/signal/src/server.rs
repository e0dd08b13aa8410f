//! TCP, TLS and HTTP, up to the WebSocket: who may come in, and how long that
//! may take.
//!
//! The accept loop is our own, on hyper: a time limit has to cover TLS and
//! header together, and a stranger who stalls must be the one who goes.

mod connection;
mod half_open;
mod origin;
mod peer;
mod places;
mod tls;
mod token;
mod upgrade;

use crate::{Config, context::Context};
use connection::Entrance;
use places::Places;
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{net::TcpListener, time::Instant};

pub(crate) use connection::Wire;

/// After a failed accept (out of file descriptors, mostly) the loop rests for
/// this long, or it would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often it is said that nobody can be accepted.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Why the node did not start: something in its config that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address to listen on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or key file.
    #[error("cannot use the {what} {}: {why}", path.display())]
    Tls {
        /// "certificate" or "key".
        what: &'static str,
        /// As configured.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The listener, running.
pub(crate) struct Server {
    address: SocketAddr,
}

impl Server {
    pub(crate) async fn start(
        config: &Config,
        context: Arc<Context>,
        pages: axum::Router,
    ) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(tls::Identity::read).transpose()?.map(Arc::new);
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let router = upgrade::router(&context, &config.allowed_origins, pages);
        let tasks = context.tasks.clone();
        if let Some(identity) = tls.clone() {
            let (stop, interval) = (context.stop.clone(), context.timing.certificates);
            tasks.spawn(async move {
                stop.run_until_cancelled(identity.keep_fresh(interval)).await;
            });
        }
        let places = Places::new(config.limits, config.pressure.clone());
        tasks.spawn(accept(listener, places, Arc::new(Entrance::new(context, router, tls))));
        Ok(Self { address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts until the node goes down.
async fn accept(listener: TcpListener, places: Places, entrance: Arc<Entrance>) {
    let mut complained = None;
    loop {
        let accepted = tokio::select! {
            () = entrance.stopped() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, from)) => match places.take(from.ip()) {
                Ok(place) => entrance.admit(socket, place),
                Err(why) => {
                    entrance.refused(why);
                    tracing::debug!(%from, ?why, "refused");
                }
            },
            Err(error) => {
                entrance.failed();
                if complained.is_none_or(|at: Instant| at.elapsed() >= COMPLAIN_EVERY) {
                    complained = Some(Instant::now());
                    tracing::warn!(%error, "nobody new can be accepted: are there too few file descriptors?");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
