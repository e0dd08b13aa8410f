//! The process ends without a word.

use servers::Folder;

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
    std::fs::rename(recordings.path().join("room/1.opus"), note.with_extension("sent")).unwrap();
    std::fs::write(note.with_file_name("0000000000000001-00000000.new"), "half a no").unwrap();

    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), false));
    until_all_arrived(&archive).await;
    assert_eq!(std::fs::read(kept.join("room/1.opus")).unwrap(), b"sound");
    assert_eq!(recordings.notes(), Vec::<std::path::PathBuf>::new());
}
