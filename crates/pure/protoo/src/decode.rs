//! From a text frame to one of the three messages.

use crate::{MAX_DEPTH, MAX_MESSAGE_BYTES, RequestId, json};
use std::borrow::Cow;
use thiserror::Error;

/// A valid message from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// To be answered exactly once.
    Request(Request<'a>),
    /// Never answered.
    Notification(Notification<'a>),
    /// The answer to a request of ours, of which there are none.
    Response,
}

/// A request: `{"request":true,"id":1,"method":"join","data":{}}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// To be echoed in the response.
    pub id: RequestId,
    /// What is asked for, known or not.
    pub method: Cow<'a, str>,
    /// The raw JSON of `data`, of whatever kind.
    pub data: Option<&'a str>,
}

/// A notification: `{"notification":true,"method":"keepalive","data":{}}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Notification<'a> {
    /// What is said, known or not.
    pub method: Cow<'a, str>,
    /// The raw JSON of `data`, of whatever kind.
    pub data: Option<&'a str>,
}

/// What is no valid message.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbage {
    /// Where there is a usable id, the sender gets an error for it.
    pub id: Option<RequestId>,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What makes a text no protoo message: always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// Longer than [`MAX_MESSAGE_BYTES`].
    #[error("the message is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    /// Not JSON, or not an object.
    #[error("the message is not a JSON object")]
    NoObject,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the message is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The message, or its data, names a member twice.
    #[error("the message or its data names a member twice")]
    RepeatedName,
    /// None of the three kinds.
    #[error("the message has none of `request`, `response`, `notification` set to true")]
    NoKind,
    /// A request or response without a number up to 2^53 as `id`.
    #[error("`id` is no number up to 2^53")]
    NoId,
    /// A request or notification without a text as `method`.
    #[error("`method` is missing or no text")]
    NoMethod,
}

/// Reads one text frame.
///
/// # Errors
/// [`Garbage`] where it is no valid message; unknown members do not make it one.
pub fn decode(text: &str) -> Result<Incoming<'_>, Garbage> {
    let unanswerable = |flaw| Garbage { id: None, flaw };
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(unanswerable(Flaw::TooLong));
    }
    let survey = json::survey(text).ok_or(unanswerable(Flaw::NoObject))?;
    let parts = Parts::of(text).ok_or(unanswerable(Flaw::NoObject))?;
    let flaw = if survey.too_deep {
        Flaw::TooDeep
    } else if survey.repeated_name {
        Flaw::RepeatedName
    } else {
        match parts.message() {
            Ok(message) => return Ok(message),
            Err(flaw) => flaw,
        }
    };
    Err(Garbage { id: parts.answerable_id(), flaw })
}

/// The members of a message that mean something.
#[derive(Default)]
struct Parts<'a> {
    request: bool,
    response: bool,
    notification: bool,
    id: Option<&'a str>,
    /// Two ids are none: nobody can say which one is meant.
    ids: usize,
    method: Option<&'a str>,
    data: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut parts = Self::default();
        json::for_each_member(text, |name, value| match json::text_of(name).as_deref() {
            Some("request") => parts.request = value == "true",
            Some("response") => parts.response = value == "true",
            Some("notification") => parts.notification = value == "true",
            Some("method") => parts.method = Some(value),
            Some("data") => parts.data = Some(value),
            Some("id") => {
                parts.id = Some(value);
                parts.ids += 1;
            }
            _ => {}
        })?;
        Some(parts)
    }

    /// The kinds are tried in the order in which protoo's own clients do.
    fn message(&self) -> Result<Incoming<'a>, Flaw> {
        if self.request {
            let id = self.usable_id().ok_or(Flaw::NoId)?;
            Ok(Incoming::Request(Request { id, method: self.method()?, data: self.data }))
        } else if self.response {
            self.usable_id().map(|_| Incoming::Response).ok_or(Flaw::NoId)
        } else if self.notification {
            Ok(Incoming::Notification(Notification { method: self.method()?, data: self.data }))
        } else {
            Err(Flaw::NoKind)
        }
    }

    fn method(&self) -> Result<Cow<'a, str>, Flaw> {
        self.method.and_then(json::text_of).ok_or(Flaw::NoMethod)
    }

    fn usable_id(&self) -> Option<RequestId> {
        self.id.filter(|_| self.ids == 1).and_then(RequestId::of)
    }

    /// A response is never answered: its id would be one of ours.
    fn answerable_id(&self) -> Option<RequestId> {
        self.usable_id().filter(|_| self.request || !self.response)
    }
}

#[cfg(test)]
mod tests;
