//! The binary as a person starts it: what it says, and how it exits.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn anabranch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anabranch"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    anabranch(arguments).output().unwrap()
}

/// The one line on stderr.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn a_bad_config_is_one_line_and_exit_code_2() {
    let output = output(&["standalone", "--set", "sfu.prot=1"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(complaint(&output), "anabranch: flag --set: unknown key sfu.prot; did you mean sfu.port?\n");
    let by_variable = anabranch(&["standalone"]).env("ANABRANCH__SFU__WORKERS", "many").output().unwrap();
    assert_eq!(by_variable.status.code(), Some(2));
    assert!(complaint(&by_variable).contains("ANABRANCH__SFU__WORKERS: sfu.workers: expected a number"));
}

#[test]
fn check_reads_a_file_and_says_what_is_wrong() {
    let directory = std::env::temp_dir().join(format!("anabranch-check-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("a.toml");
    let path = file.to_str().unwrap();

    std::fs::write(&file, "[signal]\nlisten = \"127.0.0.1:8080\"\n").unwrap();
    assert_eq!(output(&["check", "-c", path]).status.code(), Some(0));
    std::fs::write(&file, "[signal]\nlisten = 8080\n").unwrap();
    let bad = output(&["check", "-c", path]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(complaint(&bad).contains("signal.listen: expected an address and a port"));
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(output(&["check", "-c", path]).status.code(), Some(2));
}

#[test]
fn check_says_for_whom_and_the_examples_are_good() {
    let example = |name: &str| format!("{}/../../deploy/config/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    for name in ["signal", "register", "sfu"] {
        let checked = output(&["check", "-c", &example(name)]);
        let said = String::from_utf8(checked.stdout.clone()).unwrap();
        assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
        assert!(said.ends_with(&format!("no mistakes found for {name}\n")), "{said}");
        assert_eq!(output(&["check", "-c", &example(name), "--role", name]).status.code(), Some(0));
    }
    let all = output(&["check", "-c", &example("all")]);
    assert!(
        String::from_utf8(all.stdout).unwrap().ends_with("no mistakes found for signal, register, sfu\n")
    );
    let wrong = output(&["check", "-c", &example("sfu"), "--role", "register"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(complaint(&wrong).contains("for anabranch register: not set: nats.url (such as"), "names what");
}

#[test]
fn it_explains_itself() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("standalone"));
    let version = output(&["--version"]);
    assert_eq!(version.stdout, format!("anabranch {}\n", env!("CARGO_PKG_VERSION")).into_bytes());
    assert_eq!(output(&["sing"]).status.code(), Some(2));
}

#[test]
fn it_says_where_to_go_and_ends_with_0_after_a_signal() {
    for name in ["TERM", "INT"] {
        let mut child = anabranch(&["standalone", "--set", "signal.listen=127.0.0.1:0"])
            .args(["--set", "ops.listen=127.0.0.1:0", "--set", "sfu.port=0", "--set", "log.level=warn"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = lines.next().unwrap().unwrap();
        assert!(greeting.contains("open http://127.0.0.1:"), "{greeting}");

        let sent = Instant::now();
        let kill =
            Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(sent.elapsed() < Duration::from_secs(5));
        assert_eq!(lines.next().map(Result::unwrap), None, "nothing to warn of");
    }
}

#[test]
fn a_port_in_use_is_one_line_and_a_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("ops.listen={}", taken.local_addr().unwrap());
    let output = output(&["standalone", "--set", &listen, "--set", "signal.listen=127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("(ops.listen)"), "{}", complaint(&output));
}
