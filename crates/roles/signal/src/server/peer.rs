//! Who connects: the `peer` of `/ws?peer=UID`.

use model::UserId;

/// Reads the uid out of a query.
///
/// # Errors
/// What is wrong, as the HTTP answer says it.
pub(super) fn peer(query: Option<&str>) -> Result<UserId, String> {
    let value = match parameter(query, "peer") {
        Given::Once(value) => value,
        Given::Never => return Err("peer is missing: expected /ws?peer=UID".to_owned()),
        Given::Again => return Err("peer is given twice: expected /ws?peer=UID".to_owned()),
    };
    let text = String::from_utf8(value).map_err(|_| "peer is not UTF-8")?;
    UserId::parse(&text).map_err(|why| format!("peer {why}"))
}

/// How often a parameter stands in a query.
pub(super) enum Given {
    /// It does not.
    Never,
    /// Once, with this value.
    Once(Vec<u8>),
    /// More often.
    Again,
}

/// Looks for a parameter of a query.
pub(super) fn parameter(query: Option<&str>, wanted: &str) -> Given {
    let pairs = query.unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(name, _)| decoded(name) == wanted.as_bytes()).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => Given::Never,
        (Some(value), None) => Given::Once(decoded(value)),
        (Some(_), Some(_)) => Given::Again,
    }
}

/// Undoes form encoding, which is what browsers' `URLSearchParams` write:
/// `%XX` and `+`. A `%` without two hex digits stands for itself.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, hex_pair(after)) {
            (b'%', Some((byte, after))) => {
                bytes.push(byte);
                rest = after;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    bytes
}

fn hex_pair(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], rest) = bytes.split_first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(*high)? << 4 | digit(*low)?, rest))
}

#[cfg(test)]
mod tests {
    use super::peer;

    fn uid(query: &str) -> Result<String, String> {
        peer(Some(query)).map(|uid| uid.to_string())
    }

    #[test]
    fn any_legal_id_comes_through() {
        assert_eq!(uid("peer=alice").as_deref(), Ok("alice"));
        assert_eq!(uid("x=1&peer=a%2Fb+c%20%23%2b&y").as_deref(), Ok("a/b c #+"));
        assert_eq!(uid("peer=%E2%98%83").as_deref(), Ok("☃"));
        assert_eq!(uid("p%65er=100%").as_deref(), Ok("100%"));
        assert_eq!(uid("peer=a=b").as_deref(), Ok("a=b"));
        assert_eq!(uid(&format!("peer={}", "x".repeat(128))).map(|uid| uid.len()), Ok(128));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(peer(None), Err("peer is missing: expected /ws?peer=UID".to_owned()));
        assert_eq!(uid("Peer=x&speer=y"), Err("peer is missing: expected /ws?peer=UID".to_owned()));
        assert!(uid("peer=").unwrap_err().starts_with("peer "));
        assert!(uid("peer").unwrap_err().starts_with("peer "));
        assert_eq!(uid("peer=a&peer=a"), Err("peer is given twice: expected /ws?peer=UID".to_owned()));
        assert_eq!(uid("peer=%ff"), Err("peer is not UTF-8".to_owned()));
        assert!(uid("peer=a%0ab").unwrap_err().starts_with("peer "));
        assert!(uid(&format!("peer={}", "x".repeat(129))).unwrap_err().starts_with("peer "));
    }
}
