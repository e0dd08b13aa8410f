//! What holds for all profiles: round trips, tampering, replay, rollover, the bound on SSRCs.

use super::*;
use crate::packet::{FIXED_HEADER, Header};
use crate::write::{Fields, Written, write_packet};
use proptest::prelude::*;

fn pair(profile: Profile) -> (Sender, Receiver) {
    let material: Vec<u8> = (0..profile.keying_material_len()).map(|n| n as u8).collect();
    let (sender, _) = pair_from_dtls(profile, &material, true).unwrap();
    let (_, receiver) = pair_from_dtls(profile, &material, false).unwrap();
    (sender, receiver)
}

fn any_profile() -> impl Strategy<Value = Profile> {
    prop::sample::select(&Profile::ALL[..])
}

fn plain(ssrc: u32, index: u64, payload: &[u8]) -> (Vec<u8>, Written) {
    let fields =
        Fields { marker: false, payload_type: 96, sequence: (index & 0xffff) as u16, timestamp: 1, ssrc };
    let mut out = vec![0; FIXED_HEADER + payload.len() + MAX_RTP_OVERHEAD];
    let written = write_packet(&fields, &[], payload, &mut out).unwrap();
    (out, written)
}

fn seal(sender: &Sender, ssrc: u32, index: u64) -> Vec<u8> {
    let (mut out, written) = plain(ssrc, index, b"payload");
    let len = sender.seal_rtp(&mut out, written, (index >> 16) as u32).unwrap();
    out.truncate(len);
    out
}

fn open(receiver: &mut Receiver, mut packet: Vec<u8>) -> Result<u64, SrtpError> {
    let header = Header::parse(&packet).unwrap();
    let Opened { len, index } = receiver.open_rtp(&header, &mut packet)?;
    assert_eq!(&packet[FIXED_HEADER..len], b"payload");
    Ok(index)
}

fn send(both: &mut (Sender, Receiver), ssrc: u32, index: u64) -> Result<u64, SrtpError> {
    let packet = seal(&both.0, ssrc, index);
    open(&mut both.1, packet)
}

#[test]
fn rollover_through_wraps_jumps_and_late_packets() {
    for profile in Profile::ALL {
        let mut both = pair(profile);
        let mut index = 60_000;
        assert_eq!(send(&mut both, 1, index), Ok(index));
        for step in [5_535, 1, 32_767, 32_768, 1, 30_000, 20_000, 1, 32_000, 32_768, 32_767, 32_768] {
            index += step;
            assert_eq!(send(&mut both, 1, index), Ok(index), "{profile:?} {index}");
            let late = index - 200;
            assert_eq!(send(&mut both, 1, late), Ok(late), "{profile:?} {late}");
        }
        assert!(index > 3 << 16);
    }
}

#[test]
fn a_first_packet_that_was_overtaken_over_the_wrap_stays_in_the_first_cycle() {
    let mut both = pair(Profile::AeadAes128Gcm);
    assert_eq!(send(&mut both, 1, 3), Ok(3));
    assert_eq!(send(&mut both, 1, 40_000), Ok(40_000)); // a jump of more than half a cycle
    assert_eq!(send(&mut both, 1, 65_536), Ok(65_536));
}

#[test]
fn nothing_comes_in_twice() {
    for profile in Profile::ALL {
        let mut both = pair(profile);
        let newest = 5_000;
        for index in [1, newest, newest - REPLAY_WINDOW as u64 + 1] {
            assert_eq!(send(&mut both, 1, index), Ok(index));
            assert_eq!(send(&mut both, 1, index), Err(SrtpError::Replay));
        }
        let too_old = newest - REPLAY_WINDOW as u64;
        assert_eq!(send(&mut both, 1, too_old), Err(SrtpError::Replay));
        assert_eq!(send(&mut both, 2, 1), Ok(1), "another SSRC has its own window");
    }
}

#[test]
fn a_stranger_makes_no_state() {
    for profile in Profile::ALL {
        let (sender, mut receiver) = pair(profile);
        for ssrc in 0..2 * MAX_SOURCES as u32 {
            let mut forged = seal(&sender, ssrc, 7);
            *forged.last_mut().unwrap() ^= 1;
            assert_eq!(open(&mut receiver, forged), Err(SrtpError::Authentication));
        }
        // A forged packet far ahead does not move the window either.
        assert_eq!(open(&mut receiver, seal(&sender, 0, 7)), Ok(7));
        let mut forged = seal(&sender, 0, 30_000);
        forged[20] ^= 1;
        assert_eq!(open(&mut receiver, forged), Err(SrtpError::Authentication));
        assert_eq!(open(&mut receiver, seal(&sender, 0, 8)), Ok(8));
    }
}

#[test]
fn sources_are_bounded_and_the_known_ones_go_on() {
    let mut both = pair(Profile::AeadAes128Gcm);
    for ssrc in 0..MAX_SOURCES as u32 {
        assert_eq!(send(&mut both, ssrc, 1), Ok(1));
    }
    assert_eq!(send(&mut both, 1_000, 1), Err(SrtpError::TooManySources));
    assert_eq!(send(&mut both, 0, 2), Ok(2));
    assert_eq!(send(&mut both, MAX_SOURCES as u32 - 1, 2), Ok(2));
}

#[test]
fn the_last_index_and_no_further() {
    let (sender, receiver) = pair(Profile::AeadAes128Gcm);
    let last = (1u64 << 48) - 1;
    let mut receiver = receiver.at(1, last - 1);
    assert_eq!(open(&mut receiver, seal(&sender, 1, last)), Ok(last));
    let beyond = seal(&sender, 1, 0);
    assert_eq!(open(&mut receiver, beyond), Err(SrtpError::Exhausted));
    let key = MasterKey::new(Profile::AeadAes128Gcm, &[1; 16], &[2; 12]).unwrap();
    let (rtp, rtcp) = (key.rtp().unwrap(), key.rtcp().unwrap());
    let mut sender = Sender::with_session_keys(Profile::AeadAes128Gcm, rtp, rtcp, (1 << 31) - 1);
    let mut buffer = [0x80; 64];
    assert_eq!(sender.seal_rtcp(&mut buffer, 8), Ok(28));
    assert_eq!(sender.seal_rtcp(&mut buffer, 8), Err(SrtpError::Exhausted));
}

#[test]
fn rtcp_has_a_window_per_sender() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut packets = Vec::new();
        for n in 0..200u8 {
            let mut buffer = [0x80; 64];
            buffer[4..8].copy_from_slice(&[0, 0, 0, n % 2]);
            let len = sender.seal_rtcp(&mut buffer, 12).unwrap();
            packets.push(buffer[..len].to_vec());
        }
        let mut open = |n: usize| receiver.open_rtcp(&mut packets[n].clone()).map(|opened| opened.index);
        assert_eq!(open(199), Ok(199));
        assert_eq!(open(0), Ok(0), "the first of the other SSRC");
        assert_eq!(open(199), Err(SrtpError::Replay));
        assert_eq!(open(199 - RTCP_REPLAY_WINDOW), Err(SrtpError::Replay), "too old");
        assert_eq!(open(199 - RTCP_REPLAY_WINDOW + 2), Ok(73));
    }
}

#[test]
fn rtcp_in_the_clear_is_refused() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut buffer = [0x80; 64];
        let len = sender.seal_rtcp(&mut buffer, 12).unwrap();
        let flag = if profile == Profile::Aes128CmSha1_80 { 12 } else { len - 4 };
        buffer[flag] &= 0x7f;
        let opened = receiver.open_rtcp(&mut buffer[..len]);
        assert!(matches!(opened, Err(SrtpError::Malformed(_))), "{opened:?}");
    }
}

proptest! {
    #[test]
    fn sealed_packets_open_and_damaged_ones_do_not(
        profile in any_profile(),
        (ssrc, index) in (any::<u32>(), 0u64..1 << 16),
        payload in prop::collection::vec(any::<u8>(), 0..300),
        damage in (any::<prop::sample::Index>(), 1u8..),
    ) {
        let (sender, mut receiver) = pair(profile);
        let (mut packet, written) = plain(ssrc, index, &payload);
        let before = packet[..written.len].to_vec();
        let len = sender.seal_rtp(&mut packet, written, 0).unwrap();
        prop_assert_eq!(len, written.len + profile.rtp_overhead());
        packet.truncate(len);
        let header = Header::parse(&packet).unwrap();
        let mut damaged = packet.clone();
        // Any byte but those that say how long the header is: then it is another packet, or none.
        let at = damage.0.index(len - 1) + 1;
        damaged[at] ^= damage.1;
        let other = Header::parse(&damaged).unwrap();
        prop_assert_eq!(receiver.open_rtp(&other, &mut damaged), Err(SrtpError::Authentication));
        let opened = receiver.open_rtp(&header, &mut packet).unwrap();
        prop_assert_eq!(opened, Opened { len: written.len, index });
        prop_assert_eq!(&packet[..opened.len], &before[..]);
    }

    #[test]
    fn sealed_compounds_open_and_damaged_ones_do_not(
        profile in any_profile(),
        mut compound in prop::collection::vec(any::<u8>(), 8..300),
        damage in (any::<prop::sample::Index>(), 1u8..),
    ) {
        let (mut sender, mut receiver) = pair(profile);
        let (before, len) = (compound.clone(), compound.len());
        compound.resize(len + MAX_RTCP_OVERHEAD, 0);
        let sealed = sender.seal_rtcp(&mut compound, len).unwrap();
        prop_assert_eq!(sealed, len + profile.rtcp_overhead());
        compound.truncate(sealed);
        let mut damaged = compound.clone();
        damaged[damage.0.index(sealed)] ^= damage.1;
        prop_assert!(receiver.open_rtcp(&mut damaged).is_err());
        prop_assert_eq!(receiver.open_rtcp(&mut compound), Ok(Opened { len, index: 0 }));
        prop_assert_eq!(&compound[..len], &before[..]);
    }

    #[test]
    fn no_bytes_panic(profile in any_profile(), mut bytes in prop::collection::vec(any::<u8>(), 0..80), rtp in any::<bool>()) {
        let (mut sender, mut receiver) = pair(profile);
        if rtp && !bytes.is_empty() {
            bytes[0] = bytes[0] & 0x3f | 0x80;
        }
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert!(receiver.open_rtp(&header, &mut bytes.clone()).is_err());
        }
        prop_assert!(receiver.open_rtcp(&mut bytes.clone()).is_err());
        // Nor does a caller that is wrong about its buffer.
        for len in [0, 7, 8, bytes.len(), bytes.len() + 1] {
            let _ = sender.seal_rtcp(&mut bytes.clone(), len);
            for header_len in [0, 12, len, len + 1] {
                let _ = sender.seal_rtp(&mut bytes.clone(), Written { header_len, len }, 1);
            }
        }
    }

    #[test]
    fn any_walk_that_never_leaves_half_a_cycle_is_followed(
        start in 0u64..40_000,
        steps in prop::collection::vec(prop_oneof![-1000i64..1000, 20_000i64..32_768], 1..40),
    ) {
        let mut both = pair(Profile::AeadAes128Gcm);
        let mut highest = start;
        let mut seen = std::collections::HashSet::from([start]);
        prop_assert_eq!(send(&mut both, 9, start), Ok(start));
        for step in steps {
            let Some(index) = highest.checked_add_signed(step) else { continue };
            let expected = if seen.insert(index) { Ok(index) } else { Err(SrtpError::Replay) };
            prop_assert_eq!(send(&mut both, 9, index), expected);
            highest = highest.max(index);
        }
    }
}
