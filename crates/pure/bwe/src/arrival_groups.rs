//! Packets that left together are one measurement: bursts are compared, not packets (draft-ietf-rmcat-gcc-02 section
//! 5.2), because what a sender sends at once says of a queue only how fast it empties.

use crate::estimator::Arrival;

/// Packets that left within 5 ms are one group, and so are those that arrive within 5 ms as if a queue on the way let
/// them out together. (Draft, libwebrtc.)
const GROUP: i64 = 5_000;
/// A burst of arrivals is no longer than 100 ms. (libwebrtc.)
const MAX_BURST: i64 = 100_000;
/// Where arrivals and departures part by more than 3 s, the receiver's clock jumped. (libwebrtc.)
const JUMP: i64 = 3_000_000;
/// So many groups that arrive before their predecessor in a row, and it begins anew. (libwebrtc.)
const REORDERED: u32 = 3;

/// Times in microseconds, each in its own clock.
#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: i64,
    last_sent: i64,
    first_arrival: i64,
    last_arrival: i64,
}

/// How two groups, one after the other, left and arrived; in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) sent: i64,
    pub(crate) arrived: i64,
    /// When the later one arrived.
    pub(crate) at: i64,
}

/// What a packet completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    Delta(Delta),
    /// The clock jumped: what was measured before says nothing of what comes.
    Reset,
}

/// The group that is being gathered and the one before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArrivalGroups {
    current: Option<Group>,
    previous: Option<Group>,
    reordered: u32,
}

impl ArrivalGroups {
    /// Packets arrived, in this order; those that left before the group are ignored. Returns how many belong to it, or to
    /// nothing: the next one begins another ([`ArrivalGroups::begin`]).
    #[inline]
    pub(crate) fn gather(&mut self, packets: &[Arrival]) -> usize {
        let Some(current) = &mut self.current else { return 0 };
        let mut group = *current;
        let taken = packets.iter().take_while(|packet| {
            let earlier = packet.sent < group.first_sent;
            let taken = earlier || group.takes(packet.sent, packet.arrival);
            if taken && !earlier {
                group.last_sent = group.last_sent.max(packet.sent);
                group.last_arrival = group.last_arrival.max(packet.arrival);
            }
            taken
        });
        let count = taken.count();
        *current = group;
        count
    }

    /// A packet that begins a group.
    pub(crate) fn begin(&mut self, &Arrival { sent, arrival, .. }: &Arrival) -> Step {
        let fresh =
            Group { first_sent: sent, last_sent: sent, first_arrival: arrival, last_arrival: arrival };
        let Some(current) = &mut self.current else {
            self.current = Some(fresh);
            return Step::Nothing;
        };
        let (complete, before) = (*current, self.previous);
        (self.previous, self.current) = (Some(complete), Some(fresh));
        let Some(before) = before else { return Step::Nothing };
        let delta = Delta {
            sent: complete.last_sent - before.last_sent,
            arrived: complete.last_arrival - before.last_arrival,
            at: complete.last_arrival,
        };
        if (delta.arrived - delta.sent).abs() > JUMP {
            return self.reset();
        }
        if delta.arrived < 0 {
            self.reordered += 1;
            return if self.reordered >= REORDERED { self.reset() } else { Step::Nothing };
        }
        self.reordered = 0;
        Step::Delta(delta)
    }

    fn reset(&mut self) -> Step {
        *self = Self::default();
        Step::Reset
    }
}

impl Group {
    #[inline]
    fn takes(&self, sent: i64, arrival: i64) -> bool {
        if sent - self.first_sent <= GROUP {
            return true;
        }
        let (gap, left) = (arrival - self.last_arrival, sent - self.last_sent);
        gap - left < 0 && gap <= GROUP && arrival - self.first_arrival < MAX_BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::PacketKind;

    impl ArrivalGroups {
        fn arrived(&mut self, sent: i64, arrival: i64) -> Step {
            let packet = Arrival { arrival, sent, bytes: 0, kind: PacketKind::Media, was_lost: false };
            if self.gather(&[packet]) == 1 { Step::Nothing } else { self.begin(&packet) }
        }
    }

    #[test]
    fn groups_are_compared_by_their_last_packets() {
        let mut groups = ArrivalGroups::default();
        let steps = [(0, 10_000), (4_000, 15_000), (20_000, 32_000), (40_000, 60_000)]
            .map(|(sent, arrival)| groups.arrived(sent, arrival));
        let delta = Delta { sent: 16_000, arrived: 17_000, at: 32_000 };
        assert_eq!(steps, [Step::Nothing, Step::Nothing, Step::Nothing, Step::Delta(delta)]);
    }

    #[test]
    fn what_a_queue_lets_out_together_is_one_group() {
        let mut groups = ArrivalGroups::default();
        for (sent, arrival) in [(0, 50_000), (10_000, 51_000), (20_000, 52_000), (30_000, 53_000)] {
            assert_eq!(groups.arrived(sent, arrival), Step::Nothing);
        }
        assert_eq!(groups.arrived(80_000, 90_000), Step::Nothing);
        let delta = Delta { sent: 50_000, arrived: 37_000, at: 90_000 };
        assert_eq!(groups.arrived(120_000, 130_000), Step::Delta(delta));
    }

    #[test]
    fn a_jump_of_the_clock_begins_anew() {
        let mut groups = ArrivalGroups::default();
        for n in 0..5 {
            groups.arrived(n * 20_000, n * 20_000);
        }
        groups.arrived(100_000, 100_000 + 10 * JUMP);
        assert_eq!(groups.arrived(120_000, 120_000 + 10 * JUMP), Step::Reset);
    }
}
