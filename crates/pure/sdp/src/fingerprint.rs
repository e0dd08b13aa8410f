//! Fingerprint of a DTLS certificate (`a=fingerprint`, RFC 8122).

use std::fmt;

/// The hash functions that a fingerprint may use. Weaker ones are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashFunction {
    /// 32 bytes; what every browser uses.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl HashFunction {
    fn parse(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|function| function.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Fingerprint of a certificate in DER.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    function: HashFunction,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// A SHA-256 digest.
    pub fn sha256(digest: [u8; 32]) -> Self {
        Self { function: HashFunction::Sha256, digest: digest.to_vec() }
    }

    /// How the digest was made.
    pub fn function(&self) -> HashFunction {
        self.function
    }

    /// The digest: 32, 48 or 64 bytes.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Reads the value of `a=fingerprint`. `Ok(None)`: a hash function that is not supported. `Err`: no
    /// fingerprint at all.
    pub(crate) fn parse(value: &str) -> Result<Option<Self>, ()> {
        let (function, digest) = value.trim().split_once(' ').ok_or(())?;
        let digest: Vec<u8> = digest.trim_start().split(':').map(hex_byte).collect::<Option<_>>().ok_or(())?;
        match HashFunction::parse(function) {
            None => Ok(None),
            Some(function) if function.bytes() == digest.len() => Ok(Some(Self { function, digest })),
            Some(_) => Err(()),
        }
    }
}

fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())?;
        for (index, byte) in self.digest.iter().enumerate() {
            let separator = if index == 0 { ' ' } else { ':' };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let fingerprint = Fingerprint::sha256(std::array::from_fn(|index| index as u8));
        let text = fingerprint.to_string();
        assert!(text.starts_with("sha-256 00:01:02:"), "{text}");
        assert_eq!(Fingerprint::parse(&text), Ok(Some(fingerprint.clone())));
        assert_eq!(Fingerprint::parse(&text.to_lowercase()), Ok(Some(fingerprint)));
    }

    #[test]
    fn a_weak_hash_is_skipped_and_a_broken_digest_is_an_error() {
        assert_eq!(Fingerprint::parse("sha-1 00:01"), Ok(None));
        for text in ["", "sha-256", "sha-256 00:01", "sha-256 +1:02", "sha-256 é:02", "sha-1 0"] {
            assert_eq!(Fingerprint::parse(text), Err(()), "{text}");
        }
    }
}
