//! One record, one line: whatever a stranger put into an id or a message, it can
//! neither start a line of its own nor steer a terminal.

use std::fmt::Write as _;
use std::io;

use tracing_subscriber::fmt::MakeWriter;

use crate::Format;

/// Makes the writer of one record.
pub(crate) struct Lines<S> {
    sink: S,
    format: Format,
}

/// Takes the pieces of one record and hands it on, whole, when it is dropped.
pub(crate) struct Record<S: FnMut(String)> {
    sink: S,
    format: Format,
    bytes: Vec<u8>,
}

impl<S> Lines<S> {
    pub(crate) fn new(sink: S, format: Format) -> Self {
        Self { sink, format }
    }
}

impl<'a, S: FnMut(String) + Clone + 'a> MakeWriter<'a> for Lines<S> {
    type Writer = Record<S>;

    fn make_writer(&'a self) -> Self::Writer {
        Record { sink: self.sink.clone(), format: self.format, bytes: Vec::new() }
    }
}

impl<S: FnMut(String)> io::Write for Record<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: FnMut(String)> Drop for Record<S> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if !text.is_empty() {
            (self.sink)(escape(text, self.format));
        }
    }
}

/// The record with every control character written out, and a line end.
fn escape(text: &str, format: Format) -> String {
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            c if !c.is_control() => line.push(c),
            // Inside a JSON record these can only stand in a string.
            c => {
                let code = u32::from(c);
                let written = match format {
                    Format::Json => write!(line, "\\u{code:04x}"),
                    Format::Text if c == '\n' => write!(line, "\\n"),
                    Format::Text => write!(line, "\\u{{{code:x}}}"),
                };
                // Writing into a String cannot fail.
                debug_assert!(written.is_ok());
            }
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn logged(format: Format, log: impl FnOnce()) -> Vec<String> {
        let records = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&records);
        let lines = Lines::new(move |line: String| seen.lock().unwrap().push(line), format);
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(lines);
        match format {
            Format::Text => {
                tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
            }
            Format::Json => {
                let layer = layer.json().flatten_event(true);
                tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
            }
        }
        let records = records.lock().unwrap();
        records.clone()
    }

    #[test]
    fn a_hostile_id_stays_in_its_line() {
        for format in [Format::Text, Format::Json] {
            let id = "eve\n2026-01-01 ERROR forged\u{1b}[2J\u{9b}31m\u{7f}\u{85}";
            let records = logged(format, || tracing::info!(%id, "joined {id}"));
            assert_eq!(records.len(), 1);
            let line = records[0].strip_suffix('\n').unwrap();
            assert!(line.contains("forged"), "{line}");
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(escape("größe \\n ok", Format::Text), "größe \\n ok\n");
    }
}
