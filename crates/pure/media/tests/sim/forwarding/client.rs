//! The transport of a client that speaks in raw packets: ICE as the controlling side, DTLS, the keys for SRTP.

use super::profile;
use dimpl::{Dtls, DtlsCertificate, Output};
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};
use rtp::rtcp::Writer;
use rtp::srtp::{MAX_RTCP_OVERHEAD, Profile, Receiver, Sender, pair_from_dtls};
use std::net::SocketAddr;
use std::time::Instant;

const UFRAG: &str = "them";
const PWD: &str = "their-own-password-of-32-letters";

/// One peer connection, seen from the client.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) keys: Option<(Sender, Receiver)>,
    /// For whoever looks on at the server's door: opens what is sent to the client, before any of it gets lost.
    pub(crate) onlooker: Option<Receiver>,
    /// When to drive DTLS again.
    pub(crate) due: Option<Instant>,
    /// The server has said goodbye.
    pub(crate) closed: bool,
    profile: Profile,
    dtls: Dtls,
    /// The server's name and password.
    server: (String, String),
    /// Its own name, which another one follows with each restart.
    ufrag: String,
    restarts: usize,
}

impl Client {
    pub(crate) fn new(now: Instant, address: SocketAddr, profile: Profile) -> Self {
        Self::with_certificate(now, address, profile, profile::CERTIFICATE.clone())
    }

    pub(crate) fn with_certificate(
        now: Instant,
        address: SocketAddr,
        profile: Profile,
        certificate: DtlsCertificate,
    ) -> Self {
        let mut dtls = Dtls::new_13(profile::config(profile), certificate, now);
        dtls.set_active(true);
        Self {
            address,
            keys: None,
            onlooker: None,
            due: None,
            closed: false,
            profile,
            dtls,
            server: Default::default(),
            ufrag: UFRAG.to_owned(),
            restarts: 0,
        }
    }

    /// What its offer says about its transport.
    pub(crate) fn description() -> String {
        let fingerprint = profile::CERTIFICATE.fingerprint_str();
        format!(
            "a=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PWD}\r\na=fingerprint:sha-256 {fingerprint}\r\n\
             a=setup:active\r\n"
        )
    }

    /// Takes name and password from an answer.
    pub(crate) fn accept(&mut self, ufrag: &str, pwd: &str) {
        self.server = (ufrag.to_owned(), pwd.to_owned());
    }

    /// Begins ICE anew. Returns what becomes of its offer.
    pub(crate) fn restart(&mut self, offer: &str) -> String {
        self.restarts += 1;
        self.ufrag = format!("{UFRAG}{}", self.restarts);
        let (ufrag, pwd) = (format!("a=ice-ufrag:{UFRAG}\r\n"), format!("a=ice-pwd:{PWD}\r\n"));
        let number = self.restarts;
        offer
            .replace(&ufrag, &format!("a=ice-ufrag:{}\r\n", self.ufrag))
            .replace(&pwd, &format!("a=ice-pwd:{PWD}{number}\r\n"))
    }

    /// A connectivity check.
    pub(crate) fn check(&self) -> Vec<u8> {
        let username = format!("{}:{}", self.server.0, self.ufrag);
        let message = StunMessage::binding_request(&username, TransId::new(), true, 7, 100, true);
        let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
        let mut bytes = vec![0; 200];
        let len = message.to_bytes(Some(self.server.1.as_bytes()), &mut bytes, hmac).unwrap();
        bytes.truncate(len);
        bytes
    }

    /// Where the server saw a check come from, if this is its answer.
    pub(crate) fn seen_from(&self, datagram: &[u8]) -> Option<SocketAddr> {
        let message = StunMessage::parse(datagram).ok()?;
        let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
        let answers =
            message.is_successful_binding_response() && message.verify(self.server.1.as_bytes(), hmac);
        message.mapped_address().filter(|_| answers)
    }

    /// Says goodbye. Returns what is to be sent.
    pub(crate) fn close(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let _ = self.dtls.handle_timeout(now);
        let _ = self.dtls.close();
        self.drain()
    }

    /// An RTCP compound, encrypted.
    pub(crate) fn rtcp(&mut self, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut bytes = vec![0; 1200];
        let mut writer = Writer::new(&mut bytes);
        write(&mut writer);
        let len = writer.len();
        bytes.resize(len + MAX_RTCP_OVERHEAD, 0);
        let (sender, _) = self.keys.as_mut().unwrap();
        let len = sender.seal_rtcp(&mut bytes, len).unwrap();
        bytes.truncate(len);
        bytes
    }

    /// Begins the handshake, or goes on with it when [`due`](Self::due). Returns what is to be sent.
    pub(crate) fn connect(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let over = self.dtls.handle_timeout(now).is_err();
        let sent = self.drain();
        self.due = self.due.filter(|_| !over);
        sent
    }

    /// Takes a datagram that is no media. Returns what is to be sent.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
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
                    self.onlooker = Some(pair_from_dtls(self.profile, &material, true).unwrap().1);
                }
                Output::CloseNotify => self.closed = true,
                Output::Timeout(at) => {
                    self.due = Some(at);
                    return sent;
                }
                _ => {}
            }
        }
    }
}
