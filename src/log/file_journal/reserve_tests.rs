//! The files to go on in: one is there before it is needed, and takes the largest frame; and which
//! are kept and used again when the journal is opened.

use super::{
    tests::{SETTINGS, made, open},
    *,
};
use crate::log::{
    contract::{append_next, frame_after},
    files::RealFiles,
    gate::Gate,
    recorder::RecordingFiles,
};

const PAGE: u64 = header::PAGE;
/// The events of a frame, of one append more, and a table that takes less than another append.
const LARGEST: u64 = (4 + 4 + 4) << 20;

/// How many files a journal says that it has.
fn files_of(journal: &FileJournal, file_bytes: u64) -> u64 {
    journal.usage().file_bytes.unwrap() / file_bytes
}

#[test]
fn a_file_is_made_once_the_largest_frame_does_not_fit_in_the_rest_of_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    // Behind one small frame there is room for the largest: its body, and a page with its header.
    let settings = JournalSettings { file_bytes: LARGEST + 2 * PAGE, ..SETTINGS };
    FileJournal::create(Arc::new(RealFiles), dir.path(), &settings).unwrap();
    let open = FileJournal::open(Arc::new(RealFiles), dir.path(), settings, Tip::default());
    let journal = open.unwrap();
    let files = || files_of(&journal, settings.file_bytes);
    append_next(&journal, 1, 10);
    journal.reserve().unwrap();
    assert_eq!(files(), 1, "there is room for the largest frame");
    append_next(&journal, 1, 10);
    for _ in 0..2 {
        journal.reserve().unwrap();
        assert_eq!(files(), 2, "one file is in reserve");
    }
    let largest = usize::try_from(LARGEST).unwrap() - 100;
    append_next(&journal, 1, largest);
    assert_eq!(files(), 2, "the largest frame goes into the file in reserve");
}

#[test]
fn where_files_are_smaller_than_a_large_frame_a_whole_file_is_in_reserve() {
    let dir = made();
    let journal = open(dir.path(), Tip::default()).unwrap();
    let files = || files_of(&journal, SETTINGS.file_bytes);
    journal.reserve().unwrap();
    assert_eq!(files(), 1, "nothing is in the first file");
    append_next(&journal, 1, 10);
    for _ in 0..2 {
        journal.reserve().unwrap();
        assert_eq!(files(), 2);
    }
    (0..7).for_each(|_| drop(append_next(&journal, 1, 10)));
    assert_eq!(files(), 2, "the file in reserve is the next one");
}

#[test]
fn a_shortage_that_passes_is_reported_and_the_journal_goes_on() {
    let (dir, (gate, _waiting)) = (made(), Gate::new());
    let files = Arc::new(gate.clone());
    let journal = FileJournal::open(files, dir.path(), SETTINGS, Tip::default()).unwrap();
    append_next(&journal, 1, 10);
    gate.set_short(true);
    for _ in 0..2 {
        let error = journal.reserve().unwrap_err();
        assert!(error.is_before_sync(), "{error}");
    }
    append_next(&journal, 1, 10);
    gate.set_short(false);
    journal.reserve().unwrap();
    assert_eq!(files_of(&journal, SETTINGS.file_bytes), 2);
}

#[test]
fn after_another_failure_to_make_a_file_nothing_is_written() {
    let (files, dir) = (RecordingFiles::default(), Path::new("/journal"));
    FileJournal::create(Arc::new(files.clone()), dir, &SETTINGS).unwrap();
    let journal = FileJournal::open(Arc::new(files.clone()), dir, SETTINGS, Tip::default());
    let journal = journal.unwrap();
    let (tip, _) = append_next(&journal, 1, 10);
    files.fail_after(Some(1));
    journal.reserve().unwrap();
    assert!(files.has_failed());
    let before = files.taken();
    let outcome = journal.append(frame_after(tip, 1, 10, 1)).outcome();
    assert!(matches!(outcome, Outcome::Unknown(JournalError::Stopped { .. })), "{outcome:?}");
    journal.reserve().unwrap();
    assert_eq!(files.taken(), before, "a journal that has stopped makes no file either");
}

/// A journal whose frames fill a file each: the fourth file holds the fourth frame, the others
/// frames 5 to 7. The tips after all of them.
fn used_again(dir: &Path) -> Vec<Tip> {
    let journal = open(dir, Tip::default()).unwrap();
    let mut tips: Vec<Tip> = (0..4).map(|_| append_next(&journal, 1, 13_000).0).collect();
    for released in [2, 4, 5] {
        journal.release(tips[released]).unwrap();
        tips.push(append_next(&journal, 1, 13_000).0);
    }
    tips
}

fn numbers(dir: &Path) -> Vec<u64> {
    let segments = Segment::open_all(&RealFiles, dir).unwrap();
    segments.iter().map(|segment| segment.number).collect()
}

#[test]
fn of_the_files_that_an_opening_finds_unused_the_one_with_the_oldest_frame_is_next() {
    let dir = made();
    let tips = used_again(dir.path());
    assert_eq!(numbers(dir.path()), [1, 2, 3, 4]);
    let journal = open(dir.path(), tips[5]).unwrap();
    for file in [4, 1, 2] {
        append_next(&journal, 1, 13_000);
        assert_eq!(journal.writer.lock().unwrap().segment.number, file);
    }
    assert_eq!(numbers(dir.path()), [1, 2, 3, 4], "the files are used again");
}

#[test]
fn files_that_are_smaller_than_a_new_setting_are_removed_once_they_are_unused() {
    let dir = made();
    let tips = used_again(dir.path());
    let open = |file_bytes| {
        let settings = JournalSettings { file_bytes, ..SETTINGS };
        FileJournal::open(Arc::new(RealFiles), dir.path(), settings, tips[5]).unwrap()
    };
    drop(open(SETTINGS.file_bytes - PAGE));
    assert_eq!(numbers(dir.path()), [1, 2, 3, 4], "larger ones are kept");
    let journal = open(SETTINGS.file_bytes + PAGE);
    assert_eq!(numbers(dir.path()), [3], "the last frame is there");
    assert_eq!(journal.tip().unwrap(), tips[6]);
    assert_eq!(files_of(&journal, SETTINGS.file_bytes), 1);
}
