//! The keys that a server trusts, and what they say of a token.

use crate::{CLOCK_SKEW, Claims, Grant, KeyFlaw, KeyMaterial, MAX_TOKEN_BYTES, TokenError, key_material};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde_json::{Map, Value};
use std::{fmt, time::SystemTime};
use thiserror::Error;

/// A key as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// The id by which a token's header asks for this key.
    pub kid: Option<String>,
    /// The key itself.
    pub material: KeyMaterial,
}

/// Which key cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("key {key} {flaw}")]
pub struct KeyError {
    /// Which one.
    pub key: KeyName,
    /// What is wrong with it.
    pub flaw: KeyFlaw,
}

/// What to call a key in an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// By its id.
    Kid(String),
    /// By its place among the keys, from 1 on, where it has no id.
    Number(usize),
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kid(kid) => write!(f, "{kid:?}"),
            Self::Number(number) => write!(f, "number {number}"),
        }
    }
}

/// The keys whose tokens are accepted. Without any, every token is refused.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Takes keys from outside; those without a `kid` are tried in this order.
    ///
    /// # Errors
    /// Says which key is the first that cannot be used, and why.
    pub fn new(specs: &[KeySpec]) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::with_capacity(specs.len());
        for spec in specs {
            let repeated = spec.kid.is_some() && keys.iter().any(|key| key.kid == spec.kid);
            let key = if repeated { Err(KeyFlaw::RepeatedKid) } else { Key::new(spec) };
            let name = || spec.kid.clone().map_or(KeyName::Number(keys.len() + 1), KeyName::Kid);
            keys.push(key.map_err(|flaw| KeyError { key: name(), flaw })?);
        }
        Ok(Self(keys))
    }

    /// Checks a token at this time of day.
    ///
    /// # Errors
    /// Says why the token is refused. Nothing of its payload is looked at before a key has
    /// confirmed the signature.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Grant, TokenError> {
        let header = header(token)?;
        let payload = self.open(token, &header)?;
        let claims = Claims::from_json(&payload)?;
        check_time(&claims, now)?;
        Ok(claims.grant)
    }

    /// Tries the keys that fit the header.
    fn open(&self, token: &str, header: &Header) -> Result<Map<String, Value>, TokenError> {
        let mut failure = TokenError::UnknownKey;
        for key in self.0.iter().filter(|key| key.fits(header)) {
            match key.open(token) {
                Err(TokenError::Signature) => failure = TokenError::Signature,
                result => return result,
            }
        }
        Err(failure)
    }
}

struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    decoding: DecodingKey,
}

impl Key {
    fn new(spec: &KeySpec) -> Result<Self, KeyFlaw> {
        let (algorithm, decoding) = key_material::decoding_key(&spec.material)?;
        Ok(Self { kid: spec.kid.clone(), algorithm, decoding })
    }

    fn fits(&self, header: &Header) -> bool {
        self.algorithm == header.alg && (header.kid.is_none() || self.kid == header.kid)
    }

    /// The payload of a token that this key signed.
    fn open(&self, token: &str) -> Result<Map<String, Value>, TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let signed =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.decoding, self.algorithm);
        if !signed.map_err(|_| TokenError::Malformed)? {
            return Err(TokenError::Signature);
        }
        // The library's own `decode` can read the clock and cannot say which claim is wrong. What it
        // calls insecure here is only that it leaves to the caller what was done above.
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| TokenError::Malformed)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn header(token: &str) -> Result<Header, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
    // RFC 7515, section 4.1.11: who does not know an extension named there must refuse. We know none.
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    Ok(header)
}

/// RFC 7519, sections 4.1.4 and 4.1.5: on or after `exp` is too late, before `nbf` too early.
fn check_time(claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
    if now.duration_since(claims.grant.expires).is_ok_and(|late| late >= CLOCK_SKEW) {
        return Err(TokenError::Expired);
    }
    if claims.not_before.is_some_and(|begin| begin.duration_since(now).is_ok_and(|early| early > CLOCK_SKEW))
    {
        return Err(TokenError::NotYet);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
