//! The layers on top of each other: for every key the value that won, and where
//! it stands. Only known sections and keys get in.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::error::{ConfigError, Origin};
use super::keys::{KEYS, names, sections};

/// The prefix of the variables that are ours.
const PREFIX: &str = "ANABRANCH__";

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) value: Value,
    pub(super) origin: Origin,
    /// As it was written, outside a file.
    pub(super) text: Option<String>,
}

#[derive(Debug)]
pub(super) struct Layers {
    values: BTreeMap<(&'static str, &'static str), Placed>,
}

impl Layers {
    pub(super) fn defaults() -> Result<Self, ConfigError> {
        let mut layers = Self { values: BTreeMap::new() };
        for key in KEYS {
            if let Some(default) = key.default {
                layers.set(
                    &Origin::Default,
                    key.section,
                    key.name,
                    (read(&Origin::Default, default)?, None),
                )?;
            }
        }
        Ok(layers)
    }

    pub(super) fn file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let origin = Origin::File(path.to_owned());
        let table: Table = text.parse().map_err(|error| not_toml(&origin, text, &error))?;
        for (section, content) in table {
            known_section(&origin, &section)?;
            let Value::Table(content) = content else {
                let message = format!("[{section}] is a section, but is written as a value");
                return Err(ConfigError::at(&origin, message));
            };
            for (key, value) in content {
                self.set(&origin, &section, &key, (value, None))?;
            }
        }
        Ok(())
    }

    pub(super) fn environment(&mut self, variables: &[(String, String)]) -> Result<(), ConfigError> {
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let origin = Origin::Environment(name.clone());
            let Some((section, key)) = rest.split_once("__") else {
                let message = format!("expected a name such as {PREFIX}SFU__PORT");
                return Err(ConfigError::at(&origin, message));
            };
            let value = read(&origin, text)?;
            let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
            self.set(&origin, &section, &key, (value, Some(text.clone())))?;
        }
        Ok(())
    }

    pub(super) fn flags(&mut self, flags: &[String]) -> Result<(), ConfigError> {
        for flag in flags {
            let parts = flag.split_once('=').and_then(|(path, text)| Some((path.split_once('.')?, text)));
            let Some(((section, key), text)) = parts else {
                let message = format!("expected section.key=value, got {flag:?}");
                return Err(ConfigError::at(&Origin::Flag, message));
            };
            let value = read(&Origin::Flag, text)?;
            self.set(&Origin::Flag, section.trim(), key.trim(), (value, Some(text.to_owned())))?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        origin: &Origin,
        section: &str,
        key: &str,
        (value, text): (Value, Option<String>),
    ) -> Result<(), ConfigError> {
        known_section(origin, section)?;
        let Some(known) = KEYS.iter().find(|known| known.section == section && known.name == key) else {
            let prefix = format!("{section}.");
            return Err(ConfigError::unknown(origin, "key", key, &prefix, names(section)));
        };
        self.values.insert((known.section, known.name), Placed { value, origin: origin.clone(), text });
        Ok(())
    }

    /// Whether anybody but the defaults says something of a section.
    pub(super) fn sets_any_of(&self, section: &str) -> bool {
        self.values.iter().any(|((of, _), placed)| *of == section && placed.origin != Origin::Default)
    }

    /// The value that won, if any layer has one.
    pub(super) fn get(&self, section: &'static str, key: &'static str) -> Option<&Placed> {
        self.values.get(&(section, key))
    }
}

fn known_section(origin: &Origin, section: &str) -> Result<(), ConfigError> {
    if sections().any(|known| known == section) {
        return Ok(());
    }
    Err(ConfigError::unknown(origin, "section", section, "", sections()))
}

/// Reads a value of the environment or a flag: TOML, or a bare word, which is
/// anything that does not look like a quoted string, a list or a table.
fn read(origin: &Origin, text: &str) -> Result<Value, ConfigError> {
    let text = text.trim();
    match text.parse::<Value>() {
        Ok(value) => Ok(value),
        Err(error) if text.starts_with(['"', '\'', '[', '{']) => Err(not_toml(origin, text, &error)),
        Err(_) => Ok(Value::String(text.to_owned())),
    }
}

/// The parser's message without its drawing, and the line that it speaks of.
fn not_toml(origin: &Origin, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| {
        let line = before.matches('\n').count() + 1;
        format!("line {line}: ")
    });
    ConfigError::at(origin, format_args!("{}{}", line.unwrap_or_default(), error.message()))
}
