//! What gets in: the events that the filter lets through, and all spans from INFO up.
//! A trace lives in its spans, and goes through a node whatever that node logs.

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::{EnvFilter, Layer};

/// The filter of the whole process.
pub(crate) struct Gate(EnvFilter);

impl Gate {
    pub(crate) fn new(filter: EnvFilter) -> Self {
        Self(filter)
    }
}

fn is_trace_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO
}

impl<S: Subscriber> Layer<S> for Gate {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // The filter wants to know of every callsite, also of those it does not decide.
        let interest = Layer::<S>::register_callsite(&self.0, metadata);
        if is_trace_span(metadata) { Interest::always() } else { interest }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        is_trace_span(metadata) || self.0.enabled(metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint().map(|level| level.max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.on_close(id, context);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::Filter;

    /// Writes down the names of the spans and the levels of the events that it sees.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Seen {
        fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            self.0.lock().unwrap().push(attributes.metadata().name().to_owned());
        }
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(event.metadata().level().to_string());
        }
    }

    fn seen(filter: &str, log: impl FnOnce()) -> Vec<String> {
        let seen = Seen::default();
        let gate = Gate::new(Filter::parse(filter).unwrap().build());
        let subscriber = tracing_subscriber::registry().with(gate).with(seen.clone());
        tracing::subscriber::with_default(subscriber, log);
        let seen = seen.0.lock().unwrap();
        seen.clone()
    }

    fn log() {
        tracing::info_span!("request").in_scope(|| {
            tracing::debug_span!("detail").in_scope(|| tracing::info!("done"));
            tracing::error!("failed");
        });
    }

    #[test]
    fn spans_of_a_trace_get_in_whatever_is_logged() {
        assert_eq!(seen("error", log), ["request", "ERROR"]);
        assert_eq!(seen("off", log), ["request"]);
        assert_eq!(seen("debug", log), ["request", "detail", "INFO", "ERROR"]);
    }

    #[test]
    fn a_filter_for_one_span_still_works() {
        let log = || {
            for uid in ["eve", "bob"] {
                tracing::info_span!("session", uid).in_scope(|| tracing::debug!("a frame"));
            }
        };
        assert_eq!(seen("warn,[session{uid=bob}]=debug", log), ["session", "session", "DEBUG"]);
    }
}
