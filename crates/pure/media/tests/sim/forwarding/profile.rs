//! Which SRTP profile a client offers. `dimpl` as a client always offers all three, and every server would take the
//! same one: so the offer is narrowed on its way, and the client hashes what it would have sent then. That much is
//! enough for DTLS 1.3, where nothing else looks at the first message.

use dimpl::crypto::aws_lc_rs::default_provider;
use dimpl::crypto::{Buf, CryptoProvider, HashAlgorithm, HashContext, HashProvider};
use dimpl::{Config, DtlsCertificate};
use rtp::srtp::Profile;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The extension `use_srtp` (RFC 5764 section 4.1.1) as it is offered: its number, its length, the length of the list,
/// three profiles, no MKI.
const OFFERED: [u8; 13] = [0, 14, 0, 9, 0, 6, 0, 8, 0, 7, 0, 1, 0];

/// As the server's, for the same reasons.
const FLIGHT_START_RTO: Duration = Duration::from_millis(150);
const FLIGHT_RETRIES: usize = 32;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(40);

/// Leaves one profile, named three times: no length changes.
pub(crate) fn narrow(bytes: &mut [u8], profile: Profile) {
    let Some(at) = bytes.windows(OFFERED.len()).position(|window| window == OFFERED) else { return };
    for place in 0..3 {
        bytes[at + 6 + 2 * place..][..2].copy_from_slice(&profile.id().to_be_bytes());
    }
}

#[derive(Debug)]
struct NarrowedHashes(Profile);

#[derive(Debug)]
struct NarrowedHash {
    profile: Profile,
    inner: Box<dyn HashContext>,
}

impl HashProvider for NarrowedHashes {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let inner = default_provider().hash_provider.create_hash(algorithm);
        Box::new(NarrowedHash { profile: self.0, inner })
    }
}

impl HashContext for NarrowedHash {
    fn update(&mut self, data: &[u8]) {
        let mut data = data.to_vec();
        narrow(&mut data, self.profile);
        self.inner.update(&data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        self.inner.clone_and_finalize(out);
    }
}

static HASHES: [NarrowedHashes; 3] =
    [NarrowedHashes(Profile::ALL[0]), NarrowedHashes(Profile::ALL[1]), NarrowedHashes(Profile::ALL[2])];

static CONFIGS: LazyLock<[Arc<Config>; 3]> = LazyLock::new(|| {
    HASHES.each_ref().map(|hashes| {
        let provider = CryptoProvider { hash_provider: hashes, ..default_provider() };
        Arc::new(
            Config::builder()
                .with_crypto_provider(provider)
                .flight_start_rto(FLIGHT_START_RTO)
                .flight_retries(FLIGHT_RETRIES)
                .handshake_timeout(HANDSHAKE_TIMEOUT)
                .dangerously_set_rng_seed(1)
                .build()
                .unwrap(),
        )
    })
});

/// The settings of clients that offer this profile.
pub(crate) fn config(profile: Profile) -> Arc<Config> {
    let at = Profile::ALL.iter().position(|other| *other == profile).unwrap();
    Arc::clone(&CONFIGS[at])
}

/// The certificate of all clients.
pub(crate) static CERTIFICATE: LazyLock<DtlsCertificate> =
    LazyLock::new(|| dimpl::certificate::generate_self_signed_certificate().unwrap());
