//! The nodes' runs and how often each has beaten.

use std::collections::BTreeMap;

use crate::NodeRun;

/// Runs at a time: those of a process that is its own cluster are three. A further one is not noted.
const MAX_RUNS: usize = 4096;

#[derive(Default)]
pub(super) struct Runs(BTreeMap<NodeRun, u64>);

impl Runs {
    pub(super) fn beat(&mut self, run: &NodeRun) {
        if let Some(beats) = self.0.get_mut(run) {
            *beats += 1;
        } else if self.0.len() < MAX_RUNS {
            self.0.insert(run.clone(), 1);
        }
    }

    pub(super) fn all(&self) -> Vec<(NodeRun, u64)> {
        self.0.iter().map(|(run, beats)| (run.clone(), *beats)).collect()
    }

    pub(super) fn forget(&mut self, run: &NodeRun, beats: u64) {
        if self.0.get(run).is_some_and(|counted| *counted <= beats) {
            self.0.remove(run);
        }
    }
}
