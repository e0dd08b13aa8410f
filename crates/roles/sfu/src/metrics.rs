//! What an SFU counts, and what it can say of itself when somebody looks.

mod media;

pub use media::WorkerMetrics;

use std::sync::Arc;

use metrics::Calls;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rpc::metered::SFU_METHODS;

use crate::workers::Workers;

/// The numbers of one SFU. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// What signalling nodes ask.
    pub(crate) calls: Calls,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { calls: Calls::new("method", SFU_METHODS) }
    }
}

impl Metrics {
    /// Adds all of them to a registry.
    pub(crate) fn register(&self, registry: &mut Registry, workers: &Arc<Workers>) {
        self.calls.register(registry, "sfu_request", "Calls of signalling nodes");
        registry.register_collector(Box::new(Now(Arc::clone(workers))));
        registry.register_collector(Box::new(media::Media(Arc::clone(workers))));
    }
}

/// What is so at the moment of looking: nothing is counted twice for it.
#[derive(Debug)]
struct Now(Arc<Workers>);

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name, help, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let (streams, subscriptions) = self.0.directory.counts();
        let load = f64::from(*self.0.load.borrow()) / 100.0;
        let draining = f64::from(u8::from(self.0.life.is_draining()));
        gauge("sfu_streams", "Streams that this SFU has.", streams as f64)?;
        gauge("sfu_subscriptions", "Subscriptions that this SFU serves.", subscriptions as f64)?;
        gauge("sfu_load_ratio", "How loaded this SFU says it is: 0 idle, 1 full.", load)?;
        gauge("sfu_draining", "1 where this SFU takes no new streams.", draining)
    }
}
