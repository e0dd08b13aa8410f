//! The numbers of a node: everything that its parts count, and what the system says of its process.

pub(crate) mod logs;
mod process;
pub(crate) mod uploads;

use std::sync::Arc;

use model::NodeId;
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::config::Program;

/// What the names of the parts' metrics begin with.
const PREFIX: &str = "anabranch";

/// The registry of one node. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(Arc<Mutex<Registry>>);

impl Numbers {
    /// What a node has whatever it does.
    pub(crate) fn of(program: Program, id: &NodeId, dc: &str) -> Self {
        let mut registry = Registry::default();
        process::register(&mut registry);
        let numbers = Self(Arc::new(Mutex::new(registry)));
        numbers.add(|registry| {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            let (role, node, dc) = (program.to_string(), id.to_string(), dc.to_owned());
            let labels = vec![("version", version), ("role", role), ("node", node), ("dc", dc)];
            registry.register("build", "What runs here", Info::new(labels));
            process::register_runtime(registry);
            logs::register(registry);
        });
        numbers
    }

    /// Has a part add its own.
    pub(crate) fn add<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(self.0.lock().sub_registry_with_prefix(PREFIX))
    }

    /// All of them, in the OpenMetrics text format.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0.lock())?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
