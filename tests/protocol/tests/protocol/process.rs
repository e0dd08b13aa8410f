//! The process itself: how it starts, how it ends, what it says when it cannot.

use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use peer::Server;
use peer::server::{EXIT_WITHIN, binary_path, free_tcp_port, free_udp_ports, get, terminate};
use serde_json::json;

/// A program that cannot start says so at once.
const SAYS_SO_WITHIN: Duration = Duration::from_secs(10);

/// Runs the binary to its end; fails the test when it does not come.
fn run(arguments: &[&str]) -> Output {
    let mut child = Command::new(binary_path())
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let deadline = Instant::now() + SAYS_SO_WITHIN;
    while child.try_wait().expect("the child can be asked").is_none() {
        if Instant::now() > deadline {
            let ended = terminate(&mut child);
            panic!("{arguments:?} still runs; SIGTERM gave {ended:?}");
        }
        sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("its output")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Settings that let a server start on this machine.
fn settings(signal: u16, media: u16) -> Vec<String> {
    [
        format!("signal.listen=\"127.0.0.1:{signal}\""),
        format!("ops.listen=\"127.0.0.1:{}\"", free_tcp_port()),
        format!("sfu.port={media}"),
        "sfu.workers=1".to_owned(),
        "sfu.ips=[\"127.0.0.1\"]".to_owned(),
    ]
    .into_iter()
    .flat_map(|setting| ["--set".to_owned(), setting])
    .collect()
}

#[test]
fn an_unknown_key_is_named_and_the_exit_code_is_2() {
    for (setting, name) in [
        ("signal.lisen=\"127.0.0.1:1\"", "lisen"),
        ("sginal.listen=\"127.0.0.1:1\"", "sginal"),
        ("sfu.prot=1", "prot"),
    ] {
        let output = run(&["standalone", "--set", setting]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{setting}: {said}");
        assert!(said.contains(name), "{name} is not named: {said}");
        assert_eq!(said.trim().lines().count(), 1, "one clear line: {said}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_named_and_the_exit_code_is_2() {
    for (setting, name) in [
        ("sfu.port=\"many\"", "port"),
        ("sfu.port=700000", "port"),
        ("signal.listen=7", "listen"),
        ("sfu.ips=[\"nowhere\"]", "ips"),
    ] {
        let output = run(&["standalone", "--set", setting]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{setting}: {said}");
        assert!(said.contains(name), "{name} is not named: {said}");
    }
}

#[test]
fn a_missing_config_file_is_named_and_the_exit_code_is_2() {
    let output = run(&["standalone", "-c", "/nonexistent/anabranch.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("/nonexistent/anabranch.toml"), "{}", said(&output));
}

#[test]
fn help_and_version_are_answered() {
    let output = run(&["--version"]);
    assert!(output.status.success() && said(&output).contains("anabranch"), "{}", said(&output));
    let output = run(&["--help"]);
    assert!(output.status.success() && said(&output).contains("standalone"), "{}", said(&output));
}

#[test]
fn a_taken_port_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", free_tcp_port())).expect("a port");
    let signal = listener.local_addr().expect("bound").port();
    let socket = UdpSocket::bind(("0.0.0.0", free_udp_ports(1))).expect("a port");
    let media = socket.local_addr().expect("bound").port();
    for (signal, media, taken) in [(signal, free_udp_ports(1), signal), (free_tcp_port(), media, media)] {
        let settings = settings(signal, media);
        let mut arguments = vec!["standalone"];
        arguments.extend(settings.iter().map(String::as_str));
        let output = run(&arguments);
        let said = said(&output);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(&taken.to_string()), "port {taken} is not named: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
async fn sigterm_ends_a_busy_server_within_five_seconds() {
    let server = Server::start();
    let ada = peer::Peer::connect(server.ws_url(), "ada").await;
    let bob = peer::Peer::connect(server.ws_url(), "bob").await;
    ada.join("room").await;
    bob.join("room").await;
    let mut camera = crate::fixture::publisher();
    let stream = ada.publish("room", &mut camera).await.expect("a stream");
    let mut screen = crate::fixture::subscriber();
    bob.subscribe("room", &stream.mid, &mut screen).await.expect("a subscription");
    screen.frames(5, 5).await;
    let since = Instant::now();
    // Asserts the exit code, the time, and a clean log; blocks, so not on this runtime's thread.
    tokio::task::spawn_blocking(move || server.stop()).await.expect("a clean end");
    assert!(since.elapsed() < EXIT_WITHIN);
    for peer in [&ada, &bob] {
        peer.closed().await;
    }
    screen.until("the end", |reception| reception.ended).await;
}

#[test]
fn sigint_ends_it_too() {
    let settings = settings(free_tcp_port(), free_udp_ports(1));
    let ops = settings[3].trim_start_matches("ops.listen=").trim_matches('"').to_owned();
    let mut child = Command::new(binary_path())
        .arg("standalone")
        .args(&settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let deadline = Instant::now() + SAYS_SO_WITHIN;
    while !get(&ops, "/readyz").is_ok_and(|reply| reply.status == 200) {
        assert!(Instant::now() < deadline, "not ready");
        sleep(Duration::from_millis(10));
    }
    let sent = Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let since = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be asked") {
            break status;
        }
        if since.elapsed() > EXIT_WITHIN {
            drop(child.kill());
            panic!("still running");
        }
        sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_operator_s_pages_answer() {
    let server = Server::start();
    assert_eq!(get(server.ops_address(), "/healthz").expect("an answer").status, 200);
    assert_eq!(get(server.ops_address(), "/readyz").expect("an answer").status, 200);
    assert_eq!(get(server.ops_address(), "/nonsense").expect("an answer").status, 404);
}

#[tokio::test]
async fn a_client_comes_back_after_a_restart() {
    let server = Server::start();
    let ada = peer::Peer::connect(server.ws_url(), "ada").await;
    ada.join("room").await;
    tokio::task::spawn_blocking(move || server.stop()).await.expect("a clean end");
    ada.closed().await;
    let server = Server::start();
    let ada = peer::Peer::connect(server.ws_url(), "ada").await;
    assert_eq!(ada.join("room").await.data, json!({"users": [], "pubs": []}));
}
