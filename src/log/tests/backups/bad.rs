//! What is wrong with a target, a piece or a place is refused before anything is touched.

use super::*;
use crate::log::gate::Gate;

/// Every piece of the only backup.
fn pieces(kept: &Kept) -> Vec<String> {
    let opened = Opened::read(&kept.target).unwrap();
    let manifest = opened.manifests.last().unwrap();
    manifest.pieces().map(|piece| piece.name.clone()).collect()
}

/// What a restore says, which must not have begun.
fn refused(kept: &mut Kept) -> BackupError {
    let dir = kept.next_dir();
    let error = restore_to(&kept.target, &dir, &small()).unwrap_err();
    assert!(!dir.exists(), "something was written");
    error
}

#[test]
fn a_piece_that_is_missing_cut_flipped_or_swapped_is_named_and_nothing_is_written() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.back_up();
    let names = pieces(&kept);
    for (number, name) in names.iter().enumerate() {
        let path = kept.backups.join(name);
        let whole = fs::read(&path).unwrap();
        let other = fs::read(kept.backups.join(&names[(number + 1) % names.len()])).unwrap();
        let mut flipped = whole.clone();
        let bit = random.below(flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let cut = whole[..random.below(whole.len())].to_vec();
        for bad in [Some(flipped), Some(cut), Some(other), None] {
            match bad {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let error = refused(&mut kept);
            assert!(matches!(error, BackupError::Piece { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("move that piece out"), "{text}");
        }
        fs::write(&path, whole).unwrap();
    }
    let (dir, restored) = kept.restore(&small()).unwrap();
    kept.check_restored(&mut random, &dir, restored.position);
}

#[test]
fn a_piece_that_is_gone_or_cut_is_copied_again_by_the_next_backup() {
    let mut random = Random::new();
    let kept = Kept::new(&mut random);
    kept.back_up();
    for name in pieces(&kept) {
        let path = kept.backups.join(&name);
        let length = fs::metadata(&path).unwrap().len();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(random.below(usize::try_from(length).unwrap()) as u64).unwrap();
        if random.below(2) == 0 {
            fs::remove_file(&path).unwrap();
        }
        kept.back_up();
        let newest = Opened::read(&kept.target).unwrap().manifests.pop().unwrap();
        let whole = backup::verify(&kept.target, &newest);
        whole.unwrap_or_else(|error| panic!("the newest backup lacks {name}: {error}"));
    }
}

#[test]
fn a_spoilt_list_of_pieces_costs_a_copy_and_nothing_else() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.back_up();
    // As a backup leaves it that was killed before its manifest.
    let manifests = kept.target.list("backups/").unwrap();
    let lists = kept.target.list("volumes/").unwrap().into_iter().map(|(name, _)| name);
    let lists: Vec<String> = lists.filter(|name| name.ends_with("/PIECES")).collect();
    assert!(lists.len() >= 3, "{lists:?}");
    for (name, _) in manifests {
        kept.target.delete(&name).unwrap();
    }
    for (number, name) in lists.iter().enumerate() {
        let path = kept.backups.join(name);
        let mut bytes = fs::read(&path).unwrap();
        if number % 2 == 0 {
            let bit = random.below(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        } else {
            bytes.truncate(random.below(bytes.len()));
        }
        fs::write(&path, bytes).unwrap();
    }
    let summary = kept.back_up();
    assert_eq!(summary.kept.pieces, 0, "what no list vouches for is copied: {summary:?}");
    let (dir, restored) = kept.restore(&small()).unwrap();
    kept.check_restored(&mut random, &dir, restored.position);
}

#[test]
fn a_damaged_or_newer_manifest_or_title_is_named() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    let name = kept.back_up().name;
    for name in [name.as_str(), "BACKUP"] {
        let path = kept.backups.join(name);
        let whole = fs::read_to_string(&path).unwrap();
        for bad in [whole[..whole.len() / 2].to_owned(), whole.replace("store", "stone")] {
            // Without a title the manifests say what the target is.
            if name == "BACKUP" {
                continue;
            }
            fs::write(&path, bad).unwrap();
            let error = refused(&mut kept).to_string();
            assert!(error.contains(name) && error.contains("damaged"), "{error}");
            let source = kept.case.log().backup_source();
            let error = back_up(&source, &kept.target).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        let (own, crc) = whole.trim_end().rsplit_once('\n').unwrap();
        assert!(crc.starts_with("crc32c "));
        let newer = own.replace("\"format\": 1", "\"format\": 9").replace("format 1", "format 9");
        fs::write(&path, checked_text::sealed(&format!("{newer}\n"))).unwrap();
        let error = refused(&mut kept);
        assert!(matches!(error, BackupError::NewerFormat { found: 9, .. }), "{error}");
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_target_of_another_store_is_refused_and_left_alone() {
    let mut random = Random::new();
    let kept = Kept::new(&mut random);
    kept.back_up();
    let mut before = kept.target.list("").unwrap();
    let other = Case::new();
    let error = back_up(&other.log().backup_source(), &kept.target).unwrap_err();
    assert!(matches!(error, BackupError::AnotherStore { .. }), "{error}");
    assert!(error.to_string().contains("urn:uuid:"), "{error}");
    let mut after = kept.target.list("").unwrap();
    before.sort();
    after.sort();
    assert_eq!(before, after);
}

#[test]
fn a_target_with_other_things_or_in_a_data_directory_is_refused_and_left_alone() {
    let mut random = Random::new();
    let kept = Kept::new(&mut random);
    let strange = kept.case.home.path().join("strange");
    fs::create_dir(&strange).unwrap();
    fs::write(strange.join("thesis.tex"), "years of work").unwrap();
    let alike = kept.case.home.path().join("alike");
    fs::create_dir_all(alike.join("backups")).unwrap();
    fs::write(alike.join("backups/thesis.tar"), "years of work").unwrap();
    let source = kept.case.log().backup_source();
    let (own, within) = (kept.case.dir.clone(), kept.case.dir.join("volumes/backup"));
    for (place, why) in [
        (&strange, "thesis.tex"),
        (&alike, "but backups"),
        (&own, "is a data directory"),
        (&within, "within the data"),
    ] {
        let error = back_up(&source, &DirectoryTarget::new(place)).unwrap_err();
        assert!(matches!(error, BackupError::Unfit { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(RealFiles.list(&strange).unwrap(), [strange.join("thesis.tex")]);
    assert!(!own.join("BACKUP").exists() && !within.exists());
}

#[test]
fn only_one_process_at_a_time_works_on_a_target() {
    use crate::log::backup::target::ClaimKind;
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.back_up();
    let claim = kept.target.claim(ClaimKind::Exclusive).unwrap();
    let source = kept.case.log().backup_source();
    let error = back_up(&source, &kept.target).unwrap_err();
    assert!(matches!(error, BackupError::Busy { .. }), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    let error = refused(&mut kept);
    assert!(matches!(error, BackupError::Busy { .. }), "{error}");
    drop(claim);
    let shared = kept.target.claim(ClaimKind::Shared).unwrap();
    let (_, restored) = kept.restore(&small()).unwrap();
    assert_eq!(restored.position, kept.case.tip.position);
    assert!(matches!(back_up(&source, &kept.target), Err(BackupError::Busy { .. })));
    drop(shared);
    back_up(&source, &kept.target).unwrap();
}

#[test]
fn what_would_not_fit_is_refused_before_anything_is_put() {
    let mut random = Random::new();
    let kept = Kept::new(&mut random);
    let (gate, _waiting) = Gate::new();
    gate.set_free(Some(1_000));
    let target = DirectoryTarget::on(Arc::new(gate.clone()), &kept.backups);
    let source = kept.case.log().backup_source();
    let error = back_up(&source, &target).expect_err("there is no room");
    assert!(matches!(error, BackupError::Full { free: 1_000, .. }), "{error}");
    assert_eq!(target.list("").unwrap(), []);
    gate.set_free(None);
    back_up(&source, &target).unwrap();
}

#[test]
fn a_place_that_holds_anything_takes_no_restored_record() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.back_up();
    let (strange, file) = (kept.next_dir(), kept.next_dir());
    fs::create_dir(&strange).unwrap();
    fs::write(strange.join("thesis.tex"), "years of work").unwrap();
    fs::write(&file, "a file").unwrap();
    let (done, _) = kept.restore(&small()).unwrap();
    let within = kept.case.dir.join("restored");
    for (place, why) in [
        (&strange, "not empty"),
        (&file, "a file"),
        (&done, "a data directory"),
        (&kept.case.dir, "a data directory"),
        (&within, "within the data directory"),
    ] {
        let error = restore_to(&kept.target, place, &small()).unwrap_err();
        assert!(matches!(error, BackupError::Occupied { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    let empty = kept.next_dir();
    fs::create_dir(&empty).unwrap();
    restore_to(&kept.target, &empty, &small()).unwrap();
}

#[test]
fn an_end_beyond_the_backup_and_a_target_without_one_are_refused() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    let error = refused(&mut kept);
    assert!(matches!(error, BackupError::NoBackup { .. }), "{error}");
    kept.back_up();
    let last = kept.case.tip.position;
    for end in [At::Position(last + 1), At::Position(0), At::Time(Micros::MAX)] {
        let error = kept.restore(&at(end)).unwrap_err();
        assert!(matches!(error, BackupError::Beyond { .. }), "{error}");
    }
    let error = kept.restore(&Request { backup: Some("x".into()), ..small() }).unwrap_err();
    assert!(error.to_string().contains("there are backups/0000000001-"), "{error}");
}

#[test]
fn a_server_starts_on_no_half_restored_record() {
    let mut random = Random::new();
    let mut kept = Kept::new(&mut random);
    kept.back_up();
    let (dir, _) = kept.restore(&small()).unwrap();
    fs::remove_file(dir.join("STORE")).unwrap();
    checked_text::write(&RealFiles, &dir.join("RESTORING"), "backup x\nwhole\n").unwrap();
    let opened = Log::open(&dir, &settings(), Arc::new(RealFiles), Hooks::default());
    let error = opened.unwrap_err();
    assert!(matches!(error, LogError::Unfinished { .. }), "{error}");
    assert!(error.to_string().contains("run the same `handover restore` again"), "{error}");
    let error = restore_to(&kept.target, &dir, &small()).unwrap_err().to_string();
    assert!(error.contains("another restore"), "{error}");
}
