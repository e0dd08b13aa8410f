//! What a child process writes, kept line by line.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;

/// Lines kept; a server that writes more than this loses the oldest ones from a failure's report.
const MAX_LINES: usize = 200_000;

/// The log of a child process, growing while it runs.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    /// Collects what `child` writes to its two outputs, which must be pipes.
    pub fn of(child: &mut Child) -> Self {
        let log = Self::default();
        if let Some(pipe) = child.stdout.take() {
            log.read(pipe);
        }
        if let Some(pipe) = child.stderr.take() {
            log.read(pipe);
        }
        log
    }

    fn read(&self, pipe: impl Read + Send + 'static) {
        let lines = Arc::clone(&self.lines);
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut lines = lines.lock().expect("no reader panics");
                if lines.len() >= MAX_LINES {
                    lines.clear();
                }
                lines.push(line);
            }
        });
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no reader panics").clone()
    }

    /// All lines so far as one text.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// The last lines as one text.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect::<Vec<_>>().join("\n")
    }

    /// The WARN and ERROR lines, and the panics, that hold none of the `expected` texts.
    pub fn alarms(&self, expected: &[String]) -> Vec<String> {
        let is_expected = |line: &String| expected.iter().any(|text| line.contains(text.as_str()));
        let alarms = self.lines().into_iter().filter(|line| is_alarm(line, &["WARN", "ERROR"]));
        alarms.filter(|line| !is_expected(line)).collect()
    }
}

/// Whether a line of a server's log has one of these levels, or tells of a panic.
pub fn is_alarm(line: &str, levels: &[&str]) -> bool {
    let level = line.split_whitespace().take(3).any(|word| levels.contains(&word));
    level || line.contains("\"level\":\"ERROR\"") || line.contains("panicked at")
}
