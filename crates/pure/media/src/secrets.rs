//! Random values that nobody may guess, from the operating system through the crypto library.
//!
//! `is` has a generator of ICE credentials too, but on a random number generator that is not cryptographic.

use crate::{MediaError, MediaErrorKind};

/// Letters and digits; 64 of them with `+` and `/`, so that six random bits make one (RFC 8839, ice-char).
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A transport's ICE name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IceSecrets {
    /// 96 bits: a stranger who guesses it still needs the password, and two of a router never meet.
    pub(crate) ufrag: String,
    /// 144 bits; RFC 8445 section 5.3 wants 128.
    pub(crate) pwd: String,
}

impl IceSecrets {
    pub(crate) fn generate() -> Result<Self, MediaError> {
        Ok(Self { ufrag: ice_text::<16>()?, pwd: ice_text::<24>()? })
    }
}

fn ice_text<const LEN: usize>() -> Result<String, MediaError> {
    let bytes: [u8; LEN] = random()?;
    Ok(bytes
        .iter()
        .filter_map(|byte| ICE_CHARS.get(usize::from(byte & 63)))
        .map(|&char| char::from(char))
        .collect())
}

/// Random bytes.
pub(crate) fn random<const LEN: usize>() -> Result<[u8; LEN], MediaError> {
    let mut bytes = [0; LEN];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| MediaError::new(MediaErrorKind::Internal, "the system has no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_long_enough_and_differ() {
        let (a, b) = (IceSecrets::generate().unwrap(), IceSecrets::generate().unwrap());
        assert_eq!((a.ufrag.len(), a.pwd.len()), (16, 24));
        assert_ne!(a.ufrag, b.ufrag);
        assert_ne!(a.pwd, b.pwd);
        assert!(a.pwd.bytes().all(|byte| ICE_CHARS.contains(&byte)));
    }
}
