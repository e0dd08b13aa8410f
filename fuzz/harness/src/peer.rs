//! A peer without socket and network: ICE as the controlling side, DTLS, and the keys for SRTP.

use dimpl::crypto::aws_lc_rs::default_provider;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};
use media::{Datagram, DatagramSink, DtlsIdentity, Estimation, Limits, Router, SendBatch};
use rtp::srtp::{Profile, Receiver, Sender, pair_from_dtls};
use sdp::{Codec, Extension, Offer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

const UFRAG: &str = "them";

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

/// A router that takes little, so that its limits are reached.
pub(crate) fn router() -> Router {
    let limits =
        Limits { transports: 8, subscribers_per_stream: 4, tracks_per_stream: 4, ..Limits::default() };
    let candidates = vec![SocketAddr::new(SERVER, 40_000)];
    Router::new(media::Config {
        dtls: Arc::clone(&IDENTITY),
        candidates,
        tcp: None,
        coalesce: Duration::from_millis(1),
        estimation: Some(Estimation::default()),
        limits,
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

/// Offers audio and video in one transport, with retransmissions as a stream of their own or without.
pub(crate) fn offer(direction: &str, rtx: bool) -> String {
    let fingerprint = CERTIFICATE.fingerprint_str();
    let extensions = [Extension::Mid, Extension::AbsSendTime, Extension::TransportCc];
    let extensions: String =
        extensions.iter().zip(1..).map(|(one, id)| format!("a=extmap:{id} {}\r\n", one.uri())).collect();
    let section = |kind: &str, mid: u8, rest: &str| {
        format!(
            "m={kind}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
             a=ice-ufrag:{UFRAG}\r\na=ice-pwd:their-own-password-of-32-letters\r\na=setup:active\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\n{extensions}{rest}"
        )
    };
    let audio = section(
        "audio 9 UDP/TLS/RTP/SAVPF 111",
        0,
        "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n",
    );
    let (rtx_type, rtx) =
        if rtx { (" 97", "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n") } else { ("", "") };
    let video = section(
        &format!("video 9 UDP/TLS/RTP/SAVPF 96{rtx_type}"),
        1,
        &format!(
            "a=rtpmap:96 VP8/90000\r\n{rtx}a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\n\
             a=rtcp-fb:96 transport-cc\r\n"
        ),
    );
    format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n{audio}{video}")
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
    ufrag: String,
    pwd: String,
}

impl Peer {
    /// A peer that has got this answer.
    pub(crate) fn new(now: Instant, address: SocketAddr, answer: &str) -> Self {
        let mut dtls = Dtls::new_13(Arc::clone(&CONFIG), CERTIFICATE.clone(), now);
        dtls.set_active(true);
        let answer = Offer::parse(answer).expect("an answer is readable");
        let transport = &answer.media.first().expect("an m-line").transport;
        let tracks = answer.media.iter().filter_map(|section| {
            let source = section.sources.first()?;
            let payload = section.payloads.first()?;
            let video = payload.codec() == Some(Codec::Vp8);
            Some(Announced {
                video,
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
            ufrag: transport.ice_ufrag.clone().expect("a name"),
            pwd: transport.ice_pwd.clone().expect("a password"),
        }
    }

    /// A connectivity check.
    pub(crate) fn check(&self, controlling: bool, nominates: bool) -> Vec<u8> {
        let username = format!("{}:{UFRAG}", self.ufrag);
        let message = StunMessage::binding_request(&username, TransId::new(), controlling, 7, 100, nominates);
        let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
        let mut bytes = vec![0; 200];
        let len = message.to_bytes(Some(self.pwd.as_bytes()), &mut bytes, hmac).expect("there is room");
        bytes.truncate(len);
        bytes
    }

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
