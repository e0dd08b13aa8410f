//! A register as a whole: its service, its sweeper, and what both count.

use std::future::Future;
use std::sync::Arc;

use cluster::{Events, Store};
use prometheus_client::registry::Registry;
use rpc::metered::Metered;
use rpc::proto::register_server::RegisterServer;

use crate::departures::{Departures, Listener};
use crate::metrics::Metrics;
use crate::service::Service;
use crate::sweeper;

/// A register over a store and the events. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub struct Register(Departures);

impl Register {
    /// A register that does nothing by itself yet.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, events: Arc<dyn Events>) -> Self {
        Self(Departures { store, events, metrics: Metrics::default(), listener: None })
    }

    /// Has somebody hear of each change that this register makes.
    #[must_use]
    pub fn with_listener(self, listener: Option<Listener>) -> Self {
        Self(Departures { listener, ..self.0 })
    }

    /// Its gRPC service.
    #[must_use]
    pub fn service(&self) -> Metered<RegisterServer<Service>> {
        let service = rpc::server::register(Service::new(self.0.clone()));
        Metered::new(service, self.0.metrics.calls.clone())
    }

    /// Takes out who and what fell silent, until `shutdown` is ready. Any number of registers may sweep the same
    /// store.
    pub async fn sweep(self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = sweeper::run(&self.0) => {}
        }
    }

    /// Adds what it counts to a registry, under names that begin with `register_`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
    }
}
