//! Datagrams byte by byte, as no library writes them: checks with any credentials, and what may be wrong with them.

use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

/// USE-CANDIDATE, without a value (RFC 8445 section 16.1).
pub(crate) const USE_CANDIDATE: [u8; 4] = [0, 0x25, 0, 0];

/// What a peer-reflexive candidate would have.
const PRIORITY: u32 = (110 << 24) | (0xffff << 8) | 255;
const HEADER: usize = 20;
/// FINGERPRINT, the last attribute: type, length, value.
const FINGERPRINT: usize = 8;

/// Who may check a transport of the server's, by its SDP and the peer's.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The server's name, then the peer's.
    pub(crate) username: String,
    /// The server's.
    pub(crate) password: String,
}

impl Credentials {
    pub(crate) fn of(offer: &str, answer: &str) -> Self {
        let username = format!("{}:{}", attribute(answer, "ice-ufrag"), attribute(offer, "ice-ufrag"));
        Self { username, password: attribute(answer, "ice-pwd").to_owned() }
    }

    /// A connectivity check of the controlling side, with a transaction of its own.
    pub(crate) fn check(&self, nominates: bool) -> Vec<u8> {
        let request =
            StunMessage::binding_request(&self.username, TransId::new(), true, 1, PRIORITY, nominates);
        written(request, Some(&self.password))
    }

    /// One that claims to be controlled.
    pub(crate) fn check_of_the_wrong_role(&self) -> Vec<u8> {
        let request = StunMessage::binding_request(&self.username, TransId::new(), false, 1, PRIORITY, false);
        written(request, Some(&self.password))
    }

    /// The same name with another password.
    pub(crate) fn with_wrong_password(&self) -> Self {
        Self { password: "not-the-password-of-anybody".to_owned(), ..self.clone() }
    }
}

/// The value of an attribute's first line in an SDP.
pub(crate) fn attribute<'a>(sdp: &'a str, name: &str) -> &'a str {
    let prefix = format!("a={name}:");
    let line = sdp.lines().find_map(|line| line.strip_prefix(prefix.as_str()));
    line.unwrap_or_else(|| panic!("no {name} in\n{sdp}")).trim()
}

/// A binding request with nothing in it.
pub(crate) fn bare_request() -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([7; 12]);
    request
}

/// A check with one more attribute behind MESSAGE-INTEGRITY, and a FINGERPRINT that fits (RFC 8489 section 14.7).
pub(crate) fn with_attribute_behind_integrity(check: &[u8], attribute: &[u8]) -> Vec<u8> {
    let mut bytes = check[..check.len() - FINGERPRINT].to_vec();
    bytes.extend(attribute);
    let length = u16::try_from(bytes.len() + FINGERPRINT - HEADER).expect("a small message");
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let fingerprint = crc32(&bytes) ^ 0x5354_554e;
    bytes.extend([0x80, 0x28, 0, 4]);
    bytes.extend(fingerprint.to_be_bytes());
    bytes
}

fn written(message: StunMessage<'_>, password: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![0; 600];
    let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
    let length = message.to_bytes(password.map(str::as_bytes), &mut bytes, hmac).expect("room for a message");
    bytes.truncate(length);
    bytes
}

/// A record of the handshake protocol in the clear, with one fragment in it: of so many bytes in all, from
/// where, and how many it says that it has.
pub(crate) fn fragment(
    record: u64,
    kind: u8,
    sequence: u16,
    (total, offset, length): (u32, u32, u32),
    body: &[u8],
) -> Vec<u8> {
    let u24 = |value: u32| value.to_be_bytes()[1..].to_vec();
    let handshake =
        [&[kind][..], &u24(total), &sequence.to_be_bytes(), &u24(offset), &u24(length), body].concat();
    let length = (handshake.len() as u16).to_be_bytes();
    [&[22, 254, 253, 0, 0][..], &record.to_be_bytes()[2..], &length, &handshake].concat()
}

/// That of ITU V.42, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn the_fingerprint_is_the_one_that_the_library_writes() {
    let credentials = Credentials { username: "one:other".to_owned(), password: "secret".to_owned() };
    let check = credentials.check(true);
    assert_eq!(with_attribute_behind_integrity(&check, &[]), check);
}
