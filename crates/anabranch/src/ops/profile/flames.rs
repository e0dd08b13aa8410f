//! Stacks that were seen, drawn as a flame graph: who calls is below, and the wider, the more time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// In pixels.
const WIDTH: f64 = 1200.0;
const ROW: usize = 18;
const HEAD: usize = 40;

/// What is narrower is left out: nobody would see it.
const NARROWEST: f64 = 0.3;

/// What a letter takes.
const LETTER: f64 = 7.0;

/// Stacks, merged from the outermost frame on.
#[derive(Default)]
pub(super) struct Flames {
    samples: usize,
    inner: BTreeMap<String, Flames>,
}

impl Flames {
    /// A stack that was seen so often, the outermost frame first.
    pub(super) fn add(&mut self, stack: &[String], times: usize) {
        self.samples += times;
        if let Some((outermost, rest)) = stack.split_first() {
            self.inner.entry(outermost.clone()).or_default().add(rest, times);
        }
    }

    /// The drawing. Whole names are shown where the pointer rests.
    pub(super) fn svg(&self) -> String {
        let mut drawing = Drawing { total: self.samples, boxes: String::new(), rows: 0 };
        drawing.draw_inner(self, 0.0, 0);
        drawing.finish()
    }

    fn share_of(&self, total: usize) -> f64 {
        if total == 0 { 0.0 } else { self.samples as f64 / total as f64 }
    }
}

struct Drawing {
    total: usize,
    boxes: String,
    rows: usize,
}

impl Drawing {
    fn draw_inner(&mut self, flames: &Flames, mut x: f64, row: usize) {
        for (name, inner) in &flames.inner {
            let width = inner.share_of(self.total) * WIDTH;
            if width >= NARROWEST {
                self.draw(name, inner, (x, width), row);
                self.draw_inner(inner, x, row + 1);
            }
            x += width;
        }
    }

    /// Rows count from below; the lowest is at 0, and the origin is moved there in the end.
    fn draw(&mut self, name: &str, flames: &Flames, (x, width): (f64, f64), row: usize) {
        self.rows = self.rows.max(row + 1);
        let (y, name) = ((row + 1) * ROW, escaped(name));
        let (samples, percent) = (flames.samples, flames.share_of(self.total) * 100.0);
        let (hue, text) = (hue(&name), fitting(&name, width));
        // Writing to a string does not fail.
        let _always = writeln!(
            self.boxes,
            "<g><title>{name}: {samples} samples, {percent:.1} %</title>\
             <rect x=\"{x:.2}\" y=\"-{y}\" width=\"{width:.2}\" height=\"{ROW}\" fill=\"hsl({hue},75%,65%)\"/>\
             <text x=\"{:.2}\" y=\"-{}\">{text}</text></g>",
            x + 3.0,
            y - 13,
        );
    }

    fn finish(self) -> String {
        let height = HEAD + self.rows * ROW + 10;
        let foot = height - 10;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"10\" y=\"24\" font-size=\"14\">Processor time: {} samples</text>\n\
             <g transform=\"translate(0,{foot})\" stroke-width=\"0.5\">\n{}</g>\n</svg>\n",
            self.total, self.boxes,
        )
    }
}

/// Warm, and the same for the same name.
fn hue(name: &str) -> u32 {
    name.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % 55
}

/// As much of an escaped name as a box has room for. An entity that is cut would be no XML, so a name that is
/// too long ends before its first one.
fn fitting(name: &str, width: f64) -> &str {
    let room = ((width - 6.0) / LETTER).max(0.0) as usize;
    match name.char_indices().nth(room) {
        None => name,
        Some((end, _)) => {
            let cut = name.get(..end).unwrap_or_default();
            cut.rsplit_once('&').filter(|(_, entity)| !entity.contains(';')).map_or(cut, |(before, _)| before)
        }
    }
}

/// Names come from debug information: any text.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_takes_more_time_is_wider_and_stands_on_who_called_it() {
        let mut flames = Flames::default();
        flames.add(&stack(&["main", "work"]), 3);
        flames.add(&stack(&["main", "rest"]), 1);
        let svg = flames.svg();
        assert!(
            svg.contains(
                "<title>main: 4 samples, 100.0 %</title><rect x=\"0.00\" y=\"-18\" width=\"1200.00\""
            )
        );
        assert!(
            svg.contains("<title>rest: 1 samples, 25.0 %</title><rect x=\"0.00\" y=\"-36\" width=\"300.00\"")
        );
        assert!(
            svg.contains(
                "<title>work: 3 samples, 75.0 %</title><rect x=\"300.00\" y=\"-36\" width=\"900.00\""
            )
        );
    }

    #[test]
    fn any_name_is_text() {
        let mut flames = Flames::default();
        flames.add(&stack(&["<a & b as C>::d\u{0}"]), 1);
        let svg = flames.svg();
        assert!(svg.contains("<title>&lt;a &amp; b as C&gt;::d: 1 samples"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
        assert_eq!(fitting("&lt;a", 6.0 + 2.0 * LETTER), "");
        assert_eq!(fitting("&lt;abc", 6.0 + 5.0 * LETTER), "&lt;a");
        assert_eq!(fitting("abc", 0.0), "");
    }

    #[test]
    fn nothing_seen_is_drawn_too_and_what_nobody_sees_is_not() {
        let mut flames = Flames::default();
        assert!(flames.svg().contains("0 samples"));
        flames.add(&stack(&["main"]), 1_000_000);
        flames.add(&stack(&["main", "blink"]), 1);
        assert!(!flames.svg().contains("blink"));
    }
}
