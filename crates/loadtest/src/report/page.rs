//! The report as one page of HTML, with charts over time.

use super::Report;
use super::chart::{Series, draw};
use crate::sample::Sample;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:940px;margin:2em auto;padding:0 1em;color:#222}\
pre{overflow-x:auto;background:#f4f4f2;padding:1em}figure{margin:2em 0}svg{width:100%;font-size:11px}\
polyline{fill:none;stroke-width:1.5}.grid{stroke:#ddd}text{fill:#666}.bad{color:#b00020}";

pub(super) fn write(report: &Report) -> String {
    let verdict = match report.verdict() {
        Ok(()) => "<p>All connections came up, and nothing was lost but what was thrown away.</p>".to_owned(),
        Err(reason) => format!("<p class=\"bad\">{}</p>", escaped(&reason)),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Load test</title>\
         <style>{STYLE}</style></head>\n<body><h1>Load test</h1>\n{verdict}\n<pre>{}</pre>\n{}</body></html>\n",
        escaped(&report.table()),
        charts(&report.measurement.series)
    )
}

fn charts(series: &[Sample]) -> String {
    let mut elapsed = 0.0;
    let seconds: Vec<f64> = series
        .iter()
        .map(|sample| {
            elapsed += sample.elapsed.as_secs_f64();
            elapsed
        })
        .collect();
    let values = |of: &dyn Fn(&Sample) -> f64| series.iter().map(of).collect::<Vec<_>>();
    let delay = |part: f64| {
        let millis = |sample: &Sample| {
            sample.totals.delay.quantile(part).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3)
        };
        values(&millis)
    };
    let line = |name, colour, values| Series { name, colour, values };
    let mut out = String::new();
    out += &draw(
        "Packets to subscribers",
        "per second",
        &seconds,
        &[line("", "teal", values(&Sample::packets_per_second))],
    );
    let loss = values(&|sample| 100.0 * sample.lost_part());
    out += &draw("Lost", "%", &seconds, &[line("", "crimson", loss)]);
    out += &draw(
        "Delay",
        "ms",
        &seconds,
        &[line("p50", "teal", delay(0.5)), line("p99", "darkorange", delay(0.99))],
    );
    if series.iter().any(|sample| sample.server.is_some()) {
        let cpu = values(&|sample| {
            let share = |cpu: f64| 100.0 * cpu / sample.elapsed.as_secs_f64().max(1e-9);
            sample.server.map_or(f64::NAN, |server| share(server.cpu.as_secs_f64()))
        });
        out += &draw("Server CPU", "% of a core", &seconds, &[line("", "slateblue", cpu)]);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn a_page_has_a_chart_for_each_figure_and_needs_nothing_else() {
        let page = write(&example::report());
        assert_eq!(page.matches("<svg").count(), 4);
        assert!(!page.contains("http") && !page.contains("NaN"), "{page}");
        let mut report = example::report();
        report.ending.connections.failed.insert("<script>".to_owned(), 1);
        let page = write(&report);
        assert!(page.contains("class=\"bad\"") && !page.contains("<script>"));
    }
}
