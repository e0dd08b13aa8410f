//! Random values that nobody may guess, from the operating system through the crypto library.
//!
//! `is` has a generator of ICE credentials too, but on a random number generator that is not cryptographic.

use crate::{MediaError, MediaErrorKind};
use is::stun::StunMessage;

/// Letters and digits; 64 of them with `+` and `/`, so that six random bits make one (RFC 8839, ice-char).
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A transport's ICE name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IceSecrets {
    /// The worker's number, and 96 bits: a stranger who guesses it still needs the password, and two of a process never
    /// meet.
    pub(crate) ufrag: String,
    /// 144 bits; RFC 8445 section 5.3 wants 128.
    pub(crate) pwd: String,
}

impl IceSecrets {
    /// For this worker's router.
    pub(crate) fn generate(worker: u16) -> Result<Self, MediaError> {
        let number = [worker >> 6, worker].map(|digit| ice_char(digit as u8));
        Ok(Self { ufrag: number.iter().collect::<String>() + &ice_text::<16>()?, pwd: ice_text::<24>()? })
    }
}

/// The highest number of a worker: two characters of a name.
pub const MAX_WORKER: u16 = (1 << 12) - 1;

/// The number of the worker whose transport a connectivity check is for, by the name in it. `None`: it is no check, or
/// for nobody here. Whether there is such a transport, and the check is authentic, its [`Router`](crate::Router) finds
/// out.
#[must_use]
pub fn worker_of(datagram: &[u8]) -> Option<u16> {
    let message = StunMessage::parse(datagram).ok().filter(StunMessage::is_binding_request)?;
    let (ufrag, _) = message.split_username()?;
    let digit = |at| {
        let char = ufrag.as_bytes().get(at)?;
        ICE_CHARS.iter().position(|known| known == char).and_then(|digit| u16::try_from(digit).ok())
    };
    Some(digit(0)? << 6 | digit(1)?)
}

fn ice_char(number: u8) -> char {
    ICE_CHARS.get(usize::from(number & 63)).map_or('A', |&char| char::from(char))
}

fn ice_text<const LEN: usize>() -> Result<String, MediaError> {
    let bytes: [u8; LEN] = random()?;
    Ok(bytes.iter().map(|&byte| ice_char(byte)).collect())
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
        let (a, b) = (IceSecrets::generate(0).unwrap(), IceSecrets::generate(0).unwrap());
        assert_eq!((a.ufrag.len(), a.pwd.len()), (18, 24));
        assert_ne!(a.ufrag, b.ufrag);
        assert_ne!(a.pwd, b.pwd);
        assert!(a.pwd.bytes().all(|byte| ICE_CHARS.contains(&byte)));
    }

    #[test]
    fn a_check_tells_whose_it_is() {
        let check = |ufrag: &str| {
            let username = format!("{ufrag}:theirs");
            let message =
                StunMessage::binding_request(&username, is::stun::TransId::new(), true, 5, 100, false);
            let mut bytes = [0; 200];
            let len = message.to_bytes(Some(b"theirs"), &mut bytes, |_, _| [0; 20]).unwrap();
            bytes[..len].to_vec()
        };
        for worker in [0, 1, 63, 64, 255, 4095] {
            let secrets = IceSecrets::generate(worker).unwrap();
            assert_eq!(worker_of(&check(&secrets.ufrag)), Some(worker));
        }
        assert_eq!(worker_of(&check("A")), None);
        assert_eq!(worker_of(&check("ab-cd")), Some(26 * 64 + 27));
        assert_eq!(worker_of(&check("-abcd")), None);
        assert_eq!(worker_of(b"GET / HTTP/1.1"), None);
        assert_eq!(worker_of(&[]), None);
    }
}
