//! Fuzzes what the network reaches, each target for the same time, on all cores.
//!
//! cargo-fuzz builds the programs, and libFuzzer runs in them. New inputs gather under the target folder, beside those
//! that are in the repository, which a run leaves as they are; `--keep` takes some of them over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::process::{Done, cargo, command, output, root, run as run_command, target, works};
use crate::setup;

/// The version of cargo-fuzz: it is installed under the target folder, for this alone.
const CARGO_FUZZ: &str = "0.13.2";

/// Short inputs say as much as long ones, and are tried more often. An offer of a browser's has 7 KB.
const MAX_LEN: usize = 8192;

/// One input may take this long: even an hour of virtual time takes less than a second.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What the repository keeps of a target, at the most.
const KEPT_FILES: usize = 100;
const KEPT_BYTES: u64 = 200 * 1024;

struct Options {
    minutes: f64,
    targets: Vec<String>,
    sanitizer: String,
    keep: bool,
}

/// Builds all targets, runs them, and tells what came of it. Findings are an error.
pub(crate) fn run(args: &[String]) -> Done {
    let options = Options::parse(args)?;
    setup::cpp_compiler()?;
    let fuzz = Tool::install()?;
    fuzz.build(&options)?;
    let seconds = options.minutes * 60.0 * cores() as f64 / options.targets.len() as f64;
    let seconds = Duration::from_secs_f64(seconds.max(1.0));
    eprintln!("\n== {} targets, {} s each, {} at once", options.targets.len(), seconds.as_secs(), cores());
    let outcomes = side_by_side(&options.targets, |name| fuzz.run(name, seconds))?;
    println!("\n{:14} {:>12} {:>8} {:>8}  findings", "target", "executions", "cov", "ft");
    for Outcome { name, executions, cov, ft, findings } in &outcomes {
        println!("{name:14} {executions:>12} {cov:>8} {ft:>8}  {}", findings.len());
    }
    let findings: Vec<&PathBuf> = outcomes.iter().flat_map(|outcome| &outcome.findings).collect();
    if !findings.is_empty() {
        let paths: Vec<String> = findings.iter().map(|path| format!("  {}", path.display())).collect();
        return Err(format!("found inputs that fail:\n{}", paths.join("\n")).into());
    }
    if options.keep {
        options.targets.iter().try_for_each(|name| fuzz.keep(name))?;
    }
    Ok(())
}

impl Options {
    fn parse(args: &[String]) -> Done<Self> {
        let mut options =
            Self { minutes: 10.0, targets: Vec::new(), sanitizer: "address".to_owned(), keep: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().cloned().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--minutes" => options.minutes = value()?.parse()?,
                "--target" => options.targets.push(value()?),
                "--sanitizer" => options.sanitizer = value()?,
                "--keep" => options.keep = true,
                _ => return Err(format!("fuzz does not know {arg:?}").into()),
            }
        }
        let known = targets()?;
        if let Some(name) = options.targets.iter().find(|name| !known.contains(name)) {
            return Err(format!("no target {name:?}; there are {}", known.join(" ")).into());
        }
        if options.targets.is_empty() {
            options.targets = known;
        }
        if !options.minutes.is_finite() || options.minutes <= 0.0 {
            return Err("--minutes is more than none".into());
        }
        Ok(options)
    }
}

/// Each has a program of its name.
fn targets() -> Done<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("fuzz").join("fuzz_targets"))? {
        names.extend(entry?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does something with each name, as many at once as there are cores. The results are in the order of the names.
fn side_by_side(names: &[String], act: impl Fn(&str) -> Done<Outcome> + Sync) -> Done<Vec<Outcome>> {
    let waiting = Mutex::new(names.iter());
    let next = || waiting.lock().ok().and_then(|mut names| names.next());
    let worker = || -> Result<Vec<Outcome>, String> {
        std::iter::from_fn(next).map(|name| act(name).map_err(|error| format!("{name}: {error}"))).collect()
    };
    let results = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores()).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().map_err(|_| "a thread panicked".to_owned())).collect()
    });
    let results: Result<Vec<_>, String> = results;
    let mut outcomes = Vec::new();
    for result in results? {
        outcomes.extend(result?);
    }
    outcomes.sort_by_key(|outcome| names.iter().position(|name| *name == outcome.name));
    Ok(outcomes)
}

/// What a run of one target led to.
struct Outcome {
    name: String,
    executions: u64,
    cov: String,
    ft: String,
    findings: Vec<PathBuf>,
}

/// cargo-fuzz, and where its programs are.
struct Tool {
    cargo_fuzz: PathBuf,
    folder: PathBuf,
}

impl Tool {
    fn install() -> Done<Self> {
        let folder = target()?.join("fuzz");
        let cargo_fuzz = folder.join("tools").join("bin").join("cargo-fuzz");
        if !works(command(&cargo_fuzz, ["fuzz", "--version"])) {
            let mut install =
                cargo(["install", "--debug", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ, "--root"]);
            install.arg(folder.join("tools")).env("CARGO_PROFILE_DEV_DEBUG", "none");
            run_command(install)?;
        }
        Ok(Self { cargo_fuzz, folder })
    }

    /// With a nightly toolchain where there is one; a stable one is told to behave as if it were.
    fn build(&self, options: &Options) -> Done {
        let mut build = command(&self.cargo_fuzz, ["fuzz", "build", "--fuzz-dir", "fuzz", "--sanitizer"]);
        build.arg(&options.sanitizer).arg("--target-dir").arg(&self.folder);
        build.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO_PKG_NAME");
        if works(command("cargo", ["+nightly", "--version"])) {
            build.env("RUSTUP_TOOLCHAIN", "nightly");
        } else {
            build.env("RUSTC_BOOTSTRAP", "1");
        }
        if let [one] = options.targets.as_slice() {
            build.arg(one);
        }
        run_command(build)
    }

    fn program(&self, name: &str) -> Done<PathBuf> {
        let host = output(command("rustc", ["--version", "--verbose"]))?;
        let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
        Ok(self.folder.join(host).join("release").join(name))
    }

    /// Where new inputs of a target gather.
    fn gathered(&self, name: &str) -> PathBuf {
        self.folder.join("corpus").join(name)
    }

    fn run(&self, name: &str, time: Duration) -> Done<Outcome> {
        let (gathered, artifacts) = (self.gathered(name), root().join("fuzz").join("artifacts").join(name));
        std::fs::create_dir_all(&gathered)?;
        std::fs::create_dir_all(&artifacts)?;
        let before = files(&artifacts)?;
        let log = self.folder.join(format!("{name}.log"));
        let mut fuzz = command(self.program(name)?, [gathered, kept(name)]);
        fuzz.arg(format!("-max_total_time={}", time.as_secs()));
        fuzz.arg(format!("-max_len={MAX_LEN}")).arg(format!("-timeout={}", TIMEOUT.as_secs()));
        fuzz.arg(format!("-artifact_prefix={}/", artifacts.display())).arg("-print_final_stats=1");
        let status = quietly(fuzz, &log)?;
        let findings: Vec<PathBuf> = files(&artifacts)?.difference(&before).cloned().collect();
        let said = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
        if !status && findings.is_empty() {
            return Err(format!("failed without an input: {}", log.display()).into());
        }
        let after = |word: &str| said.rsplit_once(word).map_or("", |(_, rest)| first_word(rest)).to_owned();
        let executions = after("stat::number_of_executed_units:").parse().unwrap_or(0);
        eprintln!("== {name}: {executions} executions, {} findings ({})", findings.len(), log.display());
        Ok(Outcome { name: name.to_owned(), executions, cov: after("cov: "), ft: after("ft: "), findings })
    }

    /// Puts some of the fewest inputs that cover what all of them do into the repository, beside those that are there.
    fn keep(&self, name: &str) -> Done {
        let smallest = self.folder.join("smallest").join(name);
        if smallest.exists() {
            std::fs::remove_dir_all(&smallest)?;
        }
        std::fs::create_dir_all(&smallest)?;
        let mut merge = command(self.program(name)?, ["-set_cover_merge=1"]);
        merge.arg(format!("-max_len={MAX_LEN}")).args([&smallest, &kept(name), &self.gathered(name)]);
        if !quietly(merge, &self.folder.join(format!("{name}.merge.log")))? {
            return Err(format!("{name}: the inputs cannot be merged").into());
        }
        let named = files(&kept(name))?;
        let known: BTreeSet<Vec<u8>> = named.iter().flat_map(std::fs::read).collect();
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(u64::MAX, |meta| meta.len());
        let mut bytes = named.iter().map(size).sum::<u64>();
        let mut new: Vec<PathBuf> = files(&smallest)?.into_iter().collect();
        new.retain(|path| std::fs::read(path).is_ok_and(|input| !known.contains(&input)));
        new.sort_by_key(size);
        for path in some_of(&new, KEPT_FILES.saturating_sub(named.len())) {
            bytes += size(path);
            if bytes <= KEPT_BYTES {
                std::fs::copy(path, kept(name).join(path.file_name().unwrap_or_default()))?;
            }
        }
        Ok(())
    }
}

/// At most so many, spread evenly over all: the small ones alone would do little.
fn some_of<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    let step = all.len().div_ceil(most.max(1)).max(1);
    all.iter().rev().step_by(step).take(most)
}

/// What the repository keeps of a target.
fn kept(name: &str) -> PathBuf {
    root().join("fuzz").join("corpus").join(name)
}

fn files(folder: &Path) -> Done<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        files.insert(entry?.path());
    }
    Ok(files)
}

/// Whether it ended well. What it says goes into a file.
fn quietly(mut command: Command, log: &Path) -> Done<bool> {
    let file = std::fs::File::create(log)?;
    let shown = file.try_clone()?;
    Ok(command.stdin(Stdio::null()).stdout(file).stderr(shown).status()?.success())
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("")
}
