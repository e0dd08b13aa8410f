//! Calls by method and result, and how long they took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::{CANCELLED, OK, UNKNOWN};

/// The upper bounds of the buckets, in seconds. A call within a machine takes half a millisecond, one over the
/// network a few; 3 s is what a client waits at most.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0];

type Label = (&'static str, &'static str);

/// Counters and latencies of calls. Cheap to clone; every clone is the same. A call that worked costs some
/// atomic adds and one lock that nobody holds for long.
#[derive(Clone, Debug)]
pub struct Calls {
    label: &'static str,
    known: Arc<[Known]>,
    results: Family<[Label; 2], Counter>,
    took: Family<[Label; 1], Histogram, fn() -> Histogram>,
}

/// A method that the program knows, with what most calls of it need.
#[derive(Debug)]
struct Known {
    name: &'static str,
    ok: Counter,
    took: Histogram,
}

impl Calls {
    /// Calls of these methods; `label` is what a method is called here. All others count as [`UNKNOWN`].
    #[must_use]
    pub fn new(label: &'static str, methods: &[&'static str]) -> Self {
        let results = Family::<[Label; 2], Counter>::default();
        let took: Family<[Label; 1], _, _> = Family::new_with_constructor(histogram as fn() -> Histogram);
        let known = |&name: &&'static str| Known {
            name,
            ok: results.get_or_create_owned(&[(label, name), ("result", OK)]),
            took: took.get_or_create_owned(&[(label, name)]),
        };
        let known = methods.iter().map(known).collect();
        Self { label, known, results, took }
    }

    /// A call was over after so long, and this came of it.
    pub fn count(&self, method: &str, result: &'static str, took: Duration) {
        self.note(self.find(method), result, took);
    }

    /// A call was refused before anybody looked at it. It took no time that would say anything of the others.
    pub fn refuse(&self, method: &str, result: &'static str) {
        let known = self.find(method).and_then(|index| self.known.get(index));
        let name = known.map_or(UNKNOWN, |known| known.name);
        self.results.get_or_create(&[(self.label, name), ("result", result)]).inc();
    }

    /// A call begins. It ends with what is returned, at the latest when that is dropped.
    #[must_use]
    pub fn begin(&self, method: &str) -> Running {
        Running { method: self.find(method), calls: self.clone(), began: Instant::now(), over: false }
    }

    /// How many calls of a method ended like this so far.
    #[must_use]
    pub fn of(&self, method: &'static str, result: &'static str) -> u64 {
        let labels = [(self.label, method), ("result", result)];
        self.results.get(&labels).map_or(0, |counter| counter.get())
    }

    /// Adds them to a registry. `name` is one call, such as `store_call`; `what` names many for people.
    pub fn register(&self, registry: &mut Registry, name: &str, what: &str) {
        let help = format!("{what} by {} and result", self.label);
        registry.register(format!("{name}s"), help, self.results.clone());
        let help = format!("How long {what} took, by {}", self.label);
        let name = format!("{name}_duration");
        registry.register_with_unit(name, help, Unit::Seconds, self.took.clone());
    }

    fn find(&self, method: &str) -> Option<usize> {
        self.known.iter().position(|known| known.name == method)
    }

    fn note(&self, method: Option<usize>, result: &'static str, took: Duration) {
        let known = method.and_then(|index| self.known.get(index));
        let name = known.map_or(UNKNOWN, |known| known.name);
        match known {
            Some(known) if result == OK => known.ok.inc(),
            _ => self.results.get_or_create(&[(self.label, name), ("result", result)]).inc(),
        };
        match known {
            Some(known) => known.took.observe(took.as_secs_f64()),
            None => self.took.get_or_create(&[(self.label, name)]).observe(took.as_secs_f64()),
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

/// A call that is under way. Dropping it before its end counts it as [`CANCELLED`].
#[derive(Debug)]
pub struct Running {
    calls: Calls,
    method: Option<usize>,
    began: Instant,
    over: bool,
}

impl Running {
    /// The call is over, and this came of it.
    pub fn end(mut self, result: &'static str) {
        self.note(result);
    }

    fn note(&mut self, result: &'static str) {
        self.over = true;
        self.calls.note(self.method, result, self.began.elapsed());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            self.note(CANCELLED);
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn text(calls: &Calls) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        calls.register(&mut registry, "store_call", "calls to the store");
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn calls_are_told_apart_by_method_and_result() {
        let calls = Calls::new("operation", &["join", "leave"]);
        calls.count("join", OK, Duration::from_millis(2));
        calls.count("join", OK, Duration::from_secs(60));
        calls.count("join", "Late", Duration::ZERO);
        let text = text(&calls);
        for line in [
            "# TYPE store_calls counter",
            "store_calls_total{operation=\"join\",result=\"ok\"} 2",
            "store_calls_total{operation=\"join\",result=\"Late\"} 1",
            "store_calls_total{operation=\"leave\",result=\"ok\"} 0",
            "# TYPE store_call_duration_seconds histogram",
            "store_call_duration_seconds_bucket{le=\"0.0025\",operation=\"join\"} 2",
            "store_call_duration_seconds_bucket{le=\"+Inf\",operation=\"join\"} 3",
            "store_call_duration_seconds_count{operation=\"leave\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn what_was_refused_unseen_is_counted_and_not_timed() {
        let calls = Calls::new("method", &["join"]);
        calls.count("join", OK, Duration::from_secs(1));
        (0..1000).for_each(|_| calls.refuse("join", "TooMany"));
        calls.refuse("nonsense", "TooMany");
        assert_eq!((calls.of("join", "TooMany"), calls.of(UNKNOWN, "TooMany")), (1000, 1));
        let text = text(&calls);
        assert!(text.contains("store_call_duration_seconds_count{method=\"join\"} 1\n"), "{text}");
    }

    #[test]
    fn whatever_strangers_ask_for_is_one_method() {
        let calls = Calls::new("method", &["join"]);
        for n in 0..1000 {
            calls.count(&format!("join{n}"), "Internal", Duration::ZERO);
        }
        assert_eq!(calls.of(UNKNOWN, "Internal"), 1000);
        assert_eq!(text(&calls).matches("unknown").count(), 1 + SECONDS.len() + 3);
    }

    #[test]
    fn a_call_that_nobody_waited_for_is_counted_too() {
        let calls = Calls::new("method", &["join"]);
        drop(calls.begin("join"));
        calls.begin("join").end(OK);
        assert_eq!((calls.of("join", CANCELLED), calls.of("join", OK)), (1, 1));
    }
}
