//! SRTP and SRTCP: what is whole and new is opened, whatever came before; what is damaged, repeated or too old is not.

use super::named;
use crate::script::Script;
use rtp::srtp::{
    MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, MAX_SOURCES, Profile, REPLAY_WINDOW, Receiver, Sender, SrtpError,
    pair_from_dtls,
};
use rtp::write::write_packet;
use rtp::{Fields, Header};
use std::collections::{HashMap, HashSet};

/// The most packets that wait to be delivered late.
const MAX_KEPT: usize = 8;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let profile = Profile::ALL[script.below(3)];
    let material: Vec<u8> = (0..profile.keying_material_len()).map(|at| at as u8).collect();
    let (sender, _) = pair_from_dtls(profile, &material, true).unwrap();
    let (_, receiver) = pair_from_dtls(profile, &material, false).unwrap();
    let mut way = Way {
        profile,
        sender,
        receiver,
        sources: HashMap::new(),
        controllers: HashSet::new(),
        kept: Vec::new(),
    };
    while !script.is_empty() {
        match script.below(8) {
            0..=2 => {
                let packet = way.seal(&mut script);
                way.deliver(&packet);
            }
            3 => {
                let packet = way.seal(&mut script);
                way.damaged(&packet.bytes, &mut script, false);
                way.deliver(&packet);
                way.deliver(&packet);
            }
            4 => {
                let packet = way.seal(&mut script);
                way.kept.push(packet);
                way.kept.truncate(MAX_KEPT);
            }
            5 if !way.kept.is_empty() => {
                let packet = way.kept.remove(script.below(way.kept.len()));
                way.deliver(&packet);
            }
            6 => way.control(&mut script),
            _ => way.anything(script.chunk()),
        }
    }
}

/// A sealed packet.
struct Packet {
    ssrc: u32,
    index: u64,
    plain: Vec<u8>,
    bytes: Vec<u8>,
}

/// From a sender to a receiver with the same keys, and what must become of each packet.
struct Way {
    profile: Profile,
    sender: Sender,
    receiver: Receiver,
    sources: HashMap<u32, Source>,
    controllers: HashSet<u32>,
    kept: Vec<Packet>,
}

#[derive(Default)]
struct Source {
    /// The next index.
    next: u64,
    /// What was opened.
    seen: HashSet<u64>,
    highest: Option<u64>,
}

impl Way {
    fn seal(&mut self, script: &mut Script<'_>) -> Packet {
        let ssrc = u32::from(script.byte()) % 160;
        let source = self.sources.entry(ssrc).or_default();
        // Leaps of less than half a cycle: a receiver cannot know of more. The first number is that of the first cycle.
        let leap = u64::from(script.u16()) >> if source.next == 0 { 0 } else { 2 };
        source.next += if script.bit() { leap } else { 0 };
        let index = source.next;
        source.next += 1;
        let fields =
            Fields { marker: false, payload_type: 96, sequence: (index & 0xffff) as u16, timestamp: 1, ssrc };
        let mut bytes = vec![0; 400];
        let written = write_packet(&fields, &[], script.chunk(), &mut bytes).unwrap();
        let plain = bytes[..written.len].to_vec();
        let len = self.sender.seal_rtp(&mut bytes, written, (index >> 16) as u32).unwrap();
        assert!(len <= written.len + MAX_RTP_OVERHEAD);
        assert_eq!(len, written.len + self.profile.rtp_overhead());
        bytes.truncate(len);
        Packet { ssrc, index, plain, bytes }
    }

    fn deliver(&mut self, packet: &Packet) {
        let mut bytes = packet.bytes.clone();
        let header = Header::parse(&bytes).unwrap();
        let opened = self.receiver.open_rtp(&header, &mut bytes);
        let full = self.sources.values().filter(|source| source.highest.is_some()).count() >= MAX_SOURCES;
        let source = self.sources.get_mut(&packet.ssrc).expect("it was sealed");
        let Some(highest) = source.highest else {
            if full {
                assert_eq!(opened, Err(SrtpError::TooManySources));
            } else if packet.index < 1 << 16 {
                source.opened(packet, opened, &bytes);
            }
            return;
        };
        // Half a cycle behind, a number is taken for one ahead.
        if highest.saturating_sub(packet.index) >= 0x7fff {
            assert!(opened.is_err());
        } else if source.seen.contains(&packet.index) || packet.index + REPLAY_WINDOW as u64 <= highest {
            assert_eq!(opened, Err(SrtpError::Replay));
        } else if packet.index.saturating_sub(highest) < 0x7fff || opened.is_ok() {
            source.opened(packet, opened, &bytes);
        }
    }

    /// Some bits are others, or bytes are missing, or there are more.
    fn damaged(&mut self, whole: &[u8], script: &mut Script<'_>, control: bool) {
        let mut bytes = whole.to_vec();
        match script.below(3) {
            0 => {
                let at = usize::from(script.u16()) % bytes.len();
                bytes[at] ^= script.byte().max(1);
            }
            1 => bytes.truncate(usize::from(script.u16()) % bytes.len()),
            _ => bytes.extend_from_slice(&[script.byte(), script.byte()]),
        }
        let opened = if control {
            self.receiver.open_rtcp(&mut bytes)
        } else {
            let Ok(header) = Header::parse(&bytes) else { return };
            self.receiver.open_rtp(&header, &mut bytes)
        };
        assert!(opened.is_err(), "{opened:?}");
    }

    /// A compound: damaged, whole, repeated.
    fn control(&mut self, script: &mut Script<'_>) {
        let ssrc = u32::from(script.byte()) % 160;
        let mut plain = vec![0x80, 201, 0, 1];
        plain.extend(ssrc.to_be_bytes());
        plain.extend_from_slice(script.chunk());
        let mut bytes = plain.clone();
        bytes.resize(plain.len() + MAX_RTCP_OVERHEAD, 0);
        let len = self.sender.seal_rtcp(&mut bytes, plain.len()).unwrap();
        assert_eq!(len, plain.len() + self.profile.rtcp_overhead());
        bytes.truncate(len);
        self.damaged(&bytes, script, true);
        let mut first = bytes.clone();
        let opened = self.receiver.open_rtcp(&mut first);
        if self.controllers.contains(&ssrc) || self.controllers.len() < MAX_SOURCES {
            self.controllers.insert(ssrc);
            assert_eq!(&first[..opened.expect("it is whole and new").len], plain);
            assert_eq!(self.receiver.open_rtcp(&mut bytes), Err(SrtpError::Replay));
        } else {
            assert_eq!(opened, Err(SrtpError::TooManySources));
        }
    }

    /// Nobody guesses a tag.
    fn anything(&mut self, bytes: &[u8]) {
        assert!(self.receiver.open_rtcp(&mut bytes.to_vec()).is_err());
        if let Ok(header) = Header::parse(bytes) {
            assert!(self.receiver.open_rtp(&header, &mut bytes.to_vec()).is_err());
        }
    }
}

impl Source {
    fn opened(&mut self, packet: &Packet, opened: Result<rtp::srtp::Opened, SrtpError>, bytes: &[u8]) {
        let opened = opened.expect("it is whole and new");
        assert_eq!((opened.index, &bytes[..opened.len]), (packet.index, &packet.plain[..]));
        self.seen.insert(packet.index);
        self.highest = self.highest.max(Some(packet.index));
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let of = |profile: u8| {
        let plain = [0, 7, 0, 5, 1, 3, b'a', b'b', b'c'];
        let damaged = [3, 7, 0, 0, 0, 2, b'd', b'e', 0, 0, 13, 4];
        let late = [4, 7, 0, 0, 0, 1, b'f', 0, 7, 0, 200, 1, 1, b'g', 5, 0];
        let control = [6, 9, 4, 1, 2, 3, 4, 0, 0, 5, 1];
        let garbage = [7, 20, 0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8];
        [&[profile][..], &plain, &damaged, &late, &control, &garbage].concat()
    };
    named([
        ("gcm-128", of(0)),
        ("gcm-256", of(1)),
        ("counter-mode", of(2)),
        ("wrap", [vec![0], [0, 7, 0xff, 0xff, 1, 1, b'x'].repeat(8)].concat()),
        (
            "late-after-a-leap",
            [
                &[0, 0, 7, 0, 0, 0, 1, b'a', 0, 7, 0, 0, 0, 1, b'b'][..],
                &[4, 7, 0x0f, 0xfc, 1, 1, b'c', 0, 7, 0x0f, 0xa0, 1, 1, b'd', 5, 0],
            ]
            .concat(),
        ),
        ("many-sources", [vec![2], (0..160).flat_map(|ssrc| [0, ssrc, 0, 0, 0, 0]).collect()].concat()),
    ])
}
