//! Random values: ICE credentials, SSRCs, first sequence numbers.

use super::ClientError;

/// Letters and digits, with `+` and `/` 64 of them: six random bits make one (RFC 8839, ice-char).
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An ICE name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IceSecrets {
    pub(super) ufrag: String,
    pub(super) pwd: String,
}

impl IceSecrets {
    pub(super) fn generate() -> Result<Self, ClientError> {
        // RFC 8445 section 5.3 asks for 24 and 128 bits; six to a letter.
        Ok(Self { ufrag: ice_text::<8>()?, pwd: ice_text::<24>()? })
    }
}

fn ice_text<const LEN: usize>() -> Result<String, ClientError> {
    let letter = |byte: u8| ICE_CHARS.get(usize::from(byte & 63)).map(|&letter| char::from(letter));
    Ok(random::<LEN>()?.into_iter().filter_map(letter).collect())
}

pub(super) fn random<const LEN: usize>() -> Result<[u8; LEN], ClientError> {
    let mut bytes = [0; LEN];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ClientError::Random)?;
    Ok(bytes)
}

/// Not 0, which some implementations take for none.
pub(super) fn ssrc() -> Result<u32, ClientError> {
    Ok(u32::from_be_bytes(random()?).max(1))
}

/// The first sequence number, in the lower half so that the first packets cannot wrap (RFC 3711 section 3.3.1).
pub(super) fn first_sequence() -> Result<u64, ClientError> {
    Ok(u64::from(u16::from_be_bytes(random()?) & 0x7fff))
}
