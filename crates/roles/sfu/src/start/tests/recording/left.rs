//! What is left for later: to be told, to be handed over, to be completed.

use archive::{AddError, Archive, Settings, Uploader};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::*;
use crate::recorder::{Keeper, NotTaken};

/// Uploads what is complete.
struct Uploads(Archive);

impl Keeper for Uploads {
    fn take(&self, files: &[&Path]) -> Result<(), NotTaken> {
        self.0.add_together(files).map_err(|error: AddError| NotTaken::Now(error.to_string()))
    }

    fn knows(&self, files: &[&Path]) -> bool {
        self.0.knows(files)
    }
}

fn uploading(folder: &Folder, to: &Path, keep_local: bool) -> (Config, Archive, Uploader) {
    let root = folder.0.join("recordings");
    let to = format!("file://{}", to.display());
    let settings = Settings { root, to, keep_local, ..Settings::default() };
    let (archive, uploader) = Archive::open(&settings, &Handle::current()).unwrap();
    let mut config = recording_into(folder, true);
    config.record.as_mut().unwrap().keeper = Some(Arc::new(Uploads(archive.clone())));
    (config, archive, uploader)
}

impl World {
    /// Records some sound, and ends that.
    async fn record_a_while(&mut self, folder: &Folder) -> PathBuf {
        let _ann = self.publish_as("tea", "ann", None).await.unwrap();
        let large = |path: &PathBuf| fs::metadata(path).unwrap().len() > 4000;
        eventually("sound is on the disk", || folder.ending_with(".opus").iter().any(large)).await;
        self.unpublish("tea", "tea#ann").await;
        folder.ending_with(".opus").pop().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_an_upload_waits_replaces_nothing_that_is_right() {
    let (folder, kept) = (Folder::new(), Folder::new());
    let (config, archive, uploader) = uploading(&folder, &kept.0, false);
    let mut world = World::with(config).await;
    let _ann = world.publish_as("tea", "ann", None).await.unwrap();
    eventually("it is recorded", || folder.ending_with(".opus").len() == 1).await;
    let audio = folder.ending_with(".opus").pop().unwrap();
    let below = audio.strip_prefix(folder.0.join("recordings")).unwrap().to_owned();
    // The small file could go, and the large one cannot.
    fs::create_dir_all(kept.0.join(&below).join("in the way")).unwrap();
    eventually("sound is on the disk", || fs::metadata(&audio).unwrap().len() > 4000).await;
    world.unpublish("tea", "tea#ann").await;
    eventually("it was tried", || archive.counters().failures > 0).await;
    world.sfu.shutdown().await;
    uploader.close().await;
    drop(archive);

    let (config, archive, _uploader) = uploading(&folder, &kept.0, false);
    let world = World::with(config).await;
    fs::remove_dir_all(kept.0.join(&below)).unwrap();
    eventually("all is uploaded", || archive.counters().waiting == 0).await;
    assert_eq!(world.recorder().mended, 0);
    let told = json(&kept.0.join(below.with_extension("json")));
    assert!(told["mended"] == false && told["user"] == "ann", "{told}");
    opusinfo(&kept.0.join(&below));
    assert!(!audio.exists() && !audio.with_extension("json").exists());
    drop(world);
}

/// Takes files, or does not.
#[derive(Default)]
struct Moody {
    refuses: AtomicBool,
    taken: Mutex<Vec<Vec<PathBuf>>>,
}

impl Keeper for Moody {
    fn take(&self, files: &[&Path]) -> Result<(), NotTaken> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(NotTaken::Now("in a bad mood".to_owned()));
        }
        self.taken.lock().push(files.iter().map(|file| file.to_path_buf()).collect());
        Ok(())
    }

    fn knows(&self, files: &[&Path]) -> bool {
        self.taken.lock().iter().any(|taken| taken == files)
    }
}

fn kept_by(folder: &Folder, keeper: &Arc<Moody>) -> Config {
    let mut config = recording_into(folder, true);
    config.record.as_mut().unwrap().keeper = Some(Arc::<Moody>::clone(keeper));
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_took_is_handed_over_later_and_at_the_next_start() {
    let (folder, keeper) = (Folder::new(), Arc::new(Moody::default()));
    keeper.refuses.store(true, Ordering::Relaxed);
    let mut world = World::with(kept_by(&folder, &keeper)).await;
    let first = world.record_a_while(&folder).await;
    eventually("both wait", || world.recorder().untold == 2).await;
    keeper.refuses.store(false, Ordering::Relaxed);
    eventually("both are taken", || world.recorder().untold == 0).await;
    let below = |path: &Path| path.strip_prefix(folder.0.join("recordings")).unwrap().to_owned();
    let unit = vec![below(&first), below(&first.with_extension("json"))];
    assert!(keeper.taken.lock().contains(&unit), "{:?}", keeper.taken.lock());

    // As if the process had ended before it was handed over.
    world.sfu.shutdown().await;
    let later = Arc::new(Moody::default());
    let world = World::with(kept_by(&folder, &later)).await;
    eventually("it is taken, and the index of its room", || later.taken.lock().len() == 2).await;
    assert_eq!(*later.taken.lock(), [unit, vec!["tea/room.json".into()]]);
    world.sfu.shutdown().await;

    let world = World::with(kept_by(&folder, &later)).await;
    world.sfu.shutdown().await;
    assert_eq!(later.taken.lock().len(), 2, "what is known is not handed over again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_the_recorder_costs_the_recordings_that_were_open() {
    let folder = Folder::new();
    let mut world = World::with(recording_into(&folder, true)).await;
    let _ann = world.publish_as("tea", "ann", None).await.unwrap();
    let large = |path: &PathBuf| fs::metadata(path).unwrap().len() > 4000;
    eventually("sound is on the disk", || folder.ending_with(".opus").iter().any(large)).await;
    let [first] = folder.ending_with(".opus").try_into().unwrap();
    world.sfu.workers.recording.recorder.as_ref().unwrap().panic();
    eventually("it is told", || first.with_extension("json").exists()).await;
    opusinfo(&first);
    let told = json(&first.with_extension("json"));
    assert!(told["ended"].as_str().unwrap().contains("panicked") && told["mended"] == false, "{told}");
    let deadline = Instant::now() + PATIENCE * 3;
    while world.recorder().open == 0 {
        assert!(Instant::now() < deadline, "nothing is recorded any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.sfu.shutdown().await;
    assert_eq!(folder.ending_with(".opus").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_little_of_the_disk_is_free_nothing_begins() {
    let folder = Folder::new();
    let mut config = recording_into(&folder, true);
    config.record.as_mut().unwrap().min_free = u64::MAX;
    let mut world = World::with(config).await;
    let _ann = world.publish_as("tea", "ann", None).await.unwrap();
    eventually("it is counted", || world.recorder().refused == 1).await;
    let stats = world.recorder();
    assert_eq!((stats.started, stats.failed), (0, 0));
    assert!(stats.free > 0 && stats.free < u64::MAX, "{stats:?}");
    world.unpublish("tea", "tea#ann").await;
    world.sfu.shutdown().await;
    assert_eq!(folder.ending_with(".opus"), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_start_completes_its_own_files_and_destroys_none() {
    let folder = Folder::new();
    let mut world = World::with(recording_into(&folder, true)).await;
    let audio = world.record_a_while(&folder).await;
    world.sfu.shutdown().await;
    let sound = fs::read(&audio).unwrap();
    let named = |name: &str| audio.with_file_name(name);
    // One of an operator's own; one of ours with a bad byte in its headers; and one without headers of ours.
    fs::write(named("song.opus"), "no sound").unwrap();
    let mut bad = sound.clone();
    bad[40] ^= 1;
    fs::write(named("20260101T000000.000Z-00000001.opus"), &bad).unwrap();
    fs::write(named("20260101T000000.000Z-00000002.opus"), &sound[47..]).unwrap();
    // The power failed: what was told has no contents.
    fs::write(audio.with_extension("json"), "").unwrap();

    let world = World::with(recording_into(&folder, true)).await;
    eventually("the bad one is put aside", || folder.ending_with(".unreadable").len() == 1).await;
    eventually("it is told again", || world.recorder().mended == 1).await;
    let told = json(&audio.with_extension("json"));
    assert!(told["mended"] == true && told["ended"].as_str().unwrap().starts_with("unknown"), "{told}");
    world.sfu.shutdown().await;
    assert_eq!(fs::read(named("song.opus")).unwrap(), b"no sound");
    assert_eq!(fs::read(named("20260101T000000.000Z-00000001.opus.unreadable")).unwrap(), bad);
    assert_eq!(fs::read(named("20260101T000000.000Z-00000002.opus")).unwrap(), &sound[47..]);
    assert_eq!(folder.ending_with(".json").len(), 2, "one recording and the index");
}
