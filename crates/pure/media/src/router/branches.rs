//! Streams that go on on another router, and those that come from one.

use super::Core;
use crate::batch::Outbox;
use crate::branch::{BranchId, Copies, Outline, Wish};
use crate::moment::Moment;
use crate::stream::Stream;
use crate::timers::{Owner, Timer};
use crate::{Event, MediaError, MediaErrorKind};
use model::ids::StreamId;
use std::time::{Duration, Instant};

/// A branch without subscribers is kept for so long: whoever comes next need not wait for a new one.
const IDLE: Duration = Duration::from_secs(10);

/// Wishes that wait for the owner, who takes them after each call. What exceeds this is left out: subscribers ask
/// again.
const MAX_WISHES: usize = 256;

/// Emptied copies that are kept for their memory.
const SPARE: usize = 16;

/// What is on its way to other routers.
#[derive(Debug, Default)]
pub(super) struct Crossing {
    /// Streams that copied something.
    copied: Vec<usize>,
    wishes: Vec<(BranchId, Wish)>,
    spare: Vec<Copies>,
    /// Kept for its memory.
    asking: Vec<Wish>,
}

impl Crossing {
    pub(super) fn wish(&mut self, branch: BranchId, wish: Wish) {
        if self.wishes.len() < MAX_WISHES {
            self.wishes.push((branch, wish));
        }
    }

    pub(super) fn pop_wish(&mut self) -> Option<(BranchId, Wish)> {
        // The order does not matter.
        self.wishes.pop()
    }

    pub(super) fn give_back(&mut self, mut copies: Copies) {
        if self.spare.len() < SPARE {
            copies.clear();
            self.spare.push(copies);
        }
    }
}

impl Core {
    pub(super) fn branch_out(&mut self, mid: &StreamId, branch: BranchId) -> Option<Outline> {
        let stream = self.streams.get_mut(*self.by_mid.get(mid)?)?;
        stream.transport()?;
        stream.branches.push((branch, Copies::default()));
        Some(stream.outline())
    }

    pub(super) fn cut_branch(&mut self, mid: &StreamId, branch: BranchId) {
        let Some(&index) = self.by_mid.get(mid) else { return };
        if let Some(stream) = self.streams.get_mut(index) {
            stream.branches.retain(|(id, _)| *id != branch);
            stream.demand.forget(branch);
        }
        self.forget_key_frames(index);
    }

    /// What came of a stream goes to its branches, too.
    pub(super) fn copy_fresh(&mut self, index: usize, out: &mut Outbox<'_>) {
        let Some(stream) = self.streams.get_mut(index).filter(|stream| !stream.branches.is_empty()) else {
            return;
        };
        stream.copy_fresh();
        let copies = stream.fresh.len() * stream.branches.len();
        out.count(|stats| stats.copies_out += copies as u64);
        self.crossing.copied.push(index);
    }

    pub(super) fn take_copies(&mut self) -> Option<(BranchId, Copies)> {
        while let Some(&index) = self.crossing.copied.last() {
            let branches = self.streams.get_mut(index).map(|stream| stream.branches.iter_mut());
            let full = branches.into_iter().flatten().find(|(_, copies)| !copies.is_empty());
            if let Some((branch, copies)) = full {
                let empty = self.crossing.spare.pop().unwrap_or_default();
                return Some((*branch, std::mem::replace(copies, empty)));
            }
            self.crossing.copied.pop();
        }
        None
    }

    pub(super) fn grant(
        &mut self,
        now: Instant,
        mid: &StreamId,
        branch: BranchId,
        wish: Wish,
        out: &mut Outbox<'_>,
    ) {
        let Some(&index) = self.by_mid.get(mid) else { return };
        // A wish may come after its branch was cut.
        let is_there = |stream: &Stream| stream.branches.iter().any(|(there, _)| *there == branch);
        if !self.streams.get(index).is_some_and(is_there) {
            return;
        }
        match wish {
            Wish::KeyFrame { track } => {
                self.want_key_frame(now, index, track);
                self.ask_for_key_frames(now, index, out);
            }
            Wish::Layers { tracks } => {
                if let Some(stream) = self.streams.get_mut(index) {
                    stream.demand.branch(branch, tracks);
                }
                self.look_at_demand(now, index);
            }
            Wish::Packet { track, number } => {
                if let Some(stream) = self.streams.get_mut(index) {
                    stream.copy_again(branch, track, number);
                    self.crossing.copied.push(index);
                }
            }
        }
    }

    pub(super) fn graft(
        &mut self,
        now: Instant,
        mid: &StreamId,
        branch: BranchId,
        outline: &Outline,
    ) -> Result<(), MediaError> {
        if self.by_mid.contains_key(mid) {
            return Err(MediaError::new(MediaErrorKind::Internal, "this stream is here already"));
        }
        self.check_room()?;
        let interval = self.config.limits.key_frame_interval;
        let index = self.streams.insert(Stream::branch(mid.clone(), branch, outline, interval));
        self.by_mid.insert(mid.clone(), index);
        self.note_idle_branch(now, index);
        Ok(())
    }

    pub(super) fn receive_copies(
        &mut self,
        moment: Moment,
        mid: &StreamId,
        copies: &Copies,
        out: &mut Outbox<'_>,
    ) {
        let Some(&index) = self.by_mid.get(mid) else { return };
        let Some(stream) = self.streams.get_mut(index).filter(|stream| stream.is_branch()) else { return };
        for report in copies.reports() {
            stream.receive_report(moment.now, report);
        }
        let since = copies.since().unwrap_or(moment.now);
        for copied in copies.packets() {
            let taken = stream.receive_copy(&mut self.chunks, moment.now, since, &copied);
            out.count(|stats| stats.copies_in += u64::from(taken));
        }
        if !stream.fresh.is_empty() && !self.dirty.contains(&index) {
            self.dirty.push(index);
        }
        self.forward(moment, out);
    }

    /// A branch's subscribers lack packets that are not here.
    pub(super) fn miss(&mut self, index: usize, missing: &[(usize, u64)]) {
        let Some(trunk) = self.streams.get_mut(index).and_then(Stream::trunk_mut) else { return };
        for &(track, number) in missing {
            if let Some(wish) = trunk.miss(track, number) {
                self.crossing.wish(trunk.branch, wish);
            }
        }
    }

    /// Asks the root of a branch for the key frames that are wanted and due.
    pub(super) fn wish_for_key_frames(&mut self, now: Instant, index: usize) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        let Some(branch) = stream.trunk_mut().map(|trunk| trunk.branch) else { return };
        let mut asking = std::mem::take(&mut self.crossing.asking);
        stream.key_frames_to_wish_for(now, &mut asking);
        for wish in asking.drain(..) {
            self.crossing.wish(branch, wish);
        }
        self.crossing.asking = asking;
    }

    /// A branch that nobody needs ends in a while, unless somebody comes.
    pub(super) fn note_idle_branch(&mut self, now: Instant, index: usize) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        if stream.subscribers.is_empty() && stream.is_branch() {
            self.timers.set(now, Owner::Stream(index), Timer::Connect, now + IDLE);
        }
    }

    pub(super) fn end_idle_branch(&mut self, now: Instant, index: usize, out: &mut Outbox<'_>) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        if stream.subscribers.is_empty() && stream.is_branch() {
            self.events.push_back(Event::BranchEnded { mid: stream.mid.clone() });
            self.remove_stream(now, index, out);
        }
    }
}
