//! Where a client's token stands: in the sub-protocols, which is all that a browser's `WebSocket` can send, in the
//! `Authorization` header, or, where that was switched on, in the query.

use super::peer::{Given, parameter};
use axum::http::{
    HeaderMap,
    header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL},
};

/// What a sub-protocol that is a token begins with.
const PREFIX: &str = "bearer.";

/// The token of a request.
///
/// # Errors
/// Says what is wrong where more than one is given: which of them counts must not depend on who looks.
pub(super) fn token(
    headers: &HeaderMap,
    query: Option<&str>,
    in_query: bool,
) -> Result<Option<String>, &'static str> {
    let mut found = Vec::new();
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|offer| offer.to_str().ok());
    let offers =
        offers.flat_map(|offer| offer.split(',')).filter_map(|offer| offer.trim().strip_prefix(PREFIX));
    found.extend(offers.map(str::to_owned));
    for value in headers.get_all(AUTHORIZATION) {
        let value = value.to_str().unwrap_or_default();
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            found.push(token.trim().to_owned());
        }
    }
    if in_query {
        match parameter(query, "token") {
            Given::Once(token) => found.push(String::from_utf8(token).unwrap_or_default()),
            Given::Never => {}
            Given::Again => return Err("more than one token is given"),
        }
    }
    let token = found.pop();
    if found.is_empty() { Ok(token) } else { Err("more than one token is given") }
}

#[cfg(test)]
mod tests {
    use super::{AUTHORIZATION, HeaderMap, SEC_WEBSOCKET_PROTOCOL, token};

    fn headers(protocols: &[&'static str], authorizations: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in protocols {
            headers.append(SEC_WEBSOCKET_PROTOCOL, value.parse().unwrap());
        }
        for value in authorizations {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn it_stands_in_one_of_three_places() {
        let found = |protocols, authorizations, query, in_query| {
            token(&headers(protocols, authorizations), Some(query), in_query).unwrap()
        };
        assert_eq!(found(&["protoo, bearer.a.b-c_d"], &[], "", false).as_deref(), Some("a.b-c_d"));
        assert_eq!(found(&["protoo", "bearer.x"], &[], "", false).as_deref(), Some("x"));
        assert_eq!(found(&["protoo"], &["Bearer x.y"], "", false).as_deref(), Some("x.y"));
        assert_eq!(found(&[], &["bEARER  x"], "", false).as_deref(), Some("x"));
        assert_eq!(found(&[], &["Basic eDp5"], "", false), None);
        assert_eq!(found(&[], &[], "peer=a&token=x.y", false), None);
        assert_eq!(found(&[], &[], "peer=a&token=x.%79", true).as_deref(), Some("x.y"));
        assert_eq!(found(&["protoo"], &[], "peer=a", true), None);
    }

    #[test]
    fn two_of_them_are_none() {
        let both = headers(&["protoo, bearer.x"], &["Bearer x"]);
        assert!(token(&both, None, false).is_err());
        assert!(token(&headers(&["bearer.x, bearer.y"], &[]), None, false).is_err());
        assert!(token(&headers(&[], &["Bearer x"]), Some("token=x"), true).is_err());
        assert!(token(&headers(&[], &[]), Some("token=x&token=x"), true).is_err());
    }
}
