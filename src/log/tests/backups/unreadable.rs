//! One list of a target that cannot be read hides no other backup, and what is advised then is done
//! here to the letter: no backup that is whole gets lost by it.

use super::{promises::few, values::inspected, *};
use crate::log::backup::inspection::Inspected;

/// A log with two backups of few frames; their names, the older first.
fn two(random: &mut Random) -> (Kept, [String; 2]) {
    let mut kept = few(random);
    let older = kept.back_up().name;
    kept.case.append_little(random);
    let newer = kept.back_up().name;
    (kept, [older, newer])
}

/// What may become of a list: damaged, cut off, or of a newer format.
fn spoilt(random: &mut Random, whole: &str) -> [Vec<u8>; 3] {
    let mut flipped = whole.as_bytes().to_vec();
    flipped[random.below(whole.len())] ^= 1 << random.below(8);
    let cut = whole.as_bytes()[..random.below(whole.len())].to_vec();
    let (own, _) = whole.rsplit_once("crc32c ").unwrap();
    let newer = checked_text::sealed(&own.replace("\"format\": 1,", "\"format\": 9,"));
    [flipped, cut, newer.into_bytes()]
}

fn named(name: &str) -> Request {
    Request { backup: Some(name.to_owned()), ..small() }
}

/// Moves a piece out of the folder.
fn move_out(kept: &Kept, name: &str) {
    let away = kept.case.home.path().join("away");
    fs::rename(kept.backups.join(name), away).unwrap();
}

#[test]
fn a_list_that_cannot_be_read_keeps_no_other_backup_from_being_restored_or_verified() {
    let mut random = Random::new();
    let (mut kept, names) = two(&mut random);
    for (bad, whole) in [(0, 1), (1, 0)] {
        let path = kept.backups.join(&names[bad]);
        let text = fs::read_to_string(&path).unwrap();
        for bytes in spoilt(&mut random, &text) {
            fs::write(&path, bytes).unwrap();
            let (_, restored) = kept.restore(&named(&names[whole])).unwrap();
            assert_eq!(restored.backup, names[whole]);
            let error = kept.restore(&named(&names[bad])).unwrap_err().to_string();
            assert!(error.contains(&names[bad]) && error.contains(&names[whole]), "{error}");
            let dir = kept.next_dir();
            let newest = restore_to(&kept.target, &dir, &small());
            if bad == 0 {
                assert_eq!(newest.unwrap().backup, names[1]);
            } else {
                let error = newest.expect_err("an older one was taken in silence").to_string();
                assert!(error.contains(&names[1]) && error.contains("--backup"), "{error}");
                assert!(error.ends_with(&names[0]) && !dir.exists(), "{error}");
            }
            let found = inspected(&kept.target);
            assert_eq!(found.iter().map(|it| &it.0).collect::<Vec<_>>(), [&names[bad]]);
            let error = back_up(&kept.case.log().backup_source(), &kept.target).unwrap_err();
            assert!(error.to_string().contains(&names[bad]), "{error}");
        }
        fs::write(&path, text).unwrap();
    }
    assert_eq!(inspected(&kept.target), []);
}

#[test]
fn a_verification_goes_on_behind_a_list_that_cannot_be_read() {
    let mut random = Random::new();
    let (kept, [older, newer]) = two(&mut random);
    let piece = Opened::read(&kept.target).unwrap().manifests[1].frames[0].piece.name.clone();
    for name in [&older, &piece] {
        let mut bytes = fs::read(kept.backups.join(name)).unwrap();
        let at = random.below(bytes.len());
        bytes[at] ^= 1;
        fs::write(kept.backups.join(name), bytes).unwrap();
    }
    let found: Vec<_> = inspected(&kept.target).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(found, [older.clone(), piece]);
    fs::write(kept.backups.join(&newer), "no list").unwrap();
    let mut seen = values::Found::default();
    assert_eq!(inspect(&kept.target, &mut seen).unwrap(), Inspected::default());
    let found: Vec<_> = seen.0.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(found, [older, newer], "each of the lists is named, though none can be read");
}

#[test]
fn a_title_that_is_lost_or_damaged_is_put_again_and_costs_no_backup() {
    let mut random = Random::new();
    let (mut kept, names) = two(&mut random);
    let path = kept.backups.join("BACKUP");
    let whole = fs::read_to_string(&path).unwrap();
    for bad in [None, Some(whole[..whole.len() / 2].to_owned()), Some(whole.replace('t', "r"))] {
        match &bad {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let found = inspected(&kept.target);
        assert_eq!(found.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["BACKUP"]);
        assert!(found[0].2.contains("the next backup"), "{found:?}");
        for name in &names {
            kept.restore(&named(name)).unwrap();
        }
        kept.back_up();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole, "the next backup puts it there");
        assert_eq!(inspected(&kept.target), []);
    }
}

#[test]
fn a_title_of_another_store_is_moved_away_and_no_backup_with_it() {
    let mut random = Random::new();
    let (mut kept, names) = two(&mut random);
    let other = few(&mut random);
    other.back_up();
    fs::copy(other.backups.join("BACKUP"), kept.backups.join("BACKUP")).unwrap();
    let found = inspected(&kept.target);
    assert_eq!(found.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["BACKUP"]);
    assert!(found[0].2.starts_with("move it out of the folder"), "{found:?}");
    let error = back_up(&kept.case.log().backup_source(), &kept.target).unwrap_err().to_string();
    assert!(error.contains("BACKUP names another store"), "{error}");
    kept.restore(&small()).unwrap();
    move_out(&kept, "BACKUP");
    kept.back_up();
    assert_eq!(inspected(&kept.target), []);
    for name in &names {
        kept.restore(&named(name)).unwrap();
    }
}

#[test]
fn backups_of_two_stores_in_one_folder_are_restored_by_name_alone() {
    let mut random = Random::new();
    let (mut kept, names) = two(&mut random);
    let other = few(&mut random);
    let mut last = other.back_up();
    for _ in 0..2 {
        last = other.back_up();
    }
    for (name, _) in other.target.list("").unwrap() {
        if name != "BACKUP" {
            fs::copy(other.backups.join(&name), kept.backups.join(&name)).unwrap();
        }
    }
    let error = kept.restore(&small()).expect_err("the store is not known").to_string();
    assert!(error.contains("delete nothing") && error.contains(&names[1]), "{error}");
    let own = kept.restore(&named(&names[1])).unwrap().1;
    let others = kept.restore(&named(&last.name)).unwrap().1;
    assert_ne!(own.store, others.store, "each is restored as the store that it is of");
    let error = back_up(&kept.case.log().backup_source(), &kept.target).unwrap_err();
    assert!(error.is_damage(), "{error}");
    assert_eq!(inspected(&kept.target).len(), 1);
}

#[test]
fn what_is_advised_about_a_piece_or_a_list_loses_no_other_backup() {
    let mut random = Random::new();
    let (mut kept, names) = two(&mut random);
    let mut bytes = fs::read(kept.backups.join(&names[1])).unwrap();
    bytes[9] ^= 1;
    fs::write(kept.backups.join(&names[1]), bytes).unwrap();
    let found = inspected(&kept.target);
    assert!(found[0].2.contains("move that file out"), "{found:?}");
    move_out(&kept, &names[1]);
    kept.back_up();
    assert_eq!(inspected(&kept.target), []);
    kept.restore(&named(&names[0])).unwrap();
    let piece = Opened::read(&kept.target).unwrap().manifests[1].frames.last().unwrap().clone();
    fs::write(kept.backups.join(&piece.piece.name), "x").unwrap();
    let found = inspected(&kept.target);
    assert!(found[0].2.contains("move that piece out"), "{found:?}");
    move_out(&kept, &piece.piece.name);
    kept.back_up();
    assert_eq!(inspected(&kept.target), []);
}
