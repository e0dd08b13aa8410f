//! Making tokens.

use crate::{Claims, KeyFlaw, MAX_TOKEN_BYTES, key_material};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use std::fmt;
use thiserror::Error;

/// A key that makes tokens.
#[derive(Clone)]
pub struct SigningKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// Why a token cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// Its time cannot be written.
    #[error("a token's times cannot be before 1970")]
    Time,
    /// Nobody would accept it.
    #[error("the token would have {len} bytes, expected at most {MAX_TOKEN_BYTES}")]
    TooLong {
        /// How long it is, in bytes.
        len: usize,
    },
    /// The cryptography fails.
    #[error("the signature cannot be made")]
    Crypto,
}

impl SigningKey {
    /// A key of a shared secret, for `HS256`. `kid` goes into every token's header.
    ///
    /// # Errors
    /// Where the secret has less than [`MIN_SECRET_BYTES`](crate::MIN_SECRET_BYTES), or is a PEM text.
    pub fn from_secret(kid: Option<String>, secret: &[u8]) -> Result<Self, KeyFlaw> {
        let (algorithm, key) = key_material::secret_encoding_key(secret)?;
        Ok(Self { kid, algorithm, key })
    }

    /// A key of the PEM text of a private key (PKCS#8, not encrypted), for `ES256` or `EdDSA`,
    /// whichever it fits. `kid` goes into every token's header.
    ///
    /// # Errors
    /// Where the text is no such key.
    pub fn from_private_pem(kid: Option<String>, pem: &str) -> Result<Self, KeyFlaw> {
        let (algorithm, key) = key_material::private_encoding_key(pem)?;
        Ok(Self { kid, algorithm, key })
    }

    /// Makes a token. Its times are in whole seconds, rounded down.
    ///
    /// # Errors
    /// Where a time is before 1970, or the token would be longer than [`MAX_TOKEN_BYTES`].
    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let payload = claims.to_json().ok_or(SignError::Time)?;
        let header = Header { kid: self.kid.clone(), ..Header::new(self.algorithm) };
        let token = jsonwebtoken::encode(&header, &payload, &self.key).map_err(|_| SignError::Crypto)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SignError::TooLong { len: token.len() });
        }
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
