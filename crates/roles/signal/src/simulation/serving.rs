//! A gRPC server that every site reaches over a network of its own, which may be cut, and that dies.

use super::{
    gate::{Gate, Gates},
    pipe::Pipe,
};
use futures_util::StreamExt;
use rpc::channel::{Dialer, InProcess};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::Server};

/// Where calls come from: a signalling node, or the SFUs together.
#[derive(Clone, Default)]
pub(super) struct Site {
    pub(super) in_process: InProcess,
    /// Shut while nothing gets from here to the others or back.
    pub(super) cut: Gate,
}

impl Site {
    pub(super) fn dialer(&self) -> Dialer {
        Dialer::new(self.in_process.clone())
    }
}

/// A server while it lives. Dropping it breaks all its connections.
pub(super) struct Serving(CancellationToken);

impl Serving {
    pub(super) async fn start(name: &str, routes: &Routes, standstill: &Gate, sites: &[Site]) -> Self {
        let death = CancellationToken::new();
        for site in sites {
            let incoming = loop {
                match site.in_process.listen(name) {
                    Ok(incoming) => break incoming,
                    // The one before is still dying.
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            };
            let (dies, pipes) = (death.clone(), death.clone());
            let incoming = incoming.map(move |pipe| pipe.map(|pipe| Pipe::new(pipe, &pipes)));
            let mut server =
                Server::builder().timeout(rpc::DEADLINE).layer(Gates([site.cut.clone(), standstill.clone()]));
            let server = server.add_routes(routes.clone()).serve_with_incoming(incoming);
            tokio::spawn(dies.run_until_cancelled_owned(server));
        }
        Self(death)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
