//! What subscribers ask for and say of what came, and what the publisher says of its clock.

use super::{PUBLISHER, SUBSCRIBER, World, home};
use crate::script::Script;
use rtp::NtpTime;
use rtp::rtcp::{FirEntry, ReportBlock, SenderInfo, Writer};
use std::time::Duration;

/// Transport feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): its header and type, and where
/// in it stands what.
const FEEDBACK: [u8; 2] = [0x8f, 205];
const BASE: usize = 12;
const REFERENCE: usize = 16;
const STATUS: usize = 20;

impl World {
    /// The subscriber wants something that is there.
    pub(super) fn ask(&mut self, script: &mut Script<'_>) {
        let mut buffer = [0; 1000];
        let mut writer = Writer::new(&mut buffer);
        let tracks = &self.peers[SUBSCRIBER].tracks;
        let track = tracks[script.below(tracks.len())];
        let ssrc = if script.byte() & 7 == 7 { track.rtx_ssrc.unwrap_or(5) } else { track.ssrc };
        let written = match script.below(4) {
            0 => writer.pli(1, ssrc),
            1 => writer.fir(1, &[FirEntry { ssrc, sequence: script.byte() }]),
            2 => {
                let block = ReportBlock {
                    ssrc,
                    fraction_lost: script.byte(),
                    total_lost: script.u32().cast_signed() >> 8,
                    highest_sequence: script.u32(),
                    jitter: script.u32(),
                    last_sr: script.u32(),
                    delay_since_last_sr: script.u32(),
                };
                writer.receiver_report(1, &[block])
            }
            _ => {
                let (last, around) = (self.got.len().max(1), script.u16());
                let known: Vec<(u32, u16)> = script
                    .list(20, |script| self.got.get(script.below(last)).copied().unwrap_or((ssrc, around)));
                let ssrc = known.first().map_or(ssrc, |(ssrc, _)| *ssrc);
                let lost: Vec<u16> = known.into_iter().filter(|one| one.0 == ssrc).map(|one| one.1).collect();
                writer.nack(1, ssrc, &lost)
            }
        };
        written.expect("there is room");
        let len = writer.len();
        let sealed = self.sealed_rtcp(SUBSCRIBER, &buffer[..len]);
        self.receive(home(SUBSCRIBER), sealed);
    }

    /// A sender report of the publisher's.
    pub(super) fn report(&mut self, script: &mut Script<'_>) {
        let mut buffer = [0; 200];
        let mut writer = Writer::new(&mut buffer);
        let ntp = NtpTime::from_bits(script.u64());
        let info = SenderInfo { ntp, rtp: script.u32(), packets: script.u32(), bytes: script.u32() };
        let ssrc = [1000, 2000, 4000, 9, 2001, 2002][script.below(6)];
        writer.sender_report(ssrc, &info, &[]).expect("there is room");
        if script.bit() {
            writer.goodbye(&[ssrc], "").expect("there is room");
        }
        let len = writer.len();
        let sealed = self.sealed_rtcp(PUBLISHER, &buffer[..len]);
        self.receive(home(PUBLISHER), sealed);
    }

    /// Says what a subscriber's packets have come to.
    pub(super) fn say_what_came(&mut self, who: usize) {
        let mut more = true;
        while more {
            let mut buffer = [0; 1200];
            let mut writer = Writer::new(&mut buffer);
            more = self.arrivals[who].write(1, 2, &mut writer).expect("there is room");
            let len = writer.len();
            if len > 0 {
                self.said = buffer[..len].to_vec();
                let sealed = self.sealed_rtcp(who, &buffer[..len]);
                self.receive(home(who), sealed);
            }
        }
    }

    /// Transport feedback: true, late, repeated, about other packets, of another time, made up.
    pub(super) fn give_feedback(&mut self, script: &mut Script<'_>) {
        let (who, kind) = (self.somebody(script), script.below(8));
        let mut said = self.said.clone();
        match kind {
            0 | 1 => {
                self.late = Duration::from_micros(u64::from(script.u16()) * 16);
                return self.say_what_came(who);
            }
            2 => {}
            3 if said.len() > REFERENCE => said[BASE..BASE + 2].copy_from_slice(&script.array::<2>()),
            4 if said.len() > STATUS => said[REFERENCE..REFERENCE + 3].copy_from_slice(&script.array::<3>()),
            5 if said.len() > STATUS => {
                let at = STATUS + script.below(256) % (said.len() - STATUS);
                said[at] ^= script.byte();
            }
            _ => said = made_up(script),
        }
        if !said.is_empty() {
            let sealed = self.sealed_rtcp(who, &said);
            self.receive(home(who), sealed);
        }
    }

    /// What the network carries, as an older receiver says it.
    pub(super) fn allow(&mut self, script: &mut Script<'_>) {
        let who = self.somebody(script);
        let bitrate = script.u64() >> script.below(64);
        let mut buffer = [0; 100];
        let mut writer = Writer::new(&mut buffer);
        writer.remb(1, bitrate, &[2]).expect("there is room");
        let len = writer.len();
        let sealed = self.sealed_rtcp(who, &buffer[..len]);
        self.receive(home(who), sealed);
    }
}

/// All of a run of packets came, each so much after the one before, or none of them did.
fn made_up(script: &mut Script<'_>) -> Vec<u8> {
    let base = script.array::<2>();
    let (count, symbol) = (script.u16() & 0x1fff, u16::from(script.byte() % 3));
    let count = if symbol == 0 { count } else { count % 400 };
    let mut said = vec![FEEDBACK[0], FEEDBACK[1], 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    said.extend(base);
    said.extend(count.to_be_bytes());
    said.extend(script.array::<3>());
    said.push(script.byte());
    if count > 0 {
        said.extend((symbol << 13 | count).to_be_bytes());
    }
    let delta = script.array::<2>();
    (0..count).for_each(|_| said.extend(&delta[..usize::from(symbol)]));
    said.resize(said.len().next_multiple_of(4), 0);
    let words = (said.len() / 4 - 1) as u16;
    said[2..4].copy_from_slice(&words.to_be_bytes());
    said
}
