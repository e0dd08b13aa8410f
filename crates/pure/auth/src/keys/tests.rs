//! Tokens that are accepted, and all the ways in which one is not.

use super::*;
use crate::{RoomPattern, SignError, SigningKey};
use jsonwebtoken::EncodingKey;
use model::{RoomId, UserId};
use proptest::prelude::*;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

mod elsewhere;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const OTHER_SECRET: &[u8] = b"another secret that is long enough";

/// What the tests take for the present.
const NOW: u64 = 1_700_000_000;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A token's claims that are good for ten minutes.
fn claims() -> Claims {
    Claims {
        grant: Grant {
            uid: UserId::parse("alice").unwrap(),
            rooms: vec![RoomPattern::parse("lobby").unwrap(), RoomPattern::parse("team-*").unwrap()],
            publish: true,
            subscribe: true,
            broadcast: false,
            record: true,
            admin: false,
            expires: at(NOW + 600),
        },
        not_before: Some(at(NOW - 600)),
    }
}

fn secret(kid: Option<&str>, secret: &[u8]) -> KeySpec {
    KeySpec { kid: kid.map(Into::into), material: KeyMaterial::Secret(secret.into()) }
}

fn public(kid: Option<&str>, pair: &KeyPair) -> KeySpec {
    KeySpec { kid: kid.map(Into::into), material: KeyMaterial::PublicPem(pair.public_key_pem()) }
}

fn signing(kid: Option<&str>, secret: &[u8]) -> SigningKey {
    SigningKey::from_secret(kid.map(Into::into), secret).unwrap()
}

fn private(kid: Option<&str>, pair: &KeyPair) -> SigningKey {
    SigningKey::from_private_pem(kid.map(Into::into), &pair.serialize_pem()).unwrap()
}

/// The keys of most tests: one secret.
fn keys() -> Keys {
    Keys::new(&[secret(None, SECRET)]).unwrap()
}

fn pairs() -> (KeyPair, KeyPair) {
    let pair = |kind| KeyPair::generate_for(kind).unwrap();
    (pair(&PKCS_ECDSA_P256_SHA256), pair(&PKCS_ED25519))
}

/// JSON as a part of a token.
fn part(json: &Value) -> String {
    let token = jsonwebtoken::encode(&Header::default(), json, &EncodingKey::from_secret(SECRET)).unwrap();
    token.split('.').nth(1).unwrap().into()
}

/// A token of any header and payload, signed with any bytes as HS256's secret.
fn forged(header: &Value, payload: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn payload() -> Value {
    json!({"sub": "alice", "exp": NOW + 600})
}

#[test]
fn every_algorithm_brings_the_grant_back() {
    let (ec, ed) = pairs();
    let keys = Keys::new(&[secret(None, SECRET), public(None, &ec), public(None, &ed)]).unwrap();
    for key in [signing(None, SECRET), private(None, &ec), private(None, &ed)] {
        let token = key.sign(&claims()).unwrap();
        assert_eq!(keys.verify(&token, at(NOW)), Ok(claims().grant), "{key:?}");
    }
}

#[test]
fn a_key_is_replaced_while_the_old_one_is_still_trusted() {
    let (ec, _) = pairs();
    let [old, new] = [secret(Some("2024"), SECRET), public(Some("2025"), &ec)];
    let old_token = signing(Some("2024"), SECRET).sign(&claims()).unwrap();
    let new_token = private(Some("2025"), &ec).sign(&claims()).unwrap();

    let before = Keys::new(std::slice::from_ref(&old)).unwrap();
    assert!(before.verify(&old_token, at(NOW)).is_ok());
    assert_eq!(before.verify(&new_token, at(NOW)), Err(TokenError::UnknownKey));

    let between = Keys::new(&[new.clone(), old]).unwrap();
    assert!(between.verify(&old_token, at(NOW)).is_ok());
    assert!(between.verify(&new_token, at(NOW)).is_ok());

    let after = Keys::new(&[new]).unwrap();
    assert_eq!(after.verify(&old_token, at(NOW)), Err(TokenError::UnknownKey));
    assert!(after.verify(&new_token, at(NOW)).is_ok());
}

#[test]
fn only_the_key_that_the_token_names_is_tried() {
    let keys = Keys::new(&[secret(Some("a"), SECRET), secret(Some("b"), OTHER_SECRET)]).unwrap();
    let verify = |kid| keys.verify(&signing(kid, SECRET).sign(&claims()).unwrap(), at(NOW)).map(drop);
    assert_eq!(verify(Some("a")), Ok(()));
    assert_eq!(verify(Some("b")), Err(TokenError::Signature));
    assert_eq!(verify(Some("c")), Err(TokenError::UnknownKey));
    assert_eq!(verify(None), Ok(()));
}

#[test]
fn a_key_without_a_name_is_not_tried_for_a_token_that_names_one() {
    let token = signing(Some("a"), SECRET).sign(&claims()).unwrap();
    assert_eq!(keys().verify(&token, at(NOW)), Err(TokenError::UnknownKey));
}

#[test]
fn without_a_name_every_key_of_the_algorithm_is_tried() {
    let (ec, _) = pairs();
    let keys =
        Keys::new(&[public(None, &ec), secret(None, OTHER_SECRET), secret(Some("named"), SECRET)]).unwrap();
    assert!(keys.verify(&signing(None, SECRET).sign(&claims()).unwrap(), at(NOW)).is_ok());
    let unknown = signing(None, b"a secret of nobody that is trusted");
    assert_eq!(keys.verify(&unknown.sign(&claims()).unwrap(), at(NOW)), Err(TokenError::Signature));
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let token = signing(None, SECRET).sign(&claims()).unwrap();
    let verify = |now| keys().verify(&token, at(now)).map(drop);
    assert_eq!(verify(NOW + 600 + 59), Ok(()));
    assert_eq!(verify(NOW + 600 + 60), Err(TokenError::Expired));
    assert_eq!(verify(NOW + 600 + 61), Err(TokenError::Expired));
    assert_eq!(verify(NOW - 600 - 59), Ok(()));
    assert_eq!(verify(NOW - 600 - 60), Ok(()));
    assert_eq!(verify(NOW - 600 - 61), Err(TokenError::NotYet));
    assert_eq!(verify(0), Err(TokenError::NotYet));
}

#[test]
fn a_public_key_is_no_secret() {
    let (ec, ed) = pairs();
    for pair in [ec, ed] {
        let with_kid = Keys::new(&[public(Some("a"), &pair)]).unwrap();
        let without = Keys::new(&[public(None, &pair)]).unwrap();
        let pem = pair.public_key_pem();
        for bytes in [pem.as_bytes(), pem.trim().as_bytes(), pair.public_key_raw()] {
            let named = forged(&json!({"alg": "HS256", "kid": "a"}), &payload(), bytes);
            assert_eq!(with_kid.verify(&named, at(NOW)), Err(TokenError::UnknownKey));
            let unnamed = forged(&json!({"alg": "HS256"}), &payload(), bytes);
            assert_eq!(without.verify(&unnamed, at(NOW)), Err(TokenError::UnknownKey));
        }
    }
}

#[test]
fn a_header_that_names_another_algorithm_than_signed_is_refused() {
    let (ec, ed) = pairs();
    let keys = Keys::new(&[secret(None, SECRET), public(None, &ec), public(None, &ed)]).unwrap();
    for (alg, error) in [
        ("ES256", TokenError::Signature),
        ("EdDSA", TokenError::Signature),
        ("HS384", TokenError::UnknownKey),
        ("HS512", TokenError::UnknownKey),
        ("ES384", TokenError::UnknownKey),
        ("RS256", TokenError::UnknownKey),
        ("none", TokenError::Malformed),
        ("None", TokenError::Malformed),
        ("hs256", TokenError::Malformed),
        ("", TokenError::Malformed),
    ] {
        let token = forged(&json!({"alg": alg}), &payload(), SECRET);
        assert_eq!(keys.verify(&token, at(NOW)), Err(error), "{alg}");
    }
    assert!(keys.verify(&forged(&json!({"alg": "HS256"}), &payload(), SECRET), at(NOW)).is_ok());
}

#[test]
fn an_unsigned_token_is_refused() {
    let payload = part(&payload());
    for alg in ["none", "HS256"] {
        let message = format!("{}.{payload}", part(&json!({"alg": alg})));
        for token in [message.clone(), format!("{message}."), format!("{message}..")] {
            assert!(keys().verify(&token, at(NOW)).is_err(), "{token}");
        }
    }
}

#[test]
fn a_header_that_must_be_understood_is_refused() {
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), json!([1])] {
        let token = forged(&json!({"alg": "HS256", "crit": crit}), &payload(), SECRET);
        assert_eq!(keys().verify(&token, at(NOW)), Err(TokenError::Malformed), "{crit}");
    }
    let unknown = forged(&json!({"alg": "HS256", "typ": "at+jwt", "x": {"y": 1}}), &payload(), SECRET);
    assert!(keys().verify(&unknown, at(NOW)).is_ok());
}

#[test]
fn a_wrong_claim_is_named_only_after_the_signature_is_right() {
    for (name, wrong) in [("sub", json!([])), ("exp", json!({})), ("nbf", json!([1])), ("rooms", json!([1]))]
    {
        let mut payload = payload();
        payload[name] = wrong;
        let verify = |secret| keys().verify(&forged(&json!({"alg": "HS256"}), &payload, secret), at(NOW));
        assert!(
            matches!(verify(SECRET), Err(TokenError::Claim { name: found, .. }) if found == name),
            "{name}"
        );
        assert_eq!(verify(OTHER_SECRET), Err(TokenError::Signature));
    }
}

#[test]
fn a_signed_payload_that_is_no_object_is_malformed() {
    for payload in [json!(null), json!([]), json!("alice"), json!(7)] {
        let token = forged(&json!({"alg": "HS256"}), &payload, SECRET);
        assert_eq!(keys().verify(&token, at(NOW)), Err(TokenError::Malformed), "{payload}");
    }
}

#[test]
fn a_payload_under_another_signature_is_refused() {
    let (ec, ed) = pairs();
    let keys = Keys::new(&[secret(None, SECRET), public(None, &ec), public(None, &ed)]).unwrap();
    let mut better = claims();
    better.grant.admin = true;
    for key in [signing(None, SECRET), private(None, &ec), private(None, &ed)] {
        let (honest, wanted) = (key.sign(&claims()).unwrap(), key.sign(&better).unwrap());
        let mixed = format!("{}.{}", wanted.rsplit_once('.').unwrap().0, honest.rsplit_once('.').unwrap().1);
        assert_eq!(keys.verify(&mixed, at(NOW)), Err(TokenError::Signature), "{key:?}");
    }
}

#[test]
fn no_byte_of_a_token_may_change_or_be_missing() {
    let (ec, ed) = pairs();
    let keys = Keys::new(&[secret(None, SECRET), public(None, &ec), public(None, &ed)]).unwrap();
    for key in [signing(None, SECRET), private(None, &ec), private(None, &ed)] {
        let token = key.sign(&claims()).unwrap();
        for at_byte in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at_byte] = if changed[at_byte] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(keys.verify(&changed, at(NOW)).is_err(), "{changed}");
            assert!(keys.verify(&token[..at_byte], at(NOW)).is_err(), "{at_byte}");
        }
        for longer in [format!("{token}A"), format!("{token}="), format!("{token}."), format!(" {token}")] {
            assert!(keys.verify(&longer, at(NOW)).is_err(), "{longer}");
        }
    }
}

#[test]
fn a_huge_token_is_refused_and_never_made() {
    let header = json!({"alg": "HS256"});
    let of_length = |filling: usize| {
        let mut payload = payload();
        payload["filling"] = "x".repeat(filling).into();
        forged(&header, &payload, SECRET)
    };
    let allowed = (5000..8000).rev().map(of_length).find(|token| token.len() <= MAX_TOKEN_BYTES).unwrap();
    assert!(allowed.len() > MAX_TOKEN_BYTES - 3);
    assert!(keys().verify(&allowed, at(NOW)).is_ok());
    assert_eq!(keys().verify(&of_length(7000), at(NOW)), Err(TokenError::Malformed));
    assert_eq!(keys().verify(&"x".repeat(10 << 20), at(NOW)), Err(TokenError::Malformed));

    let mut many = claims();
    many.grant.rooms = vec![RoomPattern::Room(RoomId::parse("a room of many").unwrap()); 1000];
    assert!(matches!(signing(None, SECRET).sign(&many), Err(SignError::TooLong { len }) if len > 10_000));
}

#[test]
fn deep_json_is_malformed() {
    let deep = (0..1000).fold(json!(1), |inner, _| json!([inner]));
    let header = json!({"alg": "HS256"});
    let token = forged(&header, &json!({"sub": "alice", "exp": NOW, "deep": deep}), SECRET);
    assert_eq!(keys().verify(&token, at(NOW)), Err(TokenError::Malformed));
}

#[test]
fn without_keys_no_token_is_accepted() {
    let token = signing(None, SECRET).sign(&claims()).unwrap();
    assert_eq!(Keys::new(&[]).unwrap().verify(&token, at(NOW)), Err(TokenError::UnknownKey));
}

#[test]
fn an_error_says_which_key_and_what_is_wrong() {
    let message = |specs: &[KeySpec]| Keys::new(specs).unwrap_err().to_string();
    assert_eq!(
        message(&[secret(None, SECRET), secret(None, b"short")]),
        "key number 2 has a secret of 5 bytes, expected at least 32"
    );
    assert_eq!(
        message(&[secret(Some("a"), SECRET), secret(None, SECRET), secret(Some("a"), OTHER_SECRET)]),
        "key \"a\" has the same kid as a key before it"
    );
    let no_pem = KeySpec { kid: Some("b".into()), material: KeyMaterial::PublicPem("no PEM".into()) };
    assert_eq!(message(&[no_pem]), "key \"b\" is no PEM text with one section, PUBLIC KEY");
}

#[test]
fn a_secret_is_never_printed() {
    let spec = secret(Some("a"), SECRET);
    let keys = Keys::new(std::slice::from_ref(&spec)).unwrap();
    let printed = format!("{spec:?} {keys:?} {:?}", signing(Some("a"), SECRET));
    assert_eq!(
        printed,
        "KeySpec { kid: Some(\"a\"), material: Secret(..) } \
         Keys([Key { kid: Some(\"a\"), algorithm: HS256, .. }]) \
         SigningKey { kid: Some(\"a\"), algorithm: HS256, .. }"
    );
}

proptest! {
    #[test]
    fn nonsense_is_refused_without_a_panic(token in "\\PC{0,60}|[A-Za-z0-9_.-]{0,80}|[.]{0,5}") {
        prop_assert!(keys().verify(&token, at(NOW)).is_err());
    }

    #[test]
    fn nonsense_behind_a_good_header_is_refused_without_a_panic(
        alg in "HS256|ES256|EdDSA",
        rest in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,100}",
    ) {
        let keys = Keys::new(&[secret(None, SECRET), elsewhere::ec(), elsewhere::ed()]).unwrap();
        let token = format!("{}.{rest}", part(&json!({"alg": alg})));
        prop_assert!(keys.verify(&token, at(NOW)).is_err());
    }

    #[test]
    fn any_time_of_day_will_do(
        exp in prop_oneof![any::<u64>(), 0..1_u64 << 32, Just(i64::MAX as u64)],
        now in any::<u32>(),
    ) {
        let token = forged(&json!({"alg": "HS256"}), &json!({"sub": "alice", "exp": exp}), SECRET);
        let accepted = keys().verify(&token, at(now.into())).is_ok();
        let good = i64::try_from(exp).is_ok_and(|exp| i64::from(now) < exp.saturating_add(60));
        prop_assert_eq!(accepted, good);
    }
}
