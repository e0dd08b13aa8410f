//! Things that happened, by one label.

use std::borrow::Cow;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

type Label = [(&'static str, Cow<'static, str>); 1];

/// Counters that differ in the value of one label. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub struct Counts {
    label: &'static str,
    family: Family<Label, Counter>,
}

impl Counts {
    /// Counters of these values, all at 0: what is asked for a rate must be there before it first happens.
    pub fn new<V: Into<Cow<'static, str>>>(label: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        let family = Family::default();
        for value in values {
            drop(family.get_or_create(&[(label, value.into())]));
        }
        Self { label, family }
    }

    /// Counts one. The value is to be one of a set that the program knows.
    pub fn add(&self, value: impl Into<Cow<'static, str>>) {
        self.add_many(value, 1);
    }

    /// Counts several.
    pub fn add_many(&self, value: impl Into<Cow<'static, str>>, number: u64) {
        self.family.get_or_create(&[(self.label, value.into())]).inc_by(number);
    }

    /// How often this was counted so far.
    #[must_use]
    pub fn of(&self, value: &'static str) -> u64 {
        self.family.get(&[(self.label, value.into())]).map_or(0, |counter| counter.get())
    }

    /// Adds the counters to a registry; their name is what is counted, in the plural.
    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn what_can_happen_is_there_before_it_does() {
        let (counts, mut registry) = (Counts::new("why", ["late", "full"]), Registry::default());
        counts.register(&mut registry, "refusals", "Refusals");
        counts.add("full");
        counts.clone().add_many("full", 2);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(text.contains("refusals_total{why=\"late\"} 0\n"), "{text}");
        assert!(text.contains("refusals_total{why=\"full\"} 3\n"), "{text}");
        assert_eq!((counts.of("full"), counts.of("late"), counts.of("never")), (3, 0, 0));
    }
}
