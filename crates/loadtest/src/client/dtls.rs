//! DTLS on the crate `dimpl`, as client or as server.

use super::identity::Identity;
use super::offered_profile;
use aws_lc_rs::digest;
use dimpl::{Error, Output, SecurityError};
use rtp::srtp;
use sdp::{Fingerprint, HashFunction};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One DTLS record at least: `dimpl`'s MTU is below it.
const BUFFER: usize = 2048;

/// More outputs than one datagram leads to; a bound, should `dimpl` never say that it is done.
const MAX_OUTPUTS: usize = 64;

/// What is wanted later than this is not wanted: that is how `dimpl` says that nothing waits.
const HORIZON: Duration = Duration::from_secs(60);

/// What came of driving DTLS.
#[derive(Debug, Default)]
pub(super) struct Driven {
    /// The handshake is finished, the certificate is the right one, and these are the keys.
    pub(super) keys: Option<(srtp::Sender, srtp::Receiver)>,
    /// When to drive it again.
    pub(super) timeout: Option<Instant>,
    /// It is over.
    pub(super) ended: Option<Ending>,
}

/// How DTLS ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The peer said goodbye.
    Closed,
    /// No handshake, or with a stranger.
    Failed,
}

/// The DTLS state of one client.
pub(super) struct Dtls {
    inner: dimpl::Dtls,
    identity: Arc<Identity>,
    expected: Vec<Fingerprint>,
    active: bool,
    proven: bool,
    connected: bool,
}

impl Dtls {
    /// As the DTLS client where `active`, else as the server; version 1.2 or 1.3.
    pub(super) fn new(
        now: Instant,
        identity: &Arc<Identity>,
        expected: Vec<Fingerprint>,
        active: bool,
    ) -> Self {
        let mut inner =
            dimpl::Dtls::new_auto(Arc::clone(&identity.config), identity.certificate.clone(), now);
        inner.set_active(active);
        Self { inner, identity: Arc::clone(identity), expected, active, proven: false, connected: false }
    }

    /// Handles a datagram of the peer's.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8], send: &mut dyn FnMut(&[u8])) -> Driven {
        let error = self.inner.handle_timeout(now).and_then(|()| self.inner.handle_packet(datagram)).err();
        self.drive(now, error.as_ref(), send)
    }

    /// Handles the passing of time; the first call begins the handshake of an active one.
    pub(super) fn handle_timeout(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) -> Driven {
        let error = self.inner.handle_timeout(now).err();
        self.drive(now, error.as_ref(), send)
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        let _ = self.inner.handle_timeout(now);
        if self.inner.close().is_ok() {
            self.drive(now, None, send);
        }
    }

    fn drive(&mut self, now: Instant, error: Option<&Error>, send: &mut dyn FnMut(&[u8])) -> Driven {
        let mut driven = Driven { ended: error.and_then(|error| self.judge(error)), ..Driven::default() };
        let mut material = None;
        let mut buffer = [0; BUFFER];
        for _ in 0..MAX_OUTPUTS {
            match self.inner.poll_output(&mut buffer) {
                Output::Packet(packet) => send_record(packet, self.active, &self.identity, send),
                Output::PeerCert(der) => {
                    self.proven = self.expected.iter().any(|expected| matches(expected, der));
                }
                Output::KeyingMaterial(keys, profile) => material = Some((keys, profile)),
                Output::Connected => self.connected = true,
                Output::CloseNotify => driven.ended = driven.ended.or(Some(Ending::Closed)),
                Output::Timeout(at) => {
                    driven.timeout = Some(at).filter(|&at| at < now + HORIZON);
                    break;
                }
                _ => {}
            }
        }
        if let Some((material, profile)) = material {
            let keys = offered_profile::agreed(profile).filter(|_| self.proven);
            driven.keys = keys.and_then(|profile| srtp::pair_from_dtls(profile, &material, self.active).ok());
            if driven.keys.is_none() {
                driven.ended = Some(Ending::Failed);
            }
        }
        driven
    }

    fn judge(&self, error: &Error) -> Option<Ending> {
        match error {
            Error::SecurityError(SecurityError::FatalAlert { .. }) if self.connected => Some(Ending::Closed),
            Error::ConnectionClosed => Some(Ending::Closed),
            Error::SecurityError(SecurityError::FatalAlert { .. }) | Error::Timeout(_) => {
                Some(Ending::Failed)
            }
            _ if self.connected => None,
            _ => Some(Ending::Failed),
        }
    }
}

impl std::fmt::Debug for Dtls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dtls").field("connected", &self.connected).finish_non_exhaustive()
    }
}

/// Content type handshake in epoch 0, and a ClientHello in it: what carries the list of SRTP profiles.
fn is_client_hello(record: &[u8]) -> bool {
    matches!(record, [22, _, _, 0, 0, ..]) && record.get(13) == Some(&1)
}

fn send_record(record: &[u8], active: bool, identity: &Identity, send: &mut dyn FnMut(&[u8])) {
    let hello = active && is_client_hello(record);
    match offered_profile::rewritten(record, identity.profile).filter(|_| hello) {
        Some(record) => send(&record),
        None => send(record),
    }
}

fn matches(fingerprint: &Fingerprint, der: &[u8]) -> bool {
    let algorithm = match fingerprint.function() {
        HashFunction::Sha256 => &digest::SHA256,
        HashFunction::Sha384 => &digest::SHA384,
        HashFunction::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, der).as_ref() == fingerprint.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp::srtp::Profile;

    /// A server that knows DTLS 1.2 alone, as many do.
    fn old_server(now: Instant) -> dimpl::Dtls {
        let certificate = dimpl::certificate::generate_self_signed_certificate().unwrap();
        let config = dimpl::Config::builder().use_server_cookie(false).build().unwrap();
        let mut server = dimpl::Dtls::new_12(Arc::new(config), certificate, now);
        server.handle_timeout(now).unwrap();
        server
    }

    fn drain(server: &mut dimpl::Dtls, profile: &mut Option<dimpl::SrtpProfile>) -> Vec<Vec<u8>> {
        let mut buffer = [0; BUFFER];
        let mut packets = Vec::new();
        loop {
            match server.poll_output(&mut buffer) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::KeyingMaterial(_, agreed) => *profile = Some(agreed),
                Output::Timeout(_) => return packets,
                _ => {}
            }
        }
    }

    #[test]
    fn the_one_profile_is_agreed_on_with_a_server_of_dtls_1_2_too() {
        let now = Instant::now();
        for profile in Profile::ALL {
            let mut server = old_server(now);
            let identity = Arc::new(Identity::generate(profile).unwrap());
            let mut client = Dtls::new(now, &identity, Vec::new(), true);
            let mut to_server = Vec::new();
            client.handle_timeout(now, &mut |record| to_server.push(record.to_vec()));
            let mut agreed = None;
            for _ in 0..10 {
                to_server.drain(..).for_each(|record| server.handle_packet(&record).unwrap());
                for record in drain(&mut server, &mut agreed) {
                    client.receive(now, &record, &mut |record| to_server.push(record.to_vec()));
                }
            }
            assert_eq!(agreed.and_then(offered_profile::agreed), Some(profile));
        }
    }
}
