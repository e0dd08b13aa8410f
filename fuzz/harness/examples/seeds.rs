//! Writes the inputs to begin with into `fuzz/corpus`, or into the folder that is named.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus");
    let corpus = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| corpus.to_owned()));
    for target in fuzz_harness::TARGETS {
        let folder = corpus.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (name, input) in (target.seeds)() {
            std::fs::write(folder.join(name), input)?;
        }
    }
    Ok(())
}
