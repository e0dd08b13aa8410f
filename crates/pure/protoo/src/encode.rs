//! From what the server says to a text frame.

use crate::RequestId;
use serde::Serialize;

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(rename = "errorCode")]
    code: u16,
    #[serde(rename = "errorReason")]
    reason: &'a str,
}

/// A response that says yes, with its data.
///
/// # Errors
/// Where `data` cannot be written as JSON: the caller's fault.
pub fn ok(id: &RequestId, data: &impl Serialize) -> serde_json::Result<String> {
    let data = serde_json::to_string(data)?;
    Ok(format!(r#"{{"response":true,"id":{id},"ok":true,"data":{data}}}"#))
}

/// A response that says no, and why.
#[must_use]
pub fn error(id: &RequestId, code: u16, reason: &str) -> String {
    // A number and a text can always be written.
    let failure = serde_json::to_string(&Failure { code, reason }).unwrap_or_default();
    let members = failure.strip_prefix('{').unwrap_or("}");
    format!(r#"{{"response":true,"id":{id},"ok":false,{members}"#)
}

/// A notification.
///
/// # Errors
/// Where `data` cannot be written as JSON: the caller's fault.
pub fn notification(method: &'static str, data: &impl Serialize) -> serde_json::Result<String> {
    let data = serde_json::to_string(data)?;
    Ok(format!(r#"{{"notification":true,"method":"{method}","data":{data}}}"#))
}

#[cfg(test)]
mod tests {
    use super::{error, notification, ok};
    use crate::RequestId;

    #[test]
    fn frames_look_as_the_protocol_writes_them() {
        let id = RequestId::of("1.50").unwrap();
        let data = serde_json::json!({"rid": "a\"b"});
        assert_eq!(ok(&id, &data).unwrap(), r#"{"response":true,"id":1.50,"ok":true,"data":{"rid":"a\"b"}}"#);
        assert_eq!(
            error(&id, 2, "rid \"x\" invalid"),
            r#"{"response":true,"id":1.50,"ok":false,"errorCode":2,"errorReason":"rid \"x\" invalid"}"#
        );
        assert_eq!(
            notification("peer-leave", &data).unwrap(),
            r#"{"notification":true,"method":"peer-leave","data":{"rid":"a\"b"}}"#
        );
    }
}
