//! Which runs of nodes are dead: values in, values out.
//!
//! A run is dead when it has not beaten for long enough while somebody watched. The watching counts, not
//! the time: after a pause of the watcher or of the store nobody knows who was alive meanwhile, and all
//! get their time anew.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cluster::{NodeRun, Role};
use model::Gone;

/// How long a signalling node may be silent before its users leave: the grace of 10 s, and one beat that
/// may have come right before its death.
pub(crate) const SIGNAL_SILENCE: Duration = Duration::from_secs(11);

/// The same of an SFU and its streams: nobody comes back to it, so waiting only costs.
pub(crate) const SFU_SILENCE: Duration = Duration::from_secs(5);

/// A longer pause between two looks is not watching.
const LONGEST_BLINK: Duration = Duration::from_secs(3);

/// A run that is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) run: NodeRun,
    pub(crate) beats: u64,
    /// What it leaves behind; nothing where a later run has seen to that.
    pub(crate) gone: Option<Gone>,
}

/// What was seen so far. As large as the list of runs, which the store bounds.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: HashMap<NodeRun, Seen>,
    last_look: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    beats: u64,
    /// When this number of beats was first seen.
    since: Instant,
}

impl Watch {
    /// The store could not be asked.
    pub(crate) fn blind(&mut self) {
        self.last_look = None;
    }

    /// Looks at all runs, and answers those that are dead by now.
    pub(crate) fn look(&mut self, now: Instant, runs: &[(NodeRun, u64)]) -> Vec<Dead> {
        let watched = self.last_look.is_some_and(|last| now.duration_since(last) <= LONGEST_BLINK);
        self.last_look = Some(now);
        let before = std::mem::take(&mut self.seen);
        for (run, beats) in runs {
            let known = before.get(run).filter(|seen| watched && seen.beats == *beats);
            let seen = known.copied().unwrap_or(Seen { beats: *beats, since: now });
            self.seen.insert(run.clone(), seen);
        }
        let silent = runs.iter().filter(|(run, _)| self.is_silent(run, now));
        silent.map(|(run, beats)| Dead { run: run.clone(), beats: *beats, gone: gone(run, runs) }).collect()
    }

    fn is_silent(&self, run: &NodeRun, now: Instant) -> bool {
        let patience = match run.role {
            Role::Sfu => SFU_SILENCE,
            Role::Signal | Role::Register => SIGNAL_SILENCE,
        };
        self.seen.get(run).is_some_and(|seen| now.duration_since(seen.since) >= patience)
    }
}

/// What a run leaves behind, among all that are known.
pub(crate) fn gone(run: &NodeRun, runs: &[(NodeRun, u64)]) -> Option<Gone> {
    let later = |other: &NodeRun| {
        let same_node = other.role == run.role && other.id == run.id;
        (same_node && other.started > run.started).then_some(other.started)
    };
    let next = runs.iter().filter_map(|(other, _)| later(other)).min();
    match run.role {
        Role::Signal => Some(Gone::Signal { id: run.id.clone(), before: next.unwrap_or(u64::MAX) }),
        // The streams name the node alone, and its next run has cleared them away when it started.
        Role::Sfu => next.is_none().then(|| Gone::Sfu { id: run.id.clone() }),
        Role::Register => None,
    }
}

#[cfg(test)]
mod tests;
