//! What is counted, by URL. A URL's label is its place in the configuration, from 1: the URL itself may hold a key.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::config::MAX_URLS;

/// Values of the label: one for each URL that there may be.
const PLACES: [&str; MAX_URLS] =
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];

const ATTEMPTS: [&str; 6] = ["ok", "refused", "failed", "timeout", "unreachable", "forbidden"];

type Label = (&'static str, &'static str);
type ByUrl<M> = Family<[Label; 1], M>;
type ByUrlAnd<M> = Family<[Label; 2], M>;

/// Why something was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// Too much waits.
    Full,
    /// The receiver says that it does not want it.
    Refused,
    /// It was tried often enough.
    GivenUp,
    /// The node ended.
    Ended,
}

impl Dropped {
    const ALL: [Self; 4] = [Self::Full, Self::Refused, Self::GivenUp, Self::Ended];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Ended => "ended",
        }
    }
}

/// All numbers. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    delivered: ByUrl<Counter>,
    attempts: ByUrlAnd<Counter>,
    dropped: ByUrlAnd<Counter>,
    queued: ByUrl<Gauge>,
    queued_bytes: ByUrl<Gauge>,
}

/// Those of one URL.
#[derive(Clone, Debug)]
pub(crate) struct UrlNumbers {
    url: Label,
    all: Numbers,
}

impl Numbers {
    /// For so many URLs, all at 0: what is asked for a rate must be there before it first happens.
    pub(crate) fn new(urls: usize) -> Self {
        let numbers = Self::default();
        for of_url in (0..urls).map(|index| numbers.of(index)) {
            drop(numbers.delivered.get_or_create(&[of_url.url]));
            of_url.queued(0, 0);
            ATTEMPTS.iter().for_each(|outcome| drop(of_url.attempts(outcome)));
            Dropped::ALL.iter().for_each(|why| of_url.dropped(*why, 0));
        }
        numbers
    }

    /// Those of a URL, by its place in the configuration, from 0.
    pub(crate) fn of(&self, index: usize) -> UrlNumbers {
        let place = PLACES.get(index).copied().unwrap_or("more");
        UrlNumbers { url: ("url", place), all: self.clone() }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let mut add =
            |name: &str, help: &str, metric: ByUrlAnd<Counter>| registry.register(name, help, metric);
        add("webhook_attempts", "Attempts to tell a webhook something, by outcome", self.attempts.clone());
        add("webhook_dropped", "What a webhook was not told, by reason", self.dropped.clone());
        registry.register("webhook_delivered", "What a webhook was told", self.delivered.clone());
        registry.register("webhook_queued", "What waits to be told", self.queued.clone());
        registry.register("webhook_queued_bytes", "Its bytes", self.queued_bytes.clone());
    }
}

impl UrlNumbers {
    pub(crate) fn delivered(&self) {
        self.all.delivered.get_or_create(&[self.url]).inc();
    }

    /// An attempt ended so, which is one of a few names.
    pub(crate) fn attempted(&self, outcome: &'static str) {
        self.attempts(outcome).inc();
    }

    fn attempts(&self, outcome: &'static str) -> impl std::ops::Deref<Target = Counter> + '_ {
        self.all.attempts.get_or_create(&[self.url, ("outcome", outcome)])
    }

    pub(crate) fn dropped(&self, why: Dropped, number: u64) {
        self.all.dropped.get_or_create(&[self.url, ("reason", why.name())]).inc_by(number);
    }

    pub(crate) fn queued(&self, number: usize, bytes: usize) {
        self.all.queued.get_or_create(&[self.url]).set(number as i64);
        self.all.queued_bytes.get_or_create(&[self.url]).set(bytes as i64);
    }
}

/// What tests ask for.
#[cfg(test)]
impl Numbers {
    pub(crate) fn delivered_of(&self, index: usize) -> u64 {
        self.delivered.get_or_create(&[self.of(index).url]).get()
    }

    pub(crate) fn attempts_of(&self, index: usize, outcome: &'static str) -> u64 {
        self.of(index).attempts(outcome).get()
    }

    pub(crate) fn dropped_of(&self, index: usize, why: Dropped) -> u64 {
        self.dropped.get_or_create(&[self.of(index).url, ("reason", why.name())]).get()
    }

    pub(crate) fn queued_of(&self, index: usize) -> (i64, i64) {
        let url = [self.of(index).url];
        (self.queued.get_or_create(&url).get(), self.queued_bytes.get_or_create(&url).get())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn everything_is_there_before_it_happens_and_no_label_is_a_url() {
        let (numbers, mut registry) = (Numbers::new(2), Registry::default());
        numbers.register(registry.sub_registry_with_prefix("anabranch"));
        numbers.of(1).attempted("timeout");
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "anabranch_webhook_delivered_total{url=\"1\"} 0",
            "anabranch_webhook_attempts_total{url=\"1\",outcome=\"ok\"} 0",
            "anabranch_webhook_attempts_total{url=\"2\",outcome=\"timeout\"} 1",
            "anabranch_webhook_dropped_total{url=\"2\",reason=\"given_up\"} 0",
            "anabranch_webhook_queued{url=\"2\"} 0",
            "anabranch_webhook_queued_bytes{url=\"2\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        // Per URL: 6 outcomes, 4 reasons, 3 more.
        assert_eq!(text.matches("url=").count(), 2 * 13);
    }
}
