//! The results as a table, for people: `cargo test --release -p bwe --test sim -- --ignored --nocapture table::table`.

use crate::measure::Measured;
use crate::scenarios::{MAX, Scenario, all, ours, worst};
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
    for scenario in all(SEED) {
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

/// The worst and the mean of many seeds, and of which it is the worst: how the bars were found. `BWE_FROM=1 BWE_TO=44`
/// are the seeds, `BWE_ONLY=wi-fi` the networks.
#[test]
#[ignore = "for people"]
fn sweep() {
    let number = |name, default| std::env::var(name).map_or(default, |said| said.parse().unwrap());
    let (from, to) = (number("BWE_FROM", 101), number("BWE_TO", 121));
    let only = std::env::var("BWE_ONLY").unwrap_or_default();
    println!("| network | worst (mean) part | p95 of queueing | 80 % after | audio dropped |");
    println!("| --- | --- | --- | --- | --- |");
    let count = all(1).len();
    for at in (0..count).filter(|&at| all(1)[at].name.contains(&only)) {
        let mut columns = [const { Vec::new() }; 4];
        for seed in from..to {
            let scenario = all(seed).swap_remove(at);
            let (measured, _) = ours(&scenario.conditions, seed);
            if std::env::var_os("BWE_COURSE").is_some() {
                println!("    {seed}: {:?}", measured.course(2));
            }
            let (part, wait, recovery) = worst(&scenario, &measured);
            let end = scenario.conditions.trace.micros() as f64 / 1e6;
            let row = [-part * 100.0, wait, recovery, measured.audio_dropped(0.0, end) as f64];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        let worst = |column: &Vec<f64>| {
            let (at, worst) = column.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            format!("{:.1} ({:.1}) {}", worst.abs(), mean.abs(), from + at as u64)
        };
        let cells: Vec<String> = columns.iter().map(worst).collect();
        println!("| {} | {} |", all(1)[at].name, cells.join(" | "));
    }
}
