//! What keys are made of, read and checked once. A key that exists can be used.

use crate::MIN_SECRET_BYTES;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    UnparsedPublicKey, VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use std::fmt;
use thiserror::Error;

/// What a key that checks tokens is made of.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// A shared secret, for `HS256`. Whoever checks with it can sign with it, too.
    Secret(Vec<u8>),
    /// A public key as PEM text, for `ES256` or `EdDSA`, whichever it fits.
    PublicPem(String),
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(..)",
            Self::PublicPem(_) => "PublicPem(..)",
        })
    }
}

/// Why something is no key: the fault of whoever configured it. Repeats nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyFlaw {
    /// A secret that can be guessed.
    #[error("has a secret of {len} bytes, expected at least {MIN_SECRET_BYTES}")]
    ShortSecret {
        /// How long it is, in bytes.
        len: usize,
    },
    /// A PEM text where a secret belongs. A public key would be a secret that everybody knows.
    #[error("has a PEM text as its shared secret")]
    PemAsSecret,
    /// Not the PEM text of a public key.
    #[error("is no PEM text with one section, PUBLIC KEY")]
    NoPublicPem,
    /// Not the PEM text of a private key.
    #[error("is no PEM text with one section, PRIVATE KEY (PKCS#8, not encrypted)")]
    NoPrivatePem,
    /// A key that is damaged or of another kind.
    #[error("is neither a P-256 key (ES256) nor an Ed25519 key (EdDSA)")]
    Unsupported,
    /// There is one already.
    #[error("has the same kid as a key before it")]
    RepeatedKid,
}

/// The algorithm and the key that checks what was signed with it.
pub(crate) fn decoding_key(material: &KeyMaterial) -> Result<(Algorithm, DecodingKey), KeyFlaw> {
    match material {
        KeyMaterial::Secret(secret) => {
            check_secret(secret)?;
            Ok((Algorithm::HS256, DecodingKey::from_secret(secret)))
        }
        KeyMaterial::PublicPem(pem) => public_key(pem),
    }
}

fn public_key(pem: &str) -> Result<(Algorithm, DecodingKey), KeyFlaw> {
    let der = only_section(pem, SectionKind::PublicKey).ok_or(KeyFlaw::NoPublicPem)?;
    let is_for = |algorithm: &'static dyn VerificationAlgorithm| {
        UnparsedPublicKey::new(algorithm, &der).parse().is_ok()
    };
    if is_for(&ECDSA_P256_SHA256_FIXED) {
        Ok((Algorithm::ES256, DecodingKey::from_ec_der(&der)))
    } else if is_for(&ED25519) {
        Ok((Algorithm::EdDSA, DecodingKey::from_ed_der(&der)))
    } else {
        Err(KeyFlaw::Unsupported)
    }
}

/// The algorithm and the key that signs, from a shared secret.
pub(crate) fn secret_encoding_key(secret: &[u8]) -> Result<(Algorithm, EncodingKey), KeyFlaw> {
    check_secret(secret)?;
    Ok((Algorithm::HS256, EncodingKey::from_secret(secret)))
}

/// The algorithm and the key that signs, from a private key.
pub(crate) fn private_encoding_key(pem: &str) -> Result<(Algorithm, EncodingKey), KeyFlaw> {
    let der = only_section(pem, SectionKind::PrivateKey).ok_or(KeyFlaw::NoPrivatePem)?;
    if EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).is_ok() {
        Ok((Algorithm::ES256, EncodingKey::from_ec_der(&der)))
    } else if Ed25519KeyPair::from_pkcs8(&der).is_ok() {
        Ok((Algorithm::EdDSA, EncodingKey::from_ed_der(&der)))
    } else {
        Err(KeyFlaw::Unsupported)
    }
}

fn check_secret(secret: &[u8]) -> Result<(), KeyFlaw> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyFlaw::ShortSecret { len: secret.len() });
    }
    if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Err(KeyFlaw::PemAsSecret);
    }
    Ok(())
}

/// The bytes of a PEM text that has this section and no other.
fn only_section(pem: &str, wanted: SectionKind) -> Option<Vec<u8>> {
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes());
    match (sections.next(), sections.next()) {
        (Some(Ok((kind, der))), None) if kind == wanted => Some(der),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    fn flaw_of(material: &KeyMaterial) -> Option<KeyFlaw> {
        decoding_key(material).err()
    }

    fn public(pem: impl Into<String>) -> KeyMaterial {
        KeyMaterial::PublicPem(pem.into())
    }

    #[test]
    fn the_key_says_its_algorithm() {
        for (kind, algorithm) in
            [(&PKCS_ECDSA_P256_SHA256, Algorithm::ES256), (&PKCS_ED25519, Algorithm::EdDSA)]
        {
            let pair = KeyPair::generate_for(kind).unwrap();
            assert_eq!(decoding_key(&public(pair.public_key_pem())).unwrap().0, algorithm);
            assert_eq!(private_encoding_key(&pair.serialize_pem()).unwrap().0, algorithm);
        }
    }

    #[test]
    fn a_secret_is_long_and_no_pem() {
        assert_eq!(flaw_of(&KeyMaterial::Secret(vec![7; 32])), None);
        assert_eq!(flaw_of(&KeyMaterial::Secret(vec![7; 31])), Some(KeyFlaw::ShortSecret { len: 31 }));
        assert_eq!(secret_encoding_key(&[]).err(), Some(KeyFlaw::ShortSecret { len: 0 }));
        let pem = KeyPair::generate_for(&PKCS_ED25519).unwrap().public_key_pem();
        assert_eq!(flaw_of(&KeyMaterial::Secret(pem.into())), Some(KeyFlaw::PemAsSecret));
    }

    #[test]
    fn what_is_no_pem_of_the_right_kind_is_refused() {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let (public_pem, private_pem) = (pair.public_key_pem(), pair.serialize_pem());
        let cut: String = public_pem.chars().take(60).collect();
        for wrong in ["", "secret", &private_pem, &cut, &format!("{public_pem}{public_pem}")] {
            assert_eq!(flaw_of(&public(wrong)), Some(KeyFlaw::NoPublicPem), "{wrong}");
        }
        for wrong in ["", &public_pem, &private_pem.replace("PRIVATE", "EC PRIVATE")] {
            assert_eq!(private_encoding_key(wrong).err(), Some(KeyFlaw::NoPrivatePem), "{wrong}");
        }
    }

    #[test]
    fn another_curve_and_damaged_bytes_are_refused() {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let damaged = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2Vw\n-----END PUBLIC KEY-----\n";
        assert_eq!(flaw_of(&public(pair.public_key_pem())), Some(KeyFlaw::Unsupported));
        assert_eq!(flaw_of(&public(damaged)), Some(KeyFlaw::Unsupported));
        assert_eq!(private_encoding_key(&pair.serialize_pem()).err(), Some(KeyFlaw::Unsupported));
    }

    #[test]
    fn what_a_key_is_made_of_is_never_printed() {
        let secret = KeyMaterial::Secret(b"0123456789abcdef0123456789abcdef".to_vec());
        assert_eq!(format!("{secret:?} {:?}", public("pem")), "Secret(..) PublicPem(..)");
    }
}
