//! Where the server's binary is.

use std::env;
use std::path::PathBuf;

/// The binary under test: `ANABRANCH_BIN`, or `anabranch` in the directory that the test was built to.
pub fn path() -> PathBuf {
    if let Some(path) = env::var_os("ANABRANCH_BIN") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "ANABRANCH_BIN names no file: {}", path.display());
        return path;
    }
    let exe = env::current_exe().expect("a running program has a path");
    // A test lies in target/release/deps, a program in target/release.
    exe.ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join("anabranch"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!(
                "no `anabranch` beside {}: build it with `cargo build --release -p anabranch`, \
             or name it in ANABRANCH_BIN",
                exe.display()
            )
        })
}
