//! The calls themselves, without anything that counts.

use std::process::Command;

#[test]
fn every_packet_of_every_case_reaches_everybody() {
    for case in ["bursts", "estimated", "spaced", "opus", "hmac", "idle"] {
        let run = Command::new(env!("CARGO_BIN_EXE_instructions")).args(["play", case]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success() && said.contains("played: "), "{case}: {said}");
    }
}
