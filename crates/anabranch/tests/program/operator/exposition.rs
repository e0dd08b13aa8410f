//! The OpenMetrics text format, read strictly: whatever is not as it must be fails the test.
#![expect(clippy::panic, reason = "it is part of a test")]

use std::collections::{BTreeMap, BTreeSet};

/// What one scrape said.
pub(crate) struct Exposition {
    families: BTreeMap<String, Family>,
}

/// A metric, as its comments describe it.
#[derive(Default)]
struct Family {
    kind: String,
    help: String,
    unit: Option<String>,
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// How many values a label may have: more than any list in the program, and less than users soon are.
const MOST_VALUES: usize = 40;

impl Exposition {
    pub(crate) fn read(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
        let mut this = Self { families: BTreeMap::new() };
        let mut current = String::new();
        for line in text.lines() {
            match line.strip_prefix("# ") {
                Some(comment) => this.comment(comment, &mut current),
                None => this.sample(line, &current),
            }
        }
        this
    }

    fn comment(&mut self, comment: &str, current: &mut String) {
        let mut words = comment.splitn(3, ' ');
        let (what, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        if *current != name {
            assert_eq!(what, "HELP", "a metric begins with its help: {comment}");
            assert!(!self.families.contains_key(name), "{name} is there twice");
            name.clone_into(current);
        }
        let family = self.families.entry(name.to_owned()).or_default();
        assert!(family.samples.is_empty(), "{comment} comes after its samples");
        match what {
            "HELP" => rest.clone_into(&mut family.help),
            "TYPE" => rest.clone_into(&mut family.kind),
            "UNIT" => family.unit = Some(rest.to_owned()),
            _ => panic!("no such comment: {comment}"),
        }
    }

    fn sample(&mut self, line: &str, current: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, read_labels(labels.strip_suffix('}').unwrap())),
            None => (series, BTreeMap::new()),
        };
        let family = self.families.get_mut(current).unwrap_or_else(|| panic!("{line} has no help"));
        let suffix = name.strip_prefix(current).unwrap_or_else(|| panic!("{line} is none of {current}"));
        let fits = match family.kind.as_str() {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "info" => suffix == "_info",
            "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
            kind => panic!("{current} has the type {kind:?}"),
        };
        assert!(fits, "{line} does not fit its type");
        let known = family.samples.iter().any(|sample| sample.name == name && sample.labels == labels);
        assert!(!known, "{line} is there twice");
        let value = value.parse().unwrap();
        family.samples.push(Sample { name: name.to_owned(), labels, value });
    }

    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.families.values().flat_map(|family| &family.samples)
    }

    /// The value of a sample that has exactly these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(label, value)| (label.to_string(), value.to_string())).collect();
        self.samples()
            .find(|sample| sample.name == name && sample.labels == labels)
            .map(|sample| sample.value)
    }

    /// All samples of a name together.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.samples().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }

    /// Every metric explains itself, is named as the rules have it, and stays small.
    pub(crate) fn is_sound(&self) {
        for (name, family) in &self.families {
            assert!(family.help.len() > 10 && family.help.ends_with('.'), "{name}: {:?}", family.help);
            assert!(!family.samples.is_empty(), "{name} has no samples");
            assert!(name.starts_with("anabranch_") || name.starts_with("process_"), "{name}");
            let plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            assert!(name.chars().all(plain), "{name}");
            if let Some(unit) = &family.unit {
                assert!(["seconds", "bytes"].contains(&unit.as_str()) && name.ends_with(unit), "{name}");
            }
            family.is_small(name);
        }
    }

    pub(crate) fn has_no_label_value_of(&self, strangers: &[&str]) {
        for value in self.samples().flat_map(|sample| sample.labels.values()) {
            assert!(!strangers.contains(&value.as_str()), "a stranger's word is a label: {value}");
        }
    }
}

impl Family {
    fn is_small(&self, name: &str) {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (label, value) in self.samples.iter().flat_map(|sample| &sample.labels) {
            values.entry(label).or_default().insert(value);
        }
        for (label, values) in values {
            assert!(values.len() <= MOST_VALUES, "{name} has {} values of {label}", values.len());
        }
    }
}

/// `name="value",name="value"`, the values without anything to be escaped.
fn read_labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').unwrap();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
        assert!(!value.contains(['"', '\\']), "{text}");
        assert!(labels.insert(name.to_owned(), value.to_owned()).is_none(), "{name} twice in {text}");
    }
    labels
}
