//! Parameters of a payload type (`a=fmtp`).

use std::fmt;

use crate::limits::MAX_FORMAT_PARAMETERS;

/// Parameters of a payload type, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fmtp(Vec<(String, Option<String>)>);

impl Fmtp {
    /// The value of a parameter; names are compared without regard to case.
    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        value.as_deref()
    }

    /// The one parameter, where it is the only one and has no name, such as the `111/111` of RED.
    pub(crate) fn nameless(&self) -> Option<&str> {
        match self.0.as_slice() {
            [(text, None)] => Some(text),
            _ => None,
        }
    }

    /// Whether a parameter is there with value 1.
    pub fn is_on(&self, name: &str) -> bool {
        self.value(name) == Some("1")
    }

    /// No parameter at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a sender with these parameters sends, or may send, two channels of Opus.
    pub fn is_stereo(&self) -> bool {
        self.is_on("stereo") || self.is_on("sprop-stereo")
    }

    /// Only the parameters whose name, in lower case, is kept by `keep`.
    #[must_use]
    pub fn only(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(&name.to_ascii_lowercase())).cloned().collect())
    }

    /// Adds the parameters of one `a=fmtp` line, the part after the payload type. False: too many.
    #[must_use]
    pub(crate) fn read(&mut self, value: &str) -> bool {
        for parameter in value.split(';').map(str::trim).filter(|parameter| !parameter.is_empty()) {
            if self.0.len() == MAX_FORMAT_PARAMETERS {
                return false;
            }
            self.0.push(match parameter.split_once('=') {
                Some((name, value)) => (name.trim().to_owned(), Some(value.trim().to_owned())),
                None => (parameter.to_owned(), None),
            });
        }
        true
    }
}

/// Reads text such as `stereo=1;useinbandfec=1`; what is beyond the limit is left out.
impl From<&str> for Fmtp {
    fn from(text: &str) -> Self {
        let mut fmtp = Self::default();
        let _all_read = fmtp.read(text);
        fmtp
    }
}

impl fmt::Display for Fmtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_whatever_their_case_and_spaces() {
        let fmtp = Fmtp::from("minptime=10; UseInbandFEC=1 ;stereo=0;;111/111");
        assert_eq!(fmtp.value("minptime"), Some("10"));
        assert!(fmtp.is_on("useinbandfec"));
        assert!(!fmtp.is_stereo());
        assert_eq!(fmtp.to_string(), "minptime=10;UseInbandFEC=1;stereo=0;111/111");
        assert_eq!(fmtp.nameless(), None);
        assert_eq!(Fmtp::from("111/111").nameless(), Some("111/111"));
        assert_eq!(Fmtp::from("x=1").nameless(), None);
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let fmtp = Fmtp::from("Stereo=1;x=y;usedtx=1");
        assert_eq!(fmtp.only(|name| name != "x").to_string(), "Stereo=1;usedtx=1");
    }
}
