//! Everything that must hold, from the cheapest to the dearest. The browsers come last, so that
//! the run closes on their runner's summary.

use crate::process::{Done, cargo, run};
use crate::{bench, cluster, e2e, lint, setup};

pub(crate) fn all() -> Done {
    setup::everything()?;
    lint::all()?;
    // The protocol tests start the real binary; a build of all targets makes it first.
    run(cargo(["build", "--release", "--workspace", "--all-targets"]))?;
    run(cargo(["test", "--release", "--workspace"]))?;
    cluster::protocol()?;
    cluster::control()?;
    bench::measure(&["--quick".to_owned()])?;
    // Builds the server once more, as the README's first command does, without the tests' features.
    e2e::run(&[])
}
