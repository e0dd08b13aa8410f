//! How a receiver knows that a request comes from here.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;

/// What sender and receiver share. It is never shown.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// Why bytes are no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has {len} bytes, expected {min} to {max}")]
pub struct InvalidSecret {
    len: usize,
    min: usize,
    max: usize,
}

impl Secret {
    /// The shortest: 128 bits.
    pub const MIN_BYTES: usize = 16;
    /// The longest. HMAC-SHA256 hashes what is longer than 64 bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// When they are too few to be secret, or far too many.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        let (len, min, max) = (bytes.len(), Self::MIN_BYTES, Self::MAX_BYTES);
        if !(min..=max).contains(&len) {
            return Err(InvalidSecret { len, min, max });
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The value of `anabranch-signature` for a body that is sent at this time, in seconds since 1970:
/// `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of `SECONDS.BODY`.
#[must_use]
pub fn signature(secret: &Secret, seconds: u64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&secret.0);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

/// Whether `header` is the signature of this body, and was made within `tolerance` of `now` (seconds since 1970), before
/// or after. Takes as long whatever is wrong with the digits.
#[must_use]
pub fn verify(secret: &Secret, header: &str, body: &[u8], now: u64, tolerance: Duration) -> bool {
    let Some((seconds, tag)) = parse(header) else { return false };
    let message = [format!("{seconds}.").as_bytes(), body].concat();
    now.abs_diff(seconds) <= tolerance.as_secs() && hmac::verify(&secret.0, &message, &tag).is_ok()
}

fn parse(header: &str) -> Option<(u64, Vec<u8>)> {
    let (seconds, hex) = header.strip_prefix("t=")?.split_once(",v1=")?;
    if hex.len() % 2 != 0 {
        return None;
    }
    let digits: Option<Vec<u8>> = hex.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let bytes = digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    Some((seconds.parse().ok()?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"1"}"#;
    const TOLERANCE: Duration = Duration::from_secs(300);

    fn secret() -> Secret {
        Secret::new(b"0123456789abcdef").unwrap()
    }

    #[test]
    fn the_signature_is_that_of_any_other_hmac() {
        // printf '1700000000.{"id":"1"}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let expected = "t=1700000000,v1=d5f5834972cbc6cf5590800c46ccaa0cd6c16f19c0c73dbdf9b4c56390cbc2a3";
        assert_eq!(signature(&secret(), 1_700_000_000, BODY), expected);
    }

    #[test]
    fn what_was_changed_or_is_old_is_refused() {
        let header = signature(&secret(), 1000, BODY);
        let other = Secret::new(b"0123456789abcdeg").unwrap();
        for now in [700, 1000, 1300] {
            assert!(verify(&secret(), &header, BODY, now, TOLERANCE));
        }
        assert!(!verify(&secret(), &header, BODY, 1301, TOLERANCE));
        assert!(!verify(&secret(), &header, BODY, 699, TOLERANCE));
        assert!(!verify(&secret(), &header, b"{}", 1000, TOLERANCE));
        assert!(!verify(&other, &header, BODY, 1000, TOLERANCE));
        assert!(!verify(&secret(), &header.replace("t=1000", "t=1001"), BODY, 1000, TOLERANCE));
        for header in ["", "t=1000", "t=1000,v1=", "t=1000,v1=zz", "t=x,v1=00", &header[..header.len() - 1]] {
            assert!(!verify(&secret(), header, BODY, 1000, TOLERANCE), "{header}");
        }
    }

    #[test]
    fn a_secret_is_long_enough_and_never_shown() {
        assert_eq!(Secret::new(b"short").unwrap_err().to_string(), "has 5 bytes, expected 16 to 1024");
        assert_eq!(format!("{:?}", secret()), "***");
    }
}
