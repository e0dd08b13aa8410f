//! What people read about the keys is what the program knows.

use toml::{Table, Value};

use crate::config::keys::KEYS;

const PAGE: &str = include_str!("../../../../../docs/config.md");
const EXAMPLE: &str = include_str!("../../../../../deploy/config/all.toml");

/// All keys of a TOML text by section and name.
fn keys_of(text: &str) -> Vec<(String, String, Value)> {
    let sections: Table = text.parse().unwrap();
    let keys = sections.into_iter().flat_map(|(section, content)| {
        let Value::Table(content) = content else { panic!("{section} is no section") };
        content.into_iter().map(move |(key, value)| (section.clone(), key, value))
    });
    keys.collect()
}

/// The first TOML block of a page.
fn block(page: &str) -> &str {
    page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0
}

/// Every line that is a key behind a single `#`, as if it were set.
fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(key) if !key.starts_with(' ') && key.contains(" = ") => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn agrees(text: &str) {
    let written = keys_of(text);
    for known in KEYS {
        let found = written.iter().find(|(section, key, _)| section == known.section && key == known.name);
        let (_, _, value) = found.unwrap_or_else(|| panic!("{}.{} is missing", known.section, known.name));
        if let Some(default) = known.default {
            assert_eq!(*value, default.parse::<Value>().unwrap(), "{}.{}", known.section, known.name);
        }
    }
    assert_eq!(written.len(), KEYS.len(), "all that is written is known");
}

#[test]
fn the_page_of_the_configuration_has_all_keys_and_their_defaults() {
    agrees(block(PAGE));
}

#[test]
fn the_full_example_has_all_keys_and_their_defaults() {
    agrees(&uncommented(EXAMPLE));
}
