//! The report as JSON. Durations are in the unit that their name ends with.

use super::Report;
use crate::client::{Kind, Profile};
use crate::histogram::Histogram;
use crate::options::Options;
use crate::sample::Sample;
use crate::totals::TrackTotals;
use serde_json::{Value, json};

pub(super) fn write(report: &Report) -> String {
    let connections = &report.ending.connections;
    let totals = &report.ending.totals;
    let verdict = report.verdict();
    let value = json!({
        "ok": verdict.is_ok(),
        "reason": verdict.err(),
        "doubts": report.doubts(),
        "options": options(&report.options),
        "connections": {
            "publishers": connections.publishers, "subscribers": connections.subscribers,
            "joined": connections.joined, "left": connections.left, "failed": connections.failed,
            "ended": totals.ended,
        },
        "whole": {
            "audio": tracks(totals.audio), "video": tracks(totals.video), "both": tracks(totals.both()),
            "lost": report.ending.lost(), "lost_beyond_loss": report.ending.lost_beyond_loss(),
            "unauthentic": totals.unauthentic,
            "delay_ms": times(&totals.delay), "first_media_ms": times(&totals.first_media),
        },
        "window": sample(&report.measurement.whole),
        "series": report.measurement.series.iter().map(sample).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn options(options: &Options) -> Value {
    let has = |kind| options.kinds.contains(&kind);
    json!({
        "url": options.url, "room": options.room,
        "publishers": options.publishers, "subscribers": options.subscribers,
        "audio": has(Kind::Audio), "video": has(Kind::Video), "rate": options.rate, "fps": options.fps,
        "packet": options.packet, "spaced": options.spaced, "duration_s": options.duration.as_secs_f64(),
        "warm_up_s": options.warm_up.as_secs_f64(), "ramp": options.ramp, "churn": options.churn,
        "loss": options.loss, "open_every": options.open_every, "threads": options.threads,
        "profile": profile(options.profile), "pids": options.pids,
    })
}

/// As RFC 5764 and RFC 7714 name it.
fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
        Profile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
        Profile::Aes128CmSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
    }
}

fn tracks(totals: TrackTotals) -> Value {
    json!({
        "sent": totals.sent, "expected": totals.expected, "received": totals.received,
        "arrived": totals.arrived, "duplicates": totals.duplicates, "reordered": totals.reordered,
        "repairs": totals.repairs, "thrown": totals.thrown,
    })
}

fn times(histogram: &Histogram) -> Value {
    let millis = |part| histogram.quantile(part).map(|time| time.as_secs_f64() * 1e3);
    json!({
        "count": histogram.count(), "p50": millis(0.5), "p95": millis(0.95), "p99": millis(0.99),
        "max": histogram.max().map(|time| time.as_secs_f64() * 1e3),
    })
}

fn sample(sample: &Sample) -> Value {
    let server = sample.server.map(|server| {
        json!({
            "cpu_ms": server.cpu.as_secs_f64() * 1e3, "resident_bytes": server.resident_bytes,
            "cpu_us_per_packet": server.micros_per_packet,
            "packets_per_core_second": server.packets_per_core_second,
        })
    });
    json!({
        "elapsed_s": sample.elapsed.as_secs_f64(), "subscriptions": sample.subscriptions,
        "audio": tracks(sample.totals.audio), "video": tracks(sample.totals.video), "both": tracks(sample.both()),
        "lost": sample.lost, "packets_per_second": sample.packets_per_second(),
        "delay_ms": times(&sample.totals.delay), "first_media_ms": times(&sample.totals.first_media),
        "lateness_ms": times(&sample.totals.lateness),
        "server": server,
        "generator": {
            "busiest_thread": sample.generator.busiest_thread, "cores": sample.generator.cores,
            "socket_drops": sample.generator.socket_drops, "unsent": sample.totals.unsent,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn programs_find_the_figures() {
        let value: Value = serde_json::from_str(&write(&example::report())).unwrap();
        assert_eq!(value["ok"], true);
        assert_eq!(value["window"]["both"]["received"], 1800);
        assert_eq!(value["series"].as_array().unwrap().len(), 2);
        let p50 = value["window"]["delay_ms"]["p50"].as_f64().unwrap();
        assert!((0.050..0.053).contains(&p50), "{p50}");
        assert_eq!(value["options"]["profile"], "SRTP_AEAD_AES_128_GCM");
    }
}
