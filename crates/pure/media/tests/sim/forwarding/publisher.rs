//! A publisher: its frames, its repairs, its whims.

use super::client::Client;
use super::offer::Line;
use super::packet::{Content, Sent, level};
use super::source::Source;
use crate::network::Dice;
use rtp::NtpTime;
use rtp::rtcp::{self, Packet, SenderInfo};
use sdp::Kind;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A datagram that the reference is told of when it comes to the router.
#[derive(Clone, Debug)]
pub(crate) enum Media {
    Packet(Rc<Sent>),
    /// Its retransmission, under this SSRC and index.
    Repair(Rc<Sent>, u32, u64),
}

/// What is sent: bytes and what they mean. `true`: must not get lost or be overtaken.
pub(crate) type Departed = (Vec<u8>, Media, bool);

/// What a publisher tends to do, in percent of its packets or frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub(crate) nothing: u64,
    pub(crate) foreign: u64,
    pub(crate) leaps: u64,
    pub(crate) keys: u64,
    /// Beginnings close before the sequence number wraps.
    pub(crate) late_starts: u64,
    pub(crate) frame_packets: u64,
    /// Packets of a frame are about equal, as encoders make them.
    pub(crate) even: bool,
    /// Everything is so many times slower than in a call.
    pub(crate) pace: u32,
}

pub(crate) struct Publisher {
    pub(crate) client: Client,
    pub(crate) lines: Vec<Line>,
    number: usize,
    habits: Habits,
    tracks: Vec<Source>,
    dice: Dice,
    made: u32,
}

impl Publisher {
    pub(crate) fn new(
        now: Instant,
        client: Client,
        lines: Vec<Line>,
        number: usize,
        habits: Habits,
        mut dice: Dice,
    ) -> Self {
        let tracks = lines.iter().map(|line| Source::new(now, line, habits, &mut dice)).collect();
        Self { client, lines, number, habits, tracks, dice, made: 0 }
    }

    /// The media does not begin before this.
    pub(crate) fn rest_until(&mut self, at: Instant) {
        self.tracks.iter_mut().for_each(|track| track.next_frame = track.next_frame.max(at));
    }

    /// Another SSRC for a track, after a silence.
    pub(crate) fn change_source(&mut self, now: Instant) {
        let at = self.dice.below(self.tracks.len() as u64) as usize;
        let (line, habits) = (Line { ssrcs: None, ..self.lines[at].clone() }, self.habits);
        let track = &mut self.tracks[at];
        // Some do not wait until the former source is surely over.
        let silence = Duration::from_millis(self.dice.below(800));
        let mut fresh = Source::new(now + silence, &line, habits, &mut self.dice);
        if self.dice.chance(40) {
            // Some begin where the one before has just been.
            fresh.next_index = (track.next_index & 0xffff).saturating_sub(self.dice.below(30));
        }
        fresh.descriptor = track.descriptor;
        *track = fresh;
    }

    /// What is due by now.
    pub(crate) fn produce(&mut self, now: Instant) -> Vec<Departed> {
        let mut departed = Vec::new();
        for at in 0..self.tracks.len() {
            while self.client.keys.is_some() && self.tracks[at].next_frame <= now {
                match self.lines[at].kind {
                    Kind::Audio => self.sound(now, at, &mut departed),
                    Kind::Video => self.picture(now, at, &mut departed),
                }
            }
        }
        departed
    }

    fn sound(&mut self, now: Instant, at: usize, departed: &mut Vec<Departed>) {
        let len = 20 + self.dice.below(100) as usize;
        let marker = self.dice.chance(5);
        self.packet(now, at, &[0xfc], len, marker, false, departed);
        let track = &mut self.tracks[at];
        track.timestamp = track.timestamp.wrapping_add(960 * self.habits.pace);
        track.next_frame += Duration::from_millis(20) * self.habits.pace;
    }

    fn picture(&mut self, now: Instant, at: usize, departed: &mut Vec<Departed>) {
        let key = std::mem::take(&mut self.tracks[at].wants_key) || self.dice.chance(self.habits.keys);
        let packets = 1 + self.dice.below(self.habits.frame_packets * if key { 3 } else { 1 });
        let frame = self.tracks[at].frames;
        for n in 0..packets {
            // A packet that begins another partition looks like a key frame's to whoever forgets to look at PID.
            let partition = if n > 0 && self.dice.chance(20) { 1 + self.dice.below(7) as u8 } else { 0 };
            let first = n == 0 || partition > 0;
            let mut head = self.tracks[at].descriptor.write(frame, first, partition);
            head.push(if key { 0x10 } else { 0x11 });
            let sizes = if self.habits.even { 600..650 } else { 20..1020 };
            let len = (sizes.start + self.dice.below(sizes.end - sizes.start)) as usize;
            self.packet(now, at, &head, len, n + 1 == packets, key && n == 0, departed);
        }
        let track = &mut self.tracks[at];
        track.frames += 1;
        track.timestamp = track.timestamp.wrapping_add(3000 * self.habits.pace);
        track.next_frame += Duration::from_micros(33_333) * self.habits.pace;
    }

    /// A packet, now and then with others before it that carry nothing.
    #[expect(clippy::too_many_arguments, reason = "that is what a packet is made of")]
    fn packet(
        &mut self,
        now: Instant,
        at: usize,
        head: &[u8],
        len: usize,
        marker: bool,
        key: bool,
        departed: &mut Vec<Departed>,
    ) {
        if self.tracks[at].count > 20 {
            if self.dice.chance(self.habits.leaps) {
                self.tracks[at].next_index += self.dice.below(2_990);
            }
            for (content, percent) in
                [(Content::Nothing, self.habits.nothing), (Content::Foreign, self.habits.foreign)]
            {
                while self.dice.chance(percent) {
                    let payload = if content == Content::Foreign { vec![1, 2, 3] } else { Vec::new() };
                    self.send(now, at, content, payload, false, false, departed);
                }
            }
        }
        let payload = self.payload(at, head, len);
        self.send(now, at, Content::Media, payload, marker, key, departed);
    }

    /// A payload as there is no other.
    fn payload(&mut self, at: usize, head: &[u8], len: usize) -> Vec<u8> {
        self.made += 1;
        let mut payload = head.to_vec();
        payload.extend([self.number as u8, at as u8]);
        payload.extend(self.made.to_be_bytes());
        payload.extend((0..len).map(|n| (n as u32).wrapping_mul(self.made) as u8));
        payload
    }

    #[expect(clippy::too_many_arguments, reason = "that is what a packet is made of")]
    fn send(
        &mut self,
        now: Instant,
        at: usize,
        content: Content,
        payload: Vec<u8>,
        marker: bool,
        key: bool,
        departed: &mut Vec<Departed>,
    ) {
        let (line, track) = (&self.lines[at], &mut self.tracks[at]);
        let sent = Rc::new(Sent {
            track: at,
            ssrc: track.ssrc,
            index: track.next_index,
            timestamp: track.timestamp,
            marker,
            content,
            key: key || (line.kind == Kind::Audio && content == Content::Media),
            payload,
            level: (line.ids.audio_level != 0 && self.dice.chance(80)).then(|| level(&mut self.dice)),
            payload_type: if content == Content::Foreign { 13 } else { line.payload_type },
        });
        let (sender, _) = self.client.keys.as_ref().unwrap();
        let wire = sent.seal(line, sender, &mut self.dice);
        if content == Content::Media {
            track.kept.insert(sent.index as u16, (Rc::clone(&sent), wire.clone(), now));
        }
        // The rollover counter is guessed from the first packet that comes (RFC 3711 section 3.3.1).
        let fragile = track.count == 0 && sent.index > 0x7000;
        track.next_index += 1;
        track.count += 1;
        departed.push((wire, Media::Packet(sent), fragile));
    }

    /// Takes RTCP from the router. Returns what was asked for again.
    pub(crate) fn receive_rtcp(&mut self, now: Instant, datagram: &[u8]) -> Vec<Departed> {
        let mut datagram = datagram.to_vec();
        let (_, receiver) = self.client.keys.as_mut().expect("media comes after the handshake");
        let len = receiver.open_rtcp(&mut datagram).expect("an authentic RTCP packet, under a new index").len;
        self.heed(now, &datagram[..len])
    }

    /// Takes RTCP, decrypted. Returns what was asked for again.
    pub(crate) fn heed(&mut self, now: Instant, compound: &[u8]) -> Vec<Departed> {
        let mut departed = Vec::new();
        for packet in rtcp::packets(compound) {
            match packet.expect("well-formed RTCP") {
                Packet::Nack(nack) => {
                    let track = self.tracks.iter().position(|track| track.ssrc == nack.media);
                    for sequence in nack.lost {
                        departed.extend(track.and_then(|at| self.repair(now, at, sequence)));
                    }
                }
                Packet::Pli(pli) => {
                    self.tracks.iter_mut().filter(|track| track.ssrc == pli.media).for_each(|track| {
                        track.wants_key = true;
                    });
                }
                _ => {}
            }
        }
        departed
    }

    /// When the next frame is due.
    pub(crate) fn next_frame(&self) -> Option<Instant> {
        self.tracks.iter().map(|track| track.next_frame).min()
    }

    /// A sender report of a track, by a clock that says `ntp` now, if anything was sent.
    pub(crate) fn report(&mut self, now: Instant, ntp: NtpTime, at: usize) -> Option<Vec<u8>> {
        let track = self.tracks.get(at).filter(|track| track.count > 0 && self.client.keys.is_some())?;
        let rate = if self.lines[at].kind == Kind::Audio { 48_000 } else { 90_000 };
        let ticks = |time: Duration| (time.as_micros() * rate / 1_000_000) as u32;
        let ahead = ticks(track.next_frame.saturating_duration_since(now));
        let behind = ticks(now.saturating_duration_since(track.next_frame));
        let rtp = track.timestamp.wrapping_sub(ahead).wrapping_add(behind);
        let (ssrc, info) = (track.ssrc, SenderInfo { ntp, rtp, packets: track.count as u32, bytes: 0 });
        Some(self.client.rtcp(|writer| writer.sender_report(ssrc, &info, &[]).unwrap()))
    }

    fn repair(&mut self, now: Instant, at: usize, sequence: u16) -> Option<Departed> {
        let (line, track) = (&self.lines[at], &mut self.tracks[at]);
        let (sent, wire, made) = track.kept.get(&sequence)?;
        // Who asks by 16 bits means something near.
        if now >= *made + Duration::from_secs(1) || sent.index + 10_000 < track.next_index {
            return None;
        }
        if line.rtx.is_none() {
            return Some((wire.clone(), Media::Packet(Rc::clone(sent)), false));
        }
        let (sender, _) = self.client.keys.as_ref()?;
        let index = track.next_rtx;
        track.next_rtx += 1;
        let wire = sent.seal_rtx(line, track.rtx_ssrc, index, sender, &mut self.dice);
        Some((wire, Media::Repair(Rc::clone(sent), track.rtx_ssrc, index), index == 0))
    }
}
