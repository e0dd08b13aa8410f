//! The control pipe: lines of the standard input.

use rustix::io::Errno;
use rustix::stdio::stdin;

#[derive(Debug, Default)]
pub(crate) struct Orders {
    begun: Vec<u8>,
    ended: bool,
}

impl Orders {
    /// Whether whoever gives them has gone.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// The lines that are whole by now; waits where nothing is to be read.
    pub(crate) fn read(&mut self) -> rustix::io::Result<Vec<String>> {
        let mut buffer = [0; 4096];
        match rustix::io::read(stdin(), &mut buffer) {
            Ok(0) => self.ended = true,
            Ok(bytes) => self.begun.extend(buffer.iter().take(bytes)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        Ok(self.whole_lines())
    }

    fn whole_lines(&mut self) -> Vec<String> {
        let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.begun.drain(..=end).collect();
        String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect()
    }
}
