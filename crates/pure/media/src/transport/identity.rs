//! Who this process is to its DTLS peers: one certificate, one set of DTLS settings, shared by all transports.

use super::{CONNECT_TIMEOUT, signing};
use aws_lc_rs::digest;
use sdp::Fingerprint;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// First retransmission after 150 ms, not the 1 s of RFC 6347: at 20 % loss a handshake takes 1 s then, not 4–9.
const FLIGHT_START_RTO: Duration = Duration::from_millis(150);

/// More than a handshake needs, so that it is the connect timeout that ends it: 150 ms doubled seven times are 38 s, and
/// `dimpl` counts among them each answer to what the peer sent again, or a network repeated.
const FLIGHT_RETRIES: usize = 32;

/// Certificate and DTLS settings of a process. Building the settings costs about 1 ms, so they are shared.
pub struct DtlsIdentity {
    pub(crate) config: Arc<dimpl::Config>,
    pub(crate) certificate: dimpl::DtlsCertificate,
    fingerprint: Fingerprint,
    fingerprint_text: String,
}

/// The process cannot make a certificate or a DTLS configuration: its crypto library is broken.
#[derive(Debug, thiserror::Error)]
#[error("no DTLS identity: {0}")]
pub struct IdentityError(String);

impl IdentityError {
    pub(super) fn new(error: &impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl DtlsIdentity {
    /// Makes a fresh self-signed ECDSA P-256 certificate, valid for a year.
    ///
    /// # Errors
    /// Where the crypto library fails, which is nobody's fault and cannot be repaired at run time.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::with(|config| config)
    }

    /// For simulations, and for nothing else: retransmissions come at the same times in each run, and so do the random
    /// values that handshakes show in the clear.
    ///
    /// # Errors
    /// As [`generate`](Self::generate).
    #[doc(hidden)]
    pub fn predictable(seed: u64) -> Result<Self, IdentityError> {
        Self::with(|config| config.dangerously_set_rng_seed(seed))
    }

    fn with(
        adjust: impl FnOnce(dimpl::ConfigBuilder) -> dimpl::ConfigBuilder,
    ) -> Result<Self, IdentityError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|error| IdentityError::new(&error))?;
        let config = dimpl::Config::builder()
            .with_crypto_provider(signing::provider(&certificate.private_key)?)
            // ICE has shown that the peer receives at its address before DTLS begins.
            .use_server_cookie(false)
            .flight_start_rto(FLIGHT_START_RTO)
            .flight_retries(FLIGHT_RETRIES)
            .handshake_timeout(CONNECT_TIMEOUT);
        let config = adjust(config).build().map_err(|error| IdentityError::new(&error))?;
        let digest = digest::digest(&digest::SHA256, &certificate.certificate);
        let digest =
            digest.as_ref().try_into().map_err(|_| IdentityError("SHA-256 of another length".into()))?;
        Ok(Self {
            config: Arc::new(config),
            fingerprint: Fingerprint::sha256(digest),
            fingerprint_text: certificate.fingerprint_str(),
            certificate,
        })
    }

    pub(crate) fn sdp_fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The certificate's SHA-256 fingerprint as SDP writes it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint_text
    }
}

impl fmt::Debug for DtlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DtlsIdentity").field("fingerprint", &self.fingerprint_text).finish_non_exhaustive()
    }
}
