//! The queue of finished spans.

use prost::Message as _;

use super::wire::Span;
use crate::Counters;
use crate::backlog::{Backlog, Weight};

/// Bytes of spans that wait for the collector. Overflow: the oldest are dropped and counted.
const LIMIT: usize = 8 * 1024 * 1024;

/// What keeping a span costs besides its bytes on the wire: our place in the queue, allocations.
const OVERHEAD: usize = 512;

impl Weight for Span {
    fn weight(&self) -> usize {
        self.encoded_len() + OVERHEAD
    }
}

/// Takes finished spans.
pub(crate) struct Spans {
    pub(super) backlog: Backlog<Span>,
    pub(super) counters: Counters,
    /// Traces below this are exported, by the lower 64 bits of their ids.
    below: u128,
}

impl Spans {
    pub(super) fn new(share: f64, counters: Counters) -> Self {
        // 1 is one more than any of them.
        let below = (share * 2f64.powi(64)) as u128;
        let backlog = Backlog::new(LIMIT, counters.otlp_level().clone());
        Self { backlog, counters, below }
    }

    /// Whether a trace of this id is exported: all nodes that are asked answer alike.
    pub(crate) fn wants(&self, trace: u128) -> bool {
        trace & u128::from(u64::MAX) < self.below
    }

    /// Never waits.
    pub(crate) fn push(&self, span: Span) {
        self.lost(self.backlog.push(span));
    }

    pub(super) fn lost(&self, spans: u64) {
        self.counters.otlp_lost().add(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_nodes_choose_the_same_traces() {
        let half = Spans::new(0.5, Counters::default());
        assert!(half.wants(1 << 100 | u128::from(u64::MAX / 4)));
        assert!(!half.wants(1 << 100 | u128::from(u64::MAX / 4 * 3)));
        assert!(Spans::new(1.0, Counters::default()).wants(u128::MAX));
        assert!(!Spans::new(0.0, Counters::default()).wants(1 << 64));
    }

    #[test]
    fn spans_that_nobody_takes_have_a_bound() {
        let spans = Spans::new(1.0, Counters::default());
        let span =
            |id: u64| Span { span_id: id.to_be_bytes().to_vec(), name: "x".repeat(4096), ..Span::default() };
        let many = 2 * (LIMIT / span(0).weight()) as u64;
        (0..many).for_each(|id| spans.push(span(id)));
        let kept: Vec<Span> = std::iter::from_fn(|| spans.backlog.take(usize::MAX)).collect();
        assert!(kept.iter().map(Weight::weight).sum::<usize>() <= LIMIT);
        assert_eq!(kept.len() as u64 + spans.counters.otlp_dropped(), many);
        assert_eq!(kept.last().unwrap().span_id, (many - 1).to_be_bytes());
    }
}
