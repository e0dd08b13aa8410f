//! The transport of a client that speaks in raw packets: ICE as the controlling side, DTLS, the keys for SRTP.

use super::profile;
use dimpl::{Dtls, Output};
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};
use rtp::srtp::{Profile, Receiver, Sender, pair_from_dtls};
use std::net::SocketAddr;
use std::time::Instant;

const UFRAG: &str = "them";

/// One peer connection, seen from the client.
pub(super) struct Client {
    pub(super) address: SocketAddr,
    pub(super) keys: Option<(Sender, Receiver)>,
    profile: Profile,
    dtls: Dtls,
    /// The server's name and password.
    server: (String, String),
}

impl Client {
    pub(super) fn new(now: Instant, address: SocketAddr, profile: Profile) -> Self {
        let mut dtls = Dtls::new_13(profile::config(profile), profile::CERTIFICATE.clone(), now);
        dtls.set_active(true);
        Self { address, keys: None, profile, dtls, server: Default::default() }
    }

    /// What its offer says about its transport.
    pub(super) fn description() -> String {
        let fingerprint = profile::CERTIFICATE.fingerprint_str();
        format!(
            "a=ice-ufrag:{UFRAG}\r\na=ice-pwd:their-own-password-of-32-letters\r\na=fingerprint:sha-256 {fingerprint}\r\n\
             a=setup:active\r\n"
        )
    }

    /// Takes name and password from an answer.
    pub(super) fn accept(&mut self, ufrag: &str, pwd: &str) {
        self.server = (ufrag.to_owned(), pwd.to_owned());
    }

    /// A connectivity check.
    pub(super) fn check(&self) -> Vec<u8> {
        let username = format!("{}:{UFRAG}", self.server.0);
        let message = StunMessage::binding_request(&username, TransId::new(), true, 7, 100, true);
        let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
        let mut bytes = vec![0; 200];
        let len = message.to_bytes(Some(self.server.1.as_bytes()), &mut bytes, hmac).unwrap();
        bytes.truncate(len);
        bytes
    }

    /// Begins the handshake. Returns what is to be sent.
    pub(super) fn connect(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.dtls.handle_timeout(now).unwrap();
        self.drain()
    }

    /// Takes a datagram that is no media. Returns what is to be sent.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        if datagram.first().is_none_or(|first| *first < 20) {
            // The answer to a check.
            return Vec::new();
        }
        let _ = self.dtls.handle_timeout(now);
        let _ = self.dtls.handle_packet(datagram);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        let (mut sent, mut buffer) = (Vec::new(), [0; 2048]);
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => {
                    let mut packet = packet.to_vec();
                    profile::narrow(&mut packet, self.profile);
                    sent.push(packet);
                }
                Output::KeyingMaterial(material, _) => {
                    self.keys = Some(pair_from_dtls(self.profile, &material, true).unwrap());
                }
                Output::Timeout(_) => return sent,
                _ => {}
            }
        }
    }
}
