//! Profiles, master keys from DTLS, and the derivation of session keys (RFC 3711 section 4.3, RFC 6188, RFC 7714).

use aws_lc_rs::cipher::{AES_128, AES_256, Algorithm, EncryptingKey, EncryptionContext, UnboundCipherKey};

use super::cipher::Cipher;
use super::{Receiver, Sender, SrtpError};

/// A protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `SRTP_AES128_CM_HMAC_SHA1_80`
    Aes128CmSha1_80,
    /// `SRTP_AEAD_AES_128_GCM`
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`
    AeadAes256Gcm,
}

impl Profile {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 3] = [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::Aes128CmSha1_80];

    /// The number in the DTLS extension `use_srtp`.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Aes128CmSha1_80 => 0x0001,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// Length of a master and of a session encryption key, in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Length of a master and of a session salt, in bytes.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// How many bytes the DTLS exporter must give: both sides' keys and salts.
    #[must_use]
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// How many bytes a sealed RTP packet is longer.
    #[must_use]
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// How many bytes a sealed RTCP packet is longer.
    #[must_use]
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

/// One direction's master key and salt.
#[derive(Clone)]
pub struct MasterKey {
    profile: Profile,
    key: Vec<u8>,
    salt: Vec<u8>,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// The labels of RFC 3711 section 4.3.1 for encryption, authentication and salt.
#[derive(Clone, Copy)]
struct Labels(u8, u8, u8);

const RTP_LABELS: Labels = Labels(0, 1, 2);
const RTCP_LABELS: Labels = Labels(3, 4, 5);

/// HMAC-SHA1's key, RFC 3711 section 5.2.
const AUTH_KEY: usize = 20;

impl MasterKey {
    /// From a key and a salt of the lengths that the profile says.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`].
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        let (given, needed) = (key.len() + salt.len(), profile.key_len() + profile.salt_len());
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(SrtpError::KeyLength { given, needed });
        }
        Ok(Self { profile, key: key.to_vec(), salt: salt.to_vec() })
    }

    /// The profile that the key is for.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    pub(super) fn rtp(&self) -> Result<Cipher, SrtpError> {
        self.cipher(RTP_LABELS)
    }

    pub(super) fn rtcp(&self) -> Result<Cipher, SrtpError> {
        self.cipher(RTCP_LABELS)
    }

    fn cipher(&self, Labels(encryption, authentication, salting): Labels) -> Result<Cipher, SrtpError> {
        let mut key = vec![0; self.profile.key_len()];
        let mut salt = vec![0; self.profile.salt_len()];
        self.derive(encryption, &mut key)?;
        self.derive(salting, &mut salt)?;
        match self.profile {
            Profile::Aes128CmSha1_80 => {
                let mut mac = [0; AUTH_KEY];
                self.derive(authentication, &mut mac)?;
                Cipher::counter_mode(&key, &salt, &mac)
            }
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => Cipher::gcm(&key, &salt),
        }
    }

    /// The key stream of AES in counter mode, from the salt XOR the label (key derivation rate 0: the index plays no
    /// part). A salt of 96 bits is followed by zeros (RFC 7714 section 11).
    fn derive(&self, label: u8, out: &mut [u8]) -> Result<(), SrtpError> {
        let algorithm: &'static Algorithm = if self.key.len() == 32 { &AES_256 } else { &AES_128 };
        let mut iv = [0; 16];
        iv.iter_mut().zip(&self.salt).for_each(|(place, byte)| *place = *byte);
        iv[7] ^= label;
        let key = UnboundCipherKey::new(algorithm, &self.key).and_then(EncryptingKey::ctr);
        out.fill(0);
        key.and_then(|key| key.less_safe_encrypt(out, EncryptionContext::Iv128((&iv).into())))
            .map(drop)
            .map_err(|_| SrtpError::KeyLength { given: self.key.len(), needed: self.profile.key_len() })
    }
}

/// Both directions from what the DTLS exporter gave (RFC 5764 section 4.2): client key, server key, client salt, server
/// salt. `client`: whether this side was the DTLS client.
///
/// # Errors
/// [`SrtpError::KeyLength`] when `material` has another length than [`Profile::keying_material_len`].
pub fn pair_from_dtls(
    profile: Profile,
    material: &[u8],
    client: bool,
) -> Result<(Sender, Receiver), SrtpError> {
    let wrong = SrtpError::KeyLength { given: material.len(), needed: profile.keying_material_len() };
    if material.len() != profile.keying_material_len() {
        return Err(wrong);
    }
    let (keys, salts) = material.split_at_checked(2 * profile.key_len()).ok_or(wrong)?;
    let (client_key, server_key) = keys.split_at_checked(profile.key_len()).ok_or(wrong)?;
    let (client_salt, server_salt) = salts.split_at_checked(profile.salt_len()).ok_or(wrong)?;
    let of_client = MasterKey::new(profile, client_key, client_salt)?;
    let of_server = MasterKey::new(profile, server_key, server_salt)?;
    let (ours, theirs) = if client { (of_client, of_server) } else { (of_server, of_client) };
    Ok((Sender::new(&ours)?, Receiver::new(&theirs)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::vectors::hex;

    fn derived(key: &MasterKey, label: u8, len: usize) -> Vec<u8> {
        let mut out = vec![0xff; len];
        key.derive(label, &mut out).unwrap();
        out
    }

    #[test]
    fn rfc_3711_b_3() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(Profile::Aes128CmSha1_80, &key, &salt).unwrap();
        assert_eq!(derived(&master, 0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(&master, 2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication = hex(
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098\
             6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
        );
        assert_eq!(derived(&master, 1, 94), authentication);
    }

    #[test]
    fn rfc_6188_7_2() {
        // The vector's salt has 14 bytes, which no profile with a key of 256 bits has here.
        let key = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
        let salt = hex("3b04803de51ee7c96423ab5b78d2");
        let master = MasterKey { profile: Profile::AeadAes256Gcm, key, salt };
        let encryption = hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
        assert_eq!(derived(&master, 0, 32), encryption);
        assert_eq!(derived(&master, 2, 14), hex("fa31791685ca444a9e07c6c64e93"));
    }

    #[test]
    fn lengths_are_checked() {
        for profile in Profile::ALL {
            let right = vec![1; profile.keying_material_len()];
            assert!(pair_from_dtls(profile, &right, true).is_ok());
            let needed = profile.keying_material_len();
            let error = pair_from_dtls(profile, &right[1..], true).map(drop);
            assert_eq!(error, Err(SrtpError::KeyLength { given: needed - 1, needed }));
        }
    }
}
