//! Every event survives the bus, and nothing else is taken for one.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn rid() -> RoomId {
    RoomId::parse("room").unwrap()
}

fn text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,20}"
}

fn uid() -> impl Strategy<Value = UserId> {
    text().prop_map(|text| UserId::parse(&text).unwrap())
}

fn mid() -> impl Strategy<Value = StreamId> {
    text().prop_map(|text| StreamId::parse(&text).unwrap())
}

fn node() -> impl Strategy<Value = NodeId> {
    "[a-zA-Z0-9._-]{1,20}".prop_map(|text| NodeId::parse(&text).unwrap())
}

fn owner() -> impl Strategy<Value = Owner> {
    (node(), any::<u64>()).prop_map(|(signal, connection)| Owner { signal, connection })
}

fn user() -> impl Strategy<Value = User> {
    (uid(), owner(), any::<u64>()).prop_map(|(uid, owner, since)| User { uid, owner, since })
}

fn info(more: &str) -> MediaInfo {
    let more = serde_json::to_string(more).unwrap();
    let text = format!(r#"{{"audio":true,"video":false,"audiotype":1,"videotype":0,"more":{more}}}"#);
    MediaInfo::parse(&text).unwrap()
}

fn notice() -> impl Strategy<Value = Notice> {
    prop_oneof![
        user().prop_map(Notice::PeerJoin),
        uid().prop_map(|uid| Notice::PeerLeave { uid }),
        (mid(), uid(), node(), any::<String>()).prop_map(|(mid, uid, sfu, more)| Notice::StreamAdd(Stream {
            mid,
            uid,
            sfu,
            info: info(&more)
        })),
        (uid(), mid(), any::<bool>()).prop_map(|(uid, mid, by_server)| Notice::StreamRemove {
            uid,
            mid,
            by_server
        }),
        (uid(), any::<String>()).prop_map(|(uid, data)| {
            let data = JsonText::parse(&serde_json::to_string(&data).unwrap()).unwrap();
            Notice::Broadcast { uid, data }
        }),
        (uid(), owner()).prop_map(|(uid, owner)| Notice::PeerKick { uid, owner }),
        (user(), owner()).prop_map(|(user, from)| Notice::PeerMove { user, from }),
    ]
}

proptest! {
    #[test]
    fn every_event_comes_back_as_it_was(
        version in any::<u64>(),
        notices in prop::collection::vec(notice(), 1..6),
    ) {
        let event = RoomEvent { rid: rid(), version, notices: Arc::from(notices), emptied: false };
        prop_assert_eq!(decode_event(&rid(), &encode_event(&event)), Ok(event));
    }

    #[test]
    fn who_speaks_comes_back_as_it_was_and_is_no_event(
        node in node(),
        levels in prop::collection::vec((mid(), -127i8..=0), 0..SpeakersOfNode::MOST),
        event in prop::collection::vec(notice(), 1..3),
    ) {
        let speakers = levels.into_iter().map(|(mid, level)| Speaker { mid, level }).collect();
        let said = SpeakersOfNode { node, speakers };
        let bytes = encode_speakers(&said);
        prop_assert!(decode_event(&rid(), &bytes).is_err());
        prop_assert_eq!(decode_speakers(&bytes), Some(said));
        let event = RoomEvent { rid: rid(), version: 1, notices: Arc::from(event), emptied: false };
        prop_assert_eq!(decode_speakers(&encode_event(&event)), None);
    }

    #[test]
    fn any_bytes_have_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _verdict = decode_event(&rid(), &bytes);
        let _verdict = decode_speakers(&[SPEAKERS, &bytes].concat());
    }
}

#[test]
fn the_format_is_as_documented() {
    let user = User {
        uid: UserId::parse("ann").unwrap(),
        owner: Owner { signal: NodeId::parse("s1").unwrap(), connection: 7 },
        since: 3,
    };
    let from = Owner { signal: NodeId::parse("s2").unwrap(), connection: u64::MAX };
    let notices = Arc::from([Notice::PeerMove { user, from }]);
    let event = RoomEvent { rid: rid(), version: 9, notices, emptied: false };
    let text = r#"{"n":[["m","ann","s1","7","3","s2","18446744073709551615"]],"v":"9"}"#;
    assert_eq!(String::from_utf8(encode_event(&event)).unwrap(), text);
}

#[test]
fn later_versions_may_add_members() {
    let text = br#"{"x":1,"v":"9","n":[["l","ann",{"why":"x"},2]]}"#;
    let event = decode_event(&rid(), text).unwrap();
    assert_eq!(*event.notices, [Notice::PeerLeave { uid: UserId::parse("ann").unwrap() }]);
}

#[test]
fn what_says_who_speaks_is_as_documented_and_bounded() {
    let text = br#"{"s":"s1","l":[["ann#1",-30],["ben#2",-41]]}"#;
    let said = decode_speakers(text).unwrap();
    assert_eq!((said.node.as_str(), said.speakers.len()), ("s1", 2));
    assert_eq!(encode_speakers(&said), text);
    for wrong in [
        r#"{"s":"s1"}"#,
        r#"{"s":"","l":[]}"#,
        r#"{"s":"s1","l":[["ann#1"]]}"#,
        r#"{"s":"s1","l":[["ann#1",1]]}"#,
        r#"{"s":"s1","l":[["ann#1",-128]]}"#,
        r#"{"s":"s1","l":[["",-30]]}"#,
    ] {
        assert_eq!(decode_speakers(wrong.as_bytes()), None, "{wrong}");
    }
    let many = format!(r#"{{"s":"s1","l":[{}]}}"#, vec![r#"["ann#1",-30]"#; 1000].join(","));
    assert_eq!(decode_speakers(many.as_bytes()).unwrap().speakers.len(), SpeakersOfNode::MOST);
}

#[test]
fn what_is_wrong_is_named() {
    for (text, named) in [
        ("", "JSON"),
        ("[]", "v is no text"),
        (r#"{"v":9,"n":[["l","ann"]]}"#, "v is no text"),
        (r#"{"v":"-1","n":[["l","ann"]]}"#, "v "),
        (r#"{"v":"9"}"#, "n is no array"),
        (r#"{"v":"9","n":{}}"#, "n is no array"),
        (r#"{"v":"9","n":[]}"#, "0 entries"),
        (r#"{"v":"9","n":["l"]}"#, "no array"),
        (r#"{"v":"9","n":[["z","ann"]]}"#, "kind"),
        (r#"{"v":"9","n":[["l"]]}"#, "uid"),
        (r#"{"v":"9","n":[["l",""]]}"#, "uid is empty"),
        (r#"{"v":"9","n":[["j","ann","s 1","7","3"]]}"#, "signal has a character"),
        (r#"{"v":"9","n":[["j","ann","s1","x","3"]]}"#, "connection"),
        (r#"{"v":"9","n":[["j","ann","s1","7"]]}"#, "since"),
        (r#"{"v":"9","n":[["a","m","ann","f1","{}"]]}"#, "minfo"),
        (r#"{"v":"9","n":[["r","ann","m",2]]}"#, "by_server"),
        (r#"{"v":"9","n":[["b","ann","{"]]}"#, "data"),
    ] {
        let error = decode_event(&rid(), text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error}");
    }
    let many = vec![json!(["l", "ann"]); MAX_NOTICES + 1];
    assert!(decode_event(&rid(), json!({ "v": "9", "n": many }).to_string().as_bytes()).is_err());
}

#[test]
fn a_version_alone_is_no_event() {
    let notices = Arc::from([Notice::PeerLeave { uid: UserId::parse("ann").unwrap() }]);
    let event = RoomEvent { rid: rid(), version: 9, notices, emptied: false };
    let bytes = encode_version(&event);
    assert_eq!(bytes, br#"{"v":"9"}"#);
    assert!(decode_event(&rid(), &bytes).is_err());
}
