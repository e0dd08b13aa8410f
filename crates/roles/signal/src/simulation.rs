//! The room log under fire: several signalling nodes and registers, over a bad store and a bad event bus,
//! in virtual time, many thousand times, each time decided by a seed.
//!
//! All that is tested is the real thing: the methods, the sessions' ending, the rooms, the keeper, the
//! register's service and its sweeper, and gRPC between them. Clients do random things and replay what they
//! hear; each believes nothing that contradicts what it knows, and at the end, when the faults are over,
//! believes exactly what the store has.
//!
//! `ANABRANCH_SEED=n` runs one and tells it; `ANABRANCH_SEEDS=n` sets how many. What only the nodes' own
//! random ids decide may differ from run to run.

mod bad_events;
mod bad_store;
mod belief;
mod climate;
mod device;
mod dice;
mod gate;
mod line;
mod nodes;
mod pipe;
mod record;
mod registers;
mod replay;
mod script;
mod serving;
mod sfus;
mod verdict;
mod weather;
mod world;

use dice::Dice;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};
use tokio::{runtime::Builder, task::JoinSet, time::timeout};
use world::World;

/// How many, unless somebody says otherwise.
const SEEDS: u64 = 2000;

/// No run lasts longer, in virtual time.
const LONGEST: Duration = Duration::from_secs(600);

const THREADS: usize = 2;

#[test]
fn whatever_fails_everybody_hears_everything_once_and_ends_with_the_truth() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    if let Some(seed) = number("ANABRANCH_SEED") {
        return run(seed, true).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
    let (next, seeds) = (AtomicU64::new(0), number("ANABRANCH_SEEDS").unwrap_or(SEEDS));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            if let Err(why) = run(seed, false) {
                next.store(seeds, Ordering::Relaxed);
                panic!("ANABRANCH_SEED={seed}: {why}");
            }
        }
    };
    thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
}

fn run(seed: u64, told: bool) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let ended = runtime.block_on(async { timeout(LONGEST, live(seed, told)).await });
    ended.unwrap_or_else(|_| Err("it never ends".to_owned()))
}

async fn live(seed: u64, told: bool) -> Result<(), String> {
    let dice = Dice::new(seed);
    let world = World::new(&dice, told).await;
    let devices = world.devices(&dice);
    let mut living: JoinSet<_> = devices.into_iter().map(device::Device::live).collect();
    weather::run(&world, dice.fork()).await;
    world.record.calm_down();
    let tidy = living_on(&mut living).await.into_iter().map(device::Device::tidy).collect::<JoinSet<_>>();
    let mut devices = living_on(&mut { tidy }).await;
    verdict::all_is_right(&world, &mut devices).await;
    if world.record.verdict().is_ok() {
        verdict::all_are_heard(&world, &mut devices).await;
    }
    world.record.verdict()
}

/// The devices, in their order.
async fn living_on(living: &mut JoinSet<device::Device>) -> Vec<device::Device> {
    let mut devices = Vec::new();
    while let Some(device) = living.join_next().await {
        devices.push(device.unwrap());
    }
    devices.sort_by(|a, b| a.listener.name.cmp(&b.listener.name));
    devices
}
