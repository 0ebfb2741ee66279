//! The contract on files, and what lies between openings.

use std::{fs, os::unix::fs::FileExt as _, path::Path, sync::atomic::Ordering::Relaxed};

use super::*;
use crate::log::{
    contract::{append_next, check_contract, frame_after},
    files::RealFiles,
    waiting::{SetOnDrop, bounded},
};

pub(super) const PAGE: usize = 4096;
pub(super) const SETTINGS: JournalSettings =
    JournalSettings { store_id: *b"the tested store", file_bytes: 4 * header::PAGE };

pub(super) fn open(dir: &Path, sealed: Tip) -> Result<FileJournal, JournalError> {
    FileJournal::open(Arc::new(RealFiles), dir, SETTINGS, sealed)
}

pub(super) fn made() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    FileJournal::create(Arc::new(RealFiles), dir.path(), &SETTINGS).unwrap();
    dir
}

fn journal_files(dir: &Path) -> Vec<String> {
    let paths = RealFiles.list(dir).unwrap();
    let names = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name.ends_with(".journal")).collect()
}

#[test]
fn the_file_journal_keeps_the_contract() {
    let dirs = Mutex::new(Vec::new());
    check_contract(|tail| {
        let dir = made();
        let journal = open(dir.path(), Tip::default()).unwrap();
        dirs.lock().unwrap().push(dir);
        Arc::new(journal.with_tail(tail))
    });
}

#[test]
fn reopening_gives_the_same_frames_and_a_higher_epoch() {
    let dir = made();
    let mut frames = Vec::new();
    let mut tip = Tip::default();
    let mut epoch = 0;
    for round in 0..12 {
        let journal = open(dir.path(), Tip::default()).unwrap();
        assert_eq!(journal.tip().unwrap(), tip, "round {round}");
        assert_eq!(journal.read(Tip::default(), usize::MAX).unwrap(), frames, "round {round}");
        assert!(journal.epoch > epoch, "round {round}");
        epoch = journal.epoch;
        let (next, frame) = append_next(&journal, 1 + round % 3, 2000);
        tip = next;
        frames.push(frame);
        if round % 2 == 0 {
            journal.close().unwrap();
        }
    }
}

#[test]
fn frames_go_on_in_new_files_and_a_large_one_gets_a_file_of_its_size() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let sizes = [10, 9000, 10, 10, 30_000, 10];
    let frames: Vec<Frame> = sizes.iter().map(|&size| append_next(&journal, 1, size).1).collect();
    drop(journal);
    let lengths = journal_files(dir.path());
    let lengths = lengths.iter().map(|name| fs::metadata(dir.path().join(name)).unwrap().len());
    let page = header::PAGE;
    assert_eq!(lengths.collect::<Vec<_>>(), [4 * page, 4 * page, 8 * page, 4 * page]);
    let journal = open(dir.path(), Tip::default()).unwrap();
    assert_eq!(journal.read(Tip::default(), usize::MAX).unwrap(), frames);
}

#[test]
fn released_files_are_used_again_and_their_old_frames_are_not_taken_up() {
    let dir = made();
    let mut sealed = Tip::default();
    for round in 0..30 {
        let journal = open(dir.path(), sealed).unwrap();
        assert_eq!(journal.read(sealed, usize::MAX).unwrap(), [], "round {round}");
        let appended: Vec<_> = (0..round % 7).map(|_| append_next(&journal, 2, 10)).collect();
        let frames: Vec<Frame> = appended.iter().map(|(_, frame)| frame.clone()).collect();
        drop(journal);
        let journal = open(dir.path(), sealed).unwrap();
        assert_eq!(journal.read(sealed, usize::MAX).unwrap(), frames, "round {round}");
        sealed = journal.tip().unwrap();
        journal.release(sealed).unwrap();
        append_next(&journal, 1, 10);
        sealed = journal.tip().unwrap();
    }
    assert!(journal_files(dir.path()).len() <= 4, "{:?}", journal_files(dir.path()));
}

#[test]
fn a_release_says_so_to_a_reader_below_it() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let tips: Vec<Tip> = (0..10).map(|_| append_next(&journal, 1, 10).0).collect();
    journal.release(tips[8]).unwrap();
    let read = journal.read(tips[3], usize::MAX);
    assert!(matches!(read, Err(JournalError::Released { up_to: 8 })), "{read:?}");
    assert_eq!(journal.locate(8), None);
    assert_eq!(journal.locate(9), Some(tips[7]));
}

#[test]
fn the_file_of_the_tip_is_not_used_again_before_the_next_frame_is_durable() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let (mut tip, _) = (0..4).map(|_| append_next(&journal, 1, 10)).last().unwrap();
    for _ in 0..9 {
        journal.release(tip).unwrap();
        drop(open(dir.path(), tip).unwrap());
        (tip, _) = append_next(&journal, 1, 10);
    }
}

#[test]
fn a_sealed_frame_whose_file_was_used_again_is_not_missed() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let tips: Vec<Tip> = (0..5).map(|_| append_next(&journal, 1, 10).0).collect();
    journal.release(tips[3]).unwrap();
    let frames = [append_next(&journal, 1, 13_000).1, append_next(&journal, 1, 13_000).1];
    drop(journal);
    let journal = open(dir.path(), tips[3]).unwrap();
    assert_eq!(journal.tip().unwrap().index, 7);
    assert_eq!(journal.read(tips[4], usize::MAX).unwrap(), frames);
}

#[test]
fn a_file_that_holds_the_sealed_frame_and_the_newest_is_no_spare() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let (sealed, _) = (0..4).map(|_| append_next(&journal, 1, 10)).last().unwrap();
    append_next(&journal, 1, 10);
    journal.release(sealed).unwrap();
    (0..4).for_each(|_| drop(append_next(&journal, 1, 10)));
    drop(journal);
    // Frame 9 is at the start of the first file, frame 4 still at its end.
    let journal = open(dir.path(), sealed).unwrap();
    (0..4).for_each(|_| drop(append_next(&journal, 1, 10)));
    let read = journal.read(sealed, usize::MAX).unwrap();
    let indices: Vec<u64> = read.iter().map(Frame::index).collect();
    assert_eq!(indices, (5..=13).collect::<Vec<_>>());
}

#[test]
fn the_file_of_a_sealed_tip_is_used_again_once_the_tip_has_moved_on() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let (sealed, _) = (0..4).map(|_| append_next(&journal, 1, 10)).last().unwrap();
    drop(journal);
    let journal = open(dir.path(), sealed).unwrap();
    (0..8).for_each(|_| drop(append_next(&journal, 1, 10)));
    assert_eq!(journal_files(dir.path()).len(), 2);
}

#[test]
fn a_frame_of_an_older_epoch_is_not_taken_up_behind_a_newer_one() {
    let dir = made();
    let path = dir.path().join("00000001.journal");
    let journal = open(dir.path(), Tip::default()).unwrap();
    let (first, frame) = append_next(&journal, 1, 10);
    append_next(&journal, 1, 10);
    drop(journal);
    // The same first frame, but written by a later opening; the second, chained to it, is stale.
    let header = Header {
        store_id: SETTINGS.store_id,
        epoch: 9,
        index: 1,
        first_position: 1,
        synced_index: 0,
        previous: 0,
        check: first.check,
        length: frame.body().len() as u64,
    };
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .write_all_at(&header.encode(), 0)
        .unwrap();
    // The stale header's claim that frame 1 was durable is met; its own frame is not there.
    let journal = open(dir.path(), Tip::default()).unwrap();
    assert_eq!(journal.tip().unwrap(), first);
    assert_eq!(journal.epoch, 10);
}

#[test]
fn a_reader_that_is_overtaken_by_releases_gets_an_error_and_never_other_bytes() {
    bounded("a reader among releases", || {
        let dir = made();
        let journal = open(dir.path(), Tip::default()).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let ending = SetOnDrop(&done);
            let reader = scope.spawn(|| {
                let mut after = Tip::default();
                while !done.load(Relaxed) {
                    match journal.read(after, 20_000) {
                        Ok(frames) => {
                            let next = frames.first().map(Frame::index);
                            assert!(next.is_none_or(|next| next == after.index + 1));
                        }
                        Err(JournalError::Released { up_to }) => {
                            assert!(up_to > after.index);
                            after = journal.tip().unwrap();
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            });
            for _ in 0..400 {
                let (tip, _) = append_next(&journal, 1, 10);
                journal.release(tip).unwrap();
            }
            drop(ending);
            reader.join().unwrap();
        });
    });
}

#[test]
fn making_a_journal_again_is_fine_until_it_holds_a_frame() {
    let dir = made();
    let torn = dir.path().join("00000001.journal");
    fs::write(&torn, "torn").unwrap();
    FileJournal::create(Arc::new(RealFiles), dir.path(), &SETTINGS).unwrap();
    assert_eq!(fs::metadata(&torn).unwrap().len(), SETTINGS.file_bytes);
    append_next(&open(dir.path(), Tip::default()).unwrap(), 1, 10);
    for store_id in [SETTINGS.store_id, [0; 16]] {
        let settings = JournalSettings { store_id, ..SETTINGS };
        let again = FileJournal::create(Arc::new(RealFiles), dir.path(), &settings);
        assert!(matches!(again, Err(JournalError::Damaged { .. })), "{again:?}");
    }
    assert_eq!(open(dir.path(), Tip::default()).unwrap().tip().unwrap().index, 1);
}

#[test]
fn a_file_that_was_being_made_is_removed() {
    let dir = made();
    append_next(&open(dir.path(), Tip::default()).unwrap(), 1, 10);
    fs::write(dir.path().join("00000002.journal"), [0; PAGE]).unwrap();
    fs::write(dir.path().join("note"), "no file of the journal").unwrap();
    let journal = open(dir.path(), Tip::default()).unwrap();
    assert_eq!(journal_files(dir.path()), ["00000001.journal"]);
    (0..5).for_each(|_| drop(append_next(&journal, 1, 10)));
    assert!(dir.path().join("note").exists());
}

#[test]
fn a_panic_in_an_append_stops_the_journal() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let (tip, _) = append_next(&journal, 1, 10);
    let panicking = std::panic::AssertUnwindSafe(|| {
        let _writer = journal.writer.lock().unwrap();
        panic!("on purpose");
    });
    std::panic::catch_unwind(panicking).unwrap_err();
    let outcome = journal.append(frame_after(tip, 1, 10, 1)).outcome();
    assert!(matches!(outcome, Outcome::Unknown(JournalError::Stopped { .. })), "{outcome:?}");
    assert_eq!(journal.tip().unwrap(), tip);
    journal.close().unwrap_err();
}
