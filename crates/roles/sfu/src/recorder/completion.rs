//! The end of a file that its writer could not write.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use ogg::{Mend, Scan, Tags};

const CHUNK: usize = 64 * 1024;

/// What became of a file.
#[derive(Debug)]
pub(super) enum Completion {
    /// It has its end.
    Complete(Complete),
    /// There is no sound in it, nor was there any.
    Empty,
    /// It was left as it is: what stands where its headers should be, or directly behind them, cannot be read.
    Unreadable,
    /// It was left as it is: it was not written here.
    Foreign,
}

/// A file that has its end.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) duration: Duration,
    pub(super) tags: Option<Tags>,
    /// It had its end before.
    pub(super) whole: bool,
}

/// Ends a file after its last whole page.
pub(super) fn complete(file: &File) -> io::Result<Completion> {
    let scan = scan(file)?;
    let mut complete = Complete { duration: scan.duration(), tags: scan.tags().cloned(), whole: true };
    match scan.finish() {
        Mend::Whole => {}
        Mend::Cut { keep, patch } => {
            // Shorter first: on a full disk there is room for nothing else.
            file.set_len(keep)?;
            if let Some((offset, bytes)) = patch {
                file.write_all_at(&bytes, offset)?;
            }
            complete.whole = false;
        }
        Mend::Nothing => return Ok(Completion::Empty),
        Mend::Unreadable => return Ok(Completion::Unreadable),
        Mend::Foreign => return Ok(Completion::Foreign),
    }
    Ok(Completion::Complete(complete))
}

fn scan(file: &File) -> io::Result<Scan> {
    let mut scan = Scan::new();
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let read = match file.read_at(&mut chunk, at) {
            Ok(0) => return Ok(scan),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        at += read as u64;
        if !scan.feed(chunk.get(..read).unwrap_or_default()) {
            return Ok(scan);
        }
    }
}
