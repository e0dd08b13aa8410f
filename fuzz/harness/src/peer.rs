//! A peer without socket and network: ICE as the controlling side, DTLS, and the keys for SRTP.

use crate::offer::Offered;
use dimpl::crypto::aws_lc_rs::default_provider;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};
use media::{Datagram, DatagramSink, DtlsIdentity, Estimation, Limits, Router, SendBatch};
use rtp::srtp::{Profile, Receiver, Sender, pair_from_dtls};
use sdp::{Kind, Offer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// The address of the router.
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The largest datagram that may leave: what fits into an Ethernet frame.
const MAX_DATAGRAM: usize = 1500;

static CERTIFICATE: LazyLock<DtlsCertificate> =
    LazyLock::new(|| dimpl::certificate::generate_self_signed_certificate().expect("a certificate"));

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let config = Config::builder().with_crypto_provider(default_provider()).build();
    Arc::new(config.expect("DTLS settings"))
});

static IDENTITY: LazyLock<Arc<DtlsIdentity>> =
    LazyLock::new(|| Arc::new(DtlsIdentity::generate().expect("a certificate")));

/// What a router takes: little, so that its limits are reached.
pub(crate) fn limits() -> Limits {
    Limits { transports: 8, subscribers_per_stream: 4, tracks_per_stream: 4, ..Limits::default() }
}

/// A router with these limits.
pub(crate) fn router(estimation: Option<Estimation>) -> Router {
    let candidates = vec![SocketAddr::new(SERVER, 40_000)];
    Router::new(media::Config {
        dtls: Arc::clone(&IDENTITY),
        candidates,
        tcp: None,
        coalesce: Duration::from_millis(1),
        estimation,
        limits: limits(),
    })
}

/// One of a few addresses.
pub(crate) fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 20_000 + u16::from(number)))
}

/// Keeps what the router sends.
#[derive(Debug, Default)]
pub(crate) struct Sent(pub(crate) Vec<(SocketAddr, Vec<u8>)>);

impl DatagramSink for Sent {
    fn send(&mut self, batch: &SendBatch) {
        assert_eq!(batch.iter().count(), batch.len());
        for Datagram { to, from, data, .. } in batch.iter() {
            assert!((1..=MAX_DATAGRAM).contains(&data.len()), "{} bytes", data.len());
            assert_eq!(from, SERVER, "answers leave from where they were asked for");
            self.0.push((to, data.to_vec()));
        }
    }
}

/// The text of an offer, for all peers have one certificate.
pub(crate) fn offer(offered: Offered) -> String {
    offered.text(&CERTIFICATE.fingerprint_str())
}

/// A track that the answer announces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    pub(crate) video: bool,
    pub(crate) payload_type: u8,
    pub(crate) ssrc: u32,
    pub(crate) rtx_ssrc: Option<u32>,
}

/// One peer connection, seen from its peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) keys: Option<(Sender, Receiver)>,
    pub(crate) tracks: Vec<Announced>,
    dtls: Dtls,
    /// What the router takes checks with, and what it took them with before.
    secrets: Secrets,
    before: Option<Secrets>,
}

/// Of one generation of ICE.
#[derive(Clone, Debug)]
struct Secrets {
    ufrag: String,
    pwd: String,
    generation: u8,
}

impl Secrets {
    fn new(answer: &Offer, generation: u8) -> Self {
        let transport = &answer.media.first().expect("an m-line").transport;
        Self {
            ufrag: transport.ice_ufrag.clone().expect("a name"),
            pwd: transport.ice_pwd.clone().expect("a password"),
            generation,
        }
    }
}

impl Peer {
    /// A peer that has got this answer.
    pub(crate) fn new(now: Instant, address: SocketAddr, answer: &str) -> Self {
        let mut dtls = Dtls::new_13(Arc::clone(&CONFIG), CERTIFICATE.clone(), now);
        dtls.set_active(true);
        let answer = Offer::parse(answer).expect("an answer is readable");
        let tracks = answer.media.iter().filter_map(|section| {
            let source = section.sources.first()?;
            let payload = section.payloads.first()?;
            Some(Announced {
                video: section.kind == Some(Kind::Video),
                payload_type: payload.number,
                ssrc: source.ssrc,
                rtx_ssrc: source.rtx_ssrc,
            })
        });
        Self {
            address,
            keys: None,
            tracks: tracks.collect(),
            dtls,
            secrets: Secrets::new(&answer, 0),
            before: None,
        }
    }

    /// ICE begins anew: how often it has then.
    pub(crate) fn next_generation(&self) -> u8 {
        self.secrets.generation.wrapping_add(1)
    }

    /// It has, and this is the answer.
    pub(crate) fn restarted(&mut self, answer: &str) {
        let answer = Offer::parse(answer).expect("an answer is readable");
        let next = Secrets::new(&answer, self.next_generation());
        self.before = Some(std::mem::replace(&mut self.secrets, next));
    }

    /// A connectivity check.
    pub(crate) fn check(&self, controlling: bool, nominates: bool) -> Vec<u8> {
        check(&self.secrets, controlling, nominates)
    }

    /// One with the credentials of before, if ICE has begun anew.
    pub(crate) fn old_check(&self, nominates: bool) -> Vec<u8> {
        check(self.before.as_ref().unwrap_or(&self.secrets), true, nominates)
    }
}

fn check(secrets: &Secrets, controlling: bool, nominates: bool) -> Vec<u8> {
    let username = format!("{}:{}", secrets.ufrag, Offered::ufrag(secrets.generation));
    let message = StunMessage::binding_request(&username, TransId::new(), controlling, 7, 100, nominates);
    let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
    let mut bytes = vec![0; 200];
    let len = message.to_bytes(Some(secrets.pwd.as_bytes()), &mut bytes, hmac).expect("there is room");
    bytes.truncate(len);
    bytes
}

impl Peer {
    /// Lets DTLS act. Returns what it sends.
    pub(crate) fn drive(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let _ = self.dtls.handle_timeout(now);
        let (mut sent, mut buffer) = (Vec::new(), [0; 2048]);
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => sent.push(packet.to_vec()),
                Output::KeyingMaterial(material, profile) => {
                    let profile = if profile == SrtpProfile::AEAD_AES_256_GCM {
                        Profile::AeadAes256Gcm
                    } else if profile == SrtpProfile::AEAD_AES_128_GCM {
                        Profile::AeadAes128Gcm
                    } else {
                        Profile::Aes128CmSha1_80
                    };
                    self.keys = Some(pair_from_dtls(profile, &material, true).expect("keys of their length"));
                }
                Output::Timeout(_) => return sent,
                _ => {}
            }
        }
    }

    /// Says goodbye. Returns what it sends.
    pub(crate) fn close(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let _ = self.dtls.handle_timeout(now);
        let _ = self.dtls.close();
        self.drive(now)
    }

    /// Takes a DTLS datagram. Returns what is to be sent.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        let _ = self.dtls.handle_timeout(now);
        let _ = self.dtls.handle_packet(datagram);
        self.drive(now)
    }

    /// Whether a datagram is DTLS (RFC 7983 section 7).
    pub(crate) fn is_dtls(datagram: &[u8]) -> bool {
        matches!(datagram.first(), Some(20..=63))
    }
}
