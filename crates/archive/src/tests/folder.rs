//! To a folder, such as a mounted NFS share.

use std::fs;
use std::os::unix::fs::symlink;

use servers::{Folder, Logs};
use tokio::runtime::Handle;

use super::harness::{Recordings, open, random, until, until_all_arrived};
use crate::{AddError, Archive, Index, OpenError, Settings};

#[tokio::test]
async fn files_are_copied_and_removed_where_they_were() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    let large = random(10_000_000);
    recordings.write("room/user/1.opus", &large);
    recordings.write("room/user/2.opus", b"not ready");
    let (archive, uploader) = open(&recordings.to_folder(kept.path(), false));
    // From a thread of no runtime, as a recorder has it.
    let adder = archive.clone();
    std::thread::spawn(move || adder.add("room/user/1.opus").unwrap()).join().unwrap();
    until_all_arrived(&archive).await;
    assert!(fs::read(kept.join("room/user/1.opus")).unwrap() == large, "the copy differs");
    assert!(!recordings.has("room/user/1.opus") && recordings.has("room/user/2.opus"));
    let copies: Vec<_> = fs::read_dir(kept.join("room/user")).unwrap().collect();
    assert_eq!(copies.len(), 1, "something is left beside the copy: {copies:?}");
    uploader.close().await;
}

#[tokio::test]
async fn of_a_file_that_changes_the_newest_contents_arrive() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), false));
    for n in 0..300 {
        recordings.write("room/room.json", format!("{n}").as_bytes());
        archive.add("room/room.json").unwrap();
        // Lets the uploads meet the changes in ever other places.
        tokio::task::yield_now().await;
    }
    until_all_arrived(&archive).await;
    assert_eq!(fs::read_to_string(kept.join("room/room.json")).unwrap(), "299");
    assert_eq!(recordings.notes(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn an_index_stays_for_its_writer() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    for file in ["room/room.json", "room/user/room.json", "room/1.opus"] {
        recordings.write(file, b"contents");
    }
    let settings = recordings.to_folder(kept.path(), false);
    let index = Index { name: "room.json".to_owned(), uploaded_as: "room.sfu-1.json".to_owned() };
    let (archive, _uploader) = open(&Settings { index: Some(index), ..settings });
    for file in ["room/room.json", "room/user/room.json", "room/1.opus"] {
        archive.add(file).unwrap();
    }
    until_all_arrived(&archive).await;
    assert!(kept.join("room/room.sfu-1.json").exists() && kept.join("room/1.opus").exists());
    assert!(!kept.join("room/room.json").exists(), "another node's would replace it");
    let stays = ["room/room.json", "room/user/room.json", "room/1.opus"].map(|file| recordings.has(file));
    assert_eq!(stays, [true, true, false]);
}

#[tokio::test]
async fn a_folder_that_is_not_mounted_is_waited_for_and_not_made() {
    let (recordings, kept, logs) = (Recordings::new(), Folder::new("kept"), Logs::listen());
    recordings.write("room/1.opus", b"sound");
    let mounted = kept.join("mounted");
    let (archive, uploader) = open(&recordings.to_folder(&mounted, true));
    archive.add("room/1.opus").unwrap();
    until("two attempts failed", || archive.counters().failures >= 2).await;
    assert!(!mounted.exists());
    fs::create_dir(&mounted).unwrap();
    until_all_arrived(&archive).await;
    assert_eq!(fs::read(mounted.join("room/1.opus")).unwrap(), b"sound");
    assert_eq!((logs.warnings().len(), logs.infos().len()), (1, 1), "{}", logs.text());
    uploader.close().await;
}

#[tokio::test]
async fn what_is_gone_or_leads_outside_is_dropped() {
    let (recordings, kept, logs) = (Recordings::new(), Folder::new("kept"), Logs::listen());
    let secret = Folder::new("secret");
    secret.write("secret.opus", "secret");
    recordings.write("room/good.opus", b"good");
    symlink(secret.join("secret.opus"), recordings.path().join("room/link.opus")).unwrap();
    symlink(secret.path(), recordings.path().join("linked")).unwrap();
    let (archive, uploader) = open(&recordings.to_folder(kept.path(), false));
    for file in ["room/gone.opus", "room/link.opus", "linked/secret.opus", "room", "room/good.opus"] {
        archive.add(file).unwrap();
    }
    until_all_arrived(&archive).await;
    assert_eq!(archive.counters().files, 1);
    let arrived: Vec<_> = fs::read_dir(kept.join("room")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(arrived, ["good.opus"]);
    assert!(!kept.join("linked").exists());
    assert!(logs.infos().concat().contains("room/gone.opus"), "{}", logs.text());
    assert_eq!(logs.warnings().len(), 3, "{}", logs.text());
    assert_eq!(recordings.notes(), Vec::<std::path::PathBuf>::new());
    uploader.close().await;
}

#[tokio::test]
async fn closing_ends_what_waits_for_the_storage_and_what_comes_after_waits() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    let (archive, uploader) = open(&recordings.to_folder(&kept.join("missing"), true));
    recordings.write("room/1.opus", b"1");
    recordings.write("room/2.opus", b"2");
    archive.add("room/1.opus").unwrap();
    until("it was tried", || archive.counters().failures > 0).await;
    uploader.close().await;
    archive.add("room/2.opus").unwrap();
    drop(archive);

    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), true));
    until_all_arrived(&archive).await;
    assert!(kept.join("room/1.opus").exists() && kept.join("room/2.opus").exists());
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_not_taken() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), true));
    for bad in ["/etc/passwd", "../x", "room/../../x", ".upload/x", ""] {
        assert!(matches!(archive.add(bad), Err(AddError::Path(_))), "{bad}");
    }
    assert_eq!(archive.counters().waiting, 0);
}

#[tokio::test]
async fn of_files_that_belong_together_none_goes_before_all_have_arrived() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    recordings.write("room/ann/1.opus", b"sound");
    recordings.write("room/ann/1.json", b"story");
    let both = ["room/ann/1.opus", "room/ann/1.json"];
    // Where the second is to go, there is something else.
    fs::create_dir_all(kept.join("room/ann/1.json/in the way")).unwrap();
    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), false));
    archive.add_together(&both).unwrap();
    until("the first has arrived and the second was refused", || {
        archive.counters().failures > 0 && kept.join("room/ann/1.opus").exists()
    })
    .await;
    assert!(both.iter().all(|file| recordings.has(file)), "a file is gone while the other waits");
    assert_eq!(archive.counters().waiting, 2);
    fs::remove_dir_all(kept.join("room/ann/1.json")).unwrap();
    until_all_arrived(&archive).await;
    assert_eq!(fs::read(kept.join("room/ann/1.json")).unwrap(), b"story");
    assert!(both.iter().all(|file| !recordings.has(file)));
    assert_eq!(archive.counters().files, 2);
}

#[tokio::test]
async fn what_stays_here_is_marked_when_it_has_been_uploaded() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    for file in ["room/1.opus", "room/2.opus"] {
        recordings.write(file, b"sound");
    }
    let (archive, _uploader) = open(&recordings.to_folder(kept.path(), true));
    archive.add("room/1.opus").unwrap();
    until_all_arrived(&archive).await;
    let marked = ["room/1.opus", "room/2.opus", "../1.opus"].map(|file| archive.knows(&[file]));
    assert_eq!(marked, [true, false, false]);
    assert!(recordings.has("room/1.opus"));
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_has_ended() {
    let (recordings, kept) = (Recordings::new(), Folder::new("kept"));
    let settings = recordings.to_folder(kept.path(), true);
    let (_archive, uploader) = open(&settings);
    let refused = Archive::open(&settings, &Handle::current()).unwrap_err();
    assert!(matches!(&refused, OpenError::InUse(folder) if folder == recordings.path()), "{refused}");
    uploader.close().await;
    open(&settings);
}
