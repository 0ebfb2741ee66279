//! Files that are made ahead of need: appends find them, each is listed, and what keeps one from
//! being made refuses nothing before it is needed.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{tests::SETTINGS, *};
use crate::log::{
    contract::append_next,
    recorder::{RecordingFiles, Step},
    waiting::{SetOnDrop, bounded},
};

const DIR: &str = "/journal";

fn opened(files: &RecordingFiles) -> FileJournal {
    let files = || Arc::new(files.clone());
    FileJournal::create(files(), Path::new(DIR), &SETTINGS).unwrap();
    FileJournal::open(files(), Path::new(DIR), SETTINGS, Tip::default()).unwrap()
}

/// Names that were given.
fn names(files: &RecordingFiles) -> usize {
    files.steps().iter().filter(|step| matches!(step, Step::Name(_))).count()
}

fn appended(journal: &FileJournal, pages: usize) {
    (0..pages).for_each(|_| drop(append_next(journal, 1, 10)));
}

#[test]
fn a_file_is_made_once_the_one_in_use_is_half_full_and_no_append_makes_one() {
    let files = RecordingFiles::default();
    let journal = opened(&files);
    let prepared = || {
        let before = names(&files);
        journal.prepare(Duration::ZERO).unwrap();
        names(&files) > before
    };
    for file in 0..10 {
        appended(&journal, 2);
        assert!(!prepared(), "file {file}: half of it is free");
        appended(&journal, 1);
        assert!(prepared(), "file {file}: more than half of it is used");
        assert!(!prepared(), "file {file}: one ahead is enough");
        let before = names(&files);
        journal.reserve().unwrap();
        appended(&journal, 1);
        journal.reserve().unwrap();
        assert_eq!(names(&files), before, "file {file}: an append waited for a file");
    }
    // Files that are free again are used before others are made.
    appended(&journal, 1);
    journal.release(journal.tip().unwrap()).unwrap();
    appended(&journal, 30);
    assert!(!prepared());
}

#[test]
fn a_file_that_cannot_be_made_ahead_refuses_no_append() {
    // Its name, its length, its zeros.
    for failing in 0..3 {
        let files = RecordingFiles::default();
        let journal = opened(&files);
        appended(&journal, 3);
        files.fail_after(Some(failing));
        let error = journal.prepare(Duration::ZERO).unwrap_err();
        assert!(files.has_failed() && error.is_of_making(), "{error}");
        appended(&journal, 1);
        // Tried again once it is needed, or before.
        appended(&journal, 3);
        journal.prepare(Duration::ZERO).unwrap();
        journal.close().unwrap();
    }
}

#[test]
fn a_failed_sync_of_a_file_that_is_made_ahead_stops_the_journal() {
    let files = RecordingFiles::default();
    let journal = opened(&files);
    appended(&journal, 3);
    files.fail_after(Some(3));
    journal.prepare(Duration::ZERO).unwrap();
    assert!(files.has_failed());
    // It is still low, and nothing is made any more: the thread that prepares files must rest.
    let (begun, rest) = (Instant::now(), Duration::from_millis(20));
    journal.prepare(rest).unwrap();
    assert!(begun.elapsed() >= rest, "a journal that has stopped is prepared without end");
    let error = journal.close().unwrap_err();
    assert!(
        matches!(&error, JournalError::Stopped { first } if first.to_string().contains("sync")),
        "{error}"
    );
}

#[test]
fn files_that_are_made_beside_appends_are_listed_and_each_frame_is_kept() {
    let files = RecordingFiles::default();
    let recorded = files.clone();
    let frames = bounded("appends beside a preparation", move || {
        let (journal, ended) = (opened(&files), AtomicBool::new(false));
        let mut frames = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    journal.prepare(Duration::from_millis(1)).unwrap();
                }
            });
            let _ended = SetOnDrop(&ended);
            for size in (0..400).map(|number| 10 + 3000 * (number % 5)) {
                journal.reserve().unwrap();
                frames.push(append_next(&journal, 1, size).1);
            }
        });
        frames
    });
    // As the power leaves it.
    let files = RecordingFiles::on(recorded.disk().cut());
    let listed = listing::read(&files, Path::new(DIR)).unwrap().unwrap();
    let found = listing::of(&Segment::open_all(&files, Path::new(DIR)).unwrap());
    assert!(listed.iter().all(|(number, length)| found.get(number) == Some(length)));
    let journal =
        FileJournal::open(Arc::new(files), Path::new(DIR), SETTINGS, Tip::default()).unwrap();
    assert_eq!(journal.read(Tip::default(), usize::MAX).unwrap(), frames);
}
