//! Published sound that becomes files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use rpc::proto::RecordRequest;
use serde_json::Value;

use crate::recorder::RecordConfig;

use super::*;

mod left;

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("anabranch-{:016x}", getrandom::u64().unwrap()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// All files, below the folder.
    fn files(&self) -> Vec<PathBuf> {
        fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    collect(&entry.path(), found)?;
                } else {
                    found.push(entry.path());
                }
            }
            Ok(())
        }
        let mut found = Vec::new();
        collect(&self.0, &mut found).unwrap();
        found.sort();
        found
    }

    fn ending_with(&self, ending: &str) -> Vec<PathBuf> {
        self.files().into_iter().filter(|path| path.to_string_lossy().ends_with(ending)).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn recording_into(folder: &Folder, enabled: bool) -> Config {
    let dir = folder.0.join("recordings");
    let record = RecordConfig { enabled, dir, sync: Duration::from_secs(1), min_free: 0, keeper: None };
    Config { record: Some(record), ..config(0, 1) }
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: never");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What `opusinfo` says of a file that it has nothing against.
fn opusinfo(path: &Path) -> String {
    let run = Command::new("opusinfo").arg(path).output();
    let output = run.expect("opusinfo is in Debian's package opus-tools");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !text.to_lowercase().contains("warning"), "{text}");
    text
}

/// How long the sound is.
fn seconds(path: &Path) -> f64 {
    let mut scan = ogg::Scan::new();
    scan.feed(&fs::read(path).unwrap());
    scan.duration().as_secs_f64()
}

impl World {
    async fn publish_as(&mut self, rid: &str, uid: &str, record: Option<bool>) -> Result<Publisher, Status> {
        let mut publisher = Publisher::new(&self.media, &PublisherConfig::default());
        let request = PublishRequest {
            rid: rid.into(),
            uid: uid.into(),
            mid: format!("{rid}#{uid}"),
            offer_sdp: publisher.offer().into(),
            record,
            ..PublishRequest::default()
        };
        publisher.accept(&self.client.publish(request).await?.into_inner().answer_sdp);
        enter(&*self.store, rid, uid, &format!("{rid}#{uid}")).await;
        Ok(publisher)
    }

    async fn record(&mut self, rid: &str, mid: &str, record: bool) -> Result<(), Status> {
        let request = RecordRequest { rid: rid.into(), mid: mid.into(), record };
        self.client.record(request).await.map(drop)
    }

    fn recorder(&self) -> crate::RecorderStats {
        self.sfu.recorder_stats().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_becomes_a_file_with_its_story_and_a_line_in_the_rooms_index() {
    let folder = Folder::new();
    let mut world = World::with(recording_into(&folder, true)).await;
    let _publisher = world.publish_as("tea", "ann", None).await.unwrap();
    let mut subscriber = world.subscribed_in("tea", "tea#ann", "s").await;
    subscriber.frames(60, 30).await;
    eventually("a page is on the disk within a second or so", || {
        folder.ending_with(".opus").iter().any(|path| fs::metadata(path).unwrap().len() > 4000)
    })
    .await;
    world.unpublish("tea", "tea#ann").await;
    eventually("it is told", || folder.ending_with("room.json").len() == 1).await;

    let [audio] = folder.ending_with(".opus").try_into().unwrap();
    assert_eq!(audio.parent().unwrap(), folder.0.join("recordings/tea/ann"));
    let info = opusinfo(&audio);
    assert!(
        info.contains("ROOM=tea") && info.contains("USER=ann") && info.contains("STREAM=tea#ann"),
        "{info}"
    );
    let told = json(&audio.with_extension("json"));
    assert_eq!(
        (&told["room"], &told["user"], &told["stream"]),
        (&"tea".into(), &"ann".into(), &"tea#ann".into())
    );
    assert_eq!(told["participants"], serde_json::json!(["ann", "bob"]));
    assert!(told["packets"]["received"].as_u64().unwrap() >= 60 && told["packets"]["lost"] == 0, "{told}");
    assert!(told["duration"].as_f64().unwrap() > 1.0 && told["mended"] == false, "{told}");
    let index = json(&folder.ending_with("room.json")[0]);
    let call = &index["calls"][0];
    assert_eq!((&index["room"], &call["participants"]), (&"tea".into(), &serde_json::json!(["ann", "bob"])));
    let file = call["recordings"][0]["file"].as_str().unwrap();
    assert_eq!(folder.0.join("recordings/tea").join(file), audio);
    let stats = world.recorder();
    assert_eq!((stats.started, stats.finished, stats.open, stats.failed, stats.dropped), (1, 1, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publisher_decides_and_then_whoever_calls() {
    let folder = Folder::new();
    let mut world = World::with(recording_into(&folder, true)).await;
    let _ann = world.publish_as("tea", "ann", Some(false)).await.unwrap();
    let mut subscriber = world.subscribed_in("tea", "tea#ann", "s").await;
    subscriber.frames(5, 5).await;
    assert_eq!(world.recorder().started, 0);

    let seen = world.sfu.view().stream(&StreamId::parse("tea#ann").unwrap()).await.unwrap();
    assert!(!seen.recorded && seen.live && seen.tracks.len() == 2, "{seen:?}");
    assert_eq!((seen.uid.as_str(), seen.subscriptions[0].0.as_str()), ("ann", "bob"));
    world.record("tea", "tea#ann", true).await.unwrap();
    world.record("tea", "tea#ann", true).await.unwrap();
    eventually("it is recorded", || world.recorder().open == 1).await;
    world.record("tea", "tea#ann", false).await.unwrap();
    world.record("tea", "tea#ann", false).await.unwrap();
    eventually("it ends", || folder.ending_with("room.json").len() == 1).await;
    world.record("tea", "tea#ann", true).await.unwrap();
    eventually("it is recorded again", || world.recorder().open == 1).await;
    world.sfu.shutdown().await;
    assert_eq!(folder.ending_with(".opus").len(), 2);
    for audio in folder.ending_with(".opus") {
        opusinfo(&audio);
        assert!(audio.with_extension("json").exists());
    }
    assert_eq!(json(&folder.ending_with("room.json")[0])["calls"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_refused() {
    let mut world = World::new(1).await;
    let not_allowed = (Code::PermissionDenied, Some(ErrorCode::NotAllowed));
    assert_eq!(failure(world.publish_as("tea", "ann", Some(true)).await.map(drop)), not_allowed);
    let _ann = world.publish_as("tea", "ann", None).await.unwrap();
    assert_eq!(failure(world.record("tea", "tea#ann", true).await), not_allowed);
    let no_stream = (Code::NotFound, Some(ErrorCode::NoSuchStream));
    assert_eq!(failure(world.record("tea", "nothing", true).await), no_stream);
    assert_eq!(failure(world.record("elsewhere", "tea#ann", true).await), no_stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_id_leads_out_of_the_folder() {
    let folder = Folder::new();
    let mut world = World::with(recording_into(&folder, true)).await;
    let mut publishers = Vec::new();
    let ids = ["..", "../../up", "/etc", "a%2Fb", ".hidden", "-rf", "günther 🙂"];
    for id in ids {
        publishers.push(world.publish_as(id, id, None).await.unwrap());
    }
    eventually("all are recorded", || world.recorder().open == ids.len() as u64).await;
    world.sfu.shutdown().await;
    let files = folder.ending_with(".opus");
    assert_eq!(files.len(), ids.len());
    let root = folder.0.join("recordings");
    assert!(
        files.iter().all(|path| path.strip_prefix(&root).unwrap().components().count() == 3),
        "{files:?}"
    );
    assert_eq!(folder.files().len(), ids.len() * 3, "recordings, what is told about them, and indices");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_crash_left_open_is_completed_at_the_next_start() {
    let folder = Folder::new();
    let mut world = World::with(recording_into(&folder, true)).await;
    let _ann = world.publish_as("tea", "ann", None).await.unwrap();
    eventually("something is written", || {
        folder.ending_with(".opus").iter().any(|path| fs::metadata(path).unwrap().len() > 8000)
    })
    .await;
    // As the file was in the middle of a page, when the power went.
    let [audio] = folder.ending_with(".opus").try_into().unwrap();
    let mut half = fs::read(&audio).unwrap();
    half.truncate(half.len() - 100);
    half.extend([0; 5000]);
    world.sfu.shutdown().await;
    fs::remove_file(audio.with_extension("json")).unwrap();
    fs::remove_file(folder.0.join("recordings/tea/room.json")).unwrap();
    fs::write(&audio, half).unwrap();

    let world = World::with(recording_into(&folder, true)).await;
    eventually("it is completed", || world.recorder().mended == 1).await;
    opusinfo(&audio);
    let told = json(&audio.with_extension("json"));
    assert!(told["mended"] == true && told["duration"].as_f64().unwrap() > 0.5, "{told}");
    assert_eq!((&told["room"], &told["stream"]), (&"tea".into(), &"tea#ann".into()));
    let index = json(&folder.0.join("recordings/tea/room.json"));
    let [call] = &index["calls"].as_array().unwrap()[..] else { panic!("{index}") };
    assert_eq!((&index["room"], &call["participants"]), (&"tea".into(), &serde_json::json!(["ann"])));
    let recording = &call["recordings"][0];
    assert_eq!(folder.0.join("recordings/tea").join(recording["file"].as_str().unwrap()), audio);
    assert_eq!((&recording["start"], &recording["end"]), (&told["start"], &told["end"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_costs_the_recording_alone() {
    let folder = Folder::new();
    let mut world = World::with(recording_into(&folder, true)).await;
    // Root may write anywhere; into a file that is no folder nobody can.
    fs::remove_dir(folder.0.join("recordings")).unwrap();
    fs::write(folder.0.join("recordings"), "in the way").unwrap();
    let _ann = world.publish_as("tea", "ann", None).await.unwrap();
    let mut subscriber = world.subscribed_in("tea", "tea#ann", "s").await;
    subscriber.frames(10, 10).await;
    eventually("the failure is counted", || world.recorder().failed >= 1).await;
    assert_eq!(world.recorder().open, 0);
    world.unpublish("tea", "tea#ann").await;
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test]
async fn a_folder_that_cannot_be_had_is_named_at_the_start() {
    let folder = Folder::new();
    fs::write(folder.0.join("recordings"), "in the way").unwrap();
    let discovery = MemoryDiscovery::default();
    let error = Sfu::start(&recording_into(&folder, false), &discovery, Dialer::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot record into "), "{error}");
}

/// A small disk, mounted over a folder of its own.
struct SmallDisk(Folder);

impl SmallDisk {
    /// `None` where nothing may be mounted.
    fn new(size: &str) -> Option<Self> {
        let folder = Folder::new();
        let options = format!("size={size}");
        let run =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder.0).output();
        if run.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("skipped: only root may mount a small disk");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_the_rest_of_the_recording_until_there_is_room_again() {
    let Some(disk) = SmallDisk::new("128k") else { return };
    let folder = &disk.0;
    let mut world = World::with(recording_into(folder, true)).await;
    let ballast = folder.0.join("ballast");
    fs::write(&ballast, vec![1; 80 * 1024]).unwrap();
    let _ann = world.publish_as("tea", "ann", None).await.unwrap();
    let mut subscriber = world.subscribed_in("tea", "tea#ann", "s").await;
    let deadline = Instant::now() + PATIENCE * 3;
    while world.recorder().failed == 0 {
        assert!(Instant::now() < deadline, "the disk was never full");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = subscriber.frames(1, 1).await;
    subscriber.until("media goes on", |reception| reception.datagrams > before.datagrams + 100).await;
    let [lost] = folder.ending_with(".opus").try_into().unwrap();
    opusinfo(&lost);

    fs::remove_file(ballast).unwrap();
    while world.recorder().open == 0 {
        assert!(Instant::now() < deadline, "it is never tried again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.sfu.shutdown().await;
    for audio in folder.ending_with(".opus") {
        opusinfo(&audio);
        let told = json(&audio.with_extension("json"));
        assert!(told["mended"] == false && told["room"] == "tea", "{told}");
        assert!((told["duration"].as_f64().unwrap() - seconds(&audio)).abs() < 0.01, "{told}");
    }
    assert_eq!(folder.ending_with(".opus").len(), 2);
}
