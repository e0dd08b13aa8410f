use model::NodeId;

use super::*;

fn run(role: Role, id: &str, started: u64) -> NodeRun {
    NodeRun { role, id: NodeId::parse(id).unwrap(), started }
}

fn signal(started: u64) -> NodeRun {
    run(Role::Signal, "one", started)
}

/// Looks once a second, with what `beats` says of each second; answers when each run was found dead first.
fn watch(runs: &[NodeRun], seconds: u64, beats: impl Fn(usize, u64) -> u64) -> Vec<(u64, Dead)> {
    let (start, mut watch) = (Instant::now(), Watch::default());
    let mut found: Vec<(u64, Dead)> = Vec::new();
    for second in 0..seconds {
        let now: Vec<_> = runs.iter().enumerate().map(|(n, run)| (run.clone(), beats(n, second))).collect();
        for dead in watch.look(start + Duration::from_secs(second), &now) {
            if !found.iter().any(|(_, known)| known.run == dead.run) {
                found.push((second, dead));
            }
        }
    }
    found
}

#[test]
fn who_beats_lives_and_who_stops_is_dead_after_its_grace() {
    let runs = [signal(1), run(Role::Sfu, "one", 1), run(Role::Signal, "two", 1)];
    let found = watch(&runs, 60, |n, second| if n == 2 { second } else { second.min(20) });
    let expected = [
        (25, Dead { run: runs[1].clone(), beats: 20, gone: Some(Gone::Sfu { id: runs[1].id.clone() }) }),
        (
            31,
            Dead {
                run: signal(1),
                beats: 20,
                gone: Some(Gone::Signal { id: signal(1).id, before: u64::MAX }),
            },
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn beats_that_go_back_are_beats() {
    // A store that failed over may have lost some.
    let found = watch(&[signal(1)], 60, |_, second| if second < 8 { 100 } else { 50 + second });
    assert_eq!(found, []);
}

#[test]
fn a_pause_of_the_watcher_or_the_store_is_nobodys_death() {
    let start = Instant::now();
    let at = |second| start + Duration::from_secs(second);
    let runs = [(signal(1), 7)];
    let mut watch = Watch::default();
    for second in 0..=10 {
        assert_eq!(watch.look(at(second), &runs), []);
    }
    // Stopped and resumed: the first look after it starts anew.
    for second in 40..=50 {
        assert_eq!(watch.look(at(second), &runs), [], "{second}");
    }
    watch.blind();
    assert_eq!(watch.look(at(51), &runs), []);
    for second in 52..62 {
        assert_eq!(watch.look(at(second), &runs), [], "{second}");
    }
    assert_eq!(watch.look(at(62), &runs).len(), 1);
}

#[test]
fn what_a_later_run_has_is_left_alone() {
    let alive = |n: usize, second: u64| if n == 0 { 1 } else { second };
    let found = watch(&[signal(1), signal(500), signal(900)], 20, alive);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.gone, Some(Gone::Signal { id: signal(1).id, before: 500 }));
    let sfus = [run(Role::Sfu, "one", 1), run(Role::Sfu, "one", 2)];
    let found = watch(&sfus, 20, alive);
    assert_eq!((found.len(), &found[0].1.gone), (1, &None));
}
