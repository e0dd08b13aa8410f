//! What a group costs, and what a byte: from which difference in size on a packet is better padded than sent in a group
//! of its own.

use std::fmt::Write;
use std::time::Duration;

use crate::floor;

const EACH: [usize; 6] = [1, 2, 3, 4, 6, 8];
const SIZES: [usize; 3] = [300, 700, 1_100];
const WINDOW: Duration = Duration::from_millis(400);
/// Of the same measurement, of which the least disturbed counts.
const TIMES: usize = 5;

/// CPU time per packet by size and number of packets in a group, sealed and sent without a pause to 100 sockets.
pub(crate) fn table() -> anyhow::Result<String> {
    let mut out = String::from("packets in a group");
    for size in SIZES {
        let _ = write!(out, "  {size:>5} bytes");
    }
    out.push('\n');
    let mut figures = Vec::new();
    for each in EACH {
        let _ = write!(out, "{each:>18}");
        for size in SIZES {
            let mut least = f64::MAX;
            for _ in 0..TIMES {
                least = least.min(floor::flat_out(each, size, WINDOW)?);
            }
            let _ = write!(out, "  {least:>8.3} µs");
            figures.push((each, size, least));
        }
        out.push('\n');
    }
    let of = |each, size| {
        figures.iter().find(|(e, s, _)| (*e, *s) == (each, size)).map_or(0.0, |(_, _, micros)| *micros)
    };
    // A group of 1 is one group for each packet, a group of 8 an eighth of one.
    let group = (of(1, 1_100) - of(8, 1_100)) * 8.0 / 7.0;
    let byte = (of(8, 1_100) - of(8, 300)) / 800.0;
    let _ = writeln!(
        out,
        "A group costs {group:.2} µs, a byte {:.2} ns: as much as {:.0} bytes of padding.",
        byte * 1e3,
        group / byte.max(1e-9)
    );
    Ok(out)
}
