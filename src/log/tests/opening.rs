//! What keeps a log from opening, and damage that does not.

use super::*;
use crate::log::volume::VolumeError;

pub(super) fn damage(db: &Path) {
    let mut bytes = fs::read(db).unwrap();
    bytes[100..].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(db, &bytes).unwrap();
}

#[test]
fn a_log_whose_newest_volume_is_damaged_does_not_open_and_names_it() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 100_000);
    case.wait_sealed();
    let volume = case.manifest().volumes().last().unwrap().directory.clone();
    case.close();
    let db = case.dir.join("volumes").join(&volume).join("db");
    damage(&db);
    let error = case.open().unwrap_err();
    assert!(matches!(error, LogError::Volume(_)), "{error}");
    assert!(error.to_string().contains(&volume), "{error}");
    assert!(db.exists(), "a damaged volume is not removed");
    fs::remove_dir_all(case.dir.join("volumes").join(&volume)).unwrap();
    let error = case.open().unwrap_err();
    assert!(matches!(error, LogError::Volume(VolumeError::Damaged { .. })), "{error}");
    assert!(error.to_string().contains(&volume), "{error}");
}

#[test]
fn an_older_volume_that_is_damaged_is_named_by_each_read_of_it_and_everything_else_goes_on() {
    let mut random = Random::new();
    let mut case = Case::new();
    repeat("three sealed volumes", 100, || {
        case.fill(&mut random, 100_000);
        case.wait_sealed();
        case.manifest().volumes().len() >= 3
    });
    case.wait_settled();
    let volume = case.manifest().volumes()[0].clone();
    case.close();
    damage(&case.dir.join("volumes").join(&volume.directory).join("db"));
    case.open().unwrap();
    case.wait_indexed();
    assert!(case.request(1).is_err());
    let error = case.log().page(1, 1, 1).unwrap_err();
    assert!(matches!(error, LogError::Volume(_)), "{error}");
    assert!(error.to_string().contains(&volume.directory), "{error}");
    case.check_forwards(volume.contents.last_position + 1, 4_000);
    case.append(&mut random);
    case.wait_indexed();
}

#[test]
fn a_log_without_its_manifest_does_not_open_and_keeps_its_volumes() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 100_000);
    case.wait_sealed();
    let volume = case.manifest().volumes()[0].directory.clone();
    let empty = Manifest::empty(case.log().store.id());
    // Enough that the journal's files are used again.
    for _ in 0..5 {
        case.fill(&mut random, 100_000);
        case.wait_sealed();
    }
    case.close();
    let manifest = case.dir.join("MANIFEST");
    fs::remove_file(&manifest).unwrap();
    let error = case.open().unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
    // An old manifest: the journal no longer has what it does not vouch for.
    empty.save(&RealFiles, &manifest).unwrap();
    let error = case.open().unwrap_err();
    assert!(matches!(error, LogError::Journal(_)), "{error}");
    assert!(case.dir.join("volumes").join(volume).exists());
}

#[test]
fn a_log_that_is_open_cannot_be_opened_again() {
    let mut case = Case::new();
    let open = |dir: &Path| Log::open(dir, &settings(), Arc::new(RealFiles), Hooks::default());
    assert!(matches!(open(&case.dir).unwrap_err(), LogError::Locked { .. }));
    let closed = case.log.take().unwrap();
    closed.close().unwrap();
    open(&case.dir).unwrap();
}

/// A copy has files of different moments: a file of a volume that was not whole yet, or a folder
/// that the copy had not reached.
#[test]
fn what_is_missing_in_a_copy_of_an_open_folder_is_blamed_on_the_copy() {
    let mut random = Random::new();
    let mut case = Case::new();
    repeat("two sealed volumes", 100, || {
        case.fill(&mut random, 100_000);
        case.wait_sealed();
        case.manifest().volumes().len() >= 2
    });
    let older = case.manifest().volumes()[0].directory.clone();
    case.close();
    let refused = |case: &mut Case, missing: &str| {
        // The lock of a copy names the file that it was copied from.
        fs::write(case.dir.join("LOCK"), "1\ninode 1\n").unwrap();
        let error = case.open().unwrap_err();
        assert!(matches!(error, LogError::Copied { .. }), "{error}");
        let text = error.to_string();
        assert!(error.damage().is_some() && text.contains(missing), "{text}");
        assert!(text.contains("copied") && text.contains("`handover backup`"), "{text}");
    };
    fs::remove_file(case.dir.join("volumes").join(&older).join("conf")).unwrap();
    refused(&mut case, &older);
    fs::remove_dir_all(case.dir.join("journal")).unwrap();
    refused(&mut case, "journal");
}
