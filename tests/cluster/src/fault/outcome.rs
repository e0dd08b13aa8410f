//! What a fault did.

use std::time::Duration;

use super::Fault;

/// What a fault did to a call, to the room and to newcomers.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What broke.
    pub fault: Fault,
    /// The longest time without a packet, at either of two people who watch each other.
    pub pause: Duration,
    /// What an onlooker was told: how long after the fault, the method, whom it is about.
    pub seen: Vec<(Duration, String, String)>,
    /// The longest time that a newcomer needed until it was in a room.
    pub slowest_join: Duration,
    /// Who and what is in a list 15 s after the fault (or its end) and should not be.
    pub ghosts: Vec<String>,
    /// Who and what should be in a list and is not, and lists that contradict each other.
    pub lost: Vec<String>,
}

impl Outcome {
    /// What should not have been, in sentences; nothing when all is well.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut check = |fine: bool, sentence: String| {
            if !fine {
                complaints.push(format!("{}: {sentence}", self.fault.name()));
            }
        };
        check(self.pause <= self.fault.allowed_pause(), format!("media stopped for {:?}", self.pause));
        let join = self.slowest_join;
        check(join <= self.fault.allowed_join(), format!("a newcomer needed {join:?}"));
        check(self.ghosts.is_empty(), format!("ghosts: {}", self.ghosts.join(", ")));
        check(self.lost.is_empty(), format!("lost: {}", self.lost.join(", ")));
        let unexpected = self.unexpected();
        check(unexpected.is_empty(), format!("the room saw {}", unexpected.join(", ")));
        complaints
    }

    /// What the room should not have seen: that somebody left who was there all the time.
    fn unexpected(&self) -> Vec<String> {
        let moves = |method: &str| method.starts_with("stream-") && self.fault != Fault::KillSfu;
        let seen = self.seen.iter().filter(|(_, method, uid)| {
            !uid.starts_with("carol") && (method.starts_with("peer-") || moves(method))
        });
        seen.map(|(after, method, uid)| format!("{method} of {uid} after {after:.1?}")).collect()
    }

    /// What the room saw, for the table.
    pub fn story(&self) -> String {
        let who = |uid: &str| uid.split('-').next().unwrap_or_default().to_owned();
        let line = |(after, method, uid): &(Duration, String, String)| {
            let what = match method.as_str() {
                "peer-join" => format!("{} joins", who(uid)),
                "peer-leave" => format!("{} leaves", who(uid)),
                "stream-add" => format!("a stream of {}", who(uid)),
                "stream-remove" => format!("{}'s stream ends", who(uid)),
                other => format!("{other} of {}", who(uid)),
            };
            format!("{what} ({:.1} s)", after.as_secs_f64())
        };
        let lines: Vec<String> = self.seen.iter().map(line).collect();
        if lines.is_empty() { "nothing".to_owned() } else { lines.join(", ") }
    }
}
