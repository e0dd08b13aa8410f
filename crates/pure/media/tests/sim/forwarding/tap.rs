//! The wire between the router and one subscriber: whatever is sent is opened, checked by itself, and written down.

use super::offer::{Answer, Line};
use rtp::extension::{AbsSendTime, transport_sequence};
use rtp::rtcp::{self, Packet, SenderInfo};
use rtp::sequence::extend_near;
use rtp::srtp::{REPLAY_WINDOW, Receiver, SrtpError};
use rtp::{Extensions, Header, NtpTime, RtpPacket};
use std::collections::{HashMap, HashSet};
use std::time::{Instant, SystemTime};

/// How far a send time may be from the time at which the packet is handed over, in units of 2^-18 s: 20 ms.
const MAX_STAMP_ERROR: u32 = 5243;

/// A track as the subscriber gets it.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) line: Line,
    /// The track of the stream.
    pub(crate) track: usize,
    pub(crate) ssrc: u32,
    pub(crate) rtx_ssrc: Option<u32>,
}

impl Outgoing {
    /// What an answer says about an m-line of the offer; `None`: nothing is sent on it.
    pub(crate) fn of(line: &Line, track: usize, answer: &Answer) -> Option<Self> {
        let answered = answer.lines.iter().find(|answered| answered.mid == line.mid)?;
        if !answered.sends {
            return None;
        }
        let agreed: Vec<u8> = [Some(line.payload_type), line.rtx].into_iter().flatten().collect();
        assert_eq!(answered.payload_types, agreed);
        assert_eq!(answered.ssrcs.len(), agreed.len());
        let (ssrc, rtx_ssrc) = (answered.ssrcs[0], answered.ssrcs.get(1).copied());
        Some(Self { line: line.clone(), track, ssrc, rtx_ssrc })
    }

    /// Packets that are repeated to the bit bear no stamps: those would change.
    fn is_stamped(&self) -> bool {
        !self.line.nack || self.rtx_ssrc.is_some()
    }
}

/// A packet that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    /// Which of the subscriber's tracks.
    pub(crate) line: usize,
    /// Sequence number and rollover counter, of the original where it is a retransmission.
    pub(crate) index: u64,
    pub(crate) repair: bool,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) level: Option<u8>,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Tap {
    pub(crate) lines: Vec<Outgoing>,
    pub(crate) seen: Vec<Seen>,
    /// By line and index: what came so late that no receiver takes it.
    pub(crate) unread: HashSet<(usize, u64)>,
    /// By SSRC and index: what was sealed under it.
    sealed: HashMap<(u32, u64), Vec<u8>>,
    /// By SSRC: the highest index.
    highest: HashMap<u32, u64>,
    /// The next transport-wide sequence number.
    next_transport: Option<u16>,
}

impl Tap {
    pub(crate) fn new(lines: Vec<Outgoing>) -> Self {
        Self {
            lines,
            seen: Vec::new(),
            unread: HashSet::new(),
            sealed: HashMap::new(),
            highest: HashMap::new(),
            next_transport: None,
        }
    }

    /// An RTCP packet. Returns the sender reports: track, and what they say.
    pub(crate) fn take_rtcp(&mut self, receiver: &mut Receiver, datagram: &[u8]) -> Vec<(usize, SenderInfo)> {
        let mut reports = Vec::new();
        let mut datagram = datagram.to_vec();
        let len = receiver.open_rtcp(&mut datagram).expect("an authentic RTCP packet, under a new index").len;
        for packet in rtcp::packets(&datagram[..len]) {
            if let Packet::SenderReport(report) = packet.expect("well-formed RTCP") {
                let line = self.lines.iter().position(|line| line.ssrc == report.ssrc);
                reports.push((line.expect("a report on a track"), report.info));
            }
        }
        reports
    }

    /// An RTP packet.
    pub(crate) fn take(&mut self, now: Instant, wall: SystemTime, receiver: &mut Receiver, datagram: &[u8]) {
        let header = Header::parse(datagram).expect("an RTP header");
        let line =
            self.lines.iter().position(|one| one.ssrc == header.ssrc || one.rtx_ssrc == Some(header.ssrc));
        let line = line.expect("an SSRC of the answer");
        let mut plain = datagram.to_vec();
        match receiver.open_rtp(&header, &mut plain) {
            Ok(opened) => {
                plain.truncate(opened.len);
                self.note_sealed(&header, opened.index, datagram);
                self.note(now, wall, line, opened.index, &plain);
            }
            Err(SrtpError::Replay) => self.note_again(now, wall, line, &header, datagram),
            Err(error) => unreachable!("{error}: {header:?}"),
        }
    }

    fn note_sealed(&mut self, header: &Header, index: u64, datagram: &[u8]) {
        let before = self.sealed.insert((header.ssrc, index), datagram.to_vec());
        assert!(before.is_none(), "an index that was used long ago");
        let highest = self.highest.entry(header.ssrc).or_insert(index);
        *highest = index.max(*highest);
    }

    /// A packet whose index was used before: only a repair, and the same to the last bit.
    fn note_again(&mut self, now: Instant, wall: SystemTime, line: usize, header: &Header, datagram: &[u8]) {
        let index = extend_near(self.highest[&header.ssrc], header.sequence).unwrap();
        let Some(before) = self.sealed.get(&(header.ssrc, index)) else {
            // Behind the replay window nobody can read it.
            assert!(index + REPLAY_WINDOW as u64 <= self.highest[&header.ssrc], "a new index is a replay");
            self.unread.insert((line, index));
            let outgoing = self.lines[line].clone();
            self.read_extensions(wall, &outgoing, header.extensions(datagram));
            return self.note_sealed(header, index, datagram);
        };
        assert_eq!(before, datagram, "an index is sealed with other bytes");
        assert!(self.lines[line].rtx_ssrc.is_none(), "RTX was agreed on");
        let original = self.seen.iter().rev().find(|seen| seen.line == line && seen.index == index);
        self.seen.extend(original.map(|original| Seen { at: now, repair: true, ..original.clone() }));
    }

    fn note(&mut self, now: Instant, wall: SystemTime, line: usize, index: u64, plain: &[u8]) {
        let packet = RtpPacket::parse(plain).expect("a well-formed packet");
        let outgoing = self.lines[line].clone();
        let header = packet.header();
        let repair = outgoing.rtx_ssrc == Some(header.ssrc);
        let payload_type = if repair { outgoing.line.rtx } else { Some(outgoing.line.payload_type) };
        assert_eq!(Some(header.payload_type), payload_type);
        assert_eq!(packet.csrcs().count(), 0);
        let level = self.read_extensions(wall, &outgoing, packet.extensions());
        let (index, payload) = if repair {
            let (number, rest) = packet.payload().split_first_chunk().expect("the original's number");
            (extend_near(self.highest[&outgoing.ssrc], u16::from_be_bytes(*number)).unwrap(), rest)
        } else {
            (index, packet.payload())
        };
        let (timestamp, marker, payload) = (header.timestamp, header.marker, payload.to_vec());
        self.seen.push(Seen { at: now, line, index, repair, timestamp, marker, level, payload });
    }

    /// Checks what stands in the extensions. Returns the level of the sound.
    fn read_extensions(
        &mut self,
        wall: SystemTime,
        outgoing: &Outgoing,
        elements: Extensions<'_>,
    ) -> Option<u8> {
        let ids = outgoing.line.ids;
        let find = |id: u8| Some(id).filter(|id| *id != 0).and_then(|id| elements.find(id));
        let known = [ids.mid, ids.abs_send_time, ids.transport_cc, ids.audio_level];
        assert!({ elements }.all(|extension| known.contains(&extension.id)), "an id of nobody");
        let mid = (ids.mid != 0).then_some(outgoing.line.mid.as_bytes());
        assert_eq!(find(ids.mid), mid);
        let (stamp, sequence) = (find(ids.abs_send_time), find(ids.transport_cc));
        let stamped = outgoing.is_stamped();
        assert_eq!(stamp.is_some(), stamped && ids.abs_send_time != 0);
        assert_eq!(sequence.is_some(), stamped && ids.transport_cc != 0);
        if let Some(stamp) = stamp {
            let now = AbsSendTime::at(NtpTime::from_system(wall)).ticks();
            let age = now.wrapping_sub(AbsSendTime::read(stamp).unwrap().ticks()) & 0x00ff_ffff;
            assert!(age < MAX_STAMP_ERROR, "a send time {age} units ago");
        }
        if let Some(sequence) = sequence {
            let sequence = transport_sequence(sequence).unwrap();
            let expected = self.next_transport.unwrap_or(sequence);
            assert_eq!(sequence, expected, "transport-wide numbers run on");
            self.next_transport = Some(sequence.wrapping_add(1));
        }
        find(ids.audio_level).map(|value| value[0])
    }
}
