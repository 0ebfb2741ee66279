//! How a data directory is made, taken, known from others, and refused.

use super::*;
use crate::log::files::RealFiles;

fn open(dir: &Path) -> Result<Store, LogError> {
    let files: Arc<dyn Files> = Arc::new(RealFiles);
    Store::open(&files, dir, &|journal, _| {
        fs::write(journal.join("00000001.journal"), [0; 4096]).unwrap();
        fs::write(journal.join("FILES"), "1 4096").unwrap();
        Ok(())
    })
}

fn snapshot(dir: &Path) -> Vec<PathBuf> {
    RealFiles.list(dir).unwrap()
}

#[test]
fn a_store_keeps_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    let id = open(&path).unwrap().id();
    assert_eq!(open(&path).unwrap().id(), id);
    assert_ne!(open(&dir.path().join("c")).unwrap().id(), id);
}

#[test]
fn a_directory_that_is_in_use_is_refused_and_the_holder_named() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let error = open(dir.path()).unwrap_err();
    let holder = std::process::id().to_string();
    assert!(matches!(&error, LogError::Locked { holder: h, .. } if *h == holder), "{error}");
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn a_foreign_directory_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "years of work").unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, LogError::NotAStore { .. }), "{error}");
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    assert_eq!(snapshot(dir.path()), [dir.path().join("thesis.tex")]);
}

#[test]
fn a_newer_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    checked_text::write(&RealFiles, &dir.path().join("STORE"), "handover\nformat 9\n").unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, LogError::NewerFormat { found: 9, .. }), "{error}");
}

#[test]
fn a_half_made_store_is_begun_again() {
    let whole = tempfile::tempdir().unwrap();
    let id = open(whole.path()).unwrap().id();
    fs::rename(whole.path().join("STORE"), whole.path().join("STORE.new")).unwrap();
    let again = open(whole.path()).unwrap();
    assert_ne!(again.id(), id);
    Manifest::load(&RealFiles, &again.manifest(), again.id()).unwrap();
}

#[test]
fn a_used_store_that_lost_its_store_file_is_not_begun_again() {
    for used in ["journal/00000001.journal", "volumes/00000000000000000001"] {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).unwrap();
        fs::remove_file(dir.path().join("STORE")).unwrap();
        fs::write(dir.path().join(used), [1; 4096]).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "{error}");
        assert!(dir.path().join(used).exists());
    }
}

#[test]
fn a_restored_store_that_lost_its_store_file_is_damaged_and_not_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).unwrap();
    crate::log::history::branch(&RealFiles, dir.path(), [7; 16], 0).unwrap();
    fs::remove_file(dir.path().join("STORE")).unwrap();
    let error = open(dir.path()).expect_err("it was restored").to_string();
    assert!(error.contains("STORE is damaged"), "{error}");
    assert!(error.contains("HISTORY has been used"), "{error}");
    assert!(dir.path().join("HISTORY").exists());
}

#[test]
fn a_store_without_a_lock_is_known_to_be_opened_once_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).unwrap();
    fs::remove_file(dir.path().join("LOCK")).unwrap();
    let stopped = StoppedStore::open(&RealFiles, dir.path()).unwrap();
    assert!(!stopped.was_opened());
    let _server = open(dir.path()).unwrap();
    assert!(stopped.was_opened(), "what was found says nothing now");
}

#[test]
fn a_damaged_store_file_is_reported_by_name() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).unwrap();
    fs::write(dir.path().join("STORE"), "handover\n").unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("STORE is damaged"), "{error}");
}

#[test]
fn a_copy_of_an_open_folder_is_known_as_one_until_it_is_found_to_be_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (live, copy) = (dir.path().join("live"), dir.path().join("copy"));
    let store = open(&live).unwrap();
    assert!(!store.is_copy());
    copy_folder(&live, &copy);
    drop(store);
    assert!(!open(&live).unwrap().is_copy(), "what a crash leaves behind is no copy");
    for _ in 0..2 {
        assert!(open(&copy).unwrap().is_copy());
    }
    open(&copy).unwrap().accept().unwrap();
    assert!(!open(&copy).unwrap().is_copy());
    // Of a store that was closed, a copy is as good.
    open(&live).unwrap().release().unwrap();
    let second = dir.path().join("second");
    copy_folder(&live, &second);
    assert!(!open(&second).unwrap().is_copy());
}

#[test]
fn what_only_looks_at_a_store_leaves_the_text_of_its_lock_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (live, copy) = (dir.path().join("live"), dir.path().join("copy"));
    open(&live).unwrap().release().unwrap();
    let lock = live.join("LOCK");
    // As a server leaves it that was stopped, one that was killed, and a longer text.
    drop(open(&live).unwrap());
    let killed = fs::read(&lock).unwrap();
    for text in [Vec::new(), killed, vec![b'x'; 300]] {
        fs::write(&lock, &text).unwrap();
        let store = Store::open_existing(&RealFiles, &live).unwrap();
        let own = std::process::id().to_string();
        assert!(fs::read_to_string(&lock).unwrap().starts_with(&own), "its holder is named");
        store.leave().unwrap();
        assert_eq!(fs::read(&lock).unwrap(), text);
    }
    fs::write(&lock, "").unwrap();
    Store::open_existing(&RealFiles, &live).unwrap().leave().unwrap();
    copy_folder(&live, &copy);
    assert!(!open(&copy).unwrap().is_copy());
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for path in snapshot(from) {
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}
