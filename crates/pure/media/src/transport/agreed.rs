//! What was agreed on with a peer, kept for when it begins ICE anew: an offer that restarts ICE changes nothing else.

use crate::MediaError;
use crate::secrets::random;
use sdp::{IceCredentials, Session};

/// The outcome of the first negotiation, and how often it was answered.
#[derive(Debug)]
pub(crate) struct Agreed {
    session: Session,
    session_id: u64,
    session_version: u64,
}

impl Agreed {
    /// Under a session id that is not used yet.
    pub(crate) fn new(session: Session) -> Result<Self, MediaError> {
        Ok(Self { session, session_id: u64::from_be_bytes(random()?) >> 1, session_version: 1 })
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// For the `o=` line.
    pub(crate) fn session_id(&self) -> u64 {
        self.session_id
    }

    /// For the `o=` line: counts answers (RFC 8829 section 5.3.1).
    pub(crate) fn session_version(&self) -> u64 {
        self.session_version
    }

    /// It is answered once more: the peer has other credentials from now on.
    pub(crate) fn answer_again(&mut self, remote: &IceCredentials) {
        self.session.remote.ice = remote.clone();
        self.session_version += 1;
    }
}
