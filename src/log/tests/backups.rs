//! Backups of a log, and what is restored of them.

/// Gives a macro the names of the checks that backups in any target have to pass.
macro_rules! for_each_check {
    ($make:ident) => {
        $make! {
            a_backup_of_an_open_log_is_restored_byte_by_byte_and_goes_on
            a_backup_of_a_stopped_log_is_the_same_and_a_live_one_is_refused
            only_what_is_new_is_copied_and_every_backup_can_be_restored
            an_empty_log_is_backed_up_and_restored
            a_restore_ends_with_the_last_whole_append_up_to_any_position
            only_the_newest_backups_are_kept_with_the_pieces_that_they_need
            a_restored_log_is_backed_up_into_the_same_target_and_its_frames_are_its_own
        }
    };
}

mod bad;
mod changing;
mod closed;
mod early;
mod faults;
mod folders;
mod hostile;
mod named;
#[cfg(feature = "object-store")]
mod objects;
mod places;
mod promises;
mod unreadable;
mod values;

use std::{mem::take, num::NonZeroUsize, sync::Arc};

use super::*;
use crate::log::{
    backup::{
        BackupError, Manifest as BackupManifest, Opened, Summary,
        inspection::{Inspector, inspect},
        restore::{At, Request, Restored, restore},
        run::run,
        source::Source,
        stopped::StoppedStore,
        target::{DirectoryTarget, Target},
    },
    files::Kind,
};

/// A log with three sealed volumes and more, a folder for backups, and folders to restore into.
struct Kept<T = DirectoryTarget> {
    case: Case,
    target: T,
    backups: PathBuf,
    restored: usize,
}

impl Kept {
    fn new(random: &mut Random) -> Self {
        Self::with(random, DirectoryTarget::new)
    }
}

impl<T: Target> Kept<T> {
    /// The same with backups in another target, which may lie in a folder that does not exist yet.
    fn with(random: &mut Random, target: impl FnOnce(&Path) -> T) -> Self {
        let mut case = Case::new();
        for _ in 0..3 {
            case.fill(random, VOLUME_BYTES);
        }
        case.fill(random, VOLUME_BYTES / 2);
        case.wait_sealed();
        let backups = case.home.path().join("backups");
        Self { case, target: target(&backups), backups, restored: 0 }
    }

    fn back_up(&self) -> Summary {
        back_up(&self.case.log().backup_source(), &self.target).unwrap()
    }

    /// Appends until some frames are in no volume, so that a backup copies frames.
    fn leave_frames(&mut self, random: &mut Random) {
        while self.case.log().fetcher.volumes.last_position() == self.case.tip.position {
            self.case.append(random);
            self.case.wait_sealed();
        }
    }

    fn next_dir(&mut self) -> PathBuf {
        self.restored += 1;
        self.case.home.path().join(format!("restored-{}", self.restored))
    }

    fn restore(&mut self, request: &Request) -> Result<(PathBuf, Restored), BackupError> {
        let dir = self.next_dir();
        Ok((dir.clone(), restore_to(&self.target, &dir, request)?))
    }

    /// Opens what was restored, and compares all of it with the first events of the log.
    fn check_restored(&mut self, random: &mut Random, dir: &Path, position: Position) {
        let original = (self.case.dir.clone(), self.case.tip, self.case.log.take());
        let (events, labels) = (self.case.events.clone(), self.case.labels.clone());
        // The log that was backed up goes on, and must not report to the tests of the other one.
        let progress = (take(&mut self.case.indexed), take(&mut self.case.sealed));
        self.case.events.truncate(usize::try_from(position).unwrap());
        self.case.labels.truncate(self.case.events.len());
        self.case.dir = dir.to_owned();
        self.case.tip = tip_of(dir);
        assert_eq!(self.case.tip.position, position);
        self.case.open().unwrap();
        self.case.check(random);
        self.case.append(random);
        self.case.wait_sealed();
        self.case.close();
        self.case.open().unwrap();
        self.case.check(random);
        self.case.close();
        (self.case.dir, self.case.tip, self.case.log) = original;
        (self.case.events, self.case.labels) = (events, labels);
        (self.case.indexed, self.case.sealed) = progress;
    }
}

fn real_files() -> Arc<dyn Files> {
    Arc::new(RealFiles)
}

fn back_up(source: &dyn Source, target: &dyn Target) -> Result<Summary, BackupError> {
    run(source, target, None, &mut |done, all| assert!(done <= all, "{done} of {all}"))
}

fn restore_to(target: &dyn Target, dir: &Path, request: &Request) -> Result<Restored, BackupError> {
    restore(&real_files(), target, dir, request, &mut |done, all| {
        assert!(done <= all, "{done} of {all}");
    })
}

/// Everything, into a journal of small files.
fn small() -> Request {
    Request { journal_file_bytes: Some(64 << 10), ..Request::default() }
}

fn at(at: At) -> Request {
    Request { at: Some(at), ..small() }
}

/// The last frame of a data directory that no process works on.
fn tip_of(dir: &Path) -> Tip {
    let stopped = StoppedStore::open(&real_files(), dir).unwrap();
    stopped.snapshot().unwrap().tip
}

/// Makes a test of each check, with backups in a folder.
macro_rules! in_a_folder {
    ($($name:ident)*) => {
        mod in_a_folder {
            use super::*;
            $(#[test]
            fn $name() {
                let mut random = Random::new();
                let kept = Kept::new(&mut random);
                super::$name(&mut random, kept);
            })*
        }
    };
}

for_each_check! { in_a_folder }

fn a_backup_of_an_open_log_is_restored_byte_by_byte_and_goes_on<T: Target>(
    random: &mut Random,
    mut kept: Kept<T>,
) {
    let position = kept.case.tip.position;
    let summary = kept.back_up();
    assert_eq!((summary.position, summary.kept.pieces), (position, 0));
    kept.case.fill(random, VOLUME_BYTES / 3);
    let (dir, restored) = kept.restore(&small()).unwrap();
    assert_eq!((restored.position, restored.backup_position), (position, position));
    assert_eq!(restored.history.newest().unwrap().after, position);
    kept.check_restored(random, &dir, position);
}

fn a_backup_of_a_stopped_log_is_the_same_and_a_live_one_is_refused<T: Target>(
    random: &mut Random,
    mut kept: Kept<T>,
) {
    let dir = kept.case.dir.clone();
    let refused = StoppedStore::open(&real_files(), &dir).unwrap_err();
    assert!(matches!(refused, BackupError::Log(LogError::Locked { .. })), "{refused}");
    kept.back_up();
    kept.case.close();
    let stopped = StoppedStore::open(&real_files(), &dir).unwrap();
    let summary = back_up(&stopped, &kept.target).unwrap();
    drop(stopped);
    assert_eq!(summary.position, kept.case.tip.position);
    assert_eq!(summary.copied.pieces, 0, "nothing was recorded since the first");
    let (dir, restored) = kept.restore(&small()).unwrap();
    assert_eq!(restored.backup, summary.name);
    kept.check_restored(random, &dir, summary.position);
}

fn only_what_is_new_is_copied_and_every_backup_can_be_restored<T: Target>(
    random: &mut Random,
    mut kept: Kept<T>,
) {
    let mut ends = Vec::new();
    for round in 0..6 {
        let summary = kept.back_up();
        if round > 0 {
            assert!(summary.kept.bytes > summary.copied.bytes, "{summary:?}");
        }
        ends.push((summary.name, summary.position));
        kept.case.fill(random, VOLUME_BYTES / 3);
        kept.case.wait_sealed();
    }
    for (name, position) in ends {
        let request = Request { backup: Some(name), ..small() };
        let (dir, restored) = kept.restore(&request).unwrap();
        assert_eq!(restored.position, position);
        kept.check_restored(random, &dir, position);
    }
}

fn an_empty_log_is_backed_up_and_restored<T: Target>(random: &mut Random, mut kept: Kept<T>) {
    let _with_events = std::mem::replace(&mut kept.case, Case::new());
    assert_eq!(kept.back_up().position, 0);
    let (dir, restored) = kept.restore(&small()).unwrap();
    assert_eq!(restored.position, 0);
    kept.check_restored(random, &dir, 0);
}

fn a_restore_ends_with_the_last_whole_append_up_to_any_position<T: Target>(
    random: &mut Random,
    mut kept: Kept<T>,
) {
    kept.back_up();
    let ends: Vec<Position> = ends_of_appends(&kept.case);
    let last = kept.case.tip.position;
    let sealed: Vec<Position> =
        kept.case.manifest().volumes().iter().map(|it| it.contents.last_position).collect();
    let any = (0..6).map(|_| 1 + random.below(kept.case.events.len()) as u64);
    let mut positions: Vec<Position> = any.collect();
    positions.extend([sealed[0], sealed[0] + 1, sealed[1] - 1, *sealed.last().unwrap(), last]);
    for position in positions {
        let end = ends.iter().copied().filter(|end| *end <= position).max();
        let done = kept.restore(&at(At::Position(position)));
        let Some(end) = end else {
            let error = done.unwrap_err();
            assert!(matches!(error, BackupError::Beyond { .. }), "{error}");
            continue;
        };
        let (dir, restored) = done.unwrap();
        assert_eq!((restored.position, restored.backup_position), (end, last), "{position}");
        kept.check_restored(random, &dir, end);
    }
}

/// The positions with which appends end: each frame of these tests is one append.
fn ends_of_appends(case: &Case) -> Vec<Position> {
    let mut ends = Vec::new();
    for first in 1..=case.tip.position {
        if let Some(entry) = case.request(first).unwrap() {
            ends.push(first + u64::from(entry.count) - 1);
        }
    }
    ends
}

fn only_the_newest_backups_are_kept_with_the_pieces_that_they_need<T: Target>(
    random: &mut Random,
    mut kept: Kept<T>,
) {
    let keep = NonZeroUsize::new(2);
    let mut names = Vec::new();
    for _ in 0..4 {
        let source = kept.case.log().backup_source();
        names.push(run(&source, &kept.target, keep, &mut |_, _| {}).unwrap().name);
        kept.case.fill(random, VOLUME_BYTES);
        kept.case.wait_sealed();
    }
    let opened = Opened::read(&kept.target).unwrap();
    let found: Vec<String> = opened.manifests.iter().map(BackupManifest::name).collect();
    assert_eq!(found, names[2..]);
    let mut needed: Vec<String> = opened
        .manifests
        .iter()
        .flat_map(BackupManifest::pieces)
        .map(|it| it.name.clone())
        .collect();
    needed.sort();
    needed.dedup();
    let mut there: Vec<String> = ["volumes/", "frames/"]
        .iter()
        .flat_map(|prefix| kept.target.list(prefix).unwrap())
        .map(|(name, _)| name)
        .filter(|name| !name.ends_with("/PIECES"))
        .collect();
    there.sort();
    assert_eq!(there, needed, "the pieces that the kept backups need, and no others");
    for manifest in opened.manifests {
        let request = Request { backup: Some(manifest.name()), ..small() };
        let (dir, restored) = kept.restore(&request).unwrap();
        kept.check_restored(random, &dir, restored.position);
    }
}

fn a_restored_log_is_backed_up_into_the_same_target_and_its_frames_are_its_own<T: Target>(
    random: &mut Random,
    mut kept: Kept<T>,
) {
    kept.back_up();
    let position = kept.case.tip.position - 20;
    let (dir, restored) = kept.restore(&at(At::Position(position))).unwrap();
    let stopped = StoppedStore::open(&real_files(), &dir).unwrap();
    let summary = back_up(&stopped, &kept.target).unwrap();
    assert_eq!(summary.position, restored.position);
    drop(stopped);
    let (dir, again) = kept.restore(&small()).unwrap();
    assert_eq!(again.history.branches().len(), 2, "each restore begins a history");
    assert_eq!(again.history.branches()[..1], *restored.history.branches());
    kept.check_restored(random, &dir, restored.position);
}
