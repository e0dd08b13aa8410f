//! Counts what goes through the ports, whatever is behind them.

mod events;
mod nodes;
mod store;

use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::{Discovery, Events, Store};

/// The same store, with its calls counted: `store_call`, and whatever the backend has to say of itself.
pub fn store(inner: Arc<dyn Store>, registry: &mut Registry) -> Arc<dyn Store> {
    inner.register_metrics(registry);
    store::Metered::new(inner, registry)
}

/// The same events, counted: `events_`, and whatever the backend has to say of itself.
pub fn events(inner: Arc<dyn Events>, registry: &mut Registry) -> Arc<dyn Events> {
    inner.register_metrics(registry);
    events::Metered::new(inner, registry)
}

/// The nodes that discovery knows, by role: `discovery_nodes`, and whatever the backend has to say of itself.
pub fn discovery(inner: &dyn Discovery, registry: &mut Registry) {
    inner.register_metrics(registry);
    nodes::register(inner, registry);
}

#[cfg(test)]
mod tests;
