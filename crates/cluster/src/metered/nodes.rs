//! How many nodes discovery knows.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::{Discovery, NodeInfo, Role};

/// The nodes of each role, counted when somebody looks.
struct Nodes([(Role, watch::Receiver<Arc<[NodeInfo]>>); 3]);

pub(super) fn register(discovery: &dyn Discovery, registry: &mut Registry) {
    let roles = [Role::Signal, Role::Register, Role::Sfu];
    registry.register_collector(Box::new(Nodes(roles.map(|role| (role, discovery.watch(role))))));
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nodes")
    }
}

impl Collector for Nodes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Nodes that this node knows, by role; `draining`: whether they take nothing new.";
        let mut family = encoder.encode_descriptor("discovery_nodes", help, None, MetricType::Gauge)?;
        for (role, nodes) in &self.0 {
            let nodes = nodes.borrow();
            for draining in [false, true] {
                let number = nodes.iter().filter(|node| node.draining == draining).count();
                let labels = [("role", role.as_str()), ("draining", if draining { "true" } else { "false" })];
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                ConstGauge::new(number).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
