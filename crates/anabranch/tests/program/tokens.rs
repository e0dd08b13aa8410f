//! Tokens from the command line to the door: made, taken, refused, and their keys changed while the process runs.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, http};

const OLD: &str = "an old secret that is long enough for it";
const NEW: &str = "a new secret that is long enough for it";

/// A folder of keys, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("anabranch-tokens-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn has(&self, name: &str, secret: &str) {
        fs::write(self.0.join(name), secret).unwrap();
    }

    fn setting(&self) -> String {
        format!("auth.keys={}", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn anabranch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_anabranch")).args(arguments).output().unwrap()
}

/// A token of the command line; the settings come first.
fn token(arguments: &[&str]) -> String {
    let output = anabranch(&[&["token"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((text.lines().count(), text.matches('.').count()), (1, 2), "{text}");
    text.trim().to_owned()
}

/// A running standalone, ended with the test.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(settings: &[&str]) -> Self {
        let own =
            ["signal.listen=127.0.0.1:0", "ops.listen=127.0.0.1:0", "sfu.ips=[\"127.0.0.1\"]", "sfu.port=0"];
        let all = own.iter().chain(settings).flat_map(|setting| ["--set", setting]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_anabranch"));
        let mut child = command.arg("standalone").args(all).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let ready = lines.find(|line| line.contains("is ready")).unwrap();
        // Whoever writes on is not to be stopped by that.
        std::thread::spawn(move || lines.for_each(drop));
        let address = ready.split("://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
        Self { child, address }
    }

    /// The status of ann's upgrade with a token.
    async fn lets_in(&self, token: Option<&str>) -> u16 {
        let header = token.map(|token| format!("\r\nAuthorization: Bearer {token}")).unwrap_or_default();
        let upgrade =
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
        let request = format!(
            "GET /ws?peer=ann HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n{upgrade}{header}\r\n\r\n"
        );
        let answer = crate::support::first_line(self.address, &request).await;
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn hang_up(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_token_of_the_command_line_opens_the_door() {
    let secret = format!("auth.secret={OLD}");
    let server = Server::start(&[&secret]);
    let made = token(&["--set", &secret, "--uid", "ann", "--room", "tea"]);
    assert_eq!(server.lets_in(Some(&made)).await, 101);
    assert_eq!(server.lets_in(None).await, 401);
    let other = token(&["--set", &format!("auth.secret={NEW}"), "--uid", "ann", "--room", "tea"]);
    assert_eq!(server.lets_in(Some(&other)).await, 401);
    let (head, _) = http(server.address, "GET /").await;
    assert!(head.starts_with("http/1.1 200"), "pages are for everybody: {head}");
}

#[tokio::test]
async fn keys_are_read_anew_when_the_operator_says_so() {
    let folder = Folder::new();
    folder.has("old.secret", &format!("{OLD}\n"));
    let server = Server::start(&[&folder.setting()]);
    folder.has("new.secret", NEW);
    let make = |kid| token(&["--set", &folder.setting(), "--kid", kid, "--uid", "ann", "--room", "*"]);
    let (old, new) = (make("old"), make("new"));
    assert_eq!((server.lets_in(Some(&old)).await, server.lets_in(Some(&new)).await), (101, 401));
    server.hang_up();
    let deadline = Instant::now() + PATIENCE;
    while server.lets_in(Some(&new)).await != 101 {
        assert!(Instant::now() < deadline, "the new key is not known");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.lets_in(Some(&old)).await, 101, "it is still there");

    // One that cannot be used changes nothing.
    folder.has("bad.secret", "short");
    server.hang_up();
    fs::remove_file(folder.0.join("old.secret")).unwrap();
    assert_eq!(server.lets_in(Some(&new)).await, 101);
    fs::remove_file(folder.0.join("bad.secret")).unwrap();
    server.hang_up();
    let deadline = Instant::now() + PATIENCE;
    while server.lets_in(Some(&old)).await != 401 {
        assert!(Instant::now() < deadline, "the old key is still known");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.lets_in(Some(&new)).await, 101);
}

#[test]
fn what_cannot_be_signed_is_said() {
    for (arguments, said) in [
        (&["--uid", "ann", "--room", "tea"][..], "auth.secret"),
        (&["--uid", "ann", "--room", "tea", "--set", "auth.secret=short"], "32"),
        (&["--uid", "", "--room", "tea", "--set", &format!("auth.secret={OLD}")], "--uid"),
        (&["--uid", "ann", "--room", "", "--set", &format!("auth.secret={OLD}")], "--room"),
        (&["--uid", "ann", "--room", "a", "--private-key", "/nowhere.pem"], "/nowhere.pem"),
    ] {
        let output = anabranch(&[&["token"], arguments].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(said) && !text.contains("=short"), "{arguments:?}: {text}");
    }
}

#[test]
fn a_node_that_would_let_everybody_in_says_so_and_ends() {
    let cluster = ["--set", "etcd.addrs=[\"http://127.0.0.1:1\"]", "--set", "nats.url=nats://127.0.0.1:1"];
    let output = anabranch(&[&["signal", "--set", "signal.listen=0.0.0.0:0"], &cluster[..]].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("[auth]") && text.contains("--insecure"), "{text}");
    let bad = anabranch(&["standalone", "--set", "auth.secret=short"]);
    let text = String::from_utf8(bad.stderr).unwrap();
    assert!(!bad.status.success() && text.contains("32") && !text.contains("short\""), "{text}");
}
