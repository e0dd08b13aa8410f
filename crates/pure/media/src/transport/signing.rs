//! The private key of the certificate, read and checked once. `dimpl` does so for each connection, which is a twentieth
//! of the instructions that one takes to be set up.

use super::identity::IdentityError;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use dimpl::crypto::{
    Buf, CryptoProvider, HashAlgorithm, KeyProvider, SignatureAlgorithm, SigningKey, aws_lc_rs as backend,
};
use dimpl::{CryptoError, CryptoOperation};
use std::sync::Arc;

/// The usual cryptography, but for this key (ECDSA on P-256, PKCS #8). Stays for the life of the process, which needs
/// one.
pub(super) fn provider(private_key: &[u8]) -> Result<CryptoProvider, IdentityError> {
    let usual = backend::default_provider();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private_key)
        .map_err(|error| IdentityError::new(&error))?;
    let kept = Kept { private_key: private_key.into(), pair: Arc::new(pair), others: usual.key_provider };
    Ok(CryptoProvider { key_provider: Box::leak(Box::new(kept)), ..usual })
}

#[derive(Debug)]
struct Kept {
    private_key: Box<[u8]>,
    pair: Arc<EcdsaKeyPair>,
    /// For any other key.
    others: &'static dyn KeyProvider,
}

impl KeyProvider for Kept {
    fn load_private_key(&self, key: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        if *key == *self.private_key {
            Ok(Box::new(Key(Arc::clone(&self.pair))))
        } else {
            self.others.load_private_key(key)
        }
    }
}

#[derive(Debug)]
struct Key(Arc<EcdsaKeyPair>);

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        let key_hash = self.hash_algorithm();
        if hash != key_hash {
            return Err(CryptoError::SigningKeyHashMismatch { key_hash, requested: hash });
        }
        let signature = self.0.sign(&SystemRandom::new(), data);
        let signature = signature.map_err(|_| CryptoError::OperationFailed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(signature.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}
