//! The thread that writes log lines, so that a reader who stalls (a full pipe, a
//! slow terminal) never stalls media or signalling.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::Counters;
use crate::counters::Level;

/// Lines that wait to be written. Overflow: the new line is dropped and counted,
/// and the count is written as soon as there is room.
const QUEUE: usize = 8192;

/// How long dropping [`Flush`] waits for the reader of the log.
const FLUSH_TIME: Duration = Duration::from_millis(500);

enum Message {
    Line(String),
    End,
}

/// Writes out what is queued when dropped, for half a second at the most.
#[derive(Debug)]
pub(crate) struct Flush {
    sender: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the writer thread; the function returned takes whole lines. `loss` makes the line that says
/// how many are missing: the reader of the log has to know that it is not whole.
pub(crate) fn start(
    output: impl Write + Send + 'static,
    loss: impl Fn(u64) -> String + Send + 'static,
    counters: &Counters,
) -> io::Result<(impl Fn(String) + Clone + Send + Sync + 'static, Flush)> {
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let (counter, counters) = (Arc::clone(&dropped), counters.clone());
    let waiting = counters.log_level().clone();
    let thread = thread::Builder::new()
        .name("log".into())
        .spawn(move || write_lines(output, loss, &Lines { receiver, waiting, dropped }))?;
    let lines = sender.clone();
    let write = move |line| {
        counters.log_level().up();
        if lines.try_send(Message::Line(line)).is_err() {
            counters.log_level().down();
            counter.fetch_add(1, Ordering::Relaxed);
            counters.log_lost().add(1);
        }
    };
    Ok((write, Flush { sender, thread: Some(thread) }))
}

/// The line that says what is missing, for people.
pub(crate) fn loss(lost: u64) -> String {
    format!("WARN telemetry: {lost} log records dropped\n")
}

/// What the thread has of the queue.
struct Lines {
    receiver: Receiver<Message>,
    waiting: Level,
    dropped: Arc<AtomicU64>,
}

fn write_lines(mut output: impl Write, loss: impl Fn(u64) -> String, lines: &Lines) {
    loop {
        match lines.receiver.recv_timeout(Duration::from_secs(1)) {
            Ok(Message::Line(line)) => {
                lines.waiting.down();
                put(&mut output, &line);
            }
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let lost = lines.dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            put(&mut output, &loss(lost));
        }
    }
}

/// A closed output is no reason to end: the program's work goes on without it.
fn put(output: &mut impl Write, line: &str) {
    let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
}

impl Drop for Flush {
    fn drop(&mut self) {
        let deadline = Instant::now() + FLUSH_TIME;
        while self.sender.try_send(Message::End).is_err() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let Some(thread) = self.thread.take() else { return };
        while !thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        if thread.is_finished() {
            // A panic of the writer has nowhere left to be told.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_out_in_order_and_whole_before_the_end() {
        let output = Shared::default();
        let counters = Counters::default();
        let (write, flush) = start(output.clone(), loss, &counters).unwrap();
        for n in 0..100 {
            write(format!("line {n}\n"));
        }
        drop(flush);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let expected: String = (0..100).map(|n| format!("line {n}\n")).collect();
        assert_eq!(text, expected);
        assert_eq!(counters.log_queued(), 0);
    }

    /// Blocks in its first write until it is let go.
    struct Stalled(Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_blocks_nobody() {
        let (release, stalled) = sync_channel(0);
        let counters = Counters::default();
        let (write, flush) = start(Stalled(stalled), loss, &counters).unwrap();
        let started = Instant::now();
        for n in 0..3 * QUEUE {
            write(format!("line {n}\n"));
        }
        assert!(counters.log_queued() >= QUEUE as u64);
        drop(flush);
        assert!(started.elapsed() < FLUSH_TIME * 10);
        assert!(counters.log_dropped() >= 2 * QUEUE as u64 - 1);
        drop(release);
    }

    /// Waits before each write, and keeps what is written.
    struct Slow(Receiver<()>, Shared);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_learns_what_is_missing() {
        let (release, slow) = sync_channel(0);
        let (output, counters) = (Shared::default(), Counters::default());
        let (write, flush) = start(Slow(slow, output.clone()), loss, &counters).unwrap();
        for n in 0..2 * QUEUE {
            write(format!("line {n}\n"));
        }
        let lost = counters.log_dropped();
        assert!(lost > 0);
        drop(release);
        drop(flush);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains(&format!("WARN telemetry: {lost} log records dropped\n")));
    }
}
