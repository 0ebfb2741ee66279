//! Damage to what was durable is refused, naming file and offset; a torn tail is not damage.

use std::fs;

use super::{
    tests::{PAGE, SETTINGS, made, open},
    *,
};
use crate::log::{contract::append_next, files::RealFiles};

/// Two files: frames 1 to 3 on pages 0, 1 and 2-3 of the first, frame 4 in the second.
fn filled(close: bool) -> (tempfile::TempDir, Vec<Tip>) {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let sizes = [10, 10, 5000, 10];
    let tips = sizes.map(|size| append_next(&journal, 1, size).0);
    if close {
        journal.close().unwrap();
    }
    (dir, tips.to_vec())
}

fn file(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.journal"))
}

fn flip(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

/// Opening is refused for damage just there, and changes nothing.
fn check_damaged(dir: &Path, sealed: Tip, file: &Path, offset: usize) {
    let before = contents(dir);
    let error = open(dir, sealed).unwrap_err();
    let JournalError::Damaged { path, offset: reported, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((path.as_path(), *reported), (file, offset as u64), "{error}");
    assert_eq!(contents(dir), before, "a refusal changes nothing");
}

fn contents(dir: &Path) -> Vec<Vec<u8>> {
    RealFiles.list(dir).unwrap().iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn a_flipped_bit_in_a_durable_frame_is_damage_wherever_it_is() {
    let (dir, _) = filled(false);
    let first = file(dir.path(), 1);
    let places = (0..header::HEADER).chain([80, 87, 95, 103, 150, 159]);
    for byte in places {
        for frame in [0, PAGE, 2 * PAGE] {
            let bit = (frame + byte) * 8 + byte % 8;
            flip(&first, bit);
            check_damaged(dir.path(), Tip::default(), &first, frame);
            flip(&first, bit);
        }
    }
    flip(&first, (3 * PAGE + 100) * 8);
    check_damaged(dir.path(), Tip::default(), &first, 2 * PAGE);
}

#[test]
fn a_flipped_bit_in_a_frame_that_nothing_claims_is_a_torn_tail() {
    let (dir, tips) = filled(false);
    let second = file(dir.path(), 2);
    for byte in [0, 9, 30, 50, 68, 79, 80, 100, 150] {
        flip(&second, byte * 8);
        let journal = open(dir.path(), Tip::default()).unwrap();
        assert_eq!(journal.tip().unwrap(), tips[2], "byte {byte}");
        drop(journal);
        flip(&second, byte * 8);
    }
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap(), tips[3]);
}

#[test]
fn after_a_clean_stop_the_last_frame_is_protected_too() {
    let (dir, tips) = filled(true);
    let (first, second) = (file(dir.path(), 1), file(dir.path(), 2));
    flip(&second, 100 * 8);
    check_damaged(dir.path(), Tip::default(), &second, 0);
    check_damaged(dir.path(), tips[2], &second, 0);
    flip(&second, 100 * 8);
    // With its header gone, it is missed where the walk ended.
    flip(&second, 0);
    check_damaged(dir.path(), Tip::default(), &first, 4 * PAGE);
    flip(&second, 0);
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap(), tips[3]);
}

#[test]
fn what_the_manifest_vouches_for_is_damaged_if_it_is_gone() {
    let (dir, tips) = filled(false);
    let (first, second) = (file(dir.path(), 1), file(dir.path(), 2));
    flip(&second, 100 * 8);
    check_damaged(dir.path(), tips[3], &second, 0);
    fs::remove_file(dir.path().join(listing::NAME)).unwrap();
    fs::remove_file(&second).unwrap();
    check_damaged(dir.path(), tips[3], dir.path(), 0);
    let other = Tip { check: !tips[1].check, ..tips[1] };
    check_damaged(dir.path(), other, &first, PAGE);
}

#[test]
fn a_sealed_frame_may_be_damaged_if_the_next_one_is_chained_to_it() {
    let (dir, tips) = filled(false);
    flip(&file(dir.path(), 1), (PAGE + 100) * 8);
    let journal = open(dir.path(), tips[1]).unwrap();
    assert_eq!(journal.tip().unwrap(), tips[3]);
}

#[test]
fn a_missing_file_is_damage() {
    let (dir, _) = filled(true);
    let (first, second) = (file(dir.path(), 1), file(dir.path(), 2));
    // Only of a journal that an older build has written is there no list of files.
    fs::remove_file(dir.path().join(listing::NAME)).unwrap();
    let away = dir.path().join("away");
    fs::rename(&first, &away).unwrap();
    check_damaged(dir.path(), Tip::default(), &second, 0);
    fs::rename(&away, &first).unwrap();
    fs::rename(&second, &away).unwrap();
    check_damaged(dir.path(), Tip::default(), &first, 4 * PAGE);
    fs::rename(&first, dir.path().join("gone")).unwrap();
    check_damaged(dir.path(), Tip::default(), dir.path(), 0);
}

#[test]
fn a_file_that_was_cut_or_removed_after_a_kill_is_no_torn_tail() {
    let (dir, tips) = filled(false);
    let whole = 4 * PAGE;
    for number in [1, 2] {
        let path = file(dir.path(), number);
        let bytes = fs::read(&path).unwrap();
        for length in [0, 1, PAGE, whole - PAGE, whole - 1, whole + 1] {
            let mut changed = bytes.clone();
            changed.resize(length, 0);
            fs::write(&path, changed).unwrap();
            check_damaged(dir.path(), Tip::default(), &path, length.min(whole));
            check_damaged(dir.path(), tips[3], &path, length.min(whole));
        }
        fs::remove_file(&path).unwrap();
        check_damaged(dir.path(), Tip::default(), &path, 0);
        fs::write(&path, bytes).unwrap();
    }
    let list = dir.path().join(listing::NAME);
    flip(&list, 0);
    check_damaged(dir.path(), Tip::default(), &list, 0);
    flip(&list, 0);
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap(), tips[3]);
}

#[test]
fn a_journal_without_a_list_gets_one_when_it_is_opened() {
    let (dir, tips) = filled(false);
    let list = dir.path().join(listing::NAME);
    let before = fs::read(&list).unwrap();
    fs::remove_file(&list).unwrap();
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap(), tips[3]);
    assert_eq!(fs::read(&list).unwrap(), before);
}

#[test]
fn an_emptied_journal_is_no_fresh_one() {
    let (dir, tips) = filled(true);
    let first = file(dir.path(), 1);
    fs::write(&first, vec![0; 4 * PAGE]).unwrap();
    fs::write(file(dir.path(), 2), vec![0; 4 * PAGE]).unwrap();
    check_damaged(dir.path(), Tip::default(), &first, 0);
    fs::remove_file(dir.path().join(marker::NAME)).unwrap();
    check_damaged(dir.path(), tips[0], dir.path(), 0);
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap(), Tip::default());
}

#[test]
fn another_stores_journal_is_refused() {
    let (dir, _) = filled(false);
    let settings = JournalSettings { store_id: [1; 16], ..SETTINGS };
    let open = |dir: &Path| {
        FileJournal::open(Arc::new(RealFiles), dir, settings, Tip::default()).unwrap_err()
    };
    let error = open(dir.path()).to_string();
    assert!(error.contains("00000001.journal is damaged at byte 0"), "{error}");
    assert!(error.contains("another store"), "{error}");
    let (dir, _) = filled(true);
    let error = open(dir.path()).to_string();
    assert!(error.contains("clean-stop") && error.contains("another store"), "{error}");
}

#[test]
fn a_header_of_another_store_behind_the_first_page_is_nothing() {
    // Wherever a file is used again, the middle of an old event may lie at a boundary.
    let (dir, tips) = filled(false);
    let second = file(dir.path(), 2);
    let mut bytes = fs::read(&second).unwrap();
    let header = Header {
        store_id: [1; 16],
        epoch: 9,
        index: 5,
        first_position: 5,
        synced_index: 9,
        previous: tips[3].check,
        check: 0,
        length: 10,
    };
    bytes[2 * PAGE..2 * PAGE + header::HEADER].copy_from_slice(&header.encode());
    fs::write(&second, bytes).unwrap();
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap(), tips[3]);
}

#[test]
fn of_a_file_that_is_not_listed_only_whole_pages_are_looked_at() {
    let (dir, tips) = filled(false);
    fs::remove_file(dir.path().join(listing::NAME)).unwrap();
    fs::write(file(dir.path(), 3), vec![0; PAGE + 10]).unwrap();
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap(), tips[3]);
}

#[test]
fn a_newer_format_is_distinguished_from_damage() {
    let (dir, _) = filled(true);
    for (name, length) in [("clean-stop", 60), ("00000001.journal", header::HEADER)] {
        let path = dir.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[15] = 2;
        let crc = crc32c::crc32c(&bytes[12..length]);
        bytes[8..12].copy_from_slice(&crc.to_be_bytes());
        let old = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        let error = open(dir.path(), Tip::default()).unwrap_err();
        assert!(matches!(&error, JournalError::Newer { version: 2, .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        fs::write(&path, old).unwrap();
    }
}

#[test]
fn a_damaged_marker_and_one_of_another_history_are_refused() {
    let (dir, tips) = filled(true);
    let path = dir.path().join(marker::NAME);
    for bit in [0, 8 * 9, 8 * 59] {
        flip(&path, bit);
        check_damaged(dir.path(), Tip::default(), &path, 0);
        flip(&path, bit);
    }
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..40]).unwrap();
    check_damaged(dir.path(), Tip::default(), &path, 0);
    let tip = Tip { check: !tips[3].check, ..tips[3] };
    let other = CleanStopMarker { epoch: 1, tip };
    marker::write(&RealFiles, dir.path(), SETTINGS.store_id, other).unwrap();
    check_damaged(dir.path(), Tip::default(), &path, 0);
}

#[test]
fn damage_that_comes_later_is_noticed_by_the_reader() {
    // Byte 155 is in the text of the event, where nothing but the check can tell.
    let (dir, tips) = filled(false);
    let journal = open(dir.path(), Tip::default()).unwrap();
    let second = file(dir.path(), 2);
    let mut bytes = fs::read(&second).unwrap();
    bytes[155] ^= 1;
    fs::write(&second, bytes).unwrap();
    assert_eq!(journal.read(Tip::default(), 1).unwrap().len(), 1);
    let error = journal.read(tips[2], usize::MAX).unwrap_err();
    assert!(matches!(&error, JournalError::Damaged { path, offset: 0, .. } if *path == second));
}
