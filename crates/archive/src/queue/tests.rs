use std::fs;
use std::time::Duration;

use servers::Folder;

use super::*;

fn unit(text: &str) -> Unit {
    Unit::new(&[text]).unwrap()
}

fn notes(folder: &Folder) -> Vec<String> {
    let mut notes: Vec<(String, String)> = fs::read_dir(folder.join(QUEUE))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|note| (note.display().to_string(), fs::read_to_string(note).unwrap()))
        .collect();
    notes.sort();
    notes.into_iter().map(|(_, content)| content).collect()
}

const QUEUE: &str = crate::file_path::QUEUE_FOLDER;

#[test]
fn files_go_in_order_of_age_also_after_a_new_start() {
    let folder = Folder::new("queue");
    let queue = Queue::open(folder.path()).unwrap();
    let names: Vec<String> = (0..50).map(|n| format!("room/{n}")).collect();
    names.iter().for_each(|name| queue.add(unit(name)).unwrap());
    let taken = |queue: &Queue| -> Vec<String> {
        std::iter::from_fn(|| queue.take(Instant::now())).map(|ticket| ticket.unit.to_string()).collect()
    };
    assert_eq!(taken(&queue), names);
    // They were under way when the process ended.
    assert_eq!(taken(&Queue::open(folder.path()).unwrap()), names);
}

#[test]
fn a_file_that_waits_is_noted_once_and_one_under_way_again() {
    let folder = Folder::new("queue");
    let queue = Queue::open(folder.path()).unwrap();
    queue.add(unit("a")).unwrap();
    queue.add(unit("a")).unwrap();
    assert_eq!(notes(&folder), ["a\n"]);
    let ticket = queue.take(Instant::now()).unwrap();
    queue.add(unit("a")).unwrap();
    queue.add(unit("a")).unwrap();
    assert_eq!(notes(&folder), ["a\n", "a\n"]);
    assert!(queue.take(Instant::now()).is_none(), "one file twice at the same time");

    queue.disk().remove(ticket.name).unwrap();
    queue.done(&ticket);
    let again = queue.take(Instant::now()).unwrap();
    assert_ne!(again.name, ticket.name);
    queue.disk().remove(again.name).unwrap();
    queue.done(&again);
    assert_eq!((queue.len(), notes(&folder).len()), (0, 0));
}

#[test]
fn a_file_that_failed_lets_the_others_go_first() {
    let folder = Folder::new("queue");
    let queue = Queue::open(folder.path()).unwrap();
    queue.add(unit("bad")).unwrap();
    queue.add(unit("good")).unwrap();
    let (now, bad) = (Instant::now(), queue.take(Instant::now()).unwrap());
    queue.add(unit("bad")).unwrap();
    let later = now + Duration::from_secs(60);
    let needless = queue.retry(bad, later).unwrap();
    queue.disk().remove(needless).unwrap();
    assert_eq!(queue.take(now + Duration::from_secs(1)).unwrap().unit, unit("good"));
    assert!(queue.take(now + Duration::from_secs(1)).is_none());
    let bad = queue.take(later).unwrap();
    assert_eq!((bad.unit, bad.failures), (unit("bad"), 1));
    assert_eq!(notes(&folder), ["bad\n", "good\n"]);
}

#[test]
fn a_damaged_note_hides_no_other() {
    let folder = Folder::new("queue");
    Queue::open(folder.path()).unwrap().add(unit("a")).unwrap();
    for (name, content) in [
        ("0000000000000001-00000000", ""),
        ("0000000000000002-00000000", "room/cut of"),
        ("0000000000000003-00000000", "../outside\n"),
        ("README", "an operator's own\n"),
    ] {
        fs::write(folder.join(QUEUE).join(name), content).unwrap();
    }
    let queue = Queue::open(folder.path()).unwrap();
    assert_eq!(queue.take(Instant::now()).unwrap().unit, unit("a"));
    assert_eq!((queue.len(), notes(&folder).len()), (1, 2));
}
