//! Ids as parts of keys and subjects, where most characters mean something.

use std::fmt::Write as _;

/// Letters, digits, `_` and `-` stay, any other byte becomes `%XX`. Different ids stay different.
pub(crate) fn encode(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _always = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_ids_stay_and_others_become_plain() {
        assert_eq!(encode("room_1-A"), "room_1-A");
        assert_eq!(encode("a b.*>%é"), "a%20b%2E%2A%3E%25%C3%A9");
        assert_ne!(encode("a%20b"), encode("a b"));
    }

    fn decode(encoded: &str) -> String {
        let mut parts = encoded.split('%');
        let mut bytes = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            let (hex, rest) = part.split_at(2);
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            bytes.extend(rest.bytes());
        }
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn any_id_is_safe_and_can_be_told_from_any_other(id in any::<String>()) {
            let encoded = encode(&id);
            prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-%".contains(&b)));
            prop_assert_eq!(decode(&encoded), id);
        }
    }
}
