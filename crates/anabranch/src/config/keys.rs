//! The table of all keys: section, key and default, as the README shows them.

/// A key that may be set.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// TOML; `None`: not set by default.
    pub(super) default: Option<&'static str>,
}

const fn key(section: &'static str, name: &'static str, default: Option<&'static str>) -> Key {
    Key { section, name, default }
}

/// All of them, in the order in which people look at them.
pub(super) const KEYS: &[Key] = &[
    key("node", "id", Some("\"standalone\"")),
    key("node", "dc", Some("\"local\"")),
    key("signal", "listen", Some("\"0.0.0.0:8080\"")),
    key("signal", "cert", None),
    key("signal", "key", None),
    key("signal", "allowed_origins", Some("[]")),
    key("sfu", "ips", Some("[]")),
    key("sfu", "port", Some("40000")),
    key("sfu", "workers", None),
    key("log", "level", Some("\"info\"")),
    key("log", "format", Some("\"text\"")),
    key("ops", "listen", Some("\"127.0.0.1:9600\"")),
];

/// The sections, each once, in the table's order.
pub(super) fn sections() -> impl Iterator<Item = &'static str> + Clone {
    let mut last = "";
    KEYS.iter()
        .map(|key| key.section)
        .filter(move |section| std::mem::replace(&mut last, section) != *section)
}

/// The keys of a section.
pub(super) fn names(section: &str) -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().filter(move |key| key.section == section).map(|key| key.name)
}
