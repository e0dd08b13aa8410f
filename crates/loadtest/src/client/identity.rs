//! Who the clients of a process are to their DTLS peers: one certificate, one set of settings for all of them.

use super::{ClientError, offered_profile};
use rtp::srtp::Profile;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// First retransmission of a flight: on loopback and in a data centre a second (RFC 6347) is too long a wait.
const FLIGHT_START_RTO: Duration = Duration::from_millis(150);

/// 150 ms doubled seven times: about 38 s, so that it is the client's own patience that ends a handshake.
const FLIGHT_RETRIES: usize = 7;

/// Longer than [`super::CONNECT_TIMEOUT`].
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(40);

/// Certificate, DTLS settings and the SRTP profile that is offered. Building the settings costs about 1 ms, so they are
/// shared.
pub struct Identity {
    pub(super) config: Arc<dimpl::Config>,
    pub(super) certificate: dimpl::DtlsCertificate,
    pub(super) profile: Profile,
}

impl Identity {
    /// A fresh self-signed ECDSA P-256 certificate. Clients offer this profile and no other; where a client is the DTLS
    /// server, the peer's offer decides.
    ///
    /// # Errors
    /// [`ClientError::Identity`].
    pub fn generate(profile: Profile) -> Result<Self, ClientError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|error| ClientError::Identity(error.to_string()))?;
        let config = dimpl::Config::builder()
            .with_crypto_provider(offered_profile::provider(profile))
            // ICE has shown that the peer receives at its address before DTLS begins.
            .use_server_cookie(false)
            .flight_start_rto(FLIGHT_START_RTO)
            .flight_retries(FLIGHT_RETRIES)
            .handshake_timeout(HANDSHAKE_TIMEOUT)
            .build()
            .map_err(|error| ClientError::Identity(error.to_string()))?;
        Ok(Self { config: Arc::new(config), certificate, profile })
    }

    /// The certificate's SHA-256 fingerprint as SDP writes it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.certificate.fingerprint_str()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("profile", &self.profile).finish_non_exhaustive()
    }
}
