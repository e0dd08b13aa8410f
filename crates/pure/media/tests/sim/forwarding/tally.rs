//! What has happened in all runs together: a simulation in which nothing happens proves nothing.

use std::collections::BTreeMap;

/// Counts by name, over all subscribers.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(BTreeMap<&'static str, usize>);

/// What must have happened somewhere in a number of runs.
const EXPECTED: [&str; 17] = [
    FORWARDED,
    EMPTY,
    GAPS,
    LATE,
    BEFORE_ITS_BEGINNING,
    RTX,
    REPEATED,
    RESUMED,
    WRAPS,
    SOURCES,
    LEVELS,
    UNPUBLISHED,
    REPAIRED,
    PROFILES[0],
    PROFILES[1],
    PROFILES[2],
    LATE_SUBSCRIBERS,
];

pub(super) const FORWARDED: &str = "packets forwarded";
pub(super) const EMPTY: &str = "packets without payload forwarded, because they came out of order";
pub(super) const GAPS: &str = "gaps in a subscriber's numbers";
pub(super) const LATE: &str = "packets that left behind a newer one";
pub(super) const BEFORE_ITS_BEGINNING: &str = "packets that came before the beginning of their key frame";
pub(super) const RTX: &str = "retransmissions on a stream of their own";
pub(super) const REPEATED: &str = "retransmissions under their first index";
pub(super) const RESUMED: &str = "subscribers that began anew";
pub(super) const WRAPS: &str = "rollover counters above 0";
pub(super) const SOURCES: &str = "changes of a publisher's SSRC";
pub(super) const LEVELS: &str = "levels of sound passed on";
pub(super) const UNPUBLISHED: &str = "streams that ended early";
pub(super) const REPAIRED: &str = "packets that publishers sent again";
pub(super) const PROFILES: [&str; 3] =
    ["subscribers with AES-128-GCM", "subscribers with AES-256-GCM", "subscribers with AES-128-CM"];
pub(super) const LATE_SUBSCRIBERS: &str = "subscribers that came after the first second";

impl Tally {
    pub(super) fn add(&mut self, what: &'static str, count: usize) {
        *self.0.entry(what).or_default() += count;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| self.add(what, *count));
    }

    /// Everything that is to be tried was.
    pub(super) fn assert_complete(&self) {
        for what in EXPECTED {
            assert!(self.0.contains_key(what), "there were no {what}: {self:?}");
        }
    }
}
