use std::fs;

use servers::Folder;

use super::*;

fn path(text: &str) -> FilePath {
    FilePath::new(Path::new(text)).unwrap()
}

#[test]
fn what_was_uploaded_is_removed() {
    let folder = Folder::new("source");
    folder.write("a", "old");
    let identity = Source::open(folder.path(), &path("a")).unwrap().identity();
    remove(folder.path(), &path("a"), identity, &folder.join("aside")).unwrap();
    assert!(!folder.join("a").exists() && !folder.join("aside").exists());
}

#[test]
fn a_newer_file_in_the_same_place_stays() {
    let folder = Folder::new("source");
    folder.write("a", "old");
    let identity = Source::open(folder.path(), &path("a")).unwrap().identity();
    fs::rename(folder.write("new", "new"), folder.join("a")).unwrap();
    remove(folder.path(), &path("a"), identity, &folder.join("aside")).unwrap();
    assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "new");
    assert!(!folder.join("aside").exists());
}

#[test]
fn a_file_that_is_put_back_replaces_none() {
    let folder = Folder::new("source");
    folder.write("a", "newest");
    let aside = folder.write("aside", "newer");
    put_back(folder.path(), &path("a"), &aside).unwrap();
    assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "newest");
    assert!(!aside.exists());
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_is_not_taken_for_whole() {
    let folder = Folder::new("source");
    let file = folder.write("a", "0123456789");
    let mut source = Source::open(folder.path(), &path("a")).unwrap();
    assert_eq!(source.read(4).await.unwrap().as_ref(), b"0123");
    File::options().write(true).open(file).unwrap().set_len(5).unwrap();
    assert!(matches!(source.read(100).await, Err(Failure::Local(_))));
}

#[test]
fn a_folder_that_is_away_does_not_make_its_files_gone() {
    let folder = Folder::new("source");
    assert!(matches!(Source::open(&folder.join("away"), &path("a")), Err(Failure::Local(_))));
    assert_eq!(Source::open(folder.path(), &path("a")).unwrap_err(), Failure::Gone);
}
