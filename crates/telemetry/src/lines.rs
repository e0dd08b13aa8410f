//! One record, one line: whatever a stranger put into an id or a message, it can
//! neither start a line of its own nor steer a terminal, nor have the line shown in another order than it has.

use std::fmt::Write as _;
use std::io;

use tracing_subscriber::fmt::MakeWriter;

use crate::text::{Limited, MARK, RECORD, misleads};

/// Makes the writer of one record.
pub(crate) struct Lines<S> {
    sink: S,
}

/// Takes the pieces of one record and hands it on, whole, when it is dropped.
pub(crate) struct Record<S: FnMut(String)> {
    sink: S,
    bytes: Vec<u8>,
}

impl<S> Lines<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self { sink }
    }
}

impl<'a, S: FnMut(String) + Clone + 'a> MakeWriter<'a> for Lines<S> {
    type Writer = Record<S>;

    fn make_writer(&'a self) -> Self::Writer {
        Record { sink: self.sink.clone(), bytes: Vec::new() }
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
            (self.sink)(escape(text));
        }
    }
}

/// The record with every character that misleads written out, and a line end.
fn escape(text: &str) -> String {
    let mut line = Limited::new(RECORD - MARK.len() - 1);
    for c in text.chars() {
        let written = match c {
            c if !misleads(c) => line.write_char(c),
            '\n' => line.write_str("\\n"),
            c => write!(line, "\\u{{{:x}}}", u32::from(c)),
        };
        if written.is_err() {
            break;
        }
    }
    let mut line = line.into_text();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::Format;

    fn logged(format: Format, log: impl FnOnce()) -> Vec<String> {
        if format == Format::Json {
            return crate::ecs::lines(log);
        }
        let records = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&records);
        let lines = Lines::new(move |line: String| seen.lock().unwrap().push(line));
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(lines);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let records = records.lock().unwrap();
        records.clone()
    }

    #[test]
    fn a_hostile_id_stays_in_its_line() {
        for format in [Format::Text, Format::Json] {
            let id =
                "eve\n2026-01-01 ERROR forged\u{1b}[2J\u{9b}31m\u{7f}\u{85}\u{202e}\u{2066}\u{200f}\u{2028}";
            let records = logged(format, || tracing::info!(%id, "joined {id}"));
            assert_eq!(records.len(), 1);
            let line = records[0].strip_suffix('\n').unwrap();
            assert!(line.contains("forged"), "{line}");
            assert!(!line.chars().any(misleads), "{line:?}");
        }
    }

    #[test]
    fn a_record_has_an_end_whatever_is_in_it() {
        for format in [Format::Text, Format::Json] {
            let records = logged(format, || tracing::info!("{}", "ö\u{1}".repeat(100_000)));
            assert!(records[0].len() <= RECORD && records[0].contains(MARK), "{}", records[0].len());
        }
    }

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(escape("größe \\n ok"), "größe \\n ok\n");
    }
}
