//! What a restore cannot do is refused before anything is written.

use super::*;
use crate::{
    domain::{
        history::{Branch, History, HistoryId},
        limits,
    },
    log::gate::Gate,
};

/// A log whose first append has several events, with so many bytes in all, and a backup of it.
fn with_long_first_append(random: &mut Random, bytes: usize) -> Kept {
    for _ in 0..100 {
        let mut case = Case::new();
        case.append_little(random);
        if case.tip.position < 2 {
            continue;
        }
        case.fill(random, bytes);
        case.wait_sealed();
        case.wait_indexed();
        let backups = case.home.path().join("backups");
        return Kept { case, target: DirectoryTarget::new(&backups), backups, restored: 0 };
    }
    panic!("no first append has several events");
}

/// What a restore says, which must not have begun.
fn refused(kept: &mut Kept, request: &Request) -> BackupError {
    let dir = kept.next_dir();
    let error = restore_to(&kept.target, &dir, request).expect_err("it cannot be restored");
    assert!(!dir.exists(), "something was written: {error}");
    error
}

#[test]
fn an_end_before_that_of_the_first_append_is_refused_before_anything_is_written() {
    let mut random = Random::new();
    for bytes in [0, 2 * VOLUME_BYTES] {
        let mut kept = with_long_first_append(&mut random, bytes);
        kept.back_up();
        assert_eq!(kept.case.manifest().volumes().is_empty(), bytes == 0);
        let first = ends_of_appends(&kept.case)[0];
        // All events of these tests were recorded at time 0.
        for (end, said) in [
            (At::Position(1), "position 1"),
            (At::Position(first - 1), "choose a later position"),
            (At::Time(-1), "1969-12-31T23:59:59.999999Z; choose a later time"),
        ] {
            let error = refused(&mut kept, &at(end));
            assert!(matches!(error, BackupError::Beyond { .. }), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        for end in [At::Position(first), At::Time(0)] {
            let (dir, restored) = kept.restore(&at(end)).unwrap();
            kept.check_restored(&mut random, &dir, restored.position);
        }
    }
}

#[test]
fn without_offset_tables_such_a_restore_leaves_nothing_that_is_in_the_way() {
    let mut random = Random::new();
    let mut kept = with_long_first_append(&mut random, 2 * VOLUME_BYTES);
    fs::remove_dir_all(kept.case.dir.join("places")).unwrap();
    kept.back_up();
    let dir = kept.next_dir();
    let error = restore_to(&kept.target, &dir, &at(At::Position(1))).unwrap_err();
    assert!(matches!(error, BackupError::Beyond { .. }), "{error}");
    assert_eq!(RealFiles.list(&dir).unwrap(), [dir.join("LOCK")]);
    let restored = restore_to(&kept.target, &dir, &small()).unwrap();
    assert_eq!(restored.position, kept.case.tip.position);
}

#[test]
fn the_time_of_an_interrupted_restore_is_shown_as_the_command_line_takes_it() {
    let mut random = Random::new();
    let mut kept = with_long_first_append(&mut random, 0);
    kept.back_up();
    let dir = kept.next_dir();
    fs::create_dir(&dir).unwrap();
    let mark = "backup backups/x\ntime 1577923199999999\n";
    checked_text::write(&RealFiles, &dir.join("RESTORING"), mark).unwrap();
    let error = restore_to(&kept.target, &dir, &small()).unwrap_err().to_string();
    assert!(error.contains("(backup backups/x, time 2020-01-01T23:59:59.999999Z)"), "{error}");
}

#[test]
fn a_record_without_events_has_no_end_to_choose() {
    let case = Case::new();
    let backups = case.home.path().join("backups");
    let mut kept = Kept { case, target: DirectoryTarget::new(&backups), backups, restored: 0 };
    kept.back_up();
    for end in [At::Position(0), At::Position(1), At::Time(0), At::Time(1_704_067_200_000_000)] {
        let error = refused(&mut kept, &at(end));
        assert!(matches!(error, BackupError::Beyond { .. }), "{error}");
        let said = "is of a record without events; restore it without --at";
        assert!(error.to_string().ends_with(said), "{error}");
    }
    kept.restore(&small()).unwrap();
}

/// A record that was restored so often.
struct Restored<'a> {
    source: &'a dyn Source,
    times: usize,
}

impl Source for Restored<'_> {
    fn snapshot(&self) -> Result<backup::source::Snapshot, BackupError> {
        let branch = |number: usize| Branch { id: HistoryId(1 + number as u128), after: 0 };
        let history = History::of((0..self.times).map(branch).collect());
        Ok(backup::source::Snapshot { history, ..self.source.snapshot()? })
    }

    fn open(
        &self,
        wanted: &backup::source::Wanted,
    ) -> Result<Box<dyn std::io::Read + Send + '_>, BackupError> {
        self.source.open(wanted)
    }
}

#[test]
fn a_record_that_was_restored_as_often_as_it_may_be_is_backed_up_with_a_word_and_not_restored() {
    let mut random = Random::new();
    let mut kept = with_long_first_append(&mut random, 0);
    let source = kept.case.log().backup_source();
    let often = |times| back_up(&Restored { source: &source, times }, &kept.target).unwrap();
    let (last, beyond) = (often(limits::RESTORES_PER_STORE - 1), often(limits::RESTORES_PER_STORE));
    assert_eq!((last.restores, beyond.restores), (255, 256));
    let error = refused(&mut kept, &small());
    assert!(matches!(error, BackupError::TooManyRestores { restores: 256, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&beyond.name) && text.contains("older backup by --backup"), "{text}");
    let (_, restored) = kept.restore(&Request { backup: Some(last.name), ..small() }).unwrap();
    assert_eq!(restored.history.branches().len(), limits::RESTORES_PER_STORE);
}

#[test]
fn a_restore_that_would_not_fit_is_refused_before_anything_is_written() {
    let mut random = Random::new();
    let mut kept = with_long_first_append(&mut random, 2 * VOLUME_BYTES);
    kept.back_up();
    let dir = kept.next_dir();
    let (gate, _waiting) = Gate::new();
    let files: Arc<dyn Files> = Arc::new(gate.clone());
    let restored = |request: &Request, free| {
        gate.set_free(Some(free));
        restore(&files, &kept.target, &dir, request, &mut |_, _| {})
    };
    let early = at(At::Position(kept.case.manifest().volumes()[0].tip.position - 1));
    for request in [early, small()] {
        let error = restored(&request, 1_000).expect_err("there is no room");
        assert!(!dir.exists(), "something was written");
        let BackupError::NoRoom { needed, free: 1_000, .. } = error else { panic!("{error}") };
        restored(&request, needed - 1).expect_err("a byte is missing");
        assert!(!dir.exists(), "something was written");
        restored(&request, needed).unwrap();
        let written = ["volumes", "places", "journal"].map(|folder| bytes_in(&dir.join(folder)));
        let written: u64 = written.iter().sum();
        assert!(written <= needed, "{needed} for {written}");
        // A volume that is cut lies there as a whole beside the journal that takes its events, and
        // goes at the end. At most half of the journal's files stays free, and one more.
        let kept = bytes_in(&kept.backups);
        assert!(needed <= 3 * kept + (128 << 10), "{needed} of a backup of {kept}");
        fs::remove_dir_all(&dir).unwrap();
    }
}

/// Bytes of the files in a folder.
fn bytes_in(folder: &Path) -> u64 {
    let bytes = |path: &PathBuf| {
        if path.is_dir() { bytes_in(path) } else { fs::metadata(path).unwrap().len() }
    };
    RealFiles.list(folder).unwrap().iter().map(bytes).sum()
}
