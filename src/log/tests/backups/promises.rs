//! The promises of backups and restores one by one, mostly on a log of a few frames.

use super::*;

/// A log of a few frames, none of them in a volume.
pub(super) fn few(random: &mut Random) -> Kept {
    let mut case = Case::new();
    (0..4).for_each(|_| case.append_little(random));
    let backups = case.home.path().join("backups");
    Kept { case, target: DirectoryTarget::new(&backups), backups, restored: 0 }
}

impl Kept {
    /// Goes on with a restored log in place of the one that was backed up.
    fn go_on_in(&mut self, dir: &Path, position: Position) {
        self.case.close();
        self.case.events.truncate(usize::try_from(position).unwrap());
        self.case.labels.truncate(self.case.events.len());
        (self.case.dir, self.case.tip) = (dir.to_owned(), tip_of(dir));
        self.case.open().unwrap();
    }
}

/// A backup of a log, and then one of what was restored up to its first append: they have no piece
/// in common.
fn of_two_histories(random: &mut Random, keep: Option<NonZeroUsize>) -> (Kept, Restored) {
    let mut kept = few(random);
    kept.back_up();
    kept.case.wait_indexed();
    let end = ends_of_appends(&kept.case)[0];
    let (dir, restored) = kept.restore(&at(At::Position(end))).unwrap();
    kept.go_on_in(&dir, restored.position);
    let source = kept.case.log().backup_source();
    run(&source, &kept.target, keep, &mut |_, _| {}).unwrap();
    (kept, restored)
}

/// Every append up to a position, by its request id.
fn appends(case: &Case, up_to: Position) -> Vec<AppendEntry> {
    case.wait_indexed();
    let entries = (1..=up_to).filter_map(|first| case.request(first).unwrap());
    entries.filter(|entry| entry.first_position + u64::from(entry.count) - 1 <= up_to).collect()
}

#[test]
fn a_backup_has_all_that_was_durable_when_it_began() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    let position = kept.case.tip.position;
    let summary = kept.back_up();
    assert_eq!(summary.position, position, "the last position that is durable");
    let (dir, restored) = kept.restore(&small()).unwrap();
    assert_eq!(restored.position, position);
    kept.check_restored(&mut random, &dir, position);
}

#[test]
fn each_restore_begins_a_history_behind_what_it_restored() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    let position = kept.back_up().position;
    let (dir, first) = kept.restore(&small()).unwrap();
    let after: Vec<_> = first.history.branches().iter().map(|branch| branch.after).collect();
    assert_eq!(after, [position], "the branches of the restored record");
    let stopped = StoppedStore::open(&real_files(), &dir).unwrap();
    assert_eq!(stopped.snapshot().unwrap().history, first.history, "what its folder says");
    let (_, second) = kept.restore(&small()).unwrap();
    assert_ne!(first.history.id(), second.history.id(), "two restores have one history");
}

#[test]
fn a_restore_up_to_a_position_has_nothing_behind_it() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    kept.back_up();
    kept.case.wait_indexed();
    let end = ends_of_appends(&kept.case)[1];
    let (dir, restored) = kept.restore(&at(At::Position(end))).unwrap();
    assert_eq!(restored.position, end, "the end that was requested");
    kept.check_restored(&mut random, &dir, end);
}

#[test]
fn request_ids_hold_after_a_restore_wherever_it_ends() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    let early = kept.case.tip.position;
    kept.back_up();
    kept.case.fill(&mut random, VOLUME_BYTES);
    kept.case.wait_sealed();
    kept.back_up();
    let newest = Opened::read(&kept.target).unwrap().manifests.len();
    // As frames, out of a volume, and a volume with the frames behind it.
    for (backup, end) in [(0, early), (newest - 1, early), (newest - 1, kept.case.tip.position)] {
        let name = Opened::read(&kept.target).unwrap().manifests[backup].name();
        let expected = appends(&kept.case, end);
        assert!(expected.len() > 1);
        let request = Request { backup: Some(name), ..at(At::Position(end)) };
        let (dir, _) = kept.restore(&request).unwrap();
        let mut restored = Case::new();
        restored.close();
        (restored.dir, restored.tip) = (dir.clone(), tip_of(&dir));
        restored.open().unwrap();
        assert_eq!(appends(&restored, end), expected, "the request ids up to {end}");
        restored.close();
    }
}

#[test]
fn frames_of_another_history_are_not_taken_over() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    kept.back_up();
    let index = kept.case.tip.index;
    kept.case.wait_indexed();
    let end = ends_of_appends(&kept.case)[2];
    let (dir, restored) = kept.restore(&at(At::Position(end))).unwrap();
    kept.go_on_in(&dir, restored.position);
    while kept.case.tip.index < index {
        kept.case.append_little(&mut random);
    }
    let position = kept.back_up().position;
    let opened = Opened::read(&kept.target).expect("each manifest is that of its own frames");
    backup::verify(&kept.target, opened.manifests.last().unwrap()).unwrap();
    let (dir, restored) = kept.restore(&small()).unwrap();
    assert_eq!(restored.position, position);
    kept.check_restored(&mut random, &dir, position);
}

/// A folder may also be put back with other means than a restore, and then go on.
#[test]
fn frames_of_a_folder_that_was_put_back_are_not_taken_over() {
    for more in [1, 2] {
        let mut random = Random::new();
        let mut kept = few(&mut random);
        let (early, position) = (kept.case.home.path().join("early"), kept.case.tip.position);
        kept.case.close();
        copy(&kept.case.dir, &early);
        kept.case.open().unwrap();
        kept.case.append_little(&mut random);
        kept.back_up();
        kept.go_on_in(&early, position);
        (0..more).for_each(|_| kept.case.append_little(&mut random));
        let summary = kept.back_up();
        assert_eq!(summary.position, kept.case.tip.position);
        let opened = Opened::read(&kept.target).expect("each manifest is that of its own frames");
        backup::verify(&kept.target, opened.manifests.last().unwrap()).unwrap();
        let (dir, restored) = kept.restore(&small()).unwrap();
        kept.check_restored(&mut random, &dir, restored.position);
    }
}

#[test]
fn what_a_killed_backup_left_half_written_goes_with_the_next() {
    let mut random = Random::new();
    let kept = few(&mut random);
    kept.back_up();
    let piece = kept.target.list("frames/").unwrap().remove(0).0;
    let left = kept.backups.join(format!("{piece}.new"));
    fs::write(&left, "half").unwrap();
    kept.back_up();
    assert!(!left.exists(), "a piece that was not written to its end");
}

#[test]
fn a_volume_that_is_not_as_the_store_says_is_not_backed_up() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    kept.case.fill(&mut random, VOLUME_BYTES);
    kept.case.wait_sealed();
    let volume = kept.case.manifest().volumes()[0].directory.clone();
    let settings = kept.case.dir.join("volumes").join(&volume).join("conf");
    let mut bytes = fs::read(&settings).unwrap();
    bytes[random.below(10)] ^= 1;
    fs::write(&settings, bytes).unwrap();
    let source = kept.case.log().backup_source();
    let error = back_up(&source, &kept.target).expect_err("a file has another checksum");
    assert!(error.is_damage() && error.to_string().contains(&volume), "{error}");
    assert_eq!(Opened::read(&kept.target).unwrap().manifests, []);
}

#[test]
fn volumes_of_another_history_are_not_taken_over_though_their_folders_have_the_same_name() {
    let mut random = Random::new();
    let mut kept = few(&mut random);
    let end = kept.case.tip.position;
    kept.case.fill(&mut random, VOLUME_BYTES);
    kept.case.wait_sealed();
    let first = kept.back_up();
    let before = kept.case.manifest().volumes()[0].clone();
    let (dir, restored) = kept.restore(&at(At::Position(end))).unwrap();
    kept.go_on_in(&dir, restored.position);
    kept.case.fill(&mut random, VOLUME_BYTES);
    kept.case.wait_sealed();
    let now = kept.case.manifest().volumes()[0].clone();
    assert_eq!(now.directory, before.directory);
    assert_ne!(now, before);
    let second = kept.back_up();
    let manifests = Opened::read(&kept.target).expect("each manifest has its volumes").manifests;
    assert_eq!(manifests[1].volumes[0].volume, now, "the volume of the history that is backed up");
    for manifest in &manifests {
        backup::verify(&kept.target, manifest).unwrap();
    }
    assert_ne!(first.name, second.name);
    let (dir, restored) = kept.restore(&small()).unwrap();
    kept.check_restored(&mut random, &dir, restored.position);
}

#[test]
fn a_backup_that_is_kept_keeps_pieces_that_no_newer_one_needs() {
    let mut random = Random::new();
    for keep in [2, 1] {
        let (kept, _) = of_two_histories(&mut random, NonZeroUsize::new(keep));
        let manifests = Opened::read(&kept.target).unwrap().manifests;
        assert_eq!(manifests.len(), keep);
        for manifest in &manifests {
            let whole = backup::verify(&kept.target, manifest);
            whole.unwrap_or_else(|error| panic!("a kept backup lacks a piece: {error}"));
        }
        let frames = kept.target.list("frames/").unwrap();
        assert_eq!(frames.len(), keep, "what no backup needs is removed: {frames:?}");
    }
}

#[test]
fn every_backup_in_a_target_is_verified_and_not_the_newest_alone() {
    let mut random = Random::new();
    let (kept, restored) = of_two_histories(&mut random, None);
    let older = Opened::read(&kept.target).unwrap().manifests.remove(0);
    let mut seen = Seen::default();
    let found = inspect(&kept.target, &mut seen).unwrap();
    assert_eq!((found.backups, found.position), (2, restored.position));
    assert_eq!(found.history, restored.history.id());
    assert_eq!(seen.wrong, [""; 0]);
    let piece = older.pieces().next().unwrap().name.clone();
    let mut bytes = fs::read(kept.backups.join(&piece)).unwrap();
    let at = random.below(bytes.len());
    bytes[at] ^= 1;
    fs::write(kept.backups.join(&piece), bytes).unwrap();
    inspect(&kept.target, &mut seen).unwrap();
    assert_eq!(seen.wrong, [piece], "what is wrong with the older backup");
}

/// Keeps the names of what is wrong.
#[derive(Default)]
struct Seen {
    wrong: Vec<String>,
}

impl Inspector for Seen {
    fn wrong(&mut self, wrong: backup::inspection::Wrong<'_>) {
        self.wrong.push(wrong.piece.to_owned());
    }

    fn expect(&mut self, _: u64) {}

    fn read(&mut self, _: u64) {}

    fn goes_on(&self) -> bool {
        true
    }
}
