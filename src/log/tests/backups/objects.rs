//! The same promises of backups in stores of objects: one in memory, and one in a folder.

use std::io::Read as _;

use object_store::{local::LocalFileSystem, memory::InMemory};

use super::*;
use crate::objects::ObjectTarget;

fn in_memory(_: &Path) -> ObjectTarget {
    let store = Arc::new(InMemory::new());
    ObjectTarget::new(store, "records/own".into(), "mem://records/own".to_owned()).unwrap()
}

fn in_local_store(dir: &Path) -> ObjectTarget {
    fs::create_dir(dir).unwrap();
    let store = LocalFileSystem::new_with_prefix(dir).unwrap().with_fsync(true);
    let name = format!("local:/{}", dir.display());
    ObjectTarget::new(Arc::new(store), "".into(), name).unwrap()
}

/// Makes a test of each check, with backups in stores of objects.
macro_rules! in_stores {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            for store in [in_memory, in_local_store] {
                let mut random = Random::new();
                let kept = Kept::with(&mut random, store);
                super::$name(&mut random, kept);
            }
        })*
    };
}

for_each_check! { in_stores }

#[test]
fn a_piece_that_is_gone_or_other_is_found_and_put_again_by_the_next_backup() {
    for store in [in_memory, in_local_store] {
        let mut random = Random::new();
        let mut kept = Kept::with(&mut random, store);
        kept.back_up();
        let names = kept.target.list("volumes/").unwrap().into_iter().map(|(name, _)| name);
        let db = names.filter(|name| name.ends_with("/db")).min().unwrap();
        let mut whole = Vec::new();
        kept.target.get(&db).unwrap().read_to_end(&mut whole).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for (bytes, what) in [(Some(&flipped[..]), "has other bytes"), (None, "is missing")] {
            match bytes {
                Some(bytes) => kept.target.put(&db, &mut |to| to.write_all(bytes)).unwrap(),
                None => kept.target.delete(&db).unwrap(),
            }
            let dir = kept.next_dir();
            let error = restore_to(&kept.target, &dir, &small()).unwrap_err();
            assert!(matches!(error, BackupError::Piece { .. }), "{error}");
            assert!(error.to_string().contains(&format!("{db} {what}")), "{error}");
            assert!(error.to_string().contains(&kept.target.to_string()), "{error}");
            assert!(!dir.exists(), "something was written");
            assert_eq!(values::inspected(&kept.target).len(), 1);
            if bytes.is_some() {
                kept.target.delete(&db).unwrap();
            }
            kept.back_up();
            let mut again = Vec::new();
            kept.target.get(&db).unwrap().read_to_end(&mut again).unwrap();
            assert!(again == whole, "{what}: it was not put again");
        }
        let (dir, restored) = kept.restore(&small()).unwrap();
        kept.check_restored(&mut random, &dir, restored.position);
    }
}

/// Names and lengths, sorted: a listing has no order.
fn listed(target: &ObjectTarget) -> Vec<(String, u64)> {
    let mut listed = target.list("").unwrap();
    listed.sort();
    listed
}

#[test]
fn backups_of_another_store_and_a_running_backup_are_left_alone() {
    for store in [in_memory, in_local_store] {
        let mut random = Random::new();
        let kept = Kept::with(&mut random, store);
        kept.back_up();
        let mut other = Case::new();
        other.append(&mut random);
        let before = listed(&kept.target);
        let error = back_up(&other.log().backup_source(), &kept.target).unwrap_err();
        assert!(matches!(error, BackupError::AnotherStore { .. }), "{error}");
        let claim = kept.target.claim(backup::target::ClaimKind::Exclusive).unwrap();
        let error = back_up(&kept.case.log().backup_source(), &kept.target).unwrap_err();
        assert!(matches!(error, BackupError::Busy { .. }), "{error}");
        drop(claim);
        assert_eq!(listed(&kept.target), before);
        kept.back_up();
    }
}
