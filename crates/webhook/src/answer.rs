//! What became of one attempt.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};
use outbound::Unanswered;

/// The longest text of others' making in a log.
const MAX_SHOWN: usize = 300;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Delivered,
    /// The receiver does not want it, now or later.
    Refused(StatusCode),
    /// The receiver cannot take it now; it may say when it can.
    Failed { status: StatusCode, retry_after: Option<Duration> },
    /// It took too long.
    TimedOut,
    /// There is no connection, or it broke.
    Unreachable(String),
    /// The host has an address that is not public.
    Forbidden { address: IpAddr, what: &'static str },
}

impl Outcome {
    /// What an answer says. Redirects are not followed: whoever is redirected may be so tomorrow to somewhere else.
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let later = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        if status.is_success() {
            Self::Delivered
        } else if status.is_client_error() && !later {
            Self::Refused(status)
        } else {
            Self::Failed { status, retry_after: retry_after(headers, SystemTime::now()) }
        }
    }

    /// The value of a label.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Delivered => "ok",
            Self::Refused(_) => "refused",
            Self::Failed { .. } => "failed",
            Self::TimedOut => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Forbidden { .. } => "forbidden",
        }
    }
}

impl From<Unanswered> for Outcome {
    /// A certificate is quoted in what is wrong with it, and whoever made it could put anything there.
    fn from(why: Unanswered) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        Self::Unreachable(why.to_string().chars().take(MAX_SHOWN).map(plain).collect())
    }
}

/// Seconds or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Refused(status) | Self::Failed { status, .. } => write!(f, "answered {}", status.as_u16()),
            Self::TimedOut => f.write_str("not answered in time"),
            Self::Unreachable(why) => f.write_str(why),
            Self::Forbidden { address, what } => {
                write!(f, "its host has the address {address}, which is {what}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16) -> &'static str {
        Outcome::of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new()).name()
    }

    #[test]
    fn what_is_tried_again_depends_on_the_status() {
        let named = |name| {
            [200, 201, 204, 299, 301, 302, 308, 400, 401, 404, 408, 410, 429, 500, 503, 599]
                .into_iter()
                .filter(move |status| outcome(*status) == name)
                .collect::<Vec<_>>()
        };
        assert_eq!(named("ok"), [200, 201, 204, 299]);
        assert_eq!(named("refused"), [400, 401, 404, 410]);
        assert_eq!(named("failed"), [301, 302, 308, 408, 429, 500, 503, 599]);
    }

    #[test]
    fn when_to_come_back_is_said_in_seconds_or_as_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let parse = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("120"), Some(120));
        assert_eq!(parse("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(parse("Sun, 06 Nov 1994 08:48:37 GMT"), None);
        for text in ["", "-1", "1.5", "soon", "99999999999999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
