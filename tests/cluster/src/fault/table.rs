//! The outcomes as a page for `docs/`.

use std::fmt::Write;
use std::time::Duration;

use peer::media::PAUSE;

use super::Outcome;
use crate::machine;

const METHOD: &str = "\
Ada and Bob are in a room and see and hear each other through the real servers: Ada came through the
first signal, Bob through the second, streams lie where the cluster put them. Carol's machine dies at the
moment of the fault. Eve only looks on. Newcomers come every half second from then on, each into a room
of its own, and try one signal after the other until they are in, the broken one first.

- **Longest media gap**: the longest time without a packet at Ada or Bob, from the packets' own times of
  arrival, between the fault and 15 s after its end. Frames come every 20 and 33 ms, so gaps of up to 40 ms
  are not told apart; one below 100 ms is none that anybody notices.
- **The room saw**: everything that Eve was told, and how long after the fault. That Carol leaves, and that
  her stream ends, is right.
- **A new join took**: the longest time that any newcomer needed.
- **Ghosts**: people and streams that are in a list of any signal 15 s after the fault (after its end, where
  it has one) and should not be there.
";

/// The page.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let mut page = format!(
        "# What a fault does\n\n{}\n\n{METHOD}\n",
        machine::sentence("cargo xtask faults --write docs/failures.md")
    );
    page += "| fault | longest media gap | the room saw | a new join took | ghosts after 15 s |\n";
    page += "| --- | --: | --- | --: | --: |\n";
    for outcome in outcomes {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {:.1} s | {} |",
            outcome.fault.name(),
            gap(outcome.pause),
            outcome.story(),
            outcome.slowest_join.as_secs_f64(),
            outcome.ghosts.len(),
        );
    }
    page
}

/// A gap, as exactly as it is known.
fn gap(pause: Duration) -> String {
    if pause <= PAUSE { format!("≤ {} ms", PAUSE.as_millis()) } else { format!("{} ms", pause.as_millis()) }
}
