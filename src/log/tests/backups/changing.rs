//! Sources and targets that change while they are read.

use super::{
    faults::{check_whole, few_frames},
    *,
};
use crate::log::backup::target::{Claim, ClaimKind, Fill};

/// A source whose frames are in a volume by the time that they are read, so many times.
struct Moving<'a> {
    source: &'a dyn Source,
    left: AtomicUsize,
    asked: AtomicUsize,
}

impl Source for Moving<'_> {
    fn snapshot(&self) -> Result<backup::source::Snapshot, BackupError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.source.snapshot()
    }

    fn open(
        &self,
        wanted: &backup::source::Wanted,
    ) -> Result<Box<dyn std::io::Read + Send + '_>, BackupError> {
        let frames = matches!(wanted, backup::source::Wanted::Frames { .. });
        let left = |left: usize| left.checked_sub(usize::from(frames));
        if frames && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok() {
            return Err(BackupError::Released { up_to: 1 });
        }
        self.source.open(wanted)
    }
}

#[test]
fn a_backup_whose_frames_move_into_a_volume_asks_again_and_not_without_end() {
    let mut random = Random::new();
    let case = few_frames(&mut random);
    let source = case.log().backup_source();
    for (moves, asked) in [(1, 2), (3, 4), (usize::MAX, 10)] {
        let (left, asked_for) = (AtomicUsize::new(moves), AtomicUsize::new(0));
        let target = DirectoryTarget::new(&case.home.path().join(format!("backups-{asked}")));
        let moving = Moving { source: &source, left, asked: asked_for };
        let made = back_up(&moving, &target);
        assert_eq!(moving.asked.load(Ordering::SeqCst), asked, "{made:?}");
        if moves == usize::MAX {
            assert!(matches!(made, Err(BackupError::Released { .. })), "{made:?}");
            assert_eq!(check_whole(&target), 0);
        } else {
            assert_eq!(made.unwrap().position, case.tip.position);
            assert_eq!(check_whole(&target), 1);
        }
    }
}

/// A source that does something to the target when it is opened for the so many-th time.
struct Exchanging<'a> {
    source: &'a dyn Source,
    at: usize,
    opened: AtomicUsize,
    exchange: &'a (dyn Fn() + Sync),
}

impl Source for Exchanging<'_> {
    fn snapshot(&self) -> Result<backup::source::Snapshot, BackupError> {
        self.source.snapshot()
    }

    fn open(
        &self,
        wanted: &backup::source::Wanted,
    ) -> Result<Box<dyn std::io::Read + Send + '_>, BackupError> {
        if self.opened.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            (self.exchange)();
        }
        self.source.open(wanted)
    }
}

#[test]
fn a_folder_that_is_exchanged_while_a_backup_is_made_gets_no_manifest() {
    let mut random = Random::new();
    let kept = Kept::new(&mut random);
    let source = kept.case.log().backup_source();
    let away = kept.case.home.path().join("away");
    let move_away = || fs::rename(&kept.backups, &away).unwrap();
    let remove = || fs::remove_dir_all(&kept.backups).unwrap();
    let exchange = || {
        move_away();
        fs::create_dir(&kept.backups).unwrap();
    };
    let back_up_at = |at: usize, exchange: &(dyn Fn() + Sync)| {
        let exchanging = Exchanging { source: &source, at, opened: AtomicUsize::new(0), exchange };
        (back_up(&exchanging, &kept.target), exchanging.opened.into_inner())
    };
    // How often the source is opened depends on how many volumes and frames the record has.
    let (made, opened) = back_up_at(usize::MAX, &|| ());
    made.unwrap();
    assert!(opened > 9, "three volumes of two files and a table: {opened}");
    fs::remove_dir_all(&kept.backups).unwrap();
    for exchange in [&move_away as &(dyn Fn() + Sync), &remove, &exchange] {
        for at in 1..=opened {
            let error = back_up_at(at, exchange).0.unwrap_err();
            // A volume's values are looked through once it is copied.
            let text = error.to_string();
            let is_known = if matches!(error, BackupError::Piece { .. }) {
                text.contains("is missing")
            } else {
                matches!(error, BackupError::Target { .. }) && text.contains("became another one")
            };
            assert!(is_known, "{at} of {opened}: {text}");
            assert!(!kept.backups.join("backups").exists(), "a manifest lists what is not there");
            // The folder is there again only if a piece was put after the exchange.
            for left in [&away, &kept.backups] {
                assert!(fs::remove_dir_all(left).is_ok() || !left.exists());
            }
        }
    }
    assert_eq!(kept.back_up().kept.pieces, 0);
}

/// A target of which one piece has another byte from the second reading on.
#[derive(Debug)]
struct Rotting {
    target: DirectoryTarget,
    name: String,
    read: AtomicUsize,
}

impl std::fmt::Display for Rotting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.target.fmt(f)
    }
}

impl Target for Rotting {
    fn put(&self, name: &str, fill: Fill<'_>) -> std::io::Result<()> {
        self.target.put(name, fill)
    }

    fn get(&self, name: &str) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        let mut bytes = Vec::new();
        self.target.get(name)?.read_to_end(&mut bytes)?;
        if name == self.name && self.read.fetch_add(1, Ordering::SeqCst) > 0 {
            bytes[0] ^= 1;
        }
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }

    fn list(&self, prefix: &str) -> std::io::Result<Vec<(String, u64)>> {
        self.target.list(prefix)
    }

    fn file(&self, name: &str) -> std::io::Result<PathBuf> {
        self.target.file(name)
    }

    fn delete(&self, name: &str) -> std::io::Result<()> {
        self.target.delete(name)
    }

    fn claim(&self, kind: ClaimKind) -> std::io::Result<Claim> {
        self.target.claim(kind)
    }

    fn free_bytes(&self) -> std::io::Result<Option<u64>> {
        self.target.free_bytes()
    }

    fn obstacle(&self) -> std::io::Result<Option<String>> {
        self.target.obstacle()
    }
}

#[test]
fn a_piece_that_changes_after_it_was_looked_through_is_not_restored() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.back_up();
    let names = kept.target.list("volumes/").unwrap().into_iter().map(|(name, _)| name);
    let name = names.filter(|name| name.ends_with("/conf")).min().unwrap();
    let read = AtomicUsize::new(0);
    let rotting = Rotting { target: kept.target.clone(), name: name.clone(), read };
    let dir = kept.next_dir();
    let error = restore_to(&rotting, &dir, &small()).expect_err("a piece has another byte");
    assert!(matches!(error, BackupError::Piece { .. }), "{error}");
    assert!(error.to_string().contains(&name), "{error}");
    assert!(!dir.join("STORE").exists(), "it is no data directory");
}
