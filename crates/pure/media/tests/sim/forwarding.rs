//! Forwarding, however it is done, against a forwarder that is plain and slow: random streams over random networks to
//! random subscribers, many times, each time decided by a seed.
//!
//! Publishers send raw packets of all kinds, and the wire to each subscriber is tapped: whatever is sent there is
//! opened, and must be what the plain forwarder says, no more and no less, under numbers that run on.
//!
//! `ANABRANCH_SEED=n` runs one; `ANABRANCH_SEEDS=n` sets how many. Where the router's numbers begin is its own random
//! choice, and differs from run to run.

mod call;
pub(crate) mod client;
mod consent;
mod flood;
mod handshake;
pub(crate) mod offer;
pub(crate) mod packet;
pub(crate) mod profile;
pub(crate) mod publisher;
mod reference;
mod reports;
mod scene;
mod script;
pub(crate) mod source;
mod subscriber;
mod tally;
pub(crate) mod tap;
mod verdict;

use scene::Scene;
use tally::Tally;

/// Enough for each kind of trouble, with every change of the code.
const SEEDS: u64 = 200;

/// Names the seed when a run fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("ANABRANCH_SEED={}", self.0);
        }
    }
}

fn run(seed: u64) -> Tally {
    let _named = Named(seed);
    let mut scene = Scene::new(seed);
    scene.play();
    scene.tally
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how many seeds is the caller's choice")]
fn subscribers_get_what_a_plain_forwarder_would_send() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    if let Some(seed) = number("ANABRANCH_SEED") {
        eprintln!("{:?}", run(seed));
        return;
    }
    let mut tally = Tally::default();
    (0..number("ANABRANCH_SEEDS").unwrap_or(SEEDS)).for_each(|seed| tally.merge(&run(seed)));
    tally.assert_complete();
    eprintln!("{tally:#?}");
}
