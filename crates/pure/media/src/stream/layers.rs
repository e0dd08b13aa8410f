//! Simulcast layers: tracks of one picture, of which each subscriber gets one; and which of them anybody takes.

use crate::LayerWanted;
use crate::branch::BranchId;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A layer that nobody takes any more is reported after so long: whoever changes his mind need not wait for it.
pub(crate) const SETTLES: Duration = Duration::from_secs(2);

/// A layer that is wanted and not sent for so long is not there: the publisher cannot or will not send it. After the
/// longer time it is tried again.
const PATIENCE: Duration = Duration::from_secs(4);
const TRY_AGAIN: Duration = Duration::from_secs(20);

/// Nobody waits any more where nobody has said for so long that he does: whoever wants it says so each second.
const FORGOTTEN: Duration = Duration::from_secs(2);

/// Which layer a track is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    /// As the publisher's offer names it.
    pub(crate) rid: Box<str>,
}

/// How long somebody has waited for a layer that does not come. Each of its subscribers is asked in turn, and one that
/// does not want it says nothing about the others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Awaited {
    /// By nobody.
    #[default]
    No,
    /// By somebody, all the time.
    Since {
        first: Instant,
        /// When it was last said.
        last: Instant,
    },
    /// It was waited for from then on, and did not come.
    InVain(Instant),
}

impl Awaited {
    /// Whether it is worth waiting for a track, which sends now or not, and is wanted by the subscriber who asks, or
    /// not.
    pub(crate) fn is_worth_it(&mut self, now: Instant, live: bool, wanted: bool) -> bool {
        if live || self.is_over(now) {
            *self = Self::No;
        }
        if live {
            return true;
        }
        let first = match *self {
            Self::No => now,
            Self::Since { first, .. } => first,
            Self::InVain(_) => return false,
        };
        if !wanted {
            return true;
        }
        let patient = now < first + PATIENCE;
        *self = if patient { Self::Since { first, last: now } } else { Self::InVain(first) };
        patient
    }

    /// Whether it was waited for in vain, and is to be tried again. Till then its publisher is still to send it if he can: an
    /// uplink grows only for what is to be sent.
    pub(crate) fn is_in_vain(&self, now: Instant) -> bool {
        matches!(self, Self::InVain(_)) && !self.is_over(now)
    }

    /// Whether what is known of it means nothing any more.
    fn is_over(&self, now: Instant) -> bool {
        match *self {
            Self::No => false,
            Self::Since { last, .. } => now >= last + FORGOTTEN,
            Self::InVain(first) => now >= first + TRY_AGAIN,
        }
    }
}

/// What a publisher was told of who takes what. Bit n is track n of the stream.
#[derive(Debug)]
pub(crate) struct Demand {
    told: u32,
    /// Since when less is taken than was told.
    less_since: Option<Instant>,
    /// What each branch takes.
    branches: Vec<(BranchId, u32)>,
}

impl Default for Demand {
    /// Publishers begin with all of them.
    fn default() -> Self {
        Self { told: u32::MAX, less_since: None, branches: Vec::new() }
    }
}

impl Demand {
    /// A branch takes these.
    pub(crate) fn branch(&mut self, branch: BranchId, tracks: u32) {
        match self.branches.iter_mut().find(|(id, _)| *id == branch) {
            Some((_, taken)) => *taken = tracks,
            None => self.branches.push((branch, tracks)),
        }
    }

    /// It takes nothing more.
    pub(crate) fn forget(&mut self, branch: BranchId) {
        self.branches.retain(|(id, _)| *id != branch);
    }

    /// What all branches take.
    pub(crate) fn of_branches(&self) -> u32 {
        self.branches.iter().fold(0, |all, (_, tracks)| all | tracks)
    }

    /// What these branches may take: all of it where one has not said (and of a stream without layers none ever does).
    pub(crate) fn possibly_of(&self, mut branches: impl Iterator<Item = BranchId>) -> u32 {
        let says = |branch| self.branches.iter().any(|(id, _)| *id == branch);
        if branches.all(says) { self.of_branches() } else { u32::MAX }
    }

    /// These are taken now. `Ok`: the publisher is to be told; `Err`: look again then, if at all.
    pub(crate) fn changed(&mut self, now: Instant, taken: u32) -> Result<(), Option<Instant>> {
        if taken & !self.told != 0 {
            // What is wanted is said at once, what is not waits.
            self.told |= taken;
            self.less_since = (self.told != taken).then(|| self.less_since.unwrap_or(now));
            return Ok(());
        }
        if taken == self.told {
            self.less_since = None;
            return Err(None);
        }
        let at = *self.less_since.get_or_insert(now) + SETTLES;
        if now < at {
            return Err(Some(at));
        }
        (self.told, self.less_since) = (taken, None);
        Ok(())
    }

    /// What was told of a medium's tracks.
    pub(crate) fn told(&self, rids: impl Iterator<Item = (usize, String)>) -> Vec<LayerWanted> {
        rids.map(|(track, rid)| LayerWanted { rid, wanted: self.told & bit(track) != 0 }).collect()
    }
}

/// The bit of a track; those beyond 32 have none (streams have no more).
pub(crate) fn bit(track: usize) -> u32 {
    u32::try_from(track).ok().and_then(|track| 1u32.checked_shl(track)).unwrap_or(0)
}

/// The tracks of each medium, for media of so many layers each.
pub(crate) fn media_of(layers: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut next = 0;
    layers
        .map(|layers| {
            let medium = next..next + layers;
            next = medium.end;
            medium
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    #[test]
    fn what_is_wanted_is_said_at_once_and_what_is_not_settles() {
        let (mut demand, start) = (Demand::default(), epoch());
        assert_eq!(demand.changed(start, 0b001), Err(Some(start + SETTLES)));
        assert_eq!(demand.changed(start + SETTLES / 2, 0b111), Err(Some(start + SETTLES)));
        assert_eq!(demand.changed(start + SETTLES, 0b001), Ok(()));
        let rids = || ["q", "h"].iter().enumerate().map(|(track, rid)| (track, (*rid).to_owned()));
        let wanted: Vec<bool> = demand.told(rids()).iter().map(|layer| layer.wanted).collect();
        assert_eq!(wanted, [true, false]);
        let later = start + 2 * SETTLES;
        assert_eq!(demand.changed(later, 0b011), Ok(()));
        assert_eq!(demand.changed(later, 0b010), Err(Some(later + SETTLES)));
        assert_eq!(demand.changed(later + SETTLES / 2, 0b011), Err(None));
        assert_eq!(demand.changed(later + SETTLES, 0b010), Err(Some(later + 2 * SETTLES)));
    }

    #[test]
    fn a_branch_counts_until_it_is_cut() {
        let mut demand = Demand::default();
        demand.branch(BranchId(1), 0b01);
        demand.branch(BranchId(2), 0b10);
        demand.branch(BranchId(1), 0b100);
        assert_eq!(demand.of_branches(), 0b110);
        let possibly = |demand: &Demand, all: &[u64]| demand.possibly_of(all.iter().copied().map(BranchId));
        assert_eq!(possibly(&demand, &[1, 2]), 0b110);
        assert_eq!(possibly(&demand, &[1, 2, 3]), u32::MAX, "the third has said nothing yet");
        demand.forget(BranchId(1));
        assert_eq!(
            (demand.of_branches(), possibly(&demand, &[2]), possibly(&demand, &[])),
            (0b10, 0b10, 0b10)
        );
    }

    #[test]
    fn nobody_waits_for_a_layer_that_never_comes() {
        let (mut awaited, start) = (Awaited::default(), epoch());
        assert!(said(&mut awaited, start, 8, &[true]));
        assert!(!awaited.is_worth_it(start + PATIENCE, false, true));
        assert!(!awaited.is_worth_it(start + PATIENCE, false, false));
        assert!(awaited.is_in_vain(start + PATIENCE) && !awaited.is_in_vain(start + TRY_AGAIN));
        assert!(awaited.is_worth_it(start + TRY_AGAIN, false, false), "perhaps now");
        assert!(said(&mut awaited, start + TRY_AGAIN, 8, &[true]));
        assert!(!awaited.is_worth_it(start + TRY_AGAIN + PATIENCE, false, true));
        assert!(awaited.is_worth_it(start + TRY_AGAIN + PATIENCE, true, true), "it came");
    }

    /// Says each half second who wants it, and gives what was answered last.
    fn said(awaited: &mut Awaited, from: Instant, times: u32, who: &[bool]) -> bool {
        let at = |time: u32| from + time * Duration::from_millis(500);
        (0..times).fold(true, |_, time| {
            who.iter().fold(true, |_, &wanted| awaited.is_worth_it(at(time), false, wanted))
        })
    }

    #[test]
    fn who_does_not_want_a_layer_does_not_prolong_the_wait_of_others() {
        let (mut awaited, start) = (Awaited::default(), epoch());
        assert!(said(&mut awaited, start, 8, &[true, false]));
        assert!(!said(&mut awaited, start + PATIENCE, 1, &[true, false]));
    }

    #[test]
    fn a_wait_that_was_broken_off_is_forgotten() {
        let (mut awaited, start) = (Awaited::default(), epoch());
        assert!(said(&mut awaited, start, 3, &[true]));
        // Nobody is there, or nobody wants it.
        for (gone, others) in [(start + 3 * FORGOTTEN, None), (start + 30 * FORGOTTEN, Some(false))] {
            if let Some(wanted) = others {
                assert!(said(&mut awaited, gone - 2 * FORGOTTEN, 8, &[wanted]));
            }
            assert!(said(&mut awaited, gone, 8, &[true]), "who comes now waits as long as the first");
            assert!(!awaited.is_worth_it(gone + PATIENCE, false, true));
            assert!(said(&mut awaited, gone + TRY_AGAIN, 1, &[true]));
        }
    }
}
