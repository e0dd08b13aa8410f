//! The thread that writes log lines, so that a reader who stalls (a full pipe, a
//! slow terminal) never stalls media or signalling.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::Format;

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
pub struct Flush {
    sender: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the writer thread; the function returned takes whole lines.
pub(crate) fn start(
    output: impl Write + Send + 'static,
    format: Format,
) -> io::Result<(impl FnMut(String) + Clone + Send + Sync + 'static, Flush)> {
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&dropped);
    let thread = thread::Builder::new()
        .name("log".into())
        .spawn(move || write_lines(output, format, &receiver, &dropped))?;
    let lines = sender.clone();
    let write = move |line| {
        if lines.try_send(Message::Line(line)).is_err() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    };
    Ok((write, Flush { sender, thread: Some(thread) }))
}

fn write_lines(mut output: impl Write, format: Format, receiver: &Receiver<Message>, dropped: &AtomicU64) {
    loop {
        match receiver.recv_timeout(Duration::from_secs(1)) {
            Ok(Message::Line(line)) => put(&mut output, &line),
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            put(&mut output, &loss(lost, format));
        }
    }
}

/// The reader of the log has to know that it is not whole.
fn loss(lost: u64, format: Format) -> String {
    match format {
        Format::Text => format!("WARN telemetry: {lost} log records dropped\n"),
        Format::Json => format!("{{\"level\":\"WARN\",\"message\":\"{lost} log records dropped\"}}\n"),
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
        let (mut write, flush) = start(output.clone(), Format::Text).unwrap();
        for n in 0..100 {
            write(format!("line {n}\n"));
        }
        drop(flush);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let expected: String = (0..100).map(|n| format!("line {n}\n")).collect();
        assert_eq!(text, expected);
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
        let (mut write, flush) = start(Stalled(stalled), Format::Text).unwrap();
        let started = Instant::now();
        for n in 0..3 * QUEUE {
            write(format!("line {n}\n"));
        }
        drop(flush);
        assert!(started.elapsed() < FLUSH_TIME * 10);
        drop(release);
    }
}
