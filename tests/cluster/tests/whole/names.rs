//! Ids that would like to be more than ids: ten thousand of them, and then a look at every place where one could have left
//! something: Redis, etcd, NATS, the disk, the logs and the metrics.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use cluster_suite::{Cluster, Shape};
use peer::{MediaThread, Peer, Publisher, PublisherConfig, Subscriber, SubscriberConfig, unique};
use serde_json::json;

const IDS: usize = 10_000;

/// Connections that share them: each joins many rooms, one after the other.
const PEERS: usize = 50;

/// What means something to a path, a key, a subject, a log line, a metric or a terminal.
const PIECES: &[&str] = &[
    "../",
    "..",
    "/",
    "\\",
    "*",
    ">",
    ".",
    ":",
    "{",
    "}",
    "{}",
    "\r\n",
    "\n",
    "\0",
    "\u{1b}[2J",
    "\u{7f}",
    "😀",
    "\u{10ffff}",
    "\u{202e}",
    "\u{200f}",
    "\u{2066}",
    "\u{feff}",
    " ",
    "%2e%2e%2f",
    "%00",
    "$(id)",
    "`id`",
    "\"",
    "'",
    "<script>",
    "#",
    "?",
    "&",
    "=",
    "|",
    ";",
    "anabranch",
    "__proto__",
    "é",
    "e\u{301}",
    "\u{85}",
    "\u{2028}",
    "_INBOX.",
    "$SYS.",
    "etc/passwd",
];

/// Numbers that are the same in each run (a linear congruential generator, Knuth's constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        for _ in 0..=self.below(6) {
            let piece = PIECES[self.below(PIECES.len())];
            if name.len() + piece.len() <= 128 {
                name.push_str(piece);
            }
        }
        name
    }
}

/// Whether the protocol takes it as an id.
fn is_legal(name: &str) -> bool {
    (1..=128).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Subjects of everything that is published, as a subscriber to all hears them.
fn listen_to_nats(address: &str) -> Arc<Mutex<BTreeSet<String>>> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"CONNECT {\"verbose\":false}\r\nSUB > 1\r\nPING\r\n").unwrap();
    let subjects = Arc::new(Mutex::new(BTreeSet::new()));
    let heard = Arc::clone(&subjects);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.first() {
                Some(&"MSG") => {
                    heard.lock().unwrap().insert(words[1].to_owned());
                    let len: usize = words[words.len() - 1].parse().unwrap();
                    reader.read_exact(&mut vec![0; len + 2]).unwrap();
                }
                Some(&"PING") => stream.write_all(b"PONG\r\n").unwrap(),
                _ => {}
            }
            line.clear();
        }
    });
    subjects
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files_below(&entry.path(), found);
        }
    }
}

/// Letters, digits, and what encodings of ours use.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_hostile_ids_stay_in_their_places() {
    let folder = std::env::temp_dir().join(format!("anabranch-names-{}", unique()));
    let records = folder.join("records");
    fs::create_dir_all(&records).unwrap();
    let mut shape = Shape { alarms: &["ERROR"], ..Shape::default() };
    shape.settings.push(format!("record.dir={:?}", records.display().to_string()));
    shape.settings.push("limits.requests=100000".to_owned());
    shape.settings.push("limits.request_burst=100000".to_owned());
    let cluster = Cluster::with(&shape);
    let subjects = listen_to_nats(cluster.backends.nats.nodes()[0].address());
    let mut dice = Dice(7);
    let (mut taken, mut refused) = (0, 0);
    let urls = cluster.urls();
    for number in 0..PEERS {
        let uid = std::iter::repeat_with(|| dice.name()).find(|name| is_legal(name)).unwrap() + &unique();
        let uid = if is_legal(&uid) { uid } else { unique() };
        let peer = Peer::connect(&urls[number % urls.len()], &uid).await;
        for _ in 0..IDS / PEERS {
            let (rid, name) = (dice.name(), dice.name());
            let joined = peer.request("join", json!({"rid": rid})).await;
            assert_eq!(joined.is_ok(), is_legal(&rid), "{rid:?}: {joined:?}");
            if joined.is_err() {
                refused += 1;
                continue;
            }
            taken += 1;
            peer.request("broadcast", json!({"rid": rid, "data": {"said": name}})).await.unwrap();
            let offer = json!({"type": "offer", "sdp": "v=0"});
            let ids = json!({"rid": rid, "mid": name, "sid": name, "sfuid": name, "jsep": offer});
            let strange = peer.request("subscribe", ids).await;
            assert!(strange.is_err());
            peer.request("leave", json!({"rid": rid})).await.unwrap();
        }
        peer.close().await;
    }
    publish_under_a_name_that_misleads(&urls[0]).await;
    println!("{taken} ids taken, {refused} refused");
    assert!(taken > IDS / 4 && refused > IDS / 4);
    look_at_redis(&cluster);
    look_at_etcd(&cluster);
    let subjects = subjects.lock().unwrap().clone();
    assert!(subjects.len() > 100, "{} subjects", subjects.len());
    for subject in &subjects {
        let tokens: Vec<&str> = subject.split('.').collect();
        assert!(subject.starts_with("anabranch.") && tokens.len() <= 4 && is_plain(subject), "{subject:?}");
        assert!(!subject.contains(['*', '>']), "{subject:?}");
    }
    look_at_disk(&folder, &records);
    look_at_logs(&cluster);
    look_at_metrics(&cluster);
    drop(cluster);
    fs::remove_dir_all(&folder).unwrap();
}

/// Media, whose way leaves lines in the SFU's log too.
async fn publish_under_a_name_that_misleads(url: &str) {
    let media = MediaThread::start();
    let uid = format!("\u{202e}{}\u{2066}\u{200f}", unique());
    let peer = Peer::connect(url, &uid).await;
    let rid = "\u{202e}moor";
    peer.join(rid).await;
    let mut publisher = Publisher::new(&media, &PublisherConfig::default());
    let stream = peer.publish(rid, &mut publisher).await.unwrap();
    let mut subscriber = Subscriber::new(&media, &SubscriberConfig::default());
    peer.subscribe(rid, &stream.mid, &mut subscriber).await.unwrap();
    subscriber.frames(1, 1).await;
    peer.request("unpublish", json!({"rid": rid, "mid": stream.mid})).await.unwrap();
    peer.close().await;
}

fn look_at_redis(cluster: &Cluster) {
    for server in cluster.backends.redis.servers() {
        let keys = server.cli(&["--scan"]);
        assert!(keys.lines().count() > 10, "{keys}");
        for key in keys.lines() {
            assert!(key.starts_with("{anabranch:") && is_plain(key), "{key:?}");
            // One hash tag, whose end no id can move.
            assert_eq!((key.matches('{').count(), key.matches('}').count()), (1, 1), "{key:?}");
        }
    }
}

fn look_at_etcd(cluster: &Cluster) {
    let endpoint = cluster.backends.etcd.urls()[0].clone();
    let output = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", &endpoint, "get", "", "--prefix", "--keys-only"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let keys: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(keys.len(), cluster.nodes().count(), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("/anabranch/nodes/")), "{keys:?}");
}

/// Nothing was recorded, so nothing is there but what the SFUs themselves need.
fn look_at_disk(folder: &Path, records: &Path) {
    let mut found = Vec::new();
    files_below(folder, &mut found);
    found.retain(|path| path != records);
    for path in &found {
        let inside = path.strip_prefix(records).unwrap_or_else(|_| panic!("{path:?} is outside"));
        assert!(is_plain(&inside.display().to_string()), "{path:?}");
    }
    for stranger in ["/etc/passwd.ogg", "/room.json"] {
        assert!(!Path::new(stranger).exists());
    }
}

fn look_at_logs(cluster: &Cluster) {
    for node in cluster.nodes() {
        let log = node.log();
        for line in log.lines() {
            let begins = line.as_bytes().first().is_some_and(u8::is_ascii_digit);
            assert!(begins || line.starts_with("Anabranch"), "{}: a line of its own: {line:?}", node.id());
            let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let safe = |c: char| !c.is_control() && !turns(c);
            assert!(line.chars().all(safe), "{}: {line:?}", node.id());
        }
    }
}

fn look_at_metrics(cluster: &Cluster) {
    for node in cluster.nodes() {
        let text = peer::server::get(&node.ops_address(), "/metrics").unwrap().body;
        // Chunks are not put together: their sizes stand between.
        for line in text.lines().filter(|line| line.starts_with("anabranch_") && line.contains('{')) {
            let labels = line.split_once('{').unwrap().1;
            assert!(labels.is_ascii() && !labels.contains("..") && !labels.contains("<script"), "{line:?}");
        }
    }
}
