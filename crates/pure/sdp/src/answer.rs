//! Writes the answer, m-line by m-line in the offer's order.

mod section;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::candidate::HostCandidate;
use crate::fingerprint::Fingerprint;
use crate::session::{Section, Session};

/// The server's side of the transport.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    /// ICE name: 4 to 256 letters, digits, `+` and `/`.
    pub ice_ufrag: &'a str,
    /// ICE password: 22 to 256 of the same.
    pub ice_pwd: &'a str,
    /// Of the DTLS certificate.
    pub fingerprint: &'a Fingerprint,
    /// Where the server receives, the preferred one first. Those over TCP come after all others, wherever they stand.
    pub candidates: &'a [HostCandidate],
    /// Makes the session's `o=` line unique; the highest bit is not used (RFC 8829, section 5.2.1).
    pub session_id: u64,
    /// Which answer of the session this is: 1 for the first one, one more for each later one, such as that to an ICE
    /// restart (RFC 8829, section 5.3.1). The highest bit is not used.
    pub session_version: u64,
}

/// Writes the answer. Lines end in `\r\n`; the last one too.
pub fn write(session: &Session, local: &Local<'_>) -> String {
    let mut text = Text(String::with_capacity(BEFOREHAND));
    text.line(format_args!("v=0"));
    let [id, version] = [local.session_id, local.session_version].map(|number| number & (u64::MAX >> 1));
    text.line(format_args!("o=- {id} {version} IN IP4 0.0.0.0"));
    text.line(format_args!("s=-"));
    text.line(format_args!("t=0 0"));
    text.line(format_args!("a=ice-lite"));
    if let Some(mids) = &session.bundle {
        let mids: String = mids.iter().map(|mid| format!(" {mid}")).collect();
        text.line(format_args!("a=group:BUNDLE{mids}"));
    }
    text.line(format_args!("a=msid-semantic: WMS *"));
    let head = head(session);
    for (position, section) in session.sections.iter().enumerate() {
        section::write(&mut text, section, local, Some(position) == head);
    }
    text.0
}

/// An answer with audio and video has about this many bytes.
const BEFOREHAND: usize = 2048;

/// The m-line that has the candidates: the first of the group (RFC 8843, section 10.1.1), or the only one.
fn head(session: &Session) -> Option<usize> {
    let is_head = |section: &Section| match (&session.bundle, section.line()) {
        (Some(mids), Some(line)) => mids.first() == line.mid.as_ref(),
        (None, line) => line.is_some(),
        (Some(_), None) => false,
    };
    session.sections.iter().position(is_head)
}

/// Text that grows line by line.
struct Text(String);

impl Text {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _infallible = fmt::write(&mut self.0, line);
        self.0.push_str("\r\n");
    }
}
