use super::{Flaw, Garbage, Incoming, Notification, Request, decode};
use crate::{MAX_MESSAGE_BYTES, RequestId};
use proptest::prelude::*;

fn id(raw: &str) -> RequestId {
    RequestId::of(raw).unwrap()
}

fn garbage(text: &str) -> (Option<String>, Flaw) {
    let Garbage { id, flaw } = decode(text).expect_err(text);
    (id.map(|id| id.to_string()), flaw)
}

#[test]
fn a_request_is_read_with_its_data_as_it_came() {
    let text = r#"{"request":true,"id":124495,"method":"join","data":{"rid" : "a\u0062"}}"#;
    assert_eq!(
        decode(text),
        Ok(Incoming::Request(Request {
            id: id("124495"),
            method: "join".into(),
            data: Some(r#"{"rid" : "a\u0062"}"#),
        }))
    );
}

#[test]
fn unknown_members_and_false_kinds_are_ignored() {
    let text =
        r#" {"x":[1,{"y":null}],"response":false,"notification":true,"id":"no","method":"keep\u0061live"} "#;
    assert_eq!(
        decode(text),
        Ok(Incoming::Notification(Notification { method: "keepalive".into(), data: None }))
    );
}

#[test]
fn data_of_another_kind_is_left_to_the_method() {
    for data in ["null", "[]", "1", "\"text\""] {
        let text = format!(r#"{{"request":true,"id":1,"method":"join","data":{data}}}"#);
        let Ok(Incoming::Request(request)) = decode(&text) else { panic!("{text}") };
        assert_eq!(request.data, Some(data));
    }
}

#[test]
fn a_response_is_valid_and_means_nothing() {
    assert_eq!(decode(r#"{"response":true,"id":1,"ok":true,"data":{}}"#), Ok(Incoming::Response));
}

#[test]
fn what_has_a_usable_id_can_be_answered() {
    let one = Some("1".to_owned());
    assert_eq!(garbage(r#"{"request":true,"id":1}"#), (one.clone(), Flaw::NoMethod));
    assert_eq!(garbage(r#"{"request":true,"id":1,"method":7}"#), (one.clone(), Flaw::NoMethod));
    assert_eq!(garbage(r#"{"request":true,"id":1,"method":"\ud800"}"#), (one.clone(), Flaw::NoMethod));
    assert_eq!(garbage(r#"{"id":1,"method":"join"}"#), (one.clone(), Flaw::NoKind));
    assert_eq!(garbage(r#"{"request":1,"id":1,"method":"join"}"#), (one.clone(), Flaw::NoKind));
    let twice = r#"{"request":true,"id":1,"method":"join","data":{"rid":"a","rid":"b"}}"#;
    assert_eq!(garbage(twice), (one.clone(), Flaw::RepeatedName));
    let deep =
        format!(r#"{{"request":true,"method":"join","data":{}{},"id":1}}"#, "[".repeat(64), "]".repeat(64));
    assert_eq!(garbage(&deep), (one, Flaw::TooDeep));
}

#[test]
fn what_has_none_is_only_counted() {
    for text in ["", "hello", "[]", "1", "null", "{\"request\":true", "{}{}"] {
        assert_eq!(garbage(text), (None, Flaw::NoObject), "{text}");
    }
    for id in ["\"1\"", "null", "9007199254740993", "[1]"] {
        let text = format!(r#"{{"request":true,"id":{id},"method":"join"}}"#);
        assert_eq!(garbage(&text), (None, Flaw::NoId), "{text}");
    }
    assert_eq!(garbage(r#"{"request":true,"method":"join"}"#), (None, Flaw::NoId));
    assert_eq!(garbage(r#"{"id":1,"request":true,"id":2,"method":"join"}"#), (None, Flaw::RepeatedName));
    assert_eq!(garbage(r#"{"response":true,"id":1,"id":1}"#), (None, Flaw::RepeatedName));
    assert_eq!(garbage(r#"{"response":true,"ok":true}"#), (None, Flaw::NoId));
}

#[test]
fn the_longest_message_is_read_and_one_byte_more_is_not() {
    let frame = r#"{"request":true,"id":1,"method":"broadcast","data":""}"#;
    let filled = frame.replace("\"\"}", &format!("\"{}\"}}", "x".repeat(MAX_MESSAGE_BYTES - frame.len())));
    assert_eq!(filled.len(), MAX_MESSAGE_BYTES);
    assert!(decode(&filled).is_ok());
    assert_eq!(garbage(&format!("{filled} ")), (None, Flaw::TooLong));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in r#"[\[\]{}:,"a\\u0-9. requstnotifcaid]{0,80}"#) {
        let _ = decode(&text);
    }

    /// Whatever method and data a client encodes, they are read as they were.
    #[test]
    fn an_encoded_request_is_read_back(method in any::<String>(), data in any::<String>(), number in -(1_i64 << 53)..=1 << 53) {
        let data = serde_json::json!({"data": data}).to_string();
        let text = format!(r#"{{"data":{data},"method":{},"id":{number},"request":true}}"#, serde_json::json!(method));
        let expected = Request { id: id(&number.to_string()), method: method.into(), data: Some(&data) };
        prop_assert_eq!(decode(&text), Ok(Incoming::Request(expected)));
    }
}
