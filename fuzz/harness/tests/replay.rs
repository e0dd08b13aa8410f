//! All that is in `fuzz/corpus`, through its targets: what fuzzing once found stays mended.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests: what is not as expected fails them")]

use fuzz_harness::{TARGETS, Target};
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_target_has_a_program_and_a_corpus_and_every_corpus_a_target() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&fuzz().join("corpus")), targets);
    let programs = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), programs);
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &targets {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} is not in Cargo.toml"
        );
        assert!(!names(&fuzz().join("corpus").join(name)).is_empty(), "{name} has no input");
    }
}

#[test]
fn every_input_is_borne() {
    let failed: Vec<String> = TARGETS.iter().flat_map(failures).collect();
    assert!(failed.is_empty(), "these fail, see above for each:\n{}", failed.join("\n"));
}

fn failures(target: &Target) -> Vec<String> {
    let folder = fuzz().join("corpus").join(target.name);
    let mut failed = Vec::new();
    for name in names(&folder) {
        let path = folder.join(name);
        let input = std::fs::read(&path).unwrap();
        let run = target.run;
        if catch_unwind(move || run(&input)).is_err() {
            failed.push(path.display().to_string());
        }
    }
    failed
}

#[test]
fn the_inputs_to_begin_with_are_borne() {
    for target in TARGETS {
        for (name, input) in (target.seeds)() {
            let run = target.run;
            assert!(catch_unwind(move || run(&input)).is_ok(), "{} {name}", target.name);
        }
    }
}
