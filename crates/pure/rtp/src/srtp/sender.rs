//! Sealing what goes out.

use super::cipher::{Cipher, GCM_TAG, SHA1_80_TAG};
use super::{MasterKey, Profile, SrtpError};
use crate::fields::{put, u16_at, u32_at};
use crate::packet::FIXED_HEADER;
use crate::write::Written;

/// The plain part of an SRTCP packet: header and sender's SSRC.
pub(super) const RTCP_PLAIN: usize = 8;
/// The flag "encrypted" before the 31-bit SRTCP index.
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// The outgoing direction of a transport. Holds no state per SSRC: the caller knows the index of each packet.
pub struct Sender {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    /// The next SRTCP index. One for all SSRCs: it must grow per SSRC, and may have gaps.
    rtcp_index: u32,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Sender {
    /// Derives and expands the session keys.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`].
    pub fn new(key: &MasterKey) -> Result<Self, SrtpError> {
        Ok(Self { profile: key.profile(), rtp: key.rtp()?, rtcp: key.rtcp()?, rtcp_index: 0 })
    }

    /// With the session keys that a test vector names.
    #[cfg(test)]
    pub(super) fn with_session_keys(profile: Profile, rtp: Cipher, rtcp: Cipher, rtcp_index: u32) -> Self {
        Self { profile, rtp, rtcp, rtcp_index }
    }

    /// The profile of its keys.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Seals the plain RTP packet in `buffer[..packet.len]` in place and returns its length on the wire,
    /// [`Profile::rtp_overhead`] bytes more. `rollover` is how often the sequence number of its SSRC has wrapped.
    ///
    /// The same (SSRC, rollover, sequence number) must not be sealed again with other bytes: it would give away both.
    ///
    /// # Errors
    /// [`SrtpError::NoRoom`], and then the bytes are to be thrown away.
    #[inline]
    pub fn seal_rtp(&self, buffer: &mut [u8], packet: Written, rollover: u32) -> Result<usize, SrtpError> {
        if packet.header_len < FIXED_HEADER || packet.header_len > packet.len {
            return Err(SrtpError::NoRoom);
        }
        let sequence = u16_at(buffer, 2).ok_or(SrtpError::NoRoom)?;
        let ssrc = u32_at(buffer, 8).ok_or(SrtpError::NoRoom)?;
        let index = (u64::from(rollover) << 16) | u64::from(sequence);
        match &self.rtp {
            Cipher::Gcm(gcm) => {
                let sealed = packet.len + GCM_TAG;
                let whole = buffer.get_mut(..sealed).ok_or(SrtpError::NoRoom)?;
                let (packet_bytes, tag) = whole.split_at_mut_checked(packet.len).ok_or(SrtpError::NoRoom)?;
                let (header, payload) =
                    packet_bytes.split_at_mut_checked(packet.header_len).ok_or(SrtpError::NoRoom)?;
                gcm.seal(ssrc, index, header, payload, tag)?;
                Ok(sealed)
            }
            Cipher::CounterMode(cipher) => {
                let sealed = packet.len + SHA1_80_TAG;
                let whole = buffer.get_mut(..sealed).ok_or(SrtpError::NoRoom)?;
                let (packet_bytes, tag) = whole.split_at_mut_checked(packet.len).ok_or(SrtpError::NoRoom)?;
                let payload = packet_bytes.get_mut(packet.header_len..).ok_or(SrtpError::NoRoom)?;
                cipher.apply(ssrc, index, payload)?;
                tag.copy_from_slice(&cipher.tag(packet_bytes, &rollover.to_be_bytes()));
                Ok(sealed)
            }
        }
    }

    /// Seals the plain RTCP compound in `buffer[..len]` in place and returns its length on the wire,
    /// [`Profile::rtcp_overhead`] bytes more.
    ///
    /// # Errors
    /// [`SrtpError::NoRoom`]; [`SrtpError::Exhausted`] after 2^31 packets.
    pub fn seal_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        if len < RTCP_PLAIN {
            return Err(SrtpError::NoRoom);
        }
        let index = self.rtcp_index;
        if index >= ENCRYPTED {
            return Err(SrtpError::Exhausted);
        }
        let ssrc = u32_at(buffer, 4).ok_or(SrtpError::NoRoom)?;
        let sealed = len + self.profile.rtcp_overhead();
        let whole = buffer.get_mut(..sealed).ok_or(SrtpError::NoRoom)?;
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.rtcp {
            Cipher::Gcm(gcm) => {
                let (plain, data) = whole.split_at_mut_checked(RTCP_PLAIN).ok_or(SrtpError::NoRoom)?;
                let (data, end) = data.split_at_mut_checked(len - RTCP_PLAIN).ok_or(SrtpError::NoRoom)?;
                let (tag, trailer) = end.split_at_mut_checked(GCM_TAG).ok_or(SrtpError::NoRoom)?;
                let authenticated = with_index(plain, word)?;
                gcm.seal(ssrc, u64::from(index), &authenticated, data, tag)?;
                trailer.copy_from_slice(&word);
            }
            Cipher::CounterMode(cipher) => {
                let data = whole.get_mut(RTCP_PLAIN..len).ok_or(SrtpError::NoRoom)?;
                cipher.apply(ssrc, u64::from(index), data)?;
                if !put(whole, len, &word) {
                    return Err(SrtpError::NoRoom);
                }
                let (signed, tag) = whole.split_at_mut_checked(len + 4).ok_or(SrtpError::NoRoom)?;
                tag.copy_from_slice(&cipher.tag(signed, &[]));
            }
        }
        self.rtcp_index += 1;
        Ok(sealed)
    }
}

/// What AEAD authenticates in the clear: the plain part, then the word with the index (RFC 7714 section 9.2).
#[inline]
pub(super) fn with_index(plain: &[u8], word: [u8; 4]) -> Result<[u8; RTCP_PLAIN + 4], SrtpError> {
    let mut authenticated = [0; RTCP_PLAIN + 4];
    let plain = plain.get(..RTCP_PLAIN).ok_or(SrtpError::NoRoom)?;
    let whole = put(&mut authenticated, 0, plain) && put(&mut authenticated, RTCP_PLAIN, &word);
    if whole { Ok(authenticated) } else { Err(SrtpError::NoRoom) }
}
