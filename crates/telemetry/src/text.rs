//! Text of any length and content, made to fit.

use std::fmt::{self, Write};

/// Bytes of a record with its line end, in any format. What is longer is cut.
pub(crate) const RECORD: usize = 16 * 1024;

/// Stands where text was cut.
pub(crate) const MARK: &str = "…(cut)";

/// Takes text up to a length, so that a value of a megabyte is not even written out.
pub(crate) struct Limited {
    text: String,
    room: usize,
}

impl Limited {
    /// `room`: bytes before the mark.
    pub(crate) fn new(room: usize) -> Self {
        Self { text: String::new(), room }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn of(value: &str, room: usize) -> String {
        let mut limited = Self::new(room);
        // It says that it was cut, in the text.
        let _ = limited.write_str(value);
        limited.text
    }

    pub(crate) fn format(value: fmt::Arguments<'_>, room: usize) -> String {
        let mut limited = Self::new(room);
        let _ = limited.write_fmt(value);
        limited.text
    }
}

impl Write for Limited {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if let Some(room) = self.room.checked_sub(more.len()) {
            self.room = room;
            self.text.push_str(more);
            return Ok(());
        }
        let end = more.floor_char_boundary(self.room);
        self.room = 0;
        self.text.push_str(more.get(..end).unwrap_or_default());
        if !self.text.ends_with(MARK) {
            self.text.push_str(MARK);
        }
        // Whoever formats stops here.
        Err(fmt::Error)
    }
}

/// Whether a character may not stand in a log as it is: it steers terminals, ends lines for some readers, or has what
/// follows shown from right to left (Unicode TR 36, section 3.2), so that a line says something else than it seems to.
pub(crate) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Adds a JSON string of at most `room` bytes besides its quotes and a mark where it was cut.
pub(crate) fn push_string(json: &mut String, text: &str, room: usize) {
    json.push('"');
    let end = json.len() + room;
    for c in text.chars() {
        let before = json.len();
        push_char(json, c);
        if json.len() > end {
            json.truncate(before);
            json.push_str(MARK);
            break;
        }
    }
    json.push('"');
}

fn push_char(json: &mut String, c: char) {
    match c {
        '"' => json.push_str("\\\""),
        '\\' => json.push_str("\\\\"),
        c if misleads(c) => {
            // Writing into a String cannot fail.
            let _ = write!(json, "\\u{:04x}", u32::from(c));
        }
        c => json.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_read_as_it_was() {
        let text: String = (0..0x3000).filter_map(char::from_u32).chain(['🦀', '\u{10ffff}']).collect();
        let mut json = String::new();
        push_string(&mut json, &text, usize::MAX / 2);
        assert!(!json.chars().any(misleads));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn what_does_not_fit_is_cut_between_characters_and_marked() {
        for room in 0..45 {
            let mut json = String::new();
            push_string(&mut json, "größe\n\u{1b}\"🦀\"größe\u{7f}", room);
            assert!(json.len() <= room + 2 + MARK.len(), "{room}: {json}");
            let text: String = serde_json::from_str(&json).unwrap();
            assert_eq!(text.ends_with(MARK), room < 40, "{room}: {text}");
        }
    }

    #[test]
    fn formatting_stops_where_the_room_ends() {
        assert_eq!(Limited::of("größe", 3), format!("gr{MARK}"));
        assert_eq!(Limited::of("größe", 7), "größe");
        let many = vec!["many"; 1000];
        let text = Limited::format(format_args!("{many:?}"), 10);
        assert_eq!(text, format!("[\"many\", \"{MARK}"));
    }
}
