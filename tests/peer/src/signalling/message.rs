//! One received message, parsed and as it came.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

/// A text frame from the server.
#[derive(Debug, Clone)]
pub struct Message {
    text: String,
    value: Value,
    at: Instant,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("error {code}: {reason}")]
pub struct Refusal {
    /// `errorCode`.
    pub code: i64,
    /// `errorReason`.
    pub reason: String,
}

impl Message {
    /// Reads a text frame; `None` for what is no JSON object.
    pub fn parse(text: &str) -> Option<Self> {
        let value = serde_json::from_str(text).ok().filter(Value::is_object)?;
        Some(Self { text: text.to_owned(), value, at: Instant::now() })
    }

    /// The whole message as it came.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole message.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Its `data`, null where it has none.
    pub fn data(&self) -> &Value {
        &self.value["data"]
    }

    /// Its `method`, empty where it has none.
    pub fn method(&self) -> &str {
        self.value["method"].as_str().unwrap_or_default()
    }

    /// When it came.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Whether it answers the request with this id.
    pub fn is_answer_to(&self, id: &Value) -> bool {
        self.value["response"] == true && same_number(&self.value["id"], id)
    }

    /// Whether it is a notification of this method.
    pub fn is_notification(&self, method: &str) -> bool {
        self.value["notification"] == true && self.value["method"] == method
    }

    /// What an answer says: its `data`, or the refusal.
    ///
    /// # Errors
    /// When it is an error answer.
    pub fn outcome(&self) -> Result<Value, Refusal> {
        if self.value["ok"] == true {
            return Ok(self.data().clone());
        }
        let code = self.value["errorCode"].as_i64();
        let reason = self.value["errorReason"].as_str();
        match (&self.value["ok"], code, reason) {
            (Value::Bool(false), Some(code), Some(reason)) => {
                Err(Refusal { code, reason: reason.to_owned() })
            }
            _ => panic!("neither an answer nor an error: {}", self.text),
        }
    }

    /// A member deep inside, byte for byte as it came.
    pub fn raw(&self, path: &[&str]) -> String {
        let mut text = self.text.clone();
        for name in path {
            let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).expect("an object");
            text = members.get(*name).unwrap_or_else(|| panic!("no {name} in {text}")).get().to_owned();
        }
        text
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Equal as numbers: `1` and `1.0` are the same id to a client written in JavaScript.
fn same_number(one: &Value, other: &Value) -> bool {
    one == other || matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one == other)
}
