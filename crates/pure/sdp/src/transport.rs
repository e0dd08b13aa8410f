//! What an offer says about its transport: ICE, DTLS, candidates.

use crate::fingerprint::Fingerprint;

/// Who begins the DTLS handshake (`a=setup`, RFC 8842).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The offerer does; the server waits.
    Active,
    /// The offerer waits. Not supported: the server always waits.
    Passive,
    /// The offerer leaves it to the answerer: it begins, since the server answers passive.
    ActPass,
}

/// What one m-line says about its transport, with what the session says for all of them filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transport {
    /// `a=ice-ufrag`.
    pub ice_ufrag: Option<String>,
    /// `a=ice-pwd`.
    pub ice_pwd: Option<String>,
    /// `a=fingerprint`, those with a supported hash function.
    pub fingerprints: Vec<Fingerprint>,
    /// `a=setup`.
    pub setup: Option<Setup>,
    /// `a=candidate`, each with `candidate:` in front, unread.
    pub candidates: Vec<String>,
    /// `a=end-of-candidates`: no more will come.
    pub end_of_candidates: bool,
}

impl Transport {
    /// This, and where it says nothing, what `other` says.
    #[must_use]
    pub(crate) fn or(&self, other: &Self) -> Self {
        let (ice, fingerprints, candidates) = (
            if self.ice_ufrag.is_some() { self } else { other },
            if self.fingerprints.is_empty() { other } else { self },
            if self.candidates.is_empty() { other } else { self },
        );
        Self {
            ice_ufrag: ice.ice_ufrag.clone(),
            ice_pwd: ice.ice_pwd.clone(),
            fingerprints: fingerprints.fingerprints.clone(),
            setup: self.setup.or(other.setup),
            candidates: candidates.candidates.clone(),
            end_of_candidates: candidates.end_of_candidates,
        }
    }
}

/// A peer's ICE name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// 4 to 256 visible ASCII characters, no colon.
    pub ufrag: String,
    /// 22 to 256 visible ASCII characters.
    pub pwd: String,
}

/// The peer's side of the session's one transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its ICE credentials.
    pub ice: IceCredentials,
    /// Its certificate must match one of these; at least one.
    pub fingerprints: Vec<Fingerprint>,
    /// Its DTLS role: [`Setup::Active`] or [`Setup::ActPass`], so it begins the handshake either way.
    pub setup: Setup,
    /// Its candidates, each with `candidate:` in front, unread (they may hold mDNS names). An ICE-lite server can
    /// do without.
    pub candidates: Vec<String>,
    /// No more candidates will come.
    pub end_of_candidates: bool,
}
