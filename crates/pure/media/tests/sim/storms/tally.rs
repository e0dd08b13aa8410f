//! What has happened in all runs together: a simulation in which nothing happens proves nothing.

use media::EndReason;
use std::collections::BTreeMap;

pub(super) const FORWARDED: &str = "packets forwarded";
pub(super) const LIVE_STREAMS: &str = "streams that went live";
pub(super) const LIVE_SUBSCRIPTIONS: &str = "subscribers that connected";
pub(super) const FLOWS: &str = "subscribers to whom media flowed in the end";
pub(super) const RESUMED: &str = "subscribers that were away and came back";
pub(super) const TAKEN_UP: &str = "restarts that were taken up";
pub(super) const COPIES: &str = "old checks from a stranger's address";
pub(super) const COPIES_IN_NAME: &str = "old checks from somebody else's address";
pub(super) const FORGERIES: &str = "forged checks";
pub(super) const JUNK: &str = "senseless datagrams";
pub(super) const REPLAYS: &str = "old media again";
pub(super) const REUSED: &str = "addresses that were somebody else's";

/// Counts by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(BTreeMap<String, usize>);

/// What must have happened somewhere in a number of runs.
const EXPECTED: [&str; 29] = [
    FORWARDED,
    LIVE_STREAMS,
    LIVE_SUBSCRIPTIONS,
    FLOWS,
    RESUMED,
    TAKEN_UP,
    COPIES,
    COPIES_IN_NAME,
    FORGERIES,
    JUNK,
    REPLAYS,
    REUSED,
    "ended: NeverConnected",
    "ended: ConsentLost",
    "ended: Closed",
    "ended: StreamGone",
    "ended: WrongFingerprint",
    "Rebinding",
    "Move",
    "Outage",
    "LongOutage",
    "Standstill",
    "SetClock",
    "SetTheirClock",
    "Leap",
    "Come",
    "Leave",
    "Restart",
    "Stranger",
];

impl Tally {
    pub(super) fn add(&mut self, what: &str) {
        match self.0.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(what.to_owned(), 1)),
        }
    }

    pub(super) fn ended(&mut self, reason: EndReason) {
        self.add(&format!("ended: {reason:?}"));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| *self.0.entry(what.clone()).or_default() += count);
    }

    /// Everything that is to be tried was.
    pub(super) fn assert_complete(&self) {
        for what in EXPECTED {
            assert!(self.0.contains_key(what), "there were no {what}: {self:#?}");
        }
    }
}
