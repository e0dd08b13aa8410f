//! A subscriber: what is sent to it is judged at the router's door, and what comes through it counts, asks for and
//! reports on.

use super::ledger::Ledger;
use crate::forwarding::client::Client;
use crate::forwarding::tap::{Seen, Tap};
use rtp::rtcp::{self, Packet, ReportBlock, SenderInfo};
use rtp::sequence::extend_near;
use rtp::{Header, RtpPacket};
use sdp::Kind;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant, SystemTime};

/// Who it is in RTCP.
const OWN_SSRC: u32 = 1;

const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What is missing may just be late; it is asked for again after twice the longest round trip.
const PATIENCE: Duration = Duration::from_millis(40);
const AGAIN_AFTER: Duration = Duration::from_millis(600);

/// So often it asks for a packet; then for a key frame.
const MAX_TRIES: u32 = 3;

/// A gap that is wider is not asked for.
const MAX_GAP: u64 = 20;

/// How far a sender report may be from the packets, at most: what the way takes, and how much longer it may have taken
/// the publisher's report.
const MAX_SKEW: Duration = Duration::from_millis(1_500);

struct Missing {
    line: usize,
    index: u64,
    due: Instant,
    tries: u32,
}

/// One track as it was forwarded.
#[derive(Default)]
struct Forwarded {
    /// Nothing was forwarded since it was away.
    awaits_key: bool,
    /// By index on the way out: the publisher's index.
    order: BTreeMap<u64, u64>,
    /// The newest packet: index, timestamp, when it was made.
    newest: Option<(u64, u32, Instant)>,
}

/// One track as it came through.
#[derive(Clone, Default)]
struct Heard {
    highest: Option<u64>,
    /// New packets.
    count: u64,
    /// The latest sender report: the middle of its time, and when it came.
    report: Option<(u32, Instant)>,
}

pub(super) struct Listener {
    pub(super) client: Client,
    pub(super) tap: Tap,
    /// Whose stream it gets.
    pub(super) stream: usize,
    forwarded: Vec<Forwarded>,
    heard: Vec<Heard>,
    missing: Vec<Missing>,
    /// How often a packet was asked for.
    asked: HashMap<(usize, u64), u32>,
    next_report: Instant,
}

impl Listener {
    pub(super) fn new(now: Instant, client: Client, tap: Tap, stream: usize) -> Self {
        let lines = tap.lines.len();
        Self {
            client,
            tap,
            stream,
            forwarded: (0..lines).map(|_| Forwarded::default()).collect(),
            heard: vec![Heard::default(); lines],
            missing: Vec::new(),
            asked: HashMap::new(),
            next_report: now,
        }
    }

    /// How many new packets of each track came through.
    pub(super) fn counts(&self) -> Vec<u64> {
        self.heard.iter().map(|heard| heard.count).collect()
    }

    /// It was away: each picture has to begin with a key frame.
    pub(super) fn begin_anew(&mut self) {
        self.forwarded.iter_mut().for_each(|track| track.awaits_key = true);
    }

    /// The router sends RTP: it must be a packet of this stream, in its place, and again only where it was asked for.
    pub(super) fn judge_rtp(&mut self, now: Instant, wall: SystemTime, datagram: &[u8], ledger: &Ledger) {
        let before = self.tap.seen.len();
        let receiver = self.client.onlooker.as_mut().expect("media comes after the handshake");
        self.tap.take(now, wall, receiver, datagram);
        let Some(seen) = self.tap.seen.get(before) else { return };
        let entry = ledger.find(&seen.payload).expect("a packet of this stream, whole");
        let sent = &entry.sent;
        assert_eq!(sent.track, self.tap.lines[seen.line].track, "of another track");
        assert_eq!((sent.timestamp, sent.marker), (seen.timestamp, seen.marker));
        let track = &mut self.forwarded[seen.line];
        if seen.repair {
            let asked = self.asked.get_mut(&(seen.line, seen.index)).filter(|asked| **asked > 0);
            *asked.expect("what was asked for, and as often") -= 1;
        }
        match track.order.get(&seen.index) {
            Some(index) => assert!(seen.repair && *index == sent.index, "sent twice: {seen:?}"),
            None => {
                // Sound can begin anywhere.
                assert!(sent.key || !std::mem::take(&mut track.awaits_key), "it goes on with {sent:?}");
                track.awaits_key = false;
                place(&mut track.order, seen, sent.index);
            }
        }
        if track.newest.is_none_or(|(newest, ..)| seen.index > newest) {
            track.newest = Some((seen.index, seen.timestamp, entry.at));
        }
    }

    /// The router sends RTCP. Where `timed`, sender reports must say what the packets say.
    pub(super) fn judge_rtcp(&mut self, now: Instant, datagram: &[u8], timed: bool) {
        let receiver = self.client.onlooker.as_mut().expect("media comes after the handshake");
        for (line, info) in self.tap.take_rtcp(receiver, datagram) {
            if timed {
                self.judge_report(now, line, &info);
            }
        }
    }

    /// A report says which timestamp belongs to this moment: that of the newest packet, and the time since it was made.
    fn judge_report(&self, now: Instant, line: usize, info: &SenderInfo) {
        let Some((_, timestamp, at)) = self.forwarded[line].newest else { return };
        let rate = self.rate(line);
        let since = ((now - at).as_micros() * rate / 1_000_000) as u32;
        let skew = info.rtp.wrapping_sub(timestamp.wrapping_add(since)).cast_signed();
        let most = MAX_SKEW.as_micros() * rate / 1_000_000;
        assert!(
            u128::from(skew.unsigned_abs()) <= most,
            "a report is {} s off",
            f64::from(skew) / rate as f64
        );
    }

    fn rate(&self, line: usize) -> u128 {
        if self.tap.lines[line].line.kind == Kind::Audio { 48_000 } else { 90_000 }
    }

    /// A media datagram has come through.
    pub(super) fn receive(&mut self, now: Instant, mut datagram: Vec<u8>) {
        let Some((_, receiver)) = self.client.keys.as_mut() else { return };
        if rtp::packet::is_rtcp(&datagram) {
            let Ok(opened) = receiver.open_rtcp(&mut datagram) else { return };
            for packet in rtcp::packets(&datagram[..opened.len]).flatten() {
                if let Packet::SenderReport(report) = packet {
                    let line = self.tap.lines.iter().position(|line| line.ssrc == report.ssrc);
                    self.heard[line.unwrap()].report = Some((report.info.ntp.middle(), now));
                }
            }
            return;
        }
        let header = Header::parse(&datagram).unwrap();
        // What a network repeats, and what was meant for whoever had the address before, cannot be opened.
        let Ok(opened) = receiver.open_rtp(&header, &mut datagram) else { return };
        let lines = &self.tap.lines;
        let of = |ssrc: u32| lines.iter().position(|line| line.ssrc == ssrc || line.rtx_ssrc == Some(ssrc));
        let line = of(header.ssrc).unwrap();
        let index = if lines[line].rtx_ssrc == Some(header.ssrc) {
            let packet = RtpPacket::new(header, &datagram[..opened.len]).unwrap();
            let number = u16::from_be_bytes(*packet.payload().first_chunk().unwrap());
            self.heard[line].highest.and_then(|highest| extend_near(highest, number))
        } else {
            Some(opened.index)
        };
        if let Some(index) = index {
            self.note(now, line, index);
        }
    }

    fn note(&mut self, now: Instant, line: usize, index: u64) {
        let heard = &mut self.heard[line];
        let highest = heard.highest.unwrap_or(index.saturating_sub(1));
        if heard.highest.is_some() && index <= highest {
            return self.missing.retain(|missing| (missing.line, missing.index) != (line, index));
        }
        (heard.highest, heard.count) = (Some(index), heard.count + 1);
        if self.tap.lines[line].line.nack && index - highest <= MAX_GAP {
            let gap = highest + 1..index;
            let missing = |index| Missing { line, index, due: now + PATIENCE, tries: 0 };
            self.missing.extend(gap.map(missing));
        }
    }

    /// When it has something to say.
    pub(super) fn wakes(&self) -> Instant {
        self.missing.iter().map(|missing| missing.due).chain([self.next_report]).min().unwrap()
    }

    /// What it says now.
    pub(super) fn speak(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut said = self.ask(now);
        if self.next_report <= now {
            self.next_report = now + REPORT_INTERVAL;
            said.extend(self.report(now));
        }
        said
    }

    fn ask(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        for missing in self.missing.iter_mut().filter(|missing| missing.due <= now) {
            (missing.due, missing.tries) = (now + AGAIN_AFTER, missing.tries + 1);
            let media = self.tap.lines[missing.line].ssrc;
            if missing.tries <= MAX_TRIES {
                *self.asked.entry((missing.line, missing.index)).or_default() += 1;
                let lost = [missing.index as u16];
                said.push(self.client.rtcp(|writer| writer.nack(OWN_SSRC, media, &lost).unwrap()));
            } else {
                said.push(self.client.rtcp(|writer| writer.pli(OWN_SSRC, media).unwrap()));
            }
        }
        self.missing.retain(|missing| missing.tries <= MAX_TRIES);
        said
    }

    fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        let block = |(line, heard): (usize, &Heard)| {
            let (last_sr, since) = heard.report.map_or((0, Duration::ZERO), |(sr, at)| (sr, now - at));
            Some(ReportBlock {
                ssrc: self.tap.lines[line].ssrc,
                highest_sequence: heard.highest? as u32,
                last_sr,
                delay_since_last_sr: rtp::ntp::short(since),
                ..ReportBlock::default()
            })
        };
        let blocks: Vec<ReportBlock> = self.heard.iter().enumerate().filter_map(block).collect();
        (!blocks.is_empty())
            .then(|| self.client.rtcp(|writer| writer.receiver_report(OWN_SSRC, &blocks).unwrap()))
    }
}

/// A packet that was not sent before: later ones have higher numbers, as at the publisher.
fn place(order: &mut BTreeMap<u64, u64>, seen: &Seen, index: u64) {
    let before = order.range(..seen.index).next_back().map(|(_, before)| *before);
    let after = order.range(seen.index..).next().map(|(_, after)| *after);
    assert!(
        before.is_none_or(|before| before < index) && after.is_none_or(|after| index < after),
        "between {before:?} and {after:?} stands {index}: {seen:?}"
    );
    order.insert(seen.index, index);
}
