//! A token's payload, read and written. The table of the claims is in the crate's documentation.

use crate::{Grant, RoomPattern, TokenError};
use model::UserId;
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// All that a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// What the token allows.
    pub grant: Grant,
    /// When the token begins: `nbf`. At once where there is none.
    pub not_before: Option<SystemTime>,
}

impl Claims {
    /// Reads a payload; a claim that is not in the table is ignored.
    pub(crate) fn from_json(payload: &Map<String, Value>) -> Result<Self, TokenError> {
        let flag = |name, missing| read_or(payload, name, missing, "true or false", Value::as_bool);
        Ok(Self {
            grant: Grant {
                uid: read(payload, "sub", "a user's id", uid)?,
                rooms: read_or(payload, "rooms", Vec::new(), "a list of rooms and prefixes", rooms)?,
                publish: flag("publish", true)?,
                subscribe: flag("subscribe", true)?,
                broadcast: flag("broadcast", true)?,
                record: flag("record", false)?,
                admin: flag("admin", false)?,
                expires: read(payload, "exp", SECONDS, time)?,
            },
            not_before: read_or(payload, "nbf", None, SECONDS, |value| time(value).map(Some))?,
        })
    }

    /// Writes the payload, every claim of the table but a missing `nbf`. Times are in whole
    /// seconds, rounded down. `None` where one is before 1970.
    pub(crate) fn to_json(&self) -> Option<Map<String, Value>> {
        let Grant { uid, rooms, publish, subscribe, broadcast, record, admin, expires } = &self.grant;
        let mut payload = Map::new();
        payload.insert("sub".into(), json!(uid));
        payload.insert("rooms".into(), rooms.iter().map(RoomPattern::to_json).collect());
        payload.insert("publish".into(), json!(publish));
        payload.insert("subscribe".into(), json!(subscribe));
        payload.insert("broadcast".into(), json!(broadcast));
        payload.insert("record".into(), json!(record));
        payload.insert("admin".into(), json!(admin));
        payload.insert("exp".into(), seconds(*expires)?.into());
        if let Some(begin) = self.not_before {
            payload.insert("nbf".into(), seconds(begin)?.into());
        }
        Some(payload)
    }
}

const SECONDS: &str = "a number of seconds since 1970";

type Read<T> = fn(&Value) -> Option<T>;

fn read<T>(
    payload: &Map<String, Value>,
    name: &'static str,
    expected: &'static str,
    read: Read<T>,
) -> Result<T, TokenError> {
    payload.get(name).and_then(read).ok_or(TokenError::Claim { name, expected })
}

fn read_or<T>(
    payload: &Map<String, Value>,
    name: &'static str,
    missing: T,
    expected: &'static str,
    how: Read<T>,
) -> Result<T, TokenError> {
    if payload.contains_key(name) { read(payload, name, expected, how) } else { Ok(missing) }
}

fn uid(value: &Value) -> Option<UserId> {
    UserId::parse(value.as_str()?).ok()
}

fn rooms(value: &Value) -> Option<Vec<RoomPattern>> {
    value.as_array()?.iter().map(RoomPattern::from_json).collect()
}

/// RFC 7519, section 2: a `NumericDate` may have a fraction.
fn time(value: &Value) -> Option<SystemTime> {
    let since = match value.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::try_from_secs_f64(value.as_f64()?).ok()?,
    };
    UNIX_EPOCH.checked_add(since)
}

fn seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RoomPrefix;
    use model::RoomId;
    use proptest::prelude::*;

    fn parse(payload: &Value) -> Result<Claims, TokenError> {
        Claims::from_json(payload.as_object().unwrap())
    }

    #[test]
    fn a_missing_claim_has_its_default() {
        let claims = parse(&json!({"sub": "alice", "exp": 1000, "iss": {"not": "ours"}, "aud": 7})).unwrap();
        assert_eq!(
            claims,
            Claims {
                grant: Grant {
                    uid: UserId::parse("alice").unwrap(),
                    rooms: Vec::new(),
                    publish: true,
                    subscribe: true,
                    broadcast: true,
                    record: false,
                    admin: false,
                    expires: UNIX_EPOCH + Duration::from_secs(1000),
                },
                not_before: None,
            }
        );
    }

    #[test]
    fn a_claim_of_the_wrong_kind_is_named() {
        for (name, wrong) in [
            ("sub", json!(null)),
            ("sub", json!(7)),
            ("sub", json!({})),
            ("sub", json!("")),
            ("sub", json!("a\tb")),
            ("sub", json!("x".repeat(129))),
            ("rooms", json!(null)),
            ("rooms", json!("lobby")),
            ("rooms", json!({"room": "lobby"})),
            ("rooms", json!(["lobby", 7])),
            ("rooms", json!(["lobby", ""])),
            ("publish", json!("true")),
            ("subscribe", json!(1)),
            ("broadcast", json!(null)),
            ("record", json!([])),
            ("admin", json!({})),
            ("exp", json!("1000")),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("exp", json!(u64::MAX)),
            ("exp", json!([])),
            ("nbf", json!(null)),
            ("nbf", json!(true)),
        ] {
            let mut payload = json!({"sub": "alice", "exp": 1000});
            payload[name] = wrong.clone();
            let named =
                matches!(parse(&payload), Err(TokenError::Claim { name: found, .. }) if found == name);
            assert!(named, "{name}: {wrong}");
        }
    }

    #[test]
    fn who_and_until_when_must_be_said() {
        for (payload, missing) in [(json!({"exp": 1000}), "sub"), (json!({"sub": "alice"}), "exp")] {
            assert!(matches!(parse(&payload), Err(TokenError::Claim { name, .. }) if name == missing));
        }
    }

    #[test]
    fn a_time_may_have_a_fraction() {
        let claims = parse(&json!({"sub": "alice", "exp": 1000.5, "nbf": 1e2})).unwrap();
        assert_eq!(claims.grant.expires, UNIX_EPOCH + Duration::from_millis(1_000_500));
        assert_eq!(claims.not_before, Some(UNIX_EPOCH + Duration::from_secs(100)));
    }

    #[test]
    fn a_time_before_1970_is_not_written() {
        let mut claims = parse(&json!({"sub": "alice", "exp": 1000})).unwrap();
        claims.not_before = Some(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(claims.to_json(), None);
    }

    fn pattern() -> impl Strategy<Value = RoomPattern> {
        prop_oneof![
            "\\PC{1,20}\\*?".prop_map(|text| RoomPattern::Room(RoomId::parse(&text).unwrap())),
            "\\PC{0,20}\\*?".prop_map(|text| RoomPattern::Prefix(RoomPrefix::parse(&text).unwrap())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            uid in "\\PC{1,30}",
            rooms in prop::collection::vec(pattern(), 0..5),
            [publish, subscribe, broadcast, record, admin] in any::<[bool; 5]>(),
            exp in any::<u32>(),
            nbf in any::<Option<u32>>(),
        ) {
            let time = |seconds: u32| UNIX_EPOCH + Duration::from_secs(seconds.into());
            let uid = UserId::parse(&uid).unwrap();
            let expires = time(exp);
            let grant = Grant { uid, rooms, publish, subscribe, broadcast, record, admin, expires };
            let claims = Claims { grant, not_before: nbf.map(time) };
            prop_assert_eq!(Claims::from_json(&claims.to_json().unwrap()), Ok(claims));
        }
    }
}
