//! Names and passwords: who is the peer.

use crate::secrets::IceSecrets;
use aws_lc_rs::hmac;
use is::stun::StunMessage;

/// What authenticates checks in one generation (RFC 8445 section 9).
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) local: IceSecrets,
    /// The peer's name.
    remote_ufrag: String,
}

impl Credentials {
    pub(super) fn new(local: IceSecrets, remote: &sdp::IceCredentials) -> Self {
        Self { local, remote_ufrag: remote.ufrag.clone() }
    }

    pub(super) fn pwd(&self) -> &[u8] {
        self.local.pwd.as_bytes()
    }

    pub(super) fn confirm(&self, message: &StunMessage<'_>) -> bool {
        message.split_username() == Some((&self.local.ufrag, &self.remote_ufrag))
            && message.verify(self.pwd(), hmac_sha1)
    }
}

/// HMAC-SHA1 of the parts, one behind the other.
pub(super) fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().first_chunk().copied().unwrap_or_default()
}
