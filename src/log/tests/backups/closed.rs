//! A piece that the system does not let be opened is named, and hides nothing else: no other backup
//! and no other piece that is wrong.

use rustix::io::Errno;

use super::*;
use crate::log::{
    backup::inspection::{Harm, Wrong},
    gate::Gate,
};

/// Keeps the names of what is wrong, and what that means.
#[derive(Default)]
struct Harms(Vec<(String, Harm)>);

impl Inspector for Harms {
    fn wrong(&mut self, wrong: Wrong<'_>) {
        self.0.push((wrong.piece.to_owned(), wrong.harm));
    }

    fn expect(&mut self, _: u64) {}

    fn read(&mut self, _: u64) {}

    fn goes_on(&self) -> bool {
        true
    }
}

/// What is wrong with a target, sorted.
fn harms(target: &dyn Target) -> Vec<(String, Harm)> {
    let mut found = Harms::default();
    inspect(target, &mut found).unwrap();
    found.0.sort_by(|a, b| a.0.cmp(&b.0));
    found.0
}

/// Two backups, of which the second has frames of its own, and the target with some files closed.
struct Closed {
    kept: Kept,
    gate: Gate,
    target: DirectoryTarget,
    /// The names of the backups.
    names: [String; 2],
}

impl Closed {
    fn new(random: &mut Random) -> Self {
        let mut kept = Kept::new(random);
        let older = kept.back_up().name;
        kept.case.append_little(random);
        let newer = kept.back_up().name;
        let (gate, _waiting) = Gate::new();
        let target = DirectoryTarget::on(Arc::new(gate.clone()), &kept.backups);
        Self { kept, gate, target, names: [older, newer] }
    }

    fn close(&self, name: &str, error: Errno) {
        self.gate.set_closed(vec![(self.kept.backups.join(name), error)]);
    }

    fn pieces(&self) -> Vec<String> {
        self.kept.target.list("").unwrap().into_iter().map(|(name, _)| name).collect()
    }

    /// A piece with frames that only the newer backup has.
    fn newest_frames(&self) -> String {
        let newest = Opened::read(&self.kept.target).unwrap().manifests.pop().unwrap();
        newest.frames.last().expect("frames that are in no volume").piece.name.clone()
    }
}

#[test]
fn any_piece_that_cannot_be_opened_is_named_and_what_that_means_is_said() {
    let mut random = Random::new();
    let closed = Closed::new(&mut random);
    assert_eq!(harms(&closed.target), []);
    let pieces = closed.pieces();
    for end in ["BACKUP", "/db", "/conf", "/places", "/PIECES"] {
        assert!(pieces.iter().any(|name| name.ends_with(end)), "{end} is not in {pieces:?}");
    }
    for name in pieces {
        for (error, of_backup) in [(Errno::ACCESS, Harm::Unread), (Errno::IO, Harm::Damaged)] {
            closed.close(&name, error);
            let harm = if name.ends_with("/PIECES") { Harm::Unneeded } else { of_backup };
            assert_eq!(harms(&closed.target), [(name.clone(), harm)], "{error}");
        }
    }
}

#[test]
fn a_piece_that_cannot_be_opened_hides_no_other_that_is_wrong() {
    let mut random = Random::new();
    let closed = Closed::new(&mut random);
    let frames = closed.newest_frames();
    let path = closed.kept.backups.join(&frames);
    let mut bytes = fs::read(&path).unwrap();
    let at = random.below(bytes.len());
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
    for name in closed.pieces().into_iter().filter(|name| *name != frames) {
        // Without its manifest a backup has no pieces.
        if name != closed.names[1] {
            closed.close(&name, Errno::ACCESS);
            let found = harms(&closed.target);
            assert!(found.contains(&(frames.clone(), Harm::Damaged)), "{name}: {found:?}");
            assert_eq!(found.len(), 2, "{name}: {found:?}");
        }
    }
}

#[test]
fn a_piece_that_cannot_be_opened_keeps_no_backup_from_being_restored_that_does_not_need_it() {
    let mut random = Random::new();
    let mut closed = Closed::new(&mut random);
    let frames = closed.newest_frames();
    closed.close(&frames, Errno::ACCESS);
    let dir = closed.kept.next_dir();
    let error = restore_to(&closed.target, &dir, &small()).unwrap_err().to_string();
    assert!(error.contains(&frames) && !dir.exists(), "{error}");
    let older = Request { backup: Some(closed.names[0].clone()), ..small() };
    let restored = restore_to(&closed.target, &dir, &older).unwrap();
    assert_eq!(restored.backup, closed.names[0]);
    closed.kept.check_restored(&mut random, &dir, restored.position);
}

/// Each manifest names the store too, but a title that cannot be read is not replaced.
#[test]
fn a_title_that_cannot_be_opened_is_in_the_way_of_a_backup_and_of_no_restore() {
    let mut random = Random::new();
    let mut closed = Closed::new(&mut random);
    closed.close("BACKUP", Errno::ACCESS);
    let source = closed.kept.case.log().backup_source();
    let error = back_up(&source, &closed.target).unwrap_err().to_string();
    assert!(error.contains("BACKUP") && error.contains("Permission denied"), "{error}");
    let dir = closed.kept.next_dir();
    assert_eq!(restore_to(&closed.target, &dir, &small()).unwrap().backup, closed.names[1]);
}

#[test]
fn a_list_of_pieces_that_is_not_right_is_named_and_needed_by_no_backup() {
    let mut random = Random::new();
    let closed = Closed::new(&mut random);
    let lists: Vec<String> =
        closed.pieces().into_iter().filter(|name| name.ends_with("/PIECES")).collect();
    let (path, other) = (closed.kept.backups.join(&lists[0]), closed.kept.backups.join(&lists[1]));
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[random.below(whole.len())] ^= 1;
    for bytes in [flipped, whole[..whole.len() / 2].to_vec(), fs::read(other).unwrap()] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(harms(&closed.target), [(lists[0].clone(), Harm::Unneeded)]);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(harms(&closed.target), [], "a backup is complete without it");
}
