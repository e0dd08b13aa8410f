//! What players make of the files: opusinfo, opusdec, ffprobe and ffmpeg, with sound by opusenc.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]

#[path = "../src/sim.rs"]
mod sim;

use ogg::{Channels, Head, Mend, Page, Recording, Scan, Tags};
use sim::{Call, read};
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::process::Command;

const LEFT: f64 = 440.0;
const RIGHT: f64 = 880.0;

/// A folder for one test's files.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ogg-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a tool, and returns what it wrote: its output, and its complaints.
fn run(tool: &str, arguments: &[&str]) -> (Vec<u8>, String) {
    let package = if tool.starts_with("opus") { "opus-tools" } else { "ffmpeg" };
    let output = Command::new(tool).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{tool}: {error}; Debian has it in {package}"));
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool} {arguments:?}: {complaints}");
    (output.stdout, complaints)
}

/// Packets of 20 ms by opusenc: 440 Hz on the left, 880 Hz on the right.
fn tones(folder: &Path, options: &[&str]) -> Vec<Vec<u8>> {
    let mut raw = Vec::new();
    for n in 0..5 * 48_000 {
        for hertz in [LEFT, RIGHT] {
            let value = (f64::from(n) / 48_000.0 * hertz * TAU).sin() * 8_000.0;
            raw.extend_from_slice(&(value as i16).to_le_bytes());
        }
    }
    let (from, to) = (folder.join("tones.raw"), folder.join("tones.opus"));
    std::fs::write(&from, raw).unwrap();
    let fixed = ["--quiet", "--raw", "--framesize", "20", "--comp", "3"];
    let files = [from.to_str().unwrap(), to.to_str().unwrap()];
    run("opusenc", &[&fixed, options, &files].concat());
    let (file, mut packets) = (std::fs::read(to).unwrap(), Vec::new());
    let mut rest = file.as_slice();
    while !rest.is_empty() {
        let page = Page::parse(rest).unwrap().unwrap();
        assert!(page.is_self_contained());
        packets.extend(page.packets().map(<[u8]>::to_vec));
        rest = &rest[page.len()..];
    }
    // The headers, and the ends, where the tones fade.
    packets[12..packets.len() - 10].to_vec()
}

/// Records a call with these packets, and writes it to a file.
fn record(folder: &Path, call: &Call, channels: Channels, packets: &[Vec<u8>]) -> (String, Vec<u8>) {
    let mut tags = Tags::new();
    tags.add("TITLE", "Zimmer 5 · 会议").unwrap();
    let mut recording = Recording::new(Head { channels }, &tags, 0x1234_5678);
    let mut bytes = recording.output().to_vec();
    recording.clear_output();
    bytes.extend(call.record(&mut recording, |id| packets[id as usize % packets.len()].clone()));
    (write(folder, "recording.opus", &bytes), bytes)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What opusinfo says, which must be without any warning.
fn sound(path: &str) -> String {
    let (said, complaints) = run("opusinfo", &[path]);
    let said = String::from_utf8_lossy(&said).into_owned() + &complaints;
    assert!(!said.contains("WARNING") && !said.contains("ERROR"), "{said}");
    said
}

/// Seconds, as ffprobe sees them.
fn probed(path: &str) -> f64 {
    let (said, complaints) =
        run("ffprobe", &["-v", "warning", "-show_entries", "format=duration", "-of", "csv=p=0", path]);
    assert_eq!(complaints, "");
    String::from_utf8(said).unwrap().trim().parse().unwrap()
}

/// What ffmpeg decodes: 16-bit samples at 48 kHz of both channels.
fn decoded(path: &str) -> Vec<u8> {
    let (pcm, complaints) = run("ffmpeg", &["-v", "warning", "-i", path, "-f", "s16le", "-ac", "2", "-"]);
    assert_eq!(complaints, "");
    pcm
}

/// How long that plays.
fn seconds(pcm: &[u8]) -> f64 {
    pcm.len() as f64 / 4.0 / 48_000.0
}

/// The samples of the left and the right channel between two seconds.
fn sides(pcm: &[u8], from: f64, to: f64) -> [Vec<f64>; 2] {
    let [from, to] = [from, to].map(|seconds| (seconds * 48_000.0) as usize * 4);
    let both = pcm[from..to].chunks_exact(4);
    [0, 2]
        .map(|at| both.clone().map(|both| f64::from(i16::from_le_bytes([both[at], both[at + 1]]))).collect())
}

/// The energy of one frequency (Goertzel), of samples at 48 kHz.
fn energy(samples: &[f64], hertz: f64) -> f64 {
    let turn = 2.0 * (TAU * hertz / 48_000.0).cos();
    let (a, b) = samples.iter().fold((0.0, 0.0), |(a, b), sample| (sample + turn * a - b, a));
    (a * a + b * b - turn * a * b) / samples.len() as f64
}

fn loudness(samples: &[f64]) -> f64 {
    (samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64).sqrt()
}

#[test]
fn each_tone_stays_on_its_side() {
    let folder = folder("sides");
    let packets = tones(&folder, &["--bitrate", "64"]);
    let mut call = Call { loss: 0.05, jitter: 0.08, ppm: 200.0, ..Call::new(1) };
    call.talk(20.0);
    let (path, bytes) = record(&folder, &call, Channels::Stereo, &packets);
    assert_eq!(read(&bytes).channels, 2);
    assert!(sound(&path).contains("Zimmer 5 · 会议"));
    assert!((probed(&path) - call.now).abs() < 0.020);
    let wav = folder.join("recording.wav");
    run("opusdec", &["--quiet", &path, wav.to_str().unwrap()]);
    for pcm in [decoded(&path), std::fs::read(wav).unwrap().split_off(44)] {
        assert!((seconds(&pcm) - call.now).abs() < 0.001);
        let [left, right] = sides(&pcm, 1.0, 19.0);
        assert!(energy(&left, LEFT) > 1_000.0 * energy(&left, RIGHT));
        assert!(energy(&right, RIGHT) > 1_000.0 * energy(&right, LEFT));
        assert!(loudness(&left) > 2_000.0 && loudness(&right) > 2_000.0);
    }
}

#[test]
fn ten_minutes_last_ten_minutes_and_what_was_said_is_where_it_was_said() {
    let folder = folder("ten-minutes");
    let packets = tones(&folder, &["--bitrate", "64"]);
    let mut call = Call { loss: 0.05, jitter: 0.08, ppm: -400.0, doubled: 0.01, ..Call::new(2) };
    call.pause(4.0);
    let mut marks = Vec::new(); // the next packet after each mute
    for round in 0..10 {
        call.talk(22.0);
        call.quiet(12.0);
        call.talk(10.0);
        if round % 2 == 0 {
            call.mute(8.0);
        } else {
            call.pause(8.0);
        }
        marks.push(call.sent.len());
        call.talk(6.0);
        call.timestamp = call.timestamp.wrapping_add(round * 123_456_789);
    }
    call.pause(600.0 - call.now);
    let marks = marks.into_iter().map(|at| call.sent[at].capture);
    let (path, bytes) = record(&folder, &call, Channels::Stereo, &packets);
    assert_eq!(read(&bytes).duration, 600 * 48_000);
    sound(&path);
    assert!((probed(&path) - 600.0).abs() < 0.020, "{}", probed(&path));
    let pcm = decoded(&path);
    assert!((seconds(&pcm) - 600.0).abs() < 0.001);
    for mark in marks {
        let [left, _] = sides(&pcm, mark - 1.0, mark + 1.0);
        let heard = left.chunks(240).position(|chunk| loudness(chunk) > 30.0).unwrap();
        let late = heard as f64 * 0.005 - 1.0;
        // The way takes 30 ms.
        assert!((late - 0.030).abs() < 0.060, "{mark}: {late}");
    }
}

#[test]
fn speech_with_gaps_plays_everywhere() {
    let folder = folder("speech");
    let packets = tones(&folder, &["--bitrate", "14", "--speech", "--downmix-mono"]);
    assert!(packets.iter().all(|packet| packet[0] >> 3 < 16), "SILK or hybrid");
    let mut call = Call { loss: 0.08, jitter: 0.05, ppm: 500.0, ..Call::new(3) };
    for _ in 0..3 {
        call.talk(5.0);
        call.mute(2.0);
        call.quiet(3.0);
    }
    let (path, bytes) = record(&folder, &call, Channels::Mono, &packets);
    let file = read(&bytes);
    assert_eq!((file.channels, file.packets[0].start), (1, -312));
    let theirs = file.packets.iter().filter(|packet| packet.bytes.len() > 3).count();
    assert!(theirs > call.sent.len() * 97 / 100, "{theirs}");
    sound(&path);
    assert!((probed(&path) - call.now).abs() < 0.020);
    let pcm = decoded(&path);
    assert!((seconds(&pcm) - call.now).abs() < 0.001);
    assert!(loudness(&sides(&pcm, 0.0, 5.0)[0]) > 1_000.0);
    assert!(loudness(&sides(&pcm, 6.0, 6.7)[0]) < 1.0, "the mute is silent");
}

#[test]
fn a_file_that_was_left_open_is_mended() {
    let folder = folder("mended");
    let packets = tones(&folder, &["--bitrate", "64"]);
    let mut call = Call::new(4);
    call.talk(10.0);
    let (_, mut bytes) = record(&folder, &call, Channels::Stereo, &packets);
    bytes.truncate(bytes.len() - 5_000);
    let path = write(&folder, "open.opus", &bytes);
    let said = Command::new("opusinfo").arg(&path).output().unwrap();
    assert!(!said.status.success(), "it was whole");
    let mut scan = Scan::new();
    assert!(bytes.chunks(4096).all(|part| scan.feed(part)));
    let Mend::Cut { keep, patch: Some((offset, patch)) } = scan.finish() else { panic!("nothing to mend") };
    bytes.truncate(offset as usize);
    bytes.extend(patch);
    assert_eq!(bytes.len() as u64, keep);
    let path = write(&folder, "mended.opus", &bytes);
    sound(&path);
    let duration = probed(&path);
    assert!((8.0..10.0).contains(&duration), "{duration}");
    assert!((seconds(&decoded(&path)) - duration).abs() < 0.020);
}
