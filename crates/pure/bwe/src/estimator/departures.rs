//! What leaves at one time on one leg: found once, however many packets it is.

use super::{Estimator, LegId, PacketKind};
use crate::application_limit::ApplicationLimit;
use crate::history::History;
use std::time::Instant;

/// Packets that leave now, on one leg.
#[derive(Debug)]
pub struct Departures<'a> {
    at: i64,
    history: &'a mut History,
    application: &'a mut ApplicationLimit,
    /// Where an answer is to be expected: since when one is.
    silent_since: Option<&'a mut Option<i64>>,
}

impl Departures<'_> {
    /// One of them. `sequence` is the leg's transport-wide number, unwrapped; numbers that go back are ignored. `bytes` is
    /// its size on the wire, with UDP and IP.
    #[inline]
    pub fn sent(&mut self, sequence: u64, bytes: u32, kind: PacketKind) {
        self.history.push(sequence, self.at, bytes, kind);
        if kind == PacketKind::Media {
            self.application.sent(bytes);
        }
        if let Some(since) = self.silent_since.take() {
            since.get_or_insert(self.at);
        }
    }
}

impl Estimator {
    /// One or more packets leave on a leg; `None` if there is none of this number.
    #[inline]
    pub fn departures(&mut self, now: Instant, leg: LegId) -> Option<Departures<'_>> {
        let at = self.micros_now(now);
        let leg = self.legs.get_mut(leg)?;
        let silent_since = leg.heard.then_some(&mut self.silent_since);
        Some(Departures { at, history: &mut leg.history, application: &mut self.application, silent_since })
    }
}
