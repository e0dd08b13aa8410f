//! The process ends without a word.

use servers::{Folder, Logs};

use super::harness::{Recordings, open, random, until, until_all_arrived};
use super::s3::S3;

#[tokio::test]
async fn nothing_that_was_added_is_lost() {
    let Some(s3) = S3::new() else { return };
    let recordings = Recordings::new();
    let settings = s3.settings(recordings.path());
    let files: Vec<String> = (0..10).map(|n| format!("room/user/{n}.opus")).collect();
    let (archive, uploader) = open(&settings);
    for file in &files {
        recordings.write(file, file.as_bytes());
        archive.add(file).unwrap();
    }
    drop((archive, uploader));

    let _server = s3.start();
    let (archive, _uploader) = open(&settings);
    until_all_arrived(&archive).await;
    assert!(files.iter().all(|file| s3.contents(&format!("rec/{file}")) == file.as_bytes()));
    assert_eq!(recordings.notes(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn an_upload_that_was_under_way_begins_anew() {
    let Some(s3) = S3::new() else { return };
    let recordings = Recordings::new();
    let settings = s3.settings(recordings.path());
    let server = s3.start();
    let large = random(20_000_000);
    recordings.write("room/1.opus", &large);
    // The system takes the connection for the server, which reads nothing.
    server.pause();
    let (archive, uploader) = open(&settings);
    archive.add("room/1.opus").unwrap();
    until("the server is connected to", || connected(s3.port())).await;
    drop((archive, uploader));
    until("the connection is gone", || !connected(s3.port())).await;
    server.resume();

    let (archive, _uploader) = open(&settings);
    until_all_arrived(&archive).await;
    assert!(s3.contents("rec/room/1.opus") == large, "the file differs");
}

/// Whether a client on this machine has a connection to this port (`/proc/net/tcp`: 1 is ESTABLISHED).
fn connected(port: u16) -> bool {
    let (table, to) = (std::fs::read_to_string("/proc/net/tcp").unwrap(), format!("0100007F:{port:04X}"));
    let mut rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.any(|row| row[2] == to && row[3] == "01")
}

#[tokio::test]
async fn a_file_that_was_being_removed_is_uploaded_again() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    let settings = recordings.to_folder(&kept.path().join("missing"), false);
    recordings.write("room/1.opus", b"sound");
    let (archive, uploader) = open(&settings);
    archive.add("room/1.opus").unwrap();
    drop((archive, uploader));
    // As after a crash between the two halves of the removal.
    let note = recordings.notes().remove(0);
    std::fs::rename(recordings.path().join("room/1.opus"), note.with_extension("0.sent")).unwrap();
    std::fs::write(note.with_file_name("0000000000000001-00000000.new"), "half a no").unwrap();

    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), false));
    until_all_arrived(&archive).await;
    assert_eq!(std::fs::read(kept.join("room/1.opus")).unwrap(), b"sound");
    assert_eq!(recordings.notes(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn of_a_unit_that_was_being_removed_the_rest_goes_too() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    recordings.write("room/1.opus", b"sound");
    recordings.write("room/1.json", b"story");
    let (archive, uploader) = open(&recordings.to_folder(&kept.path().join("missing"), false));
    archive.add_together(&["room/1.opus", "room/1.json"]).unwrap();
    drop((archive, uploader));
    // The first was removed when the process ended, the second was on its way.
    std::fs::remove_file(recordings.path().join("room/1.opus")).unwrap();
    let note = recordings.notes().remove(0);
    std::fs::rename(recordings.path().join("room/1.json"), note.with_extension("1.sent")).unwrap();

    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), false));
    until_all_arrived(&archive).await;
    assert_eq!(std::fs::read(kept.join("room/1.json")).unwrap(), b"story");
    assert_eq!((recordings.has("room/1.json"), recordings.notes().len()), (false, 0));
}

#[tokio::test]
async fn a_file_on_its_way_out_without_a_note_is_reported_and_kept() {
    let (recordings, kept, logs) = (Recordings::new(), Folder::new("kept"), Logs::listen());
    let lost = recordings.path().join(".upload/0000000000000001-00000000.0.sent");
    std::fs::create_dir(recordings.path().join(".upload")).unwrap();
    std::fs::write(&lost, b"sound").unwrap();
    let (_archive, uploader) = open(&recordings.to_folder(kept.path(), false));
    assert!(logs.warnings().concat().contains("0000000000000001-00000000.0.sent"), "{}", logs.text());
    assert!(lost.exists());
    uploader.close().await;
}
