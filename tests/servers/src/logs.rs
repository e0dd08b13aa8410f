//! What an operator reads, for tests whose runtime has one thread.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Records of this thread, INFO and above, until it is dropped.
#[derive(Debug)]
pub struct Logs {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Begins to listen.
    pub fn listen() -> Self {
        let text = Text::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .with_writer(text.clone())
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().expect("no panic").clone()).expect("text")
    }

    /// The warnings, line by line.
    pub fn warnings(&self) -> Vec<String> {
        self.lines(" WARN ")
    }

    /// What is for information, line by line.
    pub fn infos(&self) -> Vec<String> {
        self.lines(" INFO ")
    }

    fn lines(&self, level: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(level)).map(str::to_owned).collect()
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Text {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
