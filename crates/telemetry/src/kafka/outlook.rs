//! How it stands with Kafka, told once per change: the client library reports every
//! attempt, and what is told goes to Kafka too.

use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;

/// Trouble of a kind that was told is not told again before, even if all was well in between.
const QUIET_TIME: Duration = Duration::from_secs(60);

/// Kinds of trouble that are remembered. More: those are not told.
const KINDS: usize = 16;

/// What was told.
#[derive(Default)]
pub(crate) struct Outlook {
    /// Trouble was told, and not yet that it is over.
    troubled: bool,
    told: Vec<(RDKafkaErrorCode, Instant)>,
}

impl Outlook {
    /// Whether this trouble is worth a word.
    pub(crate) fn trouble(&mut self, kind: RDKafkaErrorCode, now: Instant) -> bool {
        // One broker of several says nothing about the others, and if it was the last, that is said too.
        if matches!(kind, RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve) {
            return false;
        }
        let full = self.told.len() >= KINDS;
        match self.told.iter_mut().find(|(told, _)| *told == kind) {
            Some((_, told)) if now.duration_since(*told) < QUIET_TIME || self.troubled => return false,
            Some((_, told)) => *told = now,
            None if !full => self.told.push((kind, now)),
            None => return false,
        }
        self.troubled = true;
        true
    }

    /// Nothing is acknowledged, and nobody has said why: whether that is worth a word.
    pub(crate) fn stalled(&mut self, now: Instant) -> bool {
        !self.troubled && self.trouble(RDKafkaErrorCode::MessageTimedOut, now)
    }

    /// A record was acknowledged: whether that is worth a word.
    pub(crate) fn fine(&mut self) -> bool {
        std::mem::take(&mut self.troubled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAY: RDKafkaErrorCode = RDKafkaErrorCode::AllBrokersDown;
    const REFUSED: RDKafkaErrorCode = RDKafkaErrorCode::TopicAuthorizationFailed;

    #[test]
    fn an_outage_is_told_once_and_its_end_too() {
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        assert!(!outlook.fine(), "that all is well at first is no news");
        assert!(outlook.trouble(AWAY, now));
        for retry in 0..100 {
            assert!(!outlook.trouble(AWAY, now + QUIET_TIME * retry));
        }
        assert!(outlook.fine());
        assert!(!outlook.fine());
    }

    #[test]
    fn trouble_that_comes_and_goes_does_not_fill_the_log() {
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        assert!(outlook.trouble(REFUSED, now));
        assert!(outlook.fine());
        assert!(!outlook.trouble(REFUSED, now + QUIET_TIME / 2));
        assert!(!outlook.fine(), "what was not told does not end");
        assert!(outlook.trouble(REFUSED, now + QUIET_TIME));
    }

    #[test]
    fn silence_is_told_unless_its_reason_was() {
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        assert!(outlook.stalled(now));
        assert!(!outlook.stalled(now));
        let mut outlook = Outlook::default();
        assert!(outlook.trouble(AWAY, now));
        assert!(!outlook.stalled(now));
    }

    #[test]
    fn another_kind_of_trouble_is_told() {
        let (mut outlook, now) = (Outlook::default(), Instant::now());
        assert!(outlook.trouble(AWAY, now));
        assert!(outlook.trouble(REFUSED, now));
        assert!(!outlook.trouble(AWAY, now));
    }
}
