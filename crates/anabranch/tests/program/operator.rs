//! What an operator sees of a running program: its numbers, its rooms, and where its time goes.

mod exposition;

use std::time::Duration;

use crate::support::{Client, PATIENCE, http};
use anabranch::Standalone;
use anabranch::config::{Config, Sources};
use exposition::Exposition;
use serde_json::{Value, json};

const LISTENERS: [&str; 5] = [
    "signal.listen=127.0.0.1:0",
    "ops.listen=127.0.0.1:0",
    "sfu.ips=[\"127.0.0.1\"]",
    "sfu.port=0",
    "sfu.workers=1",
];

/// The program, as its operator reaches it.
struct World(Standalone);

impl World {
    async fn new() -> Self {
        let flags = LISTENERS.map(str::to_owned);
        let config = Config::load(&Sources { flags: &flags, ..Sources::default() }).unwrap();
        Self(Standalone::start(&config).await.unwrap())
    }

    async fn client(&self, uid: &str) -> Client {
        Client::connect(self.0.signal_address(), uid).await
    }

    async fn get(&self, path: &str) -> (String, String) {
        http(self.0.ops_address(), &format!("GET {path}")).await
    }

    async fn metrics(&self) -> Exposition {
        let (head, body) = self.get("/metrics").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert!(head.contains(kind), "{head}");
        Exposition::read(&body)
    }

    /// A status and the JSON that comes with it.
    async fn json(&self, path: &str) -> (u16, Value) {
        let (head, body) = self.get(path).await;
        assert!(head.contains("content-type: application/json"), "{path}: {head}");
        (head[9..12].parse().unwrap(), serde_json::from_str(&body).unwrap())
    }

    /// Asks until the answer has this status.
    async fn until(&self, path: &str, status: &str) -> (String, String) {
        loop {
            let (head, body) = self.get(path).await;
            if head.starts_with(&format!("http/1.1 {status}")) {
                return (head, body);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_do_is_counted_everywhere_it_passes() {
    let world = World::new().await;
    let before = world.metrics().await;
    let joins = [("method", "join"), ("result", "ok")];
    assert_eq!(before.value("anabranch_signal_requests_total", &joins), Some(0.0), "there before the first");

    let mut ann = world.client("ann").await;
    let mut bob = world.client("bob").await;
    for rid in ["tea", "tango"] {
        ann.done("join", json!({"rid": rid})).await;
    }
    bob.done("join", json!({"rid": "tea"})).await;
    ann.notified("peer-join").await;
    bob.ask("leave", json!({"rid": "never joined"})).await;
    for n in 0..10 {
        bob.ask(&format!("made up {n}"), json!({"rid": "tea"})).await;
    }

    let metrics = world.metrics().await;
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        assert_eq!(metrics.value(name, labels), Some(expected), "{name} {labels:?}");
    };
    is("anabranch_signal_requests_total", &joins, 3.0);
    is("anabranch_signal_requests_total", &[("method", "leave"), ("result", "NotJoined")], 1.0);
    is("anabranch_signal_requests_total", &[("method", "unknown"), ("result", "Internal")], 10.0);
    is("anabranch_signal_request_duration_seconds_count", &[("method", "join")], 3.0);
    is("anabranch_signal_connections", &[], 2.0);
    is("anabranch_signal_connections_accepted_total", &[], 2.0);
    is("anabranch_signal_rooms", &[], 2.0);
    is("anabranch_signal_users", &[], 3.0);
    is("anabranch_signal_notifications_total", &[], 1.0);
    is("anabranch_signal_register_calls_total", &[("method", "Join"), ("result", "ok")], 3.0);
    is("anabranch_register_requests_total", &[("method", "Join"), ("result", "ok")], 3.0);
    is("anabranch_store_calls_total", &[("operation", "join"), ("result", "ok")], 3.0);
    is("anabranch_events_published_total", &[("result", "ok")], 3.0);
    for role in ["signal", "register", "sfu"] {
        is("anabranch_discovery_nodes", &[("role", role), ("draining", "false")], 1.0);
    }
    is("anabranch_sfu_streams", &[], 0.0);
    assert!(metrics.value("process_resident_memory_bytes", &[]).unwrap() > 1e6);
    assert!(metrics.value("anabranch_tokio_alive_tasks", &[]).unwrap() > 5.0);
    metrics.is_sound();
    metrics.has_no_label_value_of(&["tea", "tango", "ann", "bob", "made up 1"]);
    world.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_an_sfu_refuses_and_how_connections_end_are_counted() {
    let world = World::new().await;
    let mut ann = world.client("ann").await;
    ann.done("join", json!({"rid": "r"})).await;
    let jsep = json!({"type": "offer", "sdp": "v=0\r\n"});
    let minfo = json!({"audio": true, "video": true, "audiotype": 0, "videotype": 0});
    ann.ask("publish", json!({"rid": "r", "jsep": jsep, "minfo": minfo})).await;
    assert!(http(world.0.signal_address(), "GET /ws").await.0.starts_with("http/1.1 400"));
    drop(ann);
    let ended = async {
        while world.metrics().await.value("anabranch_signal_connections", &[]) != Some(0.0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();

    let metrics = world.metrics().await;
    let one =
        |name: &str, labels: &[(&str, &str)]| assert_eq!(metrics.value(name, labels), Some(1.0), "{name}");
    one("anabranch_signal_requests_total", &[("method", "publish"), ("result", "Sdp")]);
    one("anabranch_signal_sfu_calls_total", &[("method", "Publish"), ("result", "Sdp")]);
    one("anabranch_sfu_requests_total", &[("method", "Publish"), ("result", "Sdp")]);
    one("anabranch_sfu_request_duration_seconds_count", &[("method", "Publish")]);
    one("anabranch_signal_connections_refused_total", &[("reason", "uid")]);
    assert_eq!(metrics.value("anabranch_signal_users", &[]), Some(0.0));
    assert_eq!(metrics.value("anabranch_signal_rooms", &[]), Some(0.0));
    assert_eq!(metrics.sum("anabranch_signal_closes_total"), 1.0);
    world.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rooms_and_what_is_in_them_can_be_looked_at() {
    let world = World::new().await;
    assert_eq!(world.json("/rooms").await, (200, json!({"rooms": [], "next": null})));
    let mut ann = world.client("ann").await;
    let rids = ["a/b ü?", "c", "d"];
    for rid in rids {
        ann.done("join", json!({"rid": rid})).await;
    }
    let (_, page) = world.json("/rooms?limit=2").await;
    let found: Vec<_> = page["rooms"].as_array().unwrap().iter().map(|room| &room["rid"]).collect();
    assert_eq!(found, ["a/b ü?", "c"]);
    assert_eq!((&page["rooms"][0]["users"], &page["rooms"][0]["streams"]), (&json!(1), &json!(0)));
    assert_eq!(page["next"], "c");
    let (_, page) = world.json("/rooms?after=c").await;
    assert_eq!((&page["rooms"][0]["rid"], &page["next"]), (&json!("d"), &json!(null)));
    let (_, page) = world.json("/rooms?after=a%2Fb+%C3%BC%3F&limit=1000").await;
    assert_eq!(page["rooms"].as_array().unwrap().len(), 2);

    let (status, room) = world.json("/rooms/a%2Fb%20%C3%BC%3F").await;
    assert_eq!((status, &room["rid"], &room["streams"]), (200, &json!("a/b ü?"), &json!([])));
    let user = &room["users"][0];
    assert_eq!((&user["uid"], &user["signal"]), (&json!("ann"), &json!("standalone")));
    assert_eq!(user["since"], room["version"], "ann's coming was the last change");
    assert!(user["connection"].as_u64().unwrap() > 0);
    world.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_with_a_reason() {
    let world = World::new().await;
    let long = format!("/rooms/{}", "x".repeat(129));
    let cases = [
        ("/rooms/nobody-is-here", 404, "nobody is in"),
        ("/rooms/a%0Ab", 400, "the room's id has a character"),
        (long.as_str(), 400, "the room's id has 129 bytes"),
        ("/rooms/%ff", 400, "UTF-8"),
        ("/rooms?limit=0", 400, "limit is 0, expected 1 to 1000"),
        ("/rooms?limit=1001", 400, "expected 1 to 1000"),
        ("/rooms?limit=-1", 400, "limit"),
        ("/rooms?after=", 400, "after is empty"),
        ("/streams/nobody%231", 404, "no stream of this id"),
        ("/streams/a%0Ab", 400, "the stream's id has a character"),
        ("/log-level", 404, "no log of its own"),
    ];
    for (path, status, why) in cases {
        let (answered, body) = world.json(path).await;
        assert_eq!(answered, status, "{path}: {body}");
        assert!(body["error"].as_str().unwrap().contains(why), "{path}: {body}");
    }
    for path in ["/profile?seconds=0", "/profile?seconds=61", "/profile?seconds=x"] {
        assert!(world.get(path).await.0.starts_with("http/1.1 400"), "{path}");
    }
    for query in ["", "?level=loud", "?level=debug&seconds=0", "?level=debug&seconds=86401"] {
        let (head, _) = http(world.0.ops_address(), &format!("POST /log-level{query}")).await;
        assert!(head.starts_with("http/1.1 400"), "{query}: {head}");
    }
    assert!(http(world.0.ops_address(), "POST /rooms").await.0.starts_with("http/1.1 405"));
    world.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_shows_what_the_process_does_and_there_is_one_at_a_time() {
    let world = World::new().await;
    let busy = std::thread::Builder::new().name("busy-test".to_owned());
    let (stop, stopped) = std::sync::mpsc::channel();
    let busy = busy.spawn(move || spin_for_the_profile(&stopped)).unwrap();
    // Whichever is first, in the end one was refused and one was drawn.
    let both = async {
        tokio::join!(world.until("/profile?seconds=2", "200"), world.until("/profile?seconds=1", "409"))
    };
    let ((head, svg), (_, refusal)) = tokio::time::timeout(6 * PATIENCE, both).await.unwrap();
    stop.send(()).unwrap();
    busy.join().unwrap();
    assert!(refusal.contains("ask again later"), "{refusal}");
    assert!(head.contains("content-type: image/svg+xml"), "{head}");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    for name in ["busy-test", "spin_for_the_profile"] {
        assert!(svg.contains(name), "{name} in {svg}");
    }
    assert!(!svg.contains("perf_signal_handler"), "the taking of samples is none of it");
    assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
    world.0.shutdown().await;
}

#[inline(never)]
fn spin_for_the_profile(stopped: &std::sync::mpsc::Receiver<()>) {
    let mut number = 1u64;
    while stopped.try_recv().is_err() {
        for _ in 0..100_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}
