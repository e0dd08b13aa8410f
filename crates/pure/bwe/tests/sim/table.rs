//! The results as a table, for people: `cargo test --release -p bwe --test sim -- --ignored --nocapture table`.

use crate::measure::Measured;
use crate::scenarios::{MAX, Scenario, all, ours};
use crate::str0m_pair::Str0mPair;
use crate::world::run;

const SEED: u64 = 1;

fn cells(scenario: &Scenario, measured: &Measured) -> String {
    let end = scenario.conditions.trace.micros() as f64 / 1e6;
    let (mut media, mut all) = (f64::INFINITY, f64::INFINITY);
    for &(from, to) in &scenario.steady {
        let part = measured.utilisation(from, to);
        (media, all) = (media.min(part.0), all.min(part.1));
    }
    let recovery: Vec<String> = scenario
        .rises
        .iter()
        .map(|&at| measured.recovery(at).map_or("never".to_owned(), |seconds| format!("{seconds:.1}")))
        .collect();
    format!(
        "{:.0} % ({:.0} %) | {:.0} ms | {} s | {}",
        media * 100.0,
        all * 100.0,
        measured.wait95(0.0, end),
        recovery.join(", "),
        measured.audio_dropped(0.0, end)
    )
}

#[test]
#[ignore = "for people"]
fn table() {
    println!(
        "| network | who | media (all) of the capacity, worst steady part | p95 of queueing | 80 % after | audio dropped |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for scenario in all() {
        let (measured, pair) = ours(&scenario.conditions, SEED);
        println!("| {} | bwe | {} |", scenario.name, cells(&scenario, &measured));
        if std::env::var_os("BWE_COURSE").is_some() {
            println!("    {:?} held {:?} refused {}", measured.course(10), pair.held, pair.refused);
        } else {
            let theirs = run(&mut Str0mPair::new(MAX), &scenario.conditions, SEED);
            println!("| | str0m | {} |", cells(&scenario, &theirs));
        }
    }
}
