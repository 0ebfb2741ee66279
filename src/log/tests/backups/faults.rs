//! Faults and stops at every step of a backup, of its cleaning and of a restore.

use super::*;
use crate::log::recorder::{self, RecordingFiles};

/// A log of a few frames: nothing of it is in a volume.
pub(super) fn few_frames(random: &mut Random) -> Case {
    let mut case = Case::new();
    (0..3).for_each(|_| case.append_little(random));
    case
}

/// Files in memory, with the folder that a temporary directory would have.
fn recording(case: &Case) -> (RecordingFiles, Arc<dyn Files>, PathBuf) {
    let files = RecordingFiles::default();
    let home = case.home.path();
    for folder in home.ancestors().collect::<Vec<_>>().into_iter().rev() {
        files.create_dir(folder).unwrap();
        files.sync_dir(folder.parent().unwrap_or(folder)).unwrap();
    }
    (files.clone(), Arc::new(files), home.join("target"))
}

/// Every backup that a target shows must be whole; returns how many there are.
pub(super) fn check_whole(target: &DirectoryTarget) -> usize {
    let opened = Opened::read(target).unwrap();
    let listed = target.list("").unwrap();
    for manifest in &opened.manifests {
        backup::verify(target, manifest).unwrap();
        assert!(manifest.pieces().all(|piece| listed.iter().any(|(name, _)| *name == piece.name)));
    }
    opened.manifests.len()
}

#[test]
fn whatever_step_of_a_backup_fails_it_is_whole_or_not_there_and_the_next_one_is_made() {
    let mut random = Random::new();
    let mut failed = 0;
    for step in 0.. {
        // A log of all rounds would seal a volume, whose files are not in memory.
        let mut case = few_frames(&mut random);
        let (recorded, files, dir) = recording(&case);
        let target = DirectoryTarget::on(files, &dir);
        back_up(&case.log().backup_source(), &target).unwrap();
        case.append_little(&mut random);
        recorded.fail_after(Some(step));
        let keep = NonZeroUsize::new(1);
        let done = run(&case.log().backup_source(), &target, keep, &mut |_, _| {});
        let found = recorded.has_failed();
        recorded.fail_after(None);
        assert!((1..=2).contains(&check_whole(&target)), "step {step}");
        if !found {
            done.unwrap();
            break;
        }
        failed += 1;
        let done = run(&case.log().backup_source(), &target, keep, &mut |_, _| {}).unwrap();
        assert_eq!(done.position, case.tip.position);
        assert_eq!(check_whole(&target), 1, "step {step}");
    }
    assert!(failed > 10, "{failed} steps failed");
}

#[test]
fn wherever_the_power_fails_a_backup_is_whole_or_not_there() {
    let mut random = Random::new();
    let mut case = few_frames(&mut random);
    let (recorded, files, dir) = recording(&case);
    let target = DirectoryTarget::on(files, &dir);
    back_up(&case.log().backup_source(), &target).unwrap();
    case.append(&mut random);
    let (mut disk, before) = (recorded.disk(), recorded.taken());
    let keep = NonZeroUsize::new(1);
    run(&case.log().backup_source(), &target, keep, &mut |_, _| {}).unwrap();
    let mut landed = recorder::Random(random.below(1 << 30) as u64);
    for step in &recorded.steps()[before..] {
        disk.apply(step);
        for (what, image) in disk.images(&mut landed) {
            let files: Arc<dyn Files> = Arc::new(RecordingFiles::on(image));
            let target = DirectoryTarget::on(files, &dir);
            let whole = check_whole(&target);
            assert!((1..=2).contains(&whole), "after {step:?}, landed: {what}");
        }
    }
}

#[test]
fn whatever_step_of_a_restore_fails_no_store_is_there_and_the_same_restore_ends_it() {
    let mut random = Random::new();
    let case = few_frames(&mut random);
    let backups = case.home.path().join("backups");
    let target = DirectoryTarget::new(&backups);
    back_up(&case.log().backup_source(), &target).unwrap();
    let mut failed = 0;
    for step in 0.. {
        let (recorded, files, _) = recording(&case);
        let dir = case.home.path().join(format!("restored-{step}"));
        // The lock is a real file.
        fs::create_dir(&dir).unwrap();
        files.create_dir(&dir).unwrap();
        recorded.fail_after(Some(step));
        let request = small();
        let done = restore(&files, &target, &dir, &request, &mut |_, _| {});
        let found = recorded.has_failed();
        recorded.fail_after(None);
        let store = files.open(&dir.join("STORE"), false).is_ok();
        if !found {
            assert!(store);
            assert_eq!(done.unwrap().position, case.tip.position);
            break;
        }
        failed += 1;
        let error = done.unwrap_err();
        if store {
            // It failed when its mark was to go: then it is a store, and no restore touches it.
            let whole = StoppedStore::open(&files, &dir).and_then(|stopped| stopped.snapshot());
            let whole = whole.unwrap_or_else(|error| panic!("STORE came too early: {error}"));
            assert_eq!(whole.tip, case.tip, "STORE came before the record");
            assert_eq!(whole.history.branches().len(), 1, "STORE came before the history");
            let again = restore(&files, &target, &dir, &request, &mut |_, _| {}).unwrap_err();
            assert!(matches!(again, BackupError::Occupied { .. }), "{again}, after {error}");
            continue;
        }
        let again = restore(&files, &target, &dir, &request, &mut |_, _| {}).unwrap();
        assert_eq!(again.position, case.tip.position, "after {error}");
    }
    assert!(failed > 20, "{failed} steps failed");
}

/// A source that ends after some pieces, as a process does that is killed.
struct Killed<'a> {
    source: &'a dyn Source,
    left: AtomicUsize,
}

impl Source for Killed<'_> {
    fn snapshot(&self) -> Result<backup::source::Snapshot, BackupError> {
        self.source.snapshot()
    }

    fn open(
        &self,
        wanted: &backup::source::Wanted,
    ) -> Result<Box<dyn std::io::Read + Send + '_>, BackupError> {
        let left =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
        if left.is_err() {
            return Err(BackupError::Stopping);
        }
        self.source.open(wanted)
    }
}

#[test]
fn a_backup_that_was_killed_is_resumed_by_the_next_and_what_it_left_is_removed() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.leave_frames(&mut random);
    let source = kept.case.log().backup_source();
    // The frames and two volumes of two files and a table each, at least.
    let killed = Killed { source: &source, left: AtomicUsize::new(8) };
    back_up(&killed, &kept.target).unwrap_err();
    let refused = refused_restore(&mut kept);
    assert!(matches!(refused, BackupError::NoBackup { .. }), "a manifest is there: {refused}");
    kept.case.fill(&mut random, 2 * VOLUME_BYTES);
    kept.case.wait_sealed();
    let summary = kept.back_up();
    assert!(summary.kept.pieces >= 3, "volumes that were copied whole stay: {summary:?}");
    assert!(summary.removed.pieces >= 1, "frames that no backup names go: {summary:?}");
    let (dir, restored) = kept.restore(&small()).unwrap();
    kept.check_restored(&mut random, &dir, restored.position);
}

fn refused_restore(kept: &mut Kept) -> BackupError {
    kept.restore(&small()).unwrap_err()
}

#[test]
fn a_restore_that_was_interrupted_goes_on_and_keeps_what_is_right() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.back_up();
    let (done, first) = kept.restore(&small()).unwrap();
    assert_eq!(first.kept, 0);
    // As it was just before `STORE`, with one file cut off.
    fs::remove_file(done.join("STORE")).unwrap();
    fs::remove_file(done.join("HISTORY")).unwrap();
    let mark = format!("backup {}\nwhole\n", first.backup);
    checked_text::write(&RealFiles, &done.join("RESTORING"), &mark).unwrap();
    let volumes = RealFiles.list(&done.join("volumes")).unwrap();
    let db = volumes[0].join("db");
    let whole = fs::read(&db).unwrap();
    fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    let other = volumes[1].join("db");
    let other_whole = fs::read(&other).unwrap();
    let mut flipped = other_whole.clone();
    flipped[random.below(other_whole.len())] ^= 1;
    fs::write(&other, flipped).unwrap();
    let again = restore_to(&kept.target, &done, &small()).unwrap();
    assert!(again.kept >= 5, "{again:?}");
    assert!(fs::read(&db).unwrap() == whole, "a file that was cut off stayed so");
    assert!(fs::read(&other).unwrap() == other_whole, "a file with another bit stayed so");
    kept.check_restored(&mut random, &done, again.position);
}
