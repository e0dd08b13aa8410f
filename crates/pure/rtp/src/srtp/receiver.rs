//! Opening what comes in: rollover, replay, authenticity.

use super::cipher::{Cipher, GCM_TAG, SHA1_80_TAG};
use super::replay::Window;
use super::sender::{ENCRYPTED, RTCP_PLAIN, with_index};
use super::sources::Sources;
use super::{MasterKey, Profile, REPLAY_WINDOW, RTCP_REPLAY_WINDOW, SrtpError};
use crate::fields::{array_at, u32_at};
use crate::packet::{Header, Malformed};

/// The first index that does not exist: 32 bits of rollover counter, 16 of sequence number.
const END_OF_INDEXES: u64 = 1 << 48;

/// A packet that was opened in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The plain packet is `packet[..len]`.
    pub len: usize,
    /// For RTP the 48-bit index, the sequence number extended by the rollover counter; for RTCP the SRTCP index.
    pub index: u64,
}

/// The incoming direction of a transport.
pub struct Receiver {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Sources<Window<{ REPLAY_WINDOW / 64 }>>,
    // Per SSRC too: libwebrtc counts the index for each of its SSRCs.
    rtcp_sources: Sources<Window<{ RTCP_REPLAY_WINDOW / 64 }>>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Receiver {
    /// Derives and expands the session keys.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`].
    pub fn new(key: &MasterKey) -> Result<Self, SrtpError> {
        Ok(Self {
            profile: key.profile(),
            rtp: key.rtp()?,
            rtcp: key.rtcp()?,
            rtp_sources: Sources::new(),
            rtcp_sources: Sources::new(),
        })
    }

    /// With the session keys that a test vector names.
    #[cfg(test)]
    pub(super) fn with_session_keys(profile: Profile, rtp: Cipher, rtcp: Cipher) -> Self {
        Self { profile, rtp, rtcp, rtp_sources: Sources::new(), rtcp_sources: Sources::new() }
    }

    /// As if it had got the packet `index` of `ssrc`.
    #[cfg(test)]
    pub(super) fn at(mut self, ssrc: u32, index: u64) -> Self {
        self.rtp_sources.add(ssrc, Window::starting_at(index));
        self
    }

    /// The profile of its keys.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Opens the SRTP packet in place. `header` is what [`Header::parse`] read from it.
    ///
    /// # Errors
    /// [`SrtpError`]; nothing is remembered of the packet then, and its bytes are to be thrown away.
    #[inline]
    pub fn open_rtp(&mut self, header: &Header, packet: &mut [u8]) -> Result<Opened, SrtpError> {
        let source = self.rtp_sources.find(header.ssrc)?;
        let index = match &source {
            Some(window) => {
                let index = estimate(window.highest(), header.sequence).ok_or(SrtpError::Exhausted)?;
                if !window.is_new(index) {
                    return Err(SrtpError::Replay);
                }
                index
            }
            None => u64::from(header.sequence),
        };
        let len = open_rtp(&self.rtp, header, index, packet)?;
        match source {
            Some(window) => window.accept(index),
            None => self.rtp_sources.add(header.ssrc, Window::starting_at(index)),
        }
        Ok(Opened { len, index })
    }

    /// Opens the SRTCP packet in place.
    ///
    /// # Errors
    /// [`SrtpError`]; nothing is remembered of the packet then, and its bytes are to be thrown away.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<Opened, SrtpError> {
        let too_short = SrtpError::Malformed(Malformed::TooShort("the SRTCP index and tag"));
        let overhead = self.profile.rtcp_overhead();
        let len = packet.len().checked_sub(overhead).filter(|&len| len >= RTCP_PLAIN).ok_or(too_short)?;
        let ssrc = u32_at(packet, 4).ok_or(too_short)?;
        let index_at = match self.rtcp {
            Cipher::Gcm(_) => len + GCM_TAG,
            Cipher::CounterMode(_) => len,
        };
        let word: [u8; 4] = array_at(packet, index_at).ok_or(too_short)?;
        let word_bits = u32::from_be_bytes(word);
        if word_bits & ENCRYPTED == 0 {
            return Err(SrtpError::Malformed(Malformed::Invalid("SRTCP: it is not encrypted")));
        }
        let index = u64::from(word_bits & !ENCRYPTED);
        let source = self.rtcp_sources.find(ssrc)?;
        if source.as_ref().is_some_and(|window| !window.is_new(index)) {
            return Err(SrtpError::Replay);
        }
        match &self.rtcp {
            Cipher::Gcm(gcm) => {
                let (plain, data) = packet.split_at_mut_checked(RTCP_PLAIN).ok_or(too_short)?;
                let data = data.get_mut(..len - RTCP_PLAIN + GCM_TAG).ok_or(too_short)?;
                gcm.open(ssrc, index, &with_index(plain, word)?, data)?;
            }
            Cipher::CounterMode(cipher) => {
                let (signed, tag) = packet.split_at_checked(len + 4).ok_or(too_short)?;
                cipher.verify(signed, &[], tag)?;
                cipher.apply(ssrc, index, packet.get_mut(RTCP_PLAIN..len).ok_or(too_short)?)?;
            }
        }
        match source {
            Some(window) => window.accept(index),
            None => self.rtcp_sources.add(ssrc, Window::starting_at(index)),
        }
        Ok(Opened { len, index })
    }
}

/// The index of a packet by the highest one that was authentic: RFC 3711 section 3.3.1 and appendix A. `None` past the
/// last index.
///
/// A number that would belong to the cycle before the first belongs to the first: there is no other that it could have.
#[inline]
fn estimate(highest: u64, sequence: u16) -> Option<u64> {
    let last = (highest & 0xffff) as u16;
    let rollover = highest >> 16;
    let guessed = if last < 0x8000 {
        let before = sequence > last && sequence - last > 0x8000;
        if before { rollover.saturating_sub(1) } else { rollover }
    } else if last - 0x8000 > sequence {
        rollover + 1
    } else {
        rollover
    };
    let index = (guessed << 16) | u64::from(sequence);
    (index < END_OF_INDEXES).then_some(index)
}

#[inline]
fn open_rtp(cipher: &Cipher, header: &Header, index: u64, packet: &mut [u8]) -> Result<usize, SrtpError> {
    let too_short = SrtpError::Malformed(Malformed::TooShort("the SRTP tag"));
    let header_len = header.header_len();
    match cipher {
        Cipher::Gcm(gcm) => {
            let len = packet.len().checked_sub(GCM_TAG).filter(|&len| len >= header_len).ok_or(too_short)?;
            let (plain, data) = packet.split_at_mut_checked(header_len).ok_or(too_short)?;
            gcm.open(header.ssrc, index, plain, data)?;
            Ok(len)
        }
        Cipher::CounterMode(cipher) => {
            let len =
                packet.len().checked_sub(SHA1_80_TAG).filter(|&len| len >= header_len).ok_or(too_short)?;
            let (signed, tag) = packet.split_at_checked(len).ok_or(too_short)?;
            let rollover = ((index >> 16) as u32).to_be_bytes();
            cipher.verify(signed, &rollover, tag)?;
            cipher.apply(header.ssrc, index, packet.get_mut(header_len..len).ok_or(too_short)?)?;
            Ok(len)
        }
    }
}
