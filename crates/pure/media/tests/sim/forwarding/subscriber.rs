//! A subscriber: when media may flow to it, what it loses and asks for again.

use super::client::Client;
use super::tap::Tap;
use crate::network::Dice;
use rtp::Header;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

/// Who asks in RTCP.
const OWN_SSRC: u32 = 1;

/// So many retransmissions per track are granted for certain: the budget for a burst is 128 KB.
const MAX_ASKED: usize = 80;

/// A time in which media flows; it ends when the subscriber leaves, or is taken for away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    pub(super) from: Instant,
    pub(super) until: Option<Instant>,
}

/// A packet that was asked for, and when the router heard of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) at: Instant,
    pub(super) line: usize,
    pub(super) index: u64,
}

pub(super) struct Subscriber {
    pub(super) client: Client,
    pub(super) tap: Tap,
    /// Which stream it gets.
    pub(super) stream: usize,
    pub(super) epochs: Vec<Epoch>,
    pub(super) asked: Vec<Asked>,
    /// It is not there any more.
    pub(super) left: bool,
    /// When it was last heard.
    pub(super) heard: Instant,
    pub(super) next_check: Instant,
    /// Percent of what is sent to it.
    pub(super) loss: u64,
    /// What it misses: line, index, when to ask.
    missing: Vec<(usize, u64, Instant)>,
    missed: Vec<usize>,
    /// By line: the highest index.
    newest: Vec<u64>,
}

impl Subscriber {
    pub(super) fn new(now: Instant, client: Client, tap: Tap, stream: usize, loss: u64) -> Self {
        Self {
            missed: vec![0; tap.lines.len()],
            newest: vec![0; tap.lines.len()],
            client,
            tap,
            stream,
            epochs: Vec::new(),
            asked: Vec::new(),
            left: false,
            heard: now,
            next_check: now,
            loss,
            missing: Vec::new(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.client.address
    }

    /// Whether media flows to it.
    pub(super) fn is_live(&self) -> bool {
        self.epochs.last().is_some_and(|epoch| epoch.until.is_none())
    }

    /// The highest index of a track.
    pub(super) fn newest(&self, line: usize) -> u64 {
        self.newest[line]
    }

    /// Media flows from now on.
    pub(super) fn begin(&mut self, now: Instant) {
        self.epochs.push(Epoch { from: now, until: None });
    }

    /// Media flows no more.
    pub(super) fn pause(&mut self, at: Instant) {
        if let Some(epoch) = self.epochs.last_mut() {
            epoch.until.get_or_insert(at);
        }
        self.missing.clear();
    }

    pub(super) fn leave(&mut self, now: Instant) {
        self.pause(now);
        self.left = true;
    }

    /// Media or a report on its way to the subscriber.
    pub(super) fn receive(&mut self, now: Instant, wall: SystemTime, datagram: &[u8], dice: &mut Dice) {
        let (_, receiver) = self.client.keys.as_mut().expect("media comes after the handshake");
        if rtp::packet::is_rtcp(datagram) {
            self.tap.take_rtcp(receiver, datagram);
            return;
        }
        self.tap.take(now, wall, receiver, datagram);
        let Some((line, index)) = self.tap.seen.last().map(|seen| (seen.line, seen.index)) else { return };
        self.ask_for_gap(now, line, index, dice);
        let Some(seen) = self.tap.seen.last() else { return };
        let asks = self.tap.lines[seen.line].line.nack && self.missed[seen.line] < MAX_ASKED;
        if asks && !seen.repair && dice.chance(self.loss) {
            self.missed[seen.line] += 1;
            self.missing.push((seen.line, seen.index, now + Duration::from_millis(20 + dice.below(60))));
        }
    }

    /// What has not come yet may just be late; some ask for it at once.
    fn ask_for_gap(&mut self, now: Instant, line: usize, index: u64, dice: &mut Dice) {
        let newest = self.newest[line];
        self.newest[line] = newest.max(index);
        let gap = newest + 1..index;
        let asks = self.tap.lines[line].line.nack && self.missed[line] < MAX_ASKED;
        if !asks || newest == 0 || gap.clone().count() > 10 || !dice.chance(50) {
            return;
        }
        let at = now + Duration::from_millis(dice.below(30));
        self.missed[line] += gap.clone().count();
        self.missing.extend(gap.map(|index| (line, index, at)));
    }

    /// What it asks for now.
    pub(super) fn due_requests(&mut self, now: Instant) -> Vec<(usize, u64)> {
        let due = |missing: &mut (usize, u64, Instant)| missing.2 <= now;
        self.missing.extract_if(.., due).map(|(line, index, _)| (line, index)).collect()
    }

    /// A request for packets of a track, encrypted.
    pub(super) fn nack(&mut self, line: usize, indexes: &[u64]) -> Vec<u8> {
        let lost: Vec<u16> = indexes.iter().map(|index| *index as u16).collect();
        let media = self.tap.lines[line].ssrc;
        self.client.rtcp(|writer| writer.nack(OWN_SSRC, media, &lost).unwrap())
    }

    /// A request for a key frame, encrypted.
    pub(super) fn pli(&mut self, line: usize) -> Vec<u8> {
        let media = self.tap.lines[line].ssrc;
        self.client.rtcp(|writer| writer.pli(OWN_SSRC, media).unwrap())
    }
}

/// Whether a datagram is media or a report, and not of a handshake.
pub(crate) fn is_media(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| (128..=191).contains(first)) && Header::parse(datagram).is_ok()
}
