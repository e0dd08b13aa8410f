//! From a value to what it means. Every error names the key, what was expected
//! and what was there.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use model::ids::NodeId;
use toml::Value;

use super::error::{ConfigError, Origin};
use super::keys::is_secret;
use super::layers::{Layers, Placed};

type Section = &'static str;
type Name = &'static str;

impl Layers {
    /// The key does not hold what is expected.
    pub(super) fn wrong(&self, section: Section, key: Name, expected: &str) -> ConfigError {
        match self.get(section, key) {
            Some(Placed { value, origin, .. }) => {
                let got = if is_secret(key) { "something else".into() } else { shown(value) };
                ConfigError::at(origin, format_args!("{section}.{key}: expected {expected}, got {got}"))
            }
            None => ConfigError::at(
                &Origin::Default,
                format_args!("{section}.{key} is not set: expected {expected}"),
            ),
        }
    }

    /// The key makes sense only together with another one.
    pub(super) fn alone(&self, section: Section, key: Name, other: Name) -> ConfigError {
        let message = format!("{section}.{key} is set, but {section}.{other} is not");
        ConfigError::at(&self.origin(section, key), message)
    }

    /// What a section says cannot be used, for a reason that names what is wrong.
    pub(super) fn refused(&self, section: Section, key: Name, why: &impl Display) -> ConfigError {
        ConfigError::at(&self.origin(section, key), format_args!("{section}: {why}"))
    }

    /// Some of these are set, and others are not.
    pub(super) fn all_or_none(&self, section: Section, keys: &[Name]) -> ConfigError {
        let (set, unset): (Vec<Name>, Vec<Name>) =
            keys.iter().partition(|key| self.get(section, key).is_some());
        let [Some(set), Some(unset)] = [set.first(), unset.first()].map(Option::<&Name>::copied) else {
            return ConfigError::at(&Origin::Default, format_args!("{section}: {}", keys.join(", ")));
        };
        self.alone(section, set, unset)
    }

    /// More than one of these is set.
    pub(super) fn only_one_of(&self, section: Section, keys: &[Name]) -> ConfigError {
        let set: Vec<Name> = keys.iter().copied().filter(|key| self.is_set(section, key)).collect();
        let origin = set.first().map_or(Origin::Default, |key| self.origin(section, key));
        let names: Vec<_> = set.iter().map(|key| format!("{section}.{key}")).collect();
        ConfigError::at(&origin, format_args!("only one of {} may be set", names.join(" and ")))
    }

    /// The key makes sense only where all addresses have a scheme.
    pub(super) fn without(&self, section: Section, key: Name, addrs: Name, scheme: &str) -> ConfigError {
        let message =
            format!("{section}.{key} is set, but not every address of {section}.{addrs} is {scheme}://");
        ConfigError::at(&self.origin(section, key), message)
    }

    fn is_set(&self, section: Section, key: Name) -> bool {
        self.get(section, key).is_some_and(|placed| placed.origin != Origin::Default)
    }

    fn origin(&self, section: Section, key: Name) -> Origin {
        self.get(section, key).map_or(Origin::Default, |placed| placed.origin.clone())
    }

    /// The value read, or nothing where the key is not set.
    pub(super) fn optional<T>(
        &self,
        section: Section,
        key: Name,
        read: impl FnOnce(&Self, Section, Name) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.get(section, key).map(|_| read(self, section, key)).transpose()
    }

    /// Not empty, without control characters. Outside a file, what looks like a number is text as well:
    /// a password may be one.
    pub(super) fn text(&self, section: Section, key: Name) -> Result<String, ConfigError> {
        let written = self.get(section, key).and_then(|placed| placed.text.as_deref());
        self.read(section, key, "text", |value| {
            let plain = written.filter(|_| !value.is_array() && !value.is_table());
            let text = value.as_str().or(plain)?;
            let good = !text.is_empty() && !text.chars().any(char::is_control);
            good.then(|| text.to_owned())
        })
    }

    pub(super) fn node_id(&self, section: Section, key: Name) -> Result<NodeId, ConfigError> {
        let expected = "a name of 1 to 64 letters, digits, '.', '_' or '-'";
        let text = self.text(section, key).map_err(|_| self.wrong(section, key, expected))?;
        NodeId::parse(&text).map_err(|_| self.wrong(section, key, expected))
    }

    pub(super) fn path(&self, section: Section, key: Name) -> Result<Option<PathBuf>, ConfigError> {
        self.optional(section, key, |layers, section, key| layers.text(section, key).map(PathBuf::from))
    }

    pub(super) fn flag(&self, section: Section, key: Name) -> Result<bool, ConfigError> {
        self.read(section, key, "true or false", Value::as_bool)
    }

    pub(super) fn number(
        &self,
        section: Section,
        key: Name,
        range: RangeInclusive<i64>,
    ) -> Result<i64, ConfigError> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.read(section, key, &expected, |value| value.as_integer().filter(|number| range.contains(number)))
    }

    pub(super) fn seconds(
        &self,
        section: Section,
        key: Name,
        range: RangeInclusive<i64>,
    ) -> Result<Duration, ConfigError> {
        self.number(section, key, range).map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
    }

    /// Reads any value; `None` from the function means that it is not what is expected.
    pub(super) fn read<T>(
        &self,
        section: Section,
        key: Name,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let value = self.get(section, key).map(|placed| &placed.value);
        value.and_then(read).ok_or_else(|| self.wrong(section, key, expected))
    }

    /// A list of texts, each read by the function.
    pub(super) fn list<T>(
        &self,
        section: Section,
        key: Name,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, ConfigError> {
        self.read(section, key, expected, |value| {
            value.as_array()?.iter().map(|item| read(item.as_str()?)).collect()
        })
    }

    pub(super) fn log_level(&self, section: Section, key: Name) -> Result<String, ConfigError> {
        let level = self.text(section, key)?;
        match telemetry::Filter::parse(&level) {
            Ok(_) => Ok(level),
            Err(error) => {
                let origin = self.origin(section, key);
                Err(ConfigError::at(&origin, format_args!("{section}.{key} = {level:?}: {error}")))
            }
        }
    }

    pub(super) fn log_format(&self, section: Section, key: Name) -> Result<telemetry::Format, ConfigError> {
        self.read(section, key, "\"text\" or \"json\"", |value| match value.as_str()? {
            "text" => Some(telemetry::Format::Text),
            "json" => Some(telemetry::Format::Json),
            _ => None,
        })
    }
}

/// An address without the password that may stand in it: what is wrong with a config ends up in logs.
fn without_login(text: &str) -> Cow<'_, str> {
    let login = text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match login {
        Some((scheme, (_, rest))) => Cow::Owned(format!("{scheme}://…@{rest}")),
        None => Cow::Borrowed(text),
    }
}

/// A value as a person would recognise it: its kind, and itself where it is short.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let text = without_login(text);
            let short: String = text.chars().take(64).collect();
            format!("{short:?}{}", if short.len() < text.len() { "…" } else { "" })
        }
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(time) => format!("the date {time}"),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().take(8).map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(_) => "a table".into(),
    }
}
