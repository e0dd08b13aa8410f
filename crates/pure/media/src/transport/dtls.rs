//! DTLS on the crate `dimpl`: the handshake, the peer's certificate, the keys for SRTP, the end.

use super::identity::DtlsIdentity;
use crate::EndReason;
use aws_lc_rs::digest;
use dimpl::{Error, KeyingMaterial, Output, SecurityError, SrtpProfile};
use sdp::{Fingerprint, HashFunction};
use std::sync::Arc;
use std::time::Instant;

/// One DTLS record at least: the MTU that `dimpl` was built with, and its largest record of application data.
const BUFFER: usize = 2048;

/// More than one datagram leads to in outputs; a bound for the loop, should `dimpl` never say that it is done.
const MAX_OUTPUTS: usize = 64;

/// What came of driving DTLS.
#[derive(Debug, Default)]
pub(crate) struct Driven {
    /// The handshake is finished, and these are the keys.
    pub(crate) keys: Option<(KeyingMaterial, SrtpProfile)>,
    /// When to drive it again.
    pub(crate) timeout: Option<Instant>,
    /// It is over, for this reason.
    pub(crate) ended: Option<EndReason>,
}

/// The DTLS state of one transport; always the server.
#[derive(Debug)]
pub(crate) struct Dtls {
    inner: dimpl::Dtls,
    expected: Vec<Fingerprint>,
    proven: bool,
    connected: bool,
}

impl Dtls {
    /// Version 1.2 or 1.3, as the peer's first message says.
    pub(crate) fn new(now: Instant, identity: &DtlsIdentity, expected: Vec<Fingerprint>) -> Self {
        let mut inner =
            dimpl::Dtls::new_auto(Arc::clone(&identity.config), identity.certificate.clone(), now);
        // Gives it the time; nothing can be due yet.
        let _ = inner.handle_timeout(now);
        Self { inner, expected, proven: false, connected: false }
    }

    /// Whether the handshake is finished.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Handles a datagram from a validated address. `send` gets what is to be sent back.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8], send: &mut dyn FnMut(&[u8])) -> Driven {
        let error = self.inner.handle_timeout(now).and_then(|()| self.inner.handle_packet(datagram)).err();
        self.drive(error.as_ref(), send)
    }

    /// Handles the passing of time.
    pub(crate) fn handle_timeout(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) -> Driven {
        let error = self.inner.handle_timeout(now).err();
        self.drive(error.as_ref(), send)
    }

    /// Says goodbye to the peer.
    pub(crate) fn close(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        let _ = self.inner.handle_timeout(now);
        if self.inner.close().is_ok() {
            self.drive(None, send);
        }
    }

    fn drive(&mut self, error: Option<&Error>, send: &mut dyn FnMut(&[u8])) -> Driven {
        let mut driven = Driven { ended: error.and_then(|error| self.judge(error)), ..Driven::default() };
        let mut buffer = [0; BUFFER];
        for _ in 0..MAX_OUTPUTS {
            match self.inner.poll_output(&mut buffer) {
                Output::Packet(packet) => send(packet),
                Output::PeerCert(der) => {
                    self.proven = self.expected.iter().any(|fingerprint| matches(fingerprint, der));
                    if !self.proven {
                        driven.ended = Some(EndReason::WrongFingerprint);
                    }
                }
                Output::KeyingMaterial(material, profile) => driven.keys = Some((material, profile)),
                Output::Connected => self.connected = true,
                Output::CloseNotify => {
                    driven.ended.get_or_insert(EndReason::Closed);
                }
                Output::Timeout(at) => {
                    driven.timeout = Some(at);
                    break;
                }
                // Nobody agreed on data channels.
                Output::ApplicationData(_) => {}
                Output::BufferTooSmall { .. } => break, // cannot happen with an MTU below BUFFER
                _ => {}
            }
        }
        if !self.proven && (driven.keys.is_some() || self.connected) {
            driven.ended = Some(EndReason::WrongFingerprint);
        }
        if driven.ended.is_some() {
            driven.keys = None;
        }
        driven
    }

    /// What an error means for the transport. A broken or forged record is dropped like a lost one (RFC 9147
    /// section 4.5.2): only an alert and the end of patience end it.
    fn judge(&self, error: &Error) -> Option<EndReason> {
        tracing::debug!(%error, "DTLS");
        match error {
            Error::SecurityError(SecurityError::FatalAlert { .. }) if self.connected => {
                Some(EndReason::Closed)
            }
            Error::SecurityError(SecurityError::FatalAlert { .. }) | Error::Timeout(_) => {
                Some(EndReason::HandshakeFailed)
            }
            Error::ConnectionClosed => Some(EndReason::Closed),
            _ => None,
        }
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
