//! One direction's session keys for RTP or for RTCP, and what they do to a packet. Where index, tag and plain part lie
//! is decided by `sender` and `receiver`.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::SrtpError;

/// The tag of AES-CM, RFC 3711 section 5.2: 80 bits.
pub(super) const SHA1_80_TAG: usize = 10;
/// The tag of both AEAD profiles, RFC 7714 section 13.
pub(super) const GCM_TAG: usize = 16;

/// Expanded keys. Boxed: a transport holds four of them, and only one at a time is used.
pub(super) enum Cipher {
    CounterMode(Box<CounterMode>),
    Gcm(Box<Gcm>),
}

impl Cipher {
    pub(super) fn counter_mode(key: &[u8], salt: &[u8], mac: &[u8]) -> Result<Self, SrtpError> {
        let wrong = SrtpError::KeyLength { given: key.len() + salt.len(), needed: 16 + 14 };
        let salt = <[u8; 14]>::try_from(salt).map_err(|_| wrong)?;
        let key = UnboundCipherKey::new(&AES_128, key).and_then(EncryptingKey::ctr).map_err(|_| wrong)?;
        let mac = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, mac);
        Ok(Self::CounterMode(Box::new(CounterMode { key, mac, salt })))
    }

    pub(super) fn gcm(key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        let wrong = SrtpError::KeyLength { given: key.len() + salt.len(), needed: 16 + 12 };
        let salt = <[u8; 12]>::try_from(salt).map_err(|_| wrong)?;
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| wrong)?);
        Ok(Self::Gcm(Box::new(Gcm { key, salt })))
    }
}

/// AES in counter mode and HMAC-SHA1 (RFC 3711 section 4.1.1 and 4.2.1).
pub(super) struct CounterMode {
    key: EncryptingKey,
    mac: hmac::Key,
    salt: [u8; 14],
}

impl CounterMode {
    /// Adds or takes away the key stream of packet `index` (48 bits for RTP, 31 for RTCP) of `ssrc`.
    #[inline]
    pub(super) fn apply(&self, ssrc: u32, index: u64, data: &mut [u8]) -> Result<(), SrtpError> {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
        let mut iv = [0, 0, 0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5, 0, 0];
        iv.iter_mut().zip(&self.salt).for_each(|(byte, salt)| *byte ^= salt);
        match self.key.less_safe_encrypt(data, EncryptionContext::Iv128((&iv).into())) {
            Ok(_) => Ok(()),
            Err(_) => Err(SrtpError::NoRoom),
        }
    }

    /// The tag over `data`, then `more` (the rollover counter, for RTP).
    #[inline]
    pub(super) fn tag(&self, data: &[u8], more: &[u8]) -> [u8; SHA1_80_TAG] {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(data);
        context.update(more);
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }

    #[inline]
    pub(super) fn verify(&self, data: &[u8], more: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
        verify_slices_are_equal(&self.tag(data, more), tag).map_err(|_| SrtpError::Authentication)
    }
}

/// AES-GCM (RFC 7714).
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    /// RFC 7714 section 8.1 (RTP: index is rollover counter and sequence number) and 9.1 (RTCP: 31 bits).
    #[inline]
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
        let mut iv = [0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5];
        iv.iter_mut().zip(&self.salt).for_each(|(byte, salt)| *byte ^= salt);
        Nonce::assume_unique_for_key(iv)
    }

    #[inline]
    pub(super) fn seal(
        &self,
        ssrc: u32,
        index: u64,
        plain: &[u8],
        data: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(), SrtpError> {
        let sealed = self.key.seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(plain), data);
        let sealed = sealed.map_err(|_| SrtpError::NoRoom)?;
        if tag.len() != sealed.as_ref().len() {
            return Err(SrtpError::NoRoom);
        }
        tag.copy_from_slice(sealed.as_ref());
        Ok(())
    }

    /// `data` ends with the tag.
    #[inline]
    pub(super) fn open(&self, ssrc: u32, index: u64, plain: &[u8], data: &mut [u8]) -> Result<(), SrtpError> {
        match self.key.open_in_place(self.nonce(ssrc, index), Aad::from(plain), data) {
            Ok(_) => Ok(()),
            Err(_) => Err(SrtpError::Authentication),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::vectors::hex;

    #[test]
    fn rfc_3711_b_2() {
        let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
        let cipher = Cipher::counter_mode(&hex("2B7E151628AED2A6ABF7158809CF4F3C"), &salt, &[0; 20]).unwrap();
        let Cipher::CounterMode(cipher) = cipher else { unreachable!() };
        let mut stream = vec![0; 0xff02 * 16];
        cipher.apply(0, 0, &mut stream).unwrap();
        let block = |n: usize| &stream[16 * n..16 * n + 16];
        assert_eq!(block(0), hex("E03EAD0935C95E80E166B16DD92B4EB4"));
        assert_eq!(block(1), hex("D23513162B02D0F72A43A2FE4A5F97AB"));
        assert_eq!(block(2), hex("41E95B3BB0A2E8DD477901E4FCA894C0"));
        assert_eq!(block(0xfeff), hex("EC8CDF7398607CB0F2D21675EA9EA1E4"));
        assert_eq!(block(0xff00), hex("362B7C3C6773516318A077D7FC5073AE"));
        assert_eq!(block(0xff01), hex("6A2CC3787889374FBEB4C81B17BA6C44"));
    }
}
