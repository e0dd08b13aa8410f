//! Running other programs: each step is announced, and a failure names the command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

/// What a task ends with: nothing, or a sentence for people.
pub(crate) type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// When the first step began.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The folder that cargo builds into: this program lies in its `release`.
pub(crate) fn target() -> Done<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("xtask must run from cargo's target folder")?;
    Ok(folder.to_path_buf())
}

/// Starts describing a command that runs in the workspace's root.
pub(crate) fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// Cargo, as it was called, but not as from inside this package: its tools ask for that.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args);
    command.env_remove("CARGO_PKG_NAME");
    command
}

/// Runs a command with its output shown; anything but exit code 0 is an error.
pub(crate) fn run(mut command: Command) -> Done {
    let shown = show(&command);
    let minutes = START.elapsed().as_secs_f64() / 60.0;
    eprintln!("\n== {minutes:.1} min: {shown}");
    let status = command.stdin(Stdio::null()).status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}").into()) }
}

/// Runs a command quietly and tells whether it ended well.
pub(crate) fn works(mut command: Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a command and returns what it wrote to its standard output.
pub(crate) fn output(mut command: Command) -> Done<String> {
    let shown = show(&command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(format!("{shown}: {}", output.status).into())
    }
}

fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
