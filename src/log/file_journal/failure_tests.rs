//! Every write and every sync fails once: what was acknowledged stays, and readers get nothing
//! else.

use super::*;
use crate::log::{
    contract::frame_after,
    recorder::{Disk, Random, RecordingFiles},
};

const DIR: &str = "/journal";
const SETTINGS: JournalSettings = tests::SETTINGS;

fn open(files: &RecordingFiles, sealed: Tip) -> Result<FileJournal, JournalError> {
    FileJournal::open(Arc::new(files.clone()), Path::new(DIR), SETTINGS, sealed)
}

/// A journal that was stopped in the middle: two frames, the second not claimed by anything.
fn stopped() -> (Disk, Vec<Frame>) {
    let files = RecordingFiles::default();
    FileJournal::create(Arc::new(files.clone()), Path::new(DIR), &SETTINGS).unwrap();
    let journal = open(&files, Tip::default()).unwrap();
    let (frames, _) = append_until_it_fails(&journal, Vec::new(), 2);
    (files.disk().cut(), frames)
}

/// Appends frames, large and small, and returns those that were acknowledged and the one that was
/// not, if there is one.
fn append_until_it_fails(
    journal: &FileJournal,
    mut frames: Vec<Frame>,
    more: usize,
) -> (Vec<Frame>, Option<Frame>) {
    for _ in 0..more {
        // As the feeder's thread does. Where it could not, the append makes the file.
        let _ = journal.prepare(Duration::ZERO);
        let after = journal.tip().unwrap();
        let size = 10 + 5000 * (frames.len() % 3);
        let frame = frame_after(after, 2, size, 1);
        let outcome = journal.append(frame.clone()).outcome();
        let frame = frame.into_durable();
        match outcome {
            Outcome::Durable => frames.push(frame),
            Outcome::Unknown(_) => return (frames, Some(frame)),
            Outcome::Conflict => panic!("nobody else appends"),
        }
    }
    (frames, None)
}

/// Opens, and checks that it holds the frames, and perhaps the one with an unknown outcome.
fn check_found(files: &RecordingFiles, frames: &[Frame], unknown: Option<&Frame>) -> Vec<Frame> {
    let found = open(files, Tip::default()).unwrap().read(Tip::default(), usize::MAX).unwrap();
    assert_eq!(found[..frames.len()], *frames, "acknowledged frames");
    assert!(found.len() == frames.len() || found[frames.len()..].iter().eq(unknown), "invented");
    found
}

#[test]
fn after_a_failed_step_the_journal_stops_and_keeps_what_it_acknowledged() {
    let (disk, before) = stopped();
    let random = &mut Random(1);
    let mut appending = 0;
    for step in 0.. {
        let files = RecordingFiles::on(disk.clone());
        files.fail_after(Some(step));
        let opened = open(&files, Tip::default());
        let mut unknown = None;
        let mut frames = before.clone();
        match &opened {
            Err(error) => assert!(matches!(error, JournalError::Io { .. }), "{error}"),
            Ok(journal) => {
                (frames, unknown) = append_until_it_fails(journal, frames, 6);
                let closed = journal.close();
                if unknown.is_some() {
                    appending += 1;
                    check_stopped(journal, &frames);
                    assert!(matches!(closed, Err(JournalError::Stopped { .. })), "{closed:?}");
                } else if !files.has_failed() {
                    closed.unwrap();
                    assert!(appending > 10, "the workload was cut short");
                    return;
                }
            }
        }
        assert!(files.has_failed(), "step {step} failed and nobody noticed");
        // The power fails at once; or the process starts again on the page cache, shows readers
        // what it finds, and then the power fails.
        for (what, image) in files.disk().images(random) {
            eprintln!("step {step}, landed: {what}");
            check_found(&RecordingFiles::on(image), &frames, unknown.as_ref());
        }
        let reported = check_found(&files, &frames, unknown.as_ref());
        let found = check_found(&RecordingFiles::on(files.disk().cut()), &frames, unknown.as_ref());
        assert_eq!(found, reported, "step {step}: what was shown was not durable");
        let journal = open(&files, Tip::default()).unwrap();
        let mut frames = reported;
        for _ in 0..6 {
            let (more, failed) = append_until_it_fails(&journal, frames, 1);
            assert_eq!(failed, None);
            check_found(&RecordingFiles::on(files.disk().cut()), &more, None);
            frames = more;
        }
    }
}

fn check_stopped(journal: &FileJournal, frames: &[Frame]) {
    let tip = journal.tip().unwrap();
    assert!(journal.tail.frame(tip.index + 1).is_none(), "what is not durable is in memory");
    assert_eq!(tip.index, frames.len() as u64);
    assert_eq!(journal.read(Tip::default(), usize::MAX).unwrap(), frames, "reads go on");
    let outcome = journal.append(frame_after(tip, 1, 10, 2)).outcome();
    let Outcome::Unknown(JournalError::Stopped { first }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(matches!(*first, JournalError::Io { .. }), "the first reason is kept: {first}");
}
