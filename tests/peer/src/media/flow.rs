//! When packets came: the spans of time without a pause, from which the longest pause can be told,
//! also over several connections that carried the same media one after the other.

use std::time::{Duration, Instant};

/// Packets closer together than this belong to one span, and a shorter pause is none: audio comes every
/// 20 ms, video every 33.
pub const PAUSE: Duration = Duration::from_millis(40);
/// Spans kept; with more than these the oldest are forgotten.
const MAX_SPANS: usize = 10_000;

/// Spans of time in which packets came.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    spans: Vec<(Instant, Instant)>,
}

impl Flow {
    /// The flow of several connections taken together.
    pub fn merged(flows: impl IntoIterator<Item = Self>) -> Self {
        let mut spans: Vec<_> = flows.into_iter().flat_map(|flow| flow.spans).collect();
        spans.sort_unstable();
        let mut merged = Self::default();
        for (start, end) in spans {
            merged.add_span(start, end);
        }
        merged
    }

    /// The longest time without a packet between two instants, the time to the first packet and from
    /// the last one included.
    pub fn longest_pause(&self, from: Instant, to: Instant) -> Duration {
        let mut last = from;
        let mut longest = Duration::ZERO;
        for (start, end) in self.spans.iter().filter(|(start, end)| *end >= from && *start <= to) {
            longest = longest.max(start.saturating_duration_since(last));
            last = last.max(*end);
        }
        longest.max(to.saturating_duration_since(last))
    }

    pub(super) fn add(&mut self, now: Instant) {
        self.add_span(now, now);
    }

    fn add_span(&mut self, start: Instant, end: Instant) {
        match self.spans.last_mut() {
            Some((_, last)) if start <= *last + PAUSE => *last = (*last).max(end),
            _ => {
                if self.spans.len() >= MAX_SPANS {
                    self.spans.remove(0);
                }
                self.spans.push((start, end));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(start: Instant, millis: impl IntoIterator<Item = u64>) -> Flow {
        let mut flow = Flow::default();
        for at in millis {
            flow.add(start + Duration::from_millis(at));
        }
        flow
    }

    #[test]
    fn tells_the_longest_pause_in_a_window() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let flow = flow(start, [0, 20, 40, 340, 360, 960, 980]);
        assert_eq!(flow.longest_pause(at(0), at(980)), Duration::from_millis(600));
        assert_eq!(flow.longest_pause(at(0), at(365)), Duration::from_millis(300));
        assert_eq!(flow.longest_pause(at(980), at(2_000)), Duration::from_millis(1_020));
    }

    #[test]
    fn what_one_connection_misses_another_may_have() {
        let start = Instant::now();
        let first = flow(start, (0..300).step_by(20));
        let second = flow(start, (200..1_000).step_by(20));
        let both = Flow::merged([second, first]);
        let pause = both.longest_pause(start, start + Duration::from_millis(980));
        assert!(pause <= PAUSE, "{pause:?}");
    }

    #[test]
    fn nothing_at_all_is_one_pause() {
        let start = Instant::now();
        let pause = Flow::default().longest_pause(start, start + Duration::from_secs(3));
        assert_eq!(pause, Duration::from_secs(3));
    }
}
