//! The counted part where the router estimates: subscribers tell what arrives of what it sends, so what they say cannot
//! be made beforehand. The clients take their turns between pieces of the counted part, and are not counted.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::call::{Call, TURN, local, stream};
use crate::case::SUBSCRIBERS;
use crate::collected::{Taker, collected_part};
use crate::schedule::{Datagrams, Schedule};
use crate::source::BITRATE;
use crate::watch::Watch;

/// What waits for its turn at the end has left after this.
const REST: Duration = Duration::from_millis(50);

/// Plays that much of the call. Returns how many packets the publisher sent.
pub(crate) fn play(
    call: &mut Call,
    window: Duration,
    taker: &mut Taker,
    watch: &mut Watch,
) -> anyhow::Result<u64> {
    let (begin, mut media) = (call.now, 0);
    watch.begin(begin, &call.router);
    while call.now < begin + window + REST {
        let mut datagrams = heard(call);
        if call.now < begin + window {
            let published = published(call, begin);
            media += published.len() as u64;
            datagrams.extend(published);
        }
        datagrams.sort_by_key(|(at, ..)| *at);
        take_turn(call, datagrams, taker, watch);
        call.now += TURN;
    }
    check(call)?;
    Ok(media)
}

/// What the clients say that arrives at the router now. What it has sent has arrived at them.
fn heard(call: &mut Call) -> Datagrams {
    call.run_clients();
    let mut heard = Datagrams::new();
    for flight in call.arrived() {
        if flight.is_for_router() {
            heard.push((call.now, flight.source, flight.datagram));
        } else {
            call.deliver_to_client(flight);
        }
    }
    heard
}

fn published(call: &mut Call, begin: Instant) -> Datagrams {
    let sealed = std::iter::from_fn(|| call.sealed());
    sealed.map(|(at, source, packet)| (at.max(begin), source, packet)).collect()
}

fn take_turn(call: &mut Call, mut datagrams: Datagrams, taker: &mut Taker, watch: &mut Watch) {
    let mut batches = Schedule::batches(&mut datagrams, local());
    if batches.is_empty() && call.router.poll_timeout().is_none_or(|due| due > call.now) {
        return;
    }
    taker.kept = Some(Vec::new());
    collected_part(&mut call.router, &mut batches, (call.clock, call.now), taker, watch);
    call.fly(taker.kept.take().unwrap_or_default());
}

/// Feedback was believed: without it the estimates would have fallen long ago, and half of what the publisher sends is more
/// than they begin with.
fn check(call: &Call) -> anyhow::Result<()> {
    let detail = call.router.describe(&stream()?).context("the stream is gone")?;
    let estimates: Vec<_> = detail.subscriptions.iter().filter_map(|one| one.estimate).collect();
    ensure!(
        estimates.len() == SUBSCRIBERS && estimates.iter().all(|estimate| *estimate > BITRATE),
        "the networks are said to carry {estimates:?} bits per second"
    );
    Ok(())
}
