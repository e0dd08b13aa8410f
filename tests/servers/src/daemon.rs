//! One server process: how it is started, ended, paused and started again.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use rustix::process::{Pid, Signal, kill_process};

/// A server must be ready this long after its start; it takes a fraction of a second.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// A server that has not ended this long after SIGTERM is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// Of things that take no time at all, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often conditions outside this process are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is to be started, and how one sees that it is ready.
pub struct Launch {
    /// For messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments, the same at each start.
    pub args: Vec<String>,
    /// What it writes to its two outputs is appended here.
    pub log: PathBuf,
    /// Whether it answers.
    pub ready: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A server process. Dropping it kills it.
pub struct Daemon {
    launch: Launch,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    /// Starts it and returns at once; [`wait_until_ready`](Self::wait_until_ready) comes next.
    pub fn launch(launch: Launch) -> Self {
        let child = Mutex::new(Some(spawn(&launch)));
        Self { launch, child }
    }

    /// Starts it and waits until it is ready.
    pub fn start(launch: Launch) -> Self {
        let daemon = Self::launch(launch);
        daemon.wait_until_ready();
        daemon
    }

    /// Waits until it answers; fails the test when it ends instead, or does not come.
    pub fn wait_until_ready(&self) {
        let deadline = Instant::now() + READY_WITHIN;
        while !(self.launch.ready)() {
            if let Some(status) = self.ended() {
                panic!("{} ended at its start with {status}:\n{}", self.launch.name, self.log());
            }
            assert!(Instant::now() < deadline, "{} is not ready:\n{}", self.launch.name, self.log());
            sleep(LOOK_EVERY);
        }
    }

    /// Whether it answers now.
    pub fn is_ready(&self) -> bool {
        (self.launch.ready)()
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// SIGTERM; returns when it has ended, and how. One that does not end is killed.
    pub fn stop(&self) -> Option<ExitStatus> {
        let mut child = self.child().take()?;
        send_signal(child.id(), Signal::TERM);
        let deadline = Instant::now() + ENDS_WITHIN;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            sleep(LOOK_EVERY);
        }
        drop(child.kill());
        child.wait().ok()
    }

    /// SIGSTOP: it keeps its connections and answers nothing. Returns when it stands still.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        until("a stopped process stands still", PATIENCE, || self.pid().is_some_and(stands_still));
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts it again, with the same ports and data, after [`kill`](Self::kill) or
    /// [`stop`](Self::stop), and waits until it is ready.
    pub fn start_again(&self) {
        self.launch_again();
        self.wait_until_ready();
    }

    /// The same without waiting.
    pub fn launch_again(&self) {
        let mut child = self.child();
        assert!(child.is_none(), "{} runs already", self.launch.name);
        *child = Some(spawn(&self.launch));
    }

    /// Everything that it has written so far, over all its starts.
    pub fn log(&self) -> String {
        fs::read(&self.launch.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// How it ended by itself, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().as_mut()?.try_wait().expect("a child can be asked")
    }

    fn signal(&self, signal: Signal) {
        let pid = self.pid().unwrap_or_else(|| panic!("{} does not run", self.launch.name));
        send_signal(pid, signal);
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.launch.name)
    }
}

/// Sends a signal to a child of this process that has not been waited for.
pub fn send_signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("a signal for a child of our own");
}

/// All threads are in state T: the signal reaches them one by one.
fn stands_still(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The second field is the program's name in brackets, and may hold anything.
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    })
}

/// Waits for a condition outside this process; a condition that never comes fails the test.
pub fn until(what: &str, patience: Duration, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        sleep(LOOK_EVERY);
    }
}

fn spawn(launch: &Launch) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(&launch.log).expect("a log file");
    let errors = log.try_clone().expect("a second handle of the log file");
    Command::new(&launch.program)
        .args(&launch.args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", launch.program.display()))
}
