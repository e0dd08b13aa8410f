//! The load generator of the real binary against a real server.
#![expect(clippy::expect_used, clippy::panic, reason = "tests and what they share")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use peer::server::binary_path;
use peer::{Server, ServerConfig};
use serde_json::Value;

/// A file of this test's own.
fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("anabranch-loadtest-{}-{name}", std::process::id()))
}

fn load_test(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary_path());
    command.arg("loadtest").args(arguments).stdin(Stdio::null());
    command.output().expect("the binary starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Puts a load on a server, and returns what the JSON file says; fails unless the exit code is 0.
fn figures(server: &Server, name: &str, arguments: &[&str]) -> Value {
    let json = file(name);
    let path = json.to_str().expect("a path of letters");
    let always = ["--url", server.ws_url(), "--json", path, "--open-every", "1"];
    let output = load_test(&[&always, arguments].concat());
    let text = std::fs::read_to_string(&json).unwrap_or_default();
    drop(std::fs::remove_file(&json));
    assert_eq!(output.status.code(), Some(0), "{}\n{text}", said(&output));
    serde_json::from_str(&text).expect("the report is JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number and not {value}"))
}

#[test]
fn two_streams_to_five_subscribers_each_while_subscribers_come_and_go() {
    let server = Server::start();
    let html = file("page.html");
    let page = html.to_str().expect("a path of letters");
    let pid = server.pid().to_string();
    let wanted = ["--publishers", "2", "--subscribers", "5", "--duration", "2", "--warm-up", "0.2"];
    let more = ["--churn", "2", "--pid", &pid, "--html", page];
    let report = figures(&server, "churn.json", &[&wanted[..], &more[..]].concat());

    assert_eq!(report["ok"], true);
    let connections = &report["connections"];
    assert_eq!((&connections["publishers"], &connections["subscribers"]), (&2.into(), &10.into()));
    assert!(connections["joined"].as_u64() >= Some(2), "both streams: {connections}");
    assert_eq!(connections["joined"], connections["left"]);

    let whole = &report["whole"];
    for kind in ["audio", "video"] {
        let counts = &whole[kind];
        assert!(number(&counts["sent"]) > 0.0, "{kind}: {counts}");
        assert_eq!(counts["expected"], counts["received"], "{kind}: {counts}");
    }
    assert_eq!((&whole["lost"], &whole["unauthentic"]), (&0.into(), &0.into()));
    assert!(number(&whole["delay_ms"]["p50"]) > 0.0, "{whole}");
    assert!(number(&whole["first_media_ms"]["count"]) > 0.0, "{whole}");

    // How much is on its way at either end of the window depends on the machine; its seconds add up to it.
    let window = &report["window"];
    let seconds = report["series"].as_array().expect("a sample for each second");
    for count in ["sent", "received"] {
        let sum: f64 = seconds.iter().map(|sample| number(&sample["both"][count])).sum();
        assert!(sum > 0.0 && sum == number(&window["both"][count]), "{count}: {sum} and {window}");
    }
    assert!(number(&window["server"]["cpu_us_per_packet"]) > 0.0, "{window}");
    assert!(number(&window["server"]["resident_bytes"]) > 1e6, "{window}");
    let page = std::fs::read_to_string(&html).expect("a page");
    drop(std::fs::remove_file(&html));
    assert_eq!(page.matches("<svg").count(), 4);
    server.stop();
}

#[test]
fn what_a_bad_network_loses_is_asked_for_again() {
    let server = Server::start();
    let wanted = ["--video-only", "--subscribers", "5", "--duration", "2", "--loss", "5"];
    let report =
        figures(&server, "loss.json", &[&wanted[..], &["--profile", "aes128cm", "--spaced"]].concat());
    let video = &report["whole"]["video"];
    assert!(number(&video["thrown"]) > 0.0, "{video}");
    assert!(number(&video["repairs"]) > 0.0, "{video}");
    assert_eq!(report["whole"]["lost_beyond_loss"], 0);
    server.stop();
}

#[test]
fn nobody_there_and_bad_options_have_exit_codes_of_their_own() {
    let nobody = format!("ws://127.0.0.1:{}/ws", peer::server::free_tcp_port());
    let output = load_test(&["--url", &nobody]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(said(&output).trim().lines().count(), 1, "one clear line: {}", said(&output));
    for wrong in [["--packet", "9000"], ["--fps", "no"], ["--url", "http://localhost"]] {
        let output = load_test(&wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", said(&output));
    }
}

#[test]
fn a_server_that_asks_for_tokens_gets_them() {
    const SECRET: &str = "a secret that is long enough for it";
    let server = Server::with(ServerConfig::default().set("auth.secret", SECRET));
    let wanted = ["--publishers", "1", "--subscribers", "2", "--duration", "1", "--warm-up", "0.2"];
    let report = figures(&server, "tokens.json", &[&wanted[..], &["--secret", SECRET]].concat());
    assert!(number(&report["whole"]["audio"]["received"]) > 0.0, "{report:#}");
    let output = load_test(&[&["--url", server.ws_url()], &wanted[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("401"), "{}", said(&output));
}
