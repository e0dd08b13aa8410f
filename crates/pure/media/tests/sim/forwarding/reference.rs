//! The plain, slow forwarder that the router is compared with: what a stream accepts of what comes, and under which
//! numbers. It keeps everything, looks at one packet at a time, and has no batches.

use super::packet::{Content, Sent};
use super::publisher::Media;
use rtp::srtp::REPLAY_WINDOW;
use sdp::Kind;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A gap of more packets than this is a new beginning.
const MAX_GAP: u64 = 3000;

/// Another SSRC takes over after so long a silence.
const CHANGE_AFTER: Duration = Duration::from_millis(200);

/// What comes later than by so many packets may find that its place in the cache is taken.
const SURELY_CACHED: i64 = 200;

/// A packet that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) number: i64,
    pub(super) sent: Rc<Sent>,
    pub(super) at: Instant,
    /// It need not be forwarded.
    pub(super) doubtful: bool,
}

/// One track: all that it accepted, in the order in which it came.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) kind: Kind,
    pub(super) accepted: Vec<Accepted>,
    /// Positions in `accepted`.
    pub(super) by_number: HashMap<i64, usize>,
    pub(super) by_payload: HashMap<Vec<u8>, usize>,
    ssrc: Option<u32>,
    heard: Option<Instant>,
    awaits_key: bool,
    numbering: Option<Numbering>,
    begun: bool,
    next_number: i64,
}

/// Numbers since the latest beginning.
#[derive(Debug)]
struct Numbering {
    index: u64,
    number: i64,
    highest: u64,
    left_out: BTreeSet<u64>,
    /// Packets from before it have numbers too.
    reaches_back: bool,
}

/// A stream.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) tracks: Vec<Track>,
    /// By SSRC: the highest index, and all that came.
    windows: HashMap<u32, (u64, HashSet<u64>)>,
}

impl Reference {
    pub(super) fn new(kinds: impl Iterator<Item = Kind>) -> Self {
        Self { tracks: kinds.map(Track::new).collect(), windows: HashMap::new() }
    }

    /// This comes to the router.
    pub(super) fn arrive(&mut self, now: Instant, media: &Media) {
        match media {
            Media::Packet(sent) => {
                if self.is_new(sent.ssrc, sent.index) {
                    self.tracks[sent.track].receive(now, sent);
                }
            }
            Media::Repair(sent, ssrc, index) => {
                if self.is_new(*ssrc, *index) {
                    self.tracks[sent.track].receive_repair(now, sent);
                }
            }
        }
    }

    /// What came before, or is too old to tell, is a replay.
    fn is_new(&mut self, ssrc: u32, index: u64) -> bool {
        let (highest, seen) = self.windows.entry(ssrc).or_insert((index, HashSet::new()));
        let fresh = index + REPLAY_WINDOW as u64 > *highest && seen.insert(index);
        if fresh {
            *highest = index.max(*highest);
        }
        fresh
    }
}

impl Track {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            accepted: Vec::new(),
            by_number: HashMap::new(),
            by_payload: HashMap::new(),
            ssrc: None,
            heard: None,
            awaits_key: false,
            numbering: None,
            begun: false,
            next_number: 1 << 20,
        }
    }

    fn receive(&mut self, now: Instant, sent: &Rc<Sent>) {
        if self.ssrc != Some(sent.ssrc) {
            if self.heard.is_some_and(|heard| now < heard + CHANGE_AFTER) {
                return;
            }
            self.ssrc = Some(sent.ssrc);
            self.numbering = None;
            self.awaits_key = self.kind == Kind::Video && !self.accepted.is_empty();
        }
        self.heard = Some(now);
        self.accept(now, sent);
    }

    /// A retransmission counts where it belongs to the present source and to something older than the newest packet.
    fn receive_repair(&mut self, now: Instant, sent: &Rc<Sent>) {
        let highest = self.numbering.as_ref().map(|numbering| numbering.highest);
        if self.ssrc == Some(sent.ssrc) && highest.is_some_and(|highest| sent.index <= highest) {
            self.accept(now, sent);
        }
    }

    fn accept(&mut self, now: Instant, sent: &Rc<Sent>) {
        if self.awaits_key && !sent.key {
            return;
        }
        self.awaits_key = false;
        let Some(number) = self.number(sent.index, sent.content != Content::Media) else { return };
        if sent.content == Content::Foreign || self.by_number.contains_key(&number) {
            return;
        }
        let at = self.accepted.len();
        self.by_number.insert(number, at);
        self.by_payload.insert(sent.payload.clone(), at);
        let doubtful = number + SURELY_CACHED < self.next_number;
        self.accepted.push(Accepted { number, sent: Rc::clone(sent), at: now, doubtful });
    }

    /// The number of a packet; what carries nothing and comes in order gets none, so that it leaves no gap.
    fn number(&mut self, index: u64, empty: bool) -> Option<i64> {
        let goes_on = |numbering: &&mut Numbering| index <= numbering.highest + MAX_GAP;
        let Some(numbering) = self.numbering.as_mut().filter(goes_on) else {
            return self.begin(index, empty);
        };
        if empty && index == numbering.highest + 1 {
            numbering.highest = index;
            numbering.left_out.insert(index);
            return None;
        }
        let before = index < numbering.index;
        if numbering.left_out.contains(&index) || (before && !numbering.reaches_back) {
            return None;
        }
        numbering.highest = numbering.highest.max(index);
        let omitted = numbering.left_out.range(..index).count() as i64;
        let number = numbering.number + (index as i64 - numbering.index as i64) - omitted;
        self.next_number = self.next_number.max(number + 1);
        Some(number)
    }

    fn begin(&mut self, index: u64, empty: bool) -> Option<i64> {
        let (number, reaches_back) = (self.next_number, !std::mem::replace(&mut self.begun, true));
        let left_out = if empty { BTreeSet::from([index]) } else { BTreeSet::new() };
        self.numbering = Some(Numbering { index, number, highest: index, left_out, reaches_back });
        if empty {
            return None;
        }
        self.next_number += 1;
        Some(number)
    }
}
