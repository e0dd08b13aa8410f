//! A chart as inline SVG: lines over time.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
/// Room for the labels on the left and below.
const LEFT: f64 = 64.0;
const BELOW: f64 = 24.0;

/// One line of a chart.
#[derive(Debug)]
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    /// Of the line: a name of CSS.
    pub(super) colour: &'a str,
    pub(super) values: Vec<f64>,
}

/// Draws lines over the seconds since the beginning.
pub(super) fn draw(title: &str, unit: &str, seconds: &[f64], series: &[Series<'_>]) -> String {
    let values = series.iter().flat_map(|one| one.values.iter().copied());
    let top = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    let top = if top > 0.0 { top * 1.1 } else { 1.0 };
    let end = seconds.last().copied().unwrap_or(1.0).max(1e-9);
    let x = |second: f64| LEFT + (WIDTH - LEFT) * second / end;
    let y = |value: f64| (HEIGHT - BELOW) * (1.0 - value / top);
    let mut out = String::new();
    let _infallible = write!(
        out,
        "<figure><figcaption>{title}, {unit}{}</figcaption>\n<svg viewBox=\"0 -8 {WIDTH} {}\" role=\"img\">\n",
        legend(series),
        HEIGHT + 8.0
    );
    for part in [0.0, 0.5, 1.0] {
        let (value, at) = (top * part, y(top * part));
        let _infallible = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"grid\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            label(value)
        );
    }
    for one in series {
        let points = seconds.iter().zip(&one.values).filter(|(_, value)| value.is_finite());
        let points: String =
            points.map(|(second, value)| format!("{:.1},{:.1} ", x(*second), y(*value))).collect();
        let _infallible =
            writeln!(out, "<polyline points=\"{}\" stroke=\"{}\"/>", points.trim_end(), one.colour);
    }
    let _infallible = writeln!(
        out,
        "<text x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{end:.0} s</text>\n</svg></figure>",
        HEIGHT - 4.0
    );
    out
}

fn legend(series: &[Series<'_>]) -> String {
    let entry = |one: &Series<'_>| format!(" <b style=\"color:{}\">{}</b>", one.colour, one.name);
    series.iter().map(entry).collect()
}

/// Three digits or so, whatever the size.
fn label(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 10_000.0 => format!("{:.0}k", value / 1e3),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_the_left_to_the_right_and_gaps_are_left_out() {
        let series = [Series { name: "p50", colour: "teal", values: vec![1.0, f64::NAN, 2.0] }];
        let svg = draw("delay", "ms", &[1.0, 2.0, 3.0], &series);
        assert!(svg.contains(">p50</b>") && svg.contains("delay, ms"));
        assert!(svg.contains("points=\"282.7,85.1 720.0,14.2\""), "{svg}");
    }

    #[test]
    fn labels_stay_short() {
        assert_eq!([0.0, 0.01, 5.25, 512.3, 52_000.0].map(label), ["0", "0.010", "5.2", "512", "52k"]);
    }
}
