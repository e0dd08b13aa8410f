//! Access tokens. Under a valid signature any header and any payload; what is granted stands in the token.

use super::named;
use crate::base64;
use auth::{Claims, Grant, KeyMaterial, KeySpec, Keys, MAX_TOKEN_BYTES, RoomPattern, SigningKey, TokenError};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use model::{RoomId, UserId};
use serde_json::Value;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

const SECRET: &[u8] = b"a secret of the fuzzer, long enough";
/// What is taken for the present.
const NOW: u64 = 1_700_000_000;

/// Public keys whose private ones are nowhere.
const ES256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQFhqIYwdaQU3cYmljQjNfgFHBGYK
zlJ4go041tyGjtHwHM162WfZMkOsl+CoB+XjwmNZdOGMRIIC1ld/MhBjbA==
-----END PUBLIC KEY-----
";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAHl4tsmGwF02cosrUI4olpQIwqyaTHw8XRyC2t8/5h9o=
-----END PUBLIC KEY-----
";

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let public = |pem: &str| KeyMaterial::PublicPem(pem.to_owned());
    let key = |kid: Option<&str>, material| KeySpec { kid: kid.map(Into::into), material };
    Keys::new(&[
        key(None, KeyMaterial::Secret(b"another secret of the same length.".to_vec())),
        key(Some("a"), KeyMaterial::Secret(SECRET.to_vec())),
        key(Some("b"), public(ES256)),
        key(None, public(ED25519)),
    ])
    .expect("the keys are good")
});

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn run(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    match kind {
        0 => {
            if let Ok(token) = std::str::from_utf8(rest) {
                let _ = verify(token);
            }
        }
        1 => {
            let mut parts = rest.splitn(2, |byte| *byte == 0);
            let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            signed(header, payload);
        }
        _ => made(rest),
    }
}

/// Any token. A valid one must be signed: with a changed signature it is none.
fn verify(token: &str) -> Result<Grant, TokenError> {
    let result = KEYS.verify(token, at(NOW));
    match &result {
        Ok(grant) => {
            assert!(token.len() <= MAX_TOKEN_BYTES && token.split('.').count() == 3);
            assert!(grant.expires + auth::CLOCK_SKEW > at(NOW));
            assert!((1..=UserId::MAX_BYTES).contains(&grant.uid.as_str().len()));
            let (message, _) = token.rsplit_once('.').expect("three parts");
            let unsigned = format!("{message}.{}", base64::encode(&[7; 32]));
            assert_eq!(KEYS.verify(&unsigned, at(NOW)), Err(TokenError::Signature));
            assert!(KEYS.verify(&format!("{message}."), at(NOW)).is_err());
        }
        Err(error) => assert!(error.to_string().len() < 100, "it repeats the token"),
    }
    result
}

/// Any header and payload, signed as `HS256`.
fn signed(header: &[u8], payload: &[u8]) {
    let message = format!("{}.{}", base64::encode(header), base64::encode(payload));
    let key = EncodingKey::from_secret(SECRET);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("it can be signed");
    let Ok(grant) = verify(&format!("{message}.{signature}")) else { return };
    let header: Value = serde_json::from_slice(header).expect("a header that was taken is JSON");
    assert_eq!(header["alg"], "HS256", "the key says the algorithm");
    assert!(header.get("crit").is_none_or(Value::is_null), "what must be understood is not");
    let payload: Value = serde_json::from_slice(payload).expect("a payload that was taken is JSON");
    assert_eq!(payload["sub"], grant.uid.as_str());
    for (name, granted) in [("record", grant.record), ("admin", grant.admin)] {
        assert_eq!(payload.get(name).and_then(Value::as_bool).unwrap_or(false), granted, "{name}");
    }
    for (name, granted) in
        [("publish", grant.publish), ("subscribe", grant.subscribe), ("broadcast", grant.broadcast)]
    {
        assert_eq!(payload.get(name).and_then(Value::as_bool).unwrap_or(true), granted, "{name}");
    }
    let rooms = payload.get("rooms").and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!(grant.rooms.len(), rooms);
    let lobby = RoomId::parse("lobby").expect("a room");
    assert!(!grant.allows_room(&lobby) || rooms > 0, "no room without a pattern");
    again(&grant);
}

/// Any text as a user and as rooms: a token that we make is one that we take.
fn made(rest: &[u8]) {
    let mut parts = rest.split(|byte| *byte == 0).map(|part| std::str::from_utf8(part).unwrap_or_default());
    let Ok(uid) = UserId::parse(parts.next().unwrap_or_default()) else { return };
    let rooms: Vec<_> = parts.filter_map(|part| RoomPattern::parse(part).ok()).take(20).collect();
    again(&Grant {
        uid,
        rooms,
        publish: true,
        subscribe: false,
        broadcast: true,
        record: false,
        admin: true,
        expires: at(NOW + 1),
    });
}

fn again(grant: &Grant) {
    let key = SigningKey::from_secret(Some("a".into()), SECRET).expect("the key is good");
    let expires = grant.expires;
    let Ok(token) = key.sign(&Claims { grant: grant.clone(), not_before: None }) else { return };
    let read = verify(&token).expect("it is ours");
    // Times are in whole seconds, rounded down.
    assert!(expires.duration_since(read.expires).is_ok_and(|cut| cut < Duration::from_secs(1)));
    assert_eq!(Grant { expires, ..read }, *grant);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let key = SigningKey::from_secret(Some("a".into()), SECRET).expect("the key is good");
    let grant = Grant {
        uid: UserId::parse("anna").expect("a user"),
        rooms: vec![
            RoomPattern::parse("lobby").expect("a room"),
            RoomPattern::parse("team-*").expect("rooms"),
        ],
        publish: true,
        subscribe: true,
        broadcast: false,
        record: true,
        admin: false,
        expires: at(NOW + 600),
    };
    let token = key.sign(&Claims { grant, not_before: Some(at(NOW - 5)) }).expect("a token");
    let header = r#"{"typ":"JWT","alg":"HS256","kid":"a"}"#;
    let raw = |text: &str| [&[0], text.as_bytes()].concat();
    let unsigned =
        |header: &str| format!("{}.{}.AAAA", base64::encode(header.as_bytes()), base64::encode(b"{}"));
    let of = |header: &str, payload: &str| [&[1], header.as_bytes(), &[0], payload.as_bytes()].concat();
    named([
        ("token", raw(&token)),
        ("nothing", raw("..")),
        ("none", raw(&unsigned(r#"{"alg":"none"}"#))),
        ("es256", raw(&unsigned(r#"{"alg":"ES256","kid":"b"}"#))),
        ("eddsa", raw(&unsigned(r#"{"alg":"EdDSA"}"#))),
        (
            "claims",
            of(
                header,
                r#"{"sub":"a","exp":1700000600,"nbf":1699999999.5,"rooms":["x*",{"room":"y*"},{"prefix":""}],"admin":true}"#,
            ),
        ),
        ("wrong-claim", of(header, r#"{"sub":"a","exp":"soon"}"#)),
        ("expired", of(header, r#"{"sub":"a","exp":1600000000}"#)),
        ("far-away", of(header, r#"{"sub":"a","exp":1e300,"nbf":-1}"#)),
        ("repeated", of(header, r#"{"sub":"a","sub":"b","exp":18446744073709551615}"#)),
        (
            "crit",
            of(r#"{"alg":"HS256","kid":"a","crit":["b64"],"b64":false}"#, r#"{"sub":"a","exp":1700000600}"#),
        ),
        ("jwk", of(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#, "{}")),
        ("made", [&[2], &b"anna\0lobby\0team-*\0a**"[..]].concat()),
    ])
}
