//! To a server that speaks S3.

use std::fs;

use servers::Logs;

use super::harness::{Recordings, open, random, until, until_all_arrived};
use super::s3::{S3, SECRET};
use crate::{Counters, Settings};

#[tokio::test]
async fn files_wait_for_a_server_that_is_away_and_arrive_whole() {
    let Some(s3) = S3::new() else { return };
    let (recordings, logs) = (Recordings::new(), Logs::listen());
    let (large, small) = (random(20_000_000), random(1000));
    recordings.write("a room/böb/1.opus", &large);
    recordings.write("a room/böb/1.json", &small);
    recordings.write("a room/room.json", b"");
    let (archive, uploader) = open(&s3.settings(recordings.path()));
    for file in ["a room/böb/1.opus", "a room/böb/1.json", "a room/room.json"] {
        archive.add(file).unwrap();
    }
    until("some attempts failed", || archive.counters().failures >= 2).await;
    assert_eq!(archive.counters().waiting, 3);

    let server = s3.start();
    until_all_arrived(&archive).await;
    assert!(s3.contents("rec/a room/böb/1.opus") == large, "the large file differs");
    assert_eq!(s3.contents("rec/a room/böb/1.json"), small);
    assert_eq!(s3.contents("rec/a room/room.json"), b"");
    let parts = server.log().matches("put multipart upload").count();
    assert_eq!(parts, 3, "{}", server.log());
    let Counters { waiting, files, bytes, failures: _, refused: _ } = archive.counters();
    assert_eq!((waiting, files, bytes), (0, 3, 20_001_000));
    assert!(recordings.has("a room/böb/1.opus"), "local files were to be kept");
    uploader.close().await;

    let [warning] = &logs.warnings()[..] else { panic!("{}", logs.text()) };
    assert!(warning.contains("cannot be reached") && warning.contains("refused"), "{warning}");
    let [info] = &logs.infos()[..] else { panic!("{}", logs.text()) };
    assert!(info.contains("uploaded again"), "{info}");
}

#[tokio::test]
async fn a_file_that_the_server_refuses_holds_up_no_other() {
    let Some(s3) = S3::new() else { return };
    let (recordings, logs) = (Recordings::new(), Logs::listen());
    let _server = s3.start();
    // This server cannot put an object where it has a folder.
    let obstacle = s3.object("rec/room/bad.opus");
    fs::create_dir_all(obstacle.join("x")).unwrap();
    let (archive, uploader) = open(&s3.settings(recordings.path()));
    recordings.write("room/bad.opus", b"bad");
    archive.add("room/bad.opus").unwrap();
    for n in 0..20 {
        recordings.write(&format!("room/{n}.opus"), b"good");
        archive.add(format!("room/{n}.opus")).unwrap();
    }
    until("all others arrived", || archive.counters().files == 20).await;
    until("the bad one was tried again", || archive.counters().failures >= 2).await;
    assert_eq!(archive.counters().waiting, 1);
    assert!((0..20).all(|n| s3.contents(&format!("rec/room/{n}.opus")) == b"good"));
    let [warning] = &logs.warnings()[..] else { panic!("{}", logs.text()) };
    assert!(warning.contains("refuses") && warning.contains("room/bad.opus"), "{warning}");

    fs::remove_dir_all(&obstacle).unwrap();
    until_all_arrived(&archive).await;
    assert_eq!(s3.contents("rec/room/bad.opus"), b"bad");
    uploader.close().await;
}

#[tokio::test]
async fn wrong_credentials_are_told_once_and_clearly() {
    let Some(s3) = S3::new() else { return };
    let (recordings, logs) = (Recordings::new(), Logs::listen());
    let _server = s3.start();
    let wrong = "another-secret".to_owned();
    let settings = Settings { secret_access_key: Some(wrong), ..s3.settings(recordings.path()) };
    let (archive, uploader) = open(&settings);
    // Large enough that the server answers before it has read everything.
    let contents = random(7_000_000);
    for n in 0..5 {
        recordings.write(&format!("room/{n}.opus"), &contents);
        archive.add(format!("room/{n}.opus")).unwrap();
    }
    // More than begin at the same time.
    until("several attempts failed", || archive.counters().failures >= 6).await;
    assert_eq!(archive.counters().waiting, 5);
    let [warning] = &logs.warnings()[..] else { panic!("{}", logs.text()) };
    assert!(warning.contains("403: SignatureDoesNotMatch"), "{warning}");
    assert!(!logs.text().contains("another-secret") && !logs.text().contains(SECRET), "{}", logs.text());
    uploader.close().await;

    let (archive, uploader) = open(&s3.settings(recordings.path()));
    until_all_arrived(&archive).await;
    assert_eq!(archive.counters().files, 5);
    uploader.close().await;
}

#[tokio::test]
async fn a_server_with_tls_is_believed_by_its_authority_alone() {
    let Some(s3) = S3::with_tls() else { return };
    let (recordings, logs) = (Recordings::new(), Logs::listen());
    let _server = s3.start();
    recordings.write("room/1.opus", b"sound");
    let settings = s3.settings(recordings.path());
    let (archive, uploader) = open(&Settings { ca: Some(servers::Tls::generate().ca()), ..settings.clone() });
    archive.add("room/1.opus").unwrap();
    until("it was refused to speak to a stranger", || archive.counters().failures > 0).await;
    assert!(logs.warnings().concat().contains("certificate"), "{}", logs.text());
    assert!(!s3.object("rec/room/1.opus").exists());
    uploader.close().await;

    let (archive, uploader) = open(&settings);
    until_all_arrived(&archive).await;
    assert_eq!(s3.contents("rec/room/1.opus"), b"sound");
    uploader.close().await;
}
