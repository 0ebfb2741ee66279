//! Journals of which files were changed: each opens or is refused, and none makes recovery panic.
//! Checksums are put right again behind most changes, so that what is behind them is reached.

use std::path::PathBuf;

use bytes::Buf as _;

use super::{header::HEADER, *};
use crate::{
    fuzz::Fuzz,
    log::{contract::append_next, recorder::RecordingFiles},
};

const DIR: &str = "/journal";
const SETTINGS: JournalSettings = tests::SETTINGS;

fn open(files: &RecordingFiles) -> Result<FileJournal, JournalError> {
    FileJournal::open(Arc::new(files.clone()), Path::new(DIR), SETTINGS, Tip::default())
}

/// A file of four pages with frames in three of them.
fn written() -> Vec<u8> {
    let files = RecordingFiles::default();
    FileJournal::create(Arc::new(files.clone()), Path::new(DIR), &SETTINGS).expect("a journal");
    let journal = open(&files).expect("it opens");
    for count in 1..=3 {
        append_next(&journal, count, 40);
    }
    contents(&files, &segment::path_of(Path::new(DIR), 1))
}

fn contents(files: &RecordingFiles, path: &Path) -> Vec<u8> {
    let file = files.open(path, false).expect("the file");
    let mut bytes = vec![0; usize::try_from(file.len().expect("its length")).expect("small")];
    file.read_exact_at(&mut bytes, 0).expect("it can be read");
    bytes
}

/// Puts the checksums of all headers right, and those of the frames under them.
fn sealed(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let page = usize::try_from(header::PAGE).expect("a page is small");
    for at in (0..bytes.len()).step_by(page) {
        let Some(found) = bytes.get(at..at + HEADER) else { break };
        if !found.starts_with(b"\x89HOJ\r\n\x1a\n") {
            continue;
        }
        let mut number = found.get(72..80).expect("a length");
        let length = usize::try_from(number.get_u64()).unwrap_or(usize::MAX);
        let mut previous = found.get(64..68).expect("a check");
        let previous = previous.get_u32();
        let end = (at + HEADER).saturating_add(length);
        if let Some(body) = bytes.get(at + HEADER..end) {
            let check = Frame::check(previous, body).to_be_bytes();
            bytes[at + 68..at + 72].copy_from_slice(&check);
        }
        let crc = crc32c::crc32c(&bytes[at + 12..at + HEADER]).to_be_bytes();
        bytes[at + 8..at + 12].copy_from_slice(&crc);
    }
    bytes
}

fn recover(bytes: &[u8]) -> String {
    let files = RecordingFiles::default();
    files.create_dir(Path::new(DIR)).expect("a folder");
    let path: PathBuf = segment::path_of(Path::new(DIR), 1);
    files.open(&path, true).and_then(|file| file.write_all_at(bytes, 0)).expect("it is written");
    let journal = match open(&files) {
        Ok(journal) => journal,
        Err(JournalError::Damaged { what, .. }) => return what,
        Err(error) => return error.to_string(),
    };
    let frames = journal.read(Tip::default(), usize::MAX).expect("what was found can be read");
    assert_eq!(frames.last().map_or(Tip::default(), Frame::tip), journal.tip().expect("a tip"));
    drop(journal);
    let journal = open(&files).expect("what opened opens again");
    assert_eq!(journal.read(Tip::default(), usize::MAX).expect("it can be read"), frames);
    // Positions end somewhere, and then nothing can follow.
    if journal.tip().is_ok_and(|tip| tip.position < u64::MAX / 2 && tip.index < u64::MAX / 2) {
        append_next(&journal, 1, 40);
    }
    "x".repeat(frames.len().min(9))
}

#[test]
fn no_journal_that_was_changed_makes_recovery_panic() {
    Fuzz::of("journal", [written()]).run(|input| {
        let as_it_is = recover(input);
        let behind_checksums = recover(&sealed(input));
        format!("{as_it_is} {behind_checksums}")
    });
}
