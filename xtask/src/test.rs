//! Everything that must hold, from the cheapest to the dearest. The browsers come last, so that
//! the run closes on their runner's summary.

use std::thread;

use crate::process::{Done, cargo, run};
use crate::{bench, cluster, e2e, lint, setup};

pub(crate) fn all() -> Done {
    lint::format()?;
    // Nothing of what is downloaded is needed to compile.
    let downloads = thread::spawn(|| setup::downloads().map_err(|error| error.to_string()));
    lint::clippy()?;
    downloads.join().map_err(|_panic| "what was missing could not be installed")??;
    setup::lint_tools()?;
    lint::rest()?;
    // As the README's first command builds it: the tests' features might hide that one is missing.
    run(cargo(["check", "--release", "--package", "anabranch"]))?;
    // The protocol tests start the real binary; a build of all targets makes it first.
    run(cargo(["build", "--release", "--workspace", "--all-targets"]))?;
    let mut tests = cargo(["test", "--release", "--workspace"]);
    tests.env("ANABRANCH_PYTHON", setup::python_bin()?.join("python"));
    run(tests)?;
    cluster::protocol()?;
    cluster::control()?;
    bench::instructions(&["--check".to_owned()])?;
    bench::measure(&["--quick".to_owned()])?;
    e2e::stories(&[])
}
