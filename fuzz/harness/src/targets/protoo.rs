//! Frames: `serde_json` is the oracle for what is JSON, and for what a member says.

use super::named;
use model::{MediaInfo, RoomId, StreamId, UserId};
use protoo::{Flaw, Incoming, MAX_DEPTH, MAX_MESSAGE_BYTES, QUOTE_BYTES, Quote, RequestId, decode, json};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let depth = depth_of_object(text);
    match decode(text) {
        Ok(message) => {
            assert!(text.len() <= MAX_MESSAGE_BYTES);
            assert!(depth.is_some_and(|depth| depth <= MAX_DEPTH), "taken, and no object or too deep");
            match message {
                Incoming::Request(request) => {
                    echoed(text, &request.id, &request.method);
                    said(text, "request", Some(&request.method), request.data);
                }
                Incoming::Notification(said_so) => {
                    said(text, "notification", Some(&said_so.method), said_so.data);
                }
                Incoming::Response => said(text, "response", None, None),
            }
        }
        Err(garbage) => {
            match garbage.flaw {
                Flaw::TooLong => assert!(text.len() > MAX_MESSAGE_BYTES),
                Flaw::NoObject => assert_eq!(depth, None, "an object was refused"),
                Flaw::TooDeep => assert!(depth.is_some_and(|depth| depth > MAX_DEPTH)),
                _ => assert!(depth.is_some_and(|depth| depth <= MAX_DEPTH)),
            }
            if let Some(id) = garbage.id {
                assert!(text.contains(id.as_str()));
                answered(&id, "no");
            }
        }
    }
}

/// How deep a JSON object is; `None`: it is none.
fn depth_of_object(text: &str) -> Option<usize> {
    serde_json::from_str::<&RawValue>(text).ok().filter(|raw| raw.get().starts_with('{'))?;
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    Some(deepest)
}

fn echoed(text: &str, id: &RequestId, method: &str) {
    assert!(text.contains(id.as_str()));
    let quote = Quote(method).to_string();
    // Two quotation marks, and what says that something is missing.
    assert!(quote.len() <= QUOTE_BYTES + 2 + '…'.len_utf8(), "{quote}");
    assert!(!quote.chars().any(char::is_control));
    answered(id, &quote);
}

/// Our answers are messages, with the id to the letter.
fn answered(id: &RequestId, reason: &str) {
    for answer in [protoo::ok(id, &serde_json::json!({ "a": [1] })).unwrap(), protoo::error(id, 3, reason)] {
        assert!(answer.contains(&format!("\"id\":{id},")));
        assert_eq!(decode(&answer), Ok(Incoming::Response), "{answer}");
    }
}

/// A message says what `serde_json` reads in it.
fn said(text: &str, kind: &str, method: Option<&str>, data: Option<&str>) {
    // It cannot read half of a surrogate pair, and no number beyond those of a double.
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        assert_eq!(value[kind], Value::Bool(true));
        if let Some(method) = method {
            assert_eq!(value["method"], *method);
            let read = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
            assert_eq!(value.get("data"), read.as_ref());
        }
    }
    if let Some(data) = data {
        members(data);
    }
}

/// What methods cut out of `data`, as `signal` does.
fn members(data: &str) {
    let names = ["rid", "uid", "mid", "minfo", "jsep", "data"];
    let Some(values) = json::pick(data, names) else {
        assert!(!data.starts_with('{'), "an object has members");
        return;
    };
    for raw in values.into_iter().flatten() {
        assert!(serde_json::from_str::<&RawValue>(raw).is_ok(), "{raw}");
        assert_eq!(model::JsonText::parse(raw).unwrap().as_str(), raw);
        if let Ok(info) = MediaInfo::parse(raw) {
            assert!(raw.len() <= MediaInfo::MAX_BYTES);
            assert_eq!(info.as_str(), raw);
        }
        if let Some(inner) = json::pick(raw, ["sdp", "type"]) {
            inner.into_iter().flatten().for_each(|raw| drop(json::text_of(raw)));
        }
        let Some(text) = json::text_of(raw) else { continue };
        assert_eq!(serde_json::from_str::<String>(raw).unwrap(), text);
        assert!(RoomId::parse(&text).is_ok_and(|id| id.as_str() == text) || !is_id(&text, 128));
        assert_eq!(RoomId::parse(&text).is_ok(), UserId::parse(&text).is_ok());
        if let Ok(mid) = StreamId::parse(&text) {
            assert_eq!(mid.as_str(), text);
        }
    }
}

fn is_id(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control)
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let minfo = r#"{"audio":true,"video":false,"audiotype":0,"videotype":1,"more":[1.5e3,null]}"#;
    let deep = format!(
        "{{\"request\":true,\"id\":1,\"method\":\"x\",\"data\":{}{}}}",
        "[".repeat(63),
        "]".repeat(63)
    );
    let too_deep = format!(
        "{{\"request\":true,\"id\":1,\"method\":\"x\",\"data\":{}{}}}",
        "[".repeat(64),
        "]".repeat(64)
    );
    named([
        ("join", br#"{"request":true,"id":1,"method":"join","data":{"rid":"tea","uid":"ann\u00e9"}}"#.to_vec()),
        ("publish", format!(
            r#"{{"request":true,"id":-0.5e2,"method":"publish","data":{{"rid":"tea","jsep":{{"type":"offer","sdp":"v=0\r\n"}},"minfo":{minfo}}}}}"#
        ).into_bytes()),
        ("subscribe", br#" {"request": true, "id": 9007199254740992, "method": "subscribe", "data": {"rid": "r", "mid": "u#1"}} "#.to_vec()),
        ("notification", br#"{"notification":true,"method":"keepalive","data":{}}"#.to_vec()),
        ("response", br#"{"response":true,"id":7,"ok":true,"data":null}"#.to_vec()),
        ("repeated", br#"{"request":true,"id":1,"method":"a","data":{"rid":1,"\u0072id":2}}"#.to_vec()),
        ("two-ids", br#"{"request":true,"id":1,"id":2,"method":"a"}"#.to_vec()),
        ("half-pair", br#"{"request":true,"id":1,"method":"\ud83d","data":"\ud83d\ude00"}"#.to_vec()),
        ("no-method", br#"{"request":true,"id":1e999,"method":null}"#.to_vec()),
        ("deep", deep.into_bytes()),
        ("too-deep", too_deep.into_bytes()),
        ("array", b"[{},[[]],\"\\\"\"]".to_vec()),
    ])
}
