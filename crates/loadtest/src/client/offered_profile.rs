//! Which SRTP profile the handshake agrees on.
//!
//! `dimpl` offers every profile that it knows, AES-256-GCM first, and has no setting for it. What a server costs depends
//! on the profile, so the list in the ClientHello is rewritten on its way out. Both sides hash and sign the messages
//! of the handshake as they were sent, so the same is rewritten wherever `dimpl` hashes or signs what it believes to
//! have sent. The length stays, and nothing else in a handshake has these bytes.

use dimpl::crypto::{
    Buf, CryptoProvider, HashAlgorithm, HashContext, HashProvider, KeyProvider, SignatureAlgorithm,
    SigningKey, aws_lc_rs,
};
use dimpl::{CryptoError, SrtpProfile};
use rtp::srtp::Profile;

/// The extension `use_srtp` (RFC 5764 section 4.1.1) as `dimpl` writes it: type, length, three profiles, no MKI.
const WRITTEN: [u8; 13] = [0, 14, 0, 9, 0, 6, 0, 8, 0, 7, 0, 1, 0];
/// Where the profiles begin in it.
const LIST: usize = 6;
/// The length of the list.
const LIST_LEN: usize = 6;

/// The crypto library with a list of this profile alone. It has three entries as before: it is repeated.
pub(super) fn provider(profile: Profile) -> CryptoProvider {
    let only: &'static Only = match profile {
        Profile::AeadAes128Gcm => &Only(Profile::AeadAes128Gcm),
        Profile::AeadAes256Gcm => &Only(Profile::AeadAes256Gcm),
        Profile::Aes128CmSha1_80 => &Only(Profile::Aes128CmSha1_80),
    };
    CryptoProvider { hash_provider: only, key_provider: only, ..aws_lc_rs::default_provider() }
}

/// The same profile in the words of the SRTP that uses it.
pub(super) fn agreed(profile: SrtpProfile) -> Option<Profile> {
    match profile {
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        _ => None,
    }
}

/// Rewrites the list, if these bytes have one. `None`: they have none.
pub(super) fn rewritten(bytes: &[u8], profile: Profile) -> Option<Vec<u8>> {
    let at = bytes.windows(WRITTEN.len()).position(|window| window == WRITTEN)? + LIST;
    let mut bytes = bytes.to_vec();
    let list = bytes.get_mut(at..at + LIST_LEN)?;
    list.chunks_exact_mut(2).for_each(|entry| entry.copy_from_slice(&profile.id().to_be_bytes()));
    Some(bytes)
}

#[derive(Debug)]
struct Only(Profile);

impl HashProvider for Only {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let inner = aws_lc_rs::default_provider().hash_provider.create_hash(algorithm);
        Box::new(Hash { inner, profile: self.0 })
    }
}

#[derive(Debug)]
struct Hash {
    inner: Box<dyn HashContext>,
    profile: Profile,
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        match rewritten(data, self.profile) {
            Some(data) => self.inner.update(&data),
            None => self.inner.update(data),
        }
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        self.inner.clone_and_finalize(out);
    }
}

impl KeyProvider for Only {
    fn load_private_key(&self, key_der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let inner = aws_lc_rs::default_provider().key_provider.load_private_key(key_der)?;
        Ok(Box::new(Key { inner, profile: self.0 }))
    }
}

#[derive(Debug)]
struct Key {
    inner: Box<dyn SigningKey>,
    profile: Profile,
}

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash_alg: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        match rewritten(data, self.profile) {
            Some(data) => self.inner.sign(&data, hash_alg, out),
            None => self.inner.sign(data, hash_alg, out),
        }
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.inner.hash_algorithm()
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        self.inner.supported_hash_algorithms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_one_profile_three_times_and_the_length_stays() {
        let mut hello = vec![1, 2, 3];
        hello.extend(WRITTEN);
        hello.extend([9, 9]);
        let rewritten = rewritten(&hello, Profile::Aes128CmSha1_80).unwrap();
        assert_eq!(rewritten[3..16], [0, 14, 0, 9, 0, 6, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!((&rewritten[..3], &rewritten[16..], rewritten.len()), (&[1, 2, 3][..], &[9, 9][..], 18));
    }

    #[test]
    fn bytes_without_a_list_are_left_alone() {
        assert_eq!(rewritten(&[0, 14, 0, 9], Profile::AeadAes128Gcm), None);
    }
}
