//! Whole packets of others: RFC 7714 (with the session keys that it names) and libsrtp's test driver (with master
//! keys, so that the derivation is part of it).

use super::cipher::Cipher;
use super::{MasterKey, Opened, Profile, Receiver, Sender};
use crate::packet::Header;
use crate::write::Written;

/// Bytes from hex; anything else in the text is ignored.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

const SALT: &str = "517569642070726f2071756f";
const KEY_128: &str = "000102030405060708090a0b0c0d0e0f";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// RFC 7714 section 16: the plain packet.
const RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
                   61727465 73207472 6573";
/// Section 16.1.1 and 16.2.1.
const SRTP_128: &str =
    "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
                        51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
const SRTP_256: &str =
    "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
                        76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13";
/// RFC 7714 section 17: the plain compound, its index, and sections 17.1 and 17.2.
const RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
                    deadbeef deadbeef deadbeef";
const RTCP_INDEX: u32 = 0x5d4;
const SRTCP_128: &str =
    "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
                         4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4";
const SRTCP_256: &str =
    "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
                         8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4";

fn sealed(sender: &mut Sender, plain: &str, rtcp: bool) -> Vec<u8> {
    let mut buffer = hex(plain);
    let len = buffer.len();
    buffer.resize(len + 40, 0xee);
    let sealed = if rtcp {
        sender.seal_rtcp(&mut buffer, len)
    } else {
        sender.seal_rtp(&mut buffer, Written { header_len: 12, len }, 0)
    };
    buffer.truncate(sealed.unwrap());
    buffer
}

fn opened(receiver: &mut Receiver, packet: &str, rtcp: bool) -> (Vec<u8>, u64) {
    let mut packet = hex(packet);
    let Opened { len, index } = if rtcp {
        receiver.open_rtcp(&mut packet).unwrap()
    } else {
        let header = Header::parse(&packet).unwrap();
        receiver.open_rtp(&header, &mut packet).unwrap()
    };
    packet.truncate(len);
    (packet, index)
}

#[test]
fn rfc_7714() {
    for (profile, key, srtp, srtcp) in [
        (Profile::AeadAes128Gcm, KEY_128, SRTP_128, SRTCP_128),
        (Profile::AeadAes256Gcm, KEY_256, SRTP_256, SRTCP_256),
    ] {
        let cipher = || Cipher::gcm(&hex(key), &hex(SALT)).unwrap();
        let mut sender = Sender::with_session_keys(profile, cipher(), cipher(), RTCP_INDEX);
        assert_eq!(sealed(&mut sender, RTP, false), hex(srtp));
        assert_eq!(sealed(&mut sender, RTCP, true), hex(srtcp));
        let mut receiver = Receiver::with_session_keys(profile, cipher(), cipher());
        assert_eq!(opened(&mut receiver, srtp, false), (hex(RTP), 0xf17b));
        assert_eq!(opened(&mut receiver, srtcp, true), (hex(RTCP), u64::from(RTCP_INDEX)));
    }
}

/// libsrtp `test/srtp_driver.c`, `srtp_validate` and `srtp_validate_gcm`.
const DRIVER_RTP: &str = "800f1234 decafbad cafebabe abababab abababab abababab abababab";
const DRIVER_RTCP: &str = "81c8000b cafebabe abababab abababab abababab abababab";

fn driver(profile: Profile, key: &str, salt: &str, srtp: &str, srtcp: &str) {
    let master = MasterKey::new(profile, &hex(key), &hex(salt)).unwrap();
    let (rtp, rtcp) = (master.rtp().unwrap(), master.rtcp().unwrap());
    let mut sender = Sender::with_session_keys(profile, rtp, rtcp, 1); // libsrtp begins with 1
    assert_eq!(sealed(&mut sender, DRIVER_RTP, false), hex(srtp));
    assert_eq!(sealed(&mut sender, DRIVER_RTCP, true), hex(srtcp));
    let mut receiver = Receiver::new(&master).unwrap();
    assert_eq!(opened(&mut receiver, srtp, false), (hex(DRIVER_RTP), 0x1234));
    assert_eq!(opened(&mut receiver, srtcp, true), (hex(DRIVER_RTCP), 1));
}

#[test]
fn libsrtp_counter_mode() {
    driver(
        Profile::Aes128CmSha1_80,
        "e1f97a0d3e018be0d64fa32c06de4139",
        "0ec675ad498afeebb6960b3aabe6",
        "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb",
        "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798",
    );
}

#[test]
fn libsrtp_gcm() {
    driver(
        Profile::AeadAes128Gcm,
        "000102030405060708090a0b0c0d0e0f",
        "a0a1a2a3a4a5a6a7a8a9aaab",
        "800f1234 decafbad cafebabe c5002ede 04cfdd2e b91159e0 880aa06e d2976826 f796b201 df3131a1 27e8a392",
        "81c8000b cafebabe c98b8b5d f0392a55 852b6c21 ac8e7025 c52c6fbe a2b3b446 ea31123b a88ce61e 80000001",
    );
}
