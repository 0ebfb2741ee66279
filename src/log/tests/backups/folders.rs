//! Data directories and backups of them: what is said of one in the place of the other, and how
//! one is left behind.

use std::{
    io::{self, Read},
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::log::backup::source::{Snapshot, Wanted};

#[test]
fn a_data_directory_in_the_place_of_backups_is_named_as_one() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    let (data, dir) = (DirectoryTarget::new(&kept.case.dir), kept.next_dir());
    for is_open in [true, false] {
        if !is_open {
            kept.case.close();
        }
        let inspected = inspect(&data, &mut values::Found::default()).map(drop);
        for refused in [inspected, restore_to(&data, &dir, &small()).map(drop)] {
            let error = refused.expect_err("it has no backups");
            assert!(matches!(error, BackupError::NoBackup { .. }), "{error}");
            let error = error.to_string();
            assert!(error.contains("it is a data directory"), "{error}");
            assert!(error.contains("verify --data") && error.contains("backup --data"), "{error}");
        }
    }
    assert!(!dir.exists(), "something was written");
}

#[test]
fn a_backup_of_a_stopped_folder_leaves_the_text_of_its_lock() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.case.close();
    let lock = kept.case.dir.join("LOCK");
    let before = fs::read(&lock).unwrap();
    assert_eq!(before, b"", "a store that was closed says of no process");
    let stopped = StoppedStore::open(&real_files(), &kept.case.dir).unwrap();
    back_up(&stopped, &kept.target).unwrap();
    drop(stopped);
    assert_eq!(fs::read(&lock).unwrap(), before);
}

/// A server some of whose bytes change on their way.
struct Altering<'a> {
    source: &'a dyn Source,
    /// Which streams are altered.
    is_altered: &'a (dyn Fn(&Wanted) -> bool + Sync),
    /// How many more of them are.
    left: AtomicUsize,
}

/// A stream with bytes that are others: one of 512, so that some are of values and not of what
/// lies between them.
struct Altered<R> {
    from: R,
    passed: usize,
}

impl<R: Read> Read for Altered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        for (at, byte) in buffer[..read].iter_mut().enumerate() {
            *byte ^= u8::from((self.passed + at) % 512 == 3);
        }
        self.passed += read;
        Ok(read)
    }
}

impl Source for Altering<'_> {
    fn snapshot(&self) -> Result<Snapshot, BackupError> {
        self.source.snapshot()
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn open(&self, wanted: &Wanted) -> Result<Box<dyn Read + Send + '_>, BackupError> {
        let from = self.source.open(wanted)?;
        let fewer = |left: usize| left.checked_sub(1);
        let altered = (self.is_altered)(wanted)
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok();
        Ok(if altered { Box::new(Altered { from, passed: 0 }) } else { from })
    }
}

fn is_frames(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Frames { .. })
}

fn is_file(wanted: &Wanted, file: &str) -> bool {
    matches!(wanted, Wanted::VolumeFile { name, .. } if name == file)
}

/// Chooses the streams that are altered.
type Chosen = &'static (dyn Fn(&Wanted) -> bool + Sync);

#[test]
fn bytes_that_change_on_their_way_are_read_again_and_blamed_on_no_record_alone() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.leave_frames(&mut random);
    let source = kept.case.log().backup_source();
    let streams: [(Chosen, &str); 3] = [
        (&is_frames, "no frame"),
        (&|wanted| is_file(wanted, "db"), "volume 0"),
        (&|wanted| is_file(wanted, "conf"), "conf has other bytes"),
    ];
    for (is_altered, what) in streams {
        let target = DirectoryTarget::new(&kept.next_dir());
        let altering =
            |left| Altering { source: &source, is_altered, left: AtomicUsize::new(left) };
        let error = back_up(&altering(usize::MAX), &target).expect_err(what);
        assert!(matches!(error, BackupError::Altered { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(what) && error.contains("change on their way"), "{error}");
        assert!(!error.contains("put it back"), "{error}");
        let once = altering(1);
        let summary = back_up(&once, &target).unwrap();
        assert_eq!(once.left.load(Ordering::SeqCst), 0, "{what} was not altered");
        let manifest = Opened::read(&target).unwrap().manifests.pop().unwrap();
        assert_eq!((manifest.name(), summary.position), (summary.name, kept.case.tip.position));
        backup::verify(&target, &manifest).unwrap();
    }
}
