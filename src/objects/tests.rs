//! The target over the library's stores in memory and in a folder.

use std::{
    io::{self, ErrorKind, Read as _},
    sync::Arc,
    time::{Duration, Instant},
};

use object_store::{ObjectStore, local::LocalFileSystem, memory::InMemory, path::Path};

use super::{claims::Pace, target::ObjectTarget};
use crate::log::backup::target::{ClaimKind, Target};

const FRAMES: &str = "frames/00000000000000000001-00000000000000000009-0000beef";
const DB: &str = "volumes/00000000000000000001-0123456789abcdef/db";
const MANIFEST: &str = "backups/0000000001-00000000000000000020";

/// A target, and the folder that it may be in.
struct Place {
    target: ObjectTarget,
    _folder: tempfile::TempDir,
}

/// A target in each kind of store, below a prefix and in all of it.
fn each() -> Vec<Place> {
    let place = |store: Arc<dyn ObjectStore>, folder: tempfile::TempDir, root: &str| {
        let named = "mem://prefix".to_owned();
        let target = ObjectTarget::new(store, Path::from(root), named).unwrap();
        Place { target, _folder: folder }
    };
    let folder = || tempfile::tempdir().unwrap();
    let in_folder = folder();
    let local = LocalFileSystem::new_with_prefix(in_folder.path()).unwrap().with_fsync(true);
    vec![
        place(Arc::new(InMemory::new()), folder(), "a/b"),
        place(Arc::new(InMemory::new()), folder(), ""),
        place(Arc::new(local), in_folder, "a/b"),
    ]
}

fn put(target: &ObjectTarget, name: &str, bytes: &[u8]) {
    target.put(name, &mut |to| to.write_all(bytes)).unwrap();
}

/// The kind of an error.
fn kind<T>(done: io::Result<T>) -> ErrorKind {
    done.err().expect("an error").kind()
}

fn bytes(target: &ObjectTarget, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    target.get(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn pieces_of_any_length_come_back_and_what_fails_leaves_what_was_there() {
    // Around the bounds of the parts that are sent.
    const PART: usize = 8 << 20;
    for place in each() {
        let target = &place.target;
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7] {
            let whole: Vec<u8> = (0..=250).cycle().take(length).collect();
            put(target, DB, &whole);
            assert!(bytes(target, DB) == whole, "{length} bytes");
            let listed = target.list("volumes/").unwrap();
            assert_eq!(listed, [(DB.to_owned(), length as u64)]);
            let failed = target.put(DB, &mut |to| {
                to.write_all(&vec![7; 2 * PART + 1])?;
                Err(io::Error::other("the source ended"))
            });
            assert_eq!(failed.unwrap_err().to_string(), "the source ended");
            assert!(bytes(target, DB) == whole, "{length} bytes, after one that failed");
        }
    }
}

#[test]
fn only_pieces_are_listed_and_deleted_and_what_is_missing_is_fine() {
    for place in each() {
        let target = &place.target;
        assert_eq!(target.list("").unwrap(), []);
        assert_eq!(kind(target.get(FRAMES)), ErrorKind::NotFound);
        target.delete(FRAMES).unwrap();
        put(target, FRAMES, b"frames");
        put(target, DB, b"values");
        put(target, "frames/notes", b"mine");
        let mut listed = target.list("").unwrap();
        listed.sort();
        assert_eq!(listed, [(FRAMES.to_owned(), 6), (DB.to_owned(), 6)]);
        assert_eq!(target.list("backups/").unwrap(), []);
        assert!(target.delete("frames/notes").unwrap_err().to_string().contains("no name"));
        assert!(target.foreign().unwrap().unwrap().contains("frames/notes"));
        target.delete(FRAMES).unwrap();
        target.delete(FRAMES).unwrap();
        assert_eq!(target.list("").unwrap(), [(DB.to_owned(), 6)]);
    }
}

#[test]
fn a_prefix_with_other_objects_takes_no_first_backup() {
    for place in each() {
        let target = &place.target;
        assert_eq!(target.obstacle().unwrap(), None);
        put(target, "BACKUP", b"title");
        put(target, ".hidden", b"a desktop's");
        assert_eq!(target.obstacle().unwrap(), None);
        assert_eq!(target.foreign().unwrap(), None);
        put(target, "thesis.tex", b"years of work");
        assert!(target.obstacle().unwrap().unwrap().contains("thesis.tex"));
        assert!(target.foreign().unwrap().unwrap().contains("thesis.tex"));
    }
}

#[test]
fn the_pieces_of_a_volume_are_fetched_into_one_folder_and_anew_when_they_change() {
    let folder = DB.trim_end_matches("db");
    for place in each() {
        let target = &place.target;
        put(target, DB, b"values");
        put(target, &format!("{folder}conf"), b"settings");
        put(target, &format!("{folder}PIECES"), b"list");
        let path = target.file(DB).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"values");
        assert_eq!(std::fs::read(path.with_file_name("conf")).unwrap(), b"settings");
        assert!(path.ends_with(DB), "{}", path.display());
        put(target, DB, b"others");
        let again = target.file(DB).unwrap();
        assert_eq!(std::fs::read(&again).unwrap(), b"others");
        assert!(!path.exists(), "what was fetched before is gone");
        target.delete(DB).unwrap();
        assert_eq!(kind(target.get(DB)), ErrorKind::NotFound);
    }
}

#[test]
fn of_two_manifests_of_one_number_one_at_most_stays() {
    let other = "backups/0000000001-00000000000000000021";
    for place in each() {
        let target = &place.target;
        target.create(MANIFEST, &mut |to| to.write_all(b"one")).unwrap();
        for (name, text) in [(MANIFEST, b"two"), (other, b"two")] {
            let created = target.create(name, &mut |to| to.write_all(text));
            assert_eq!(kind(created), ErrorKind::AlreadyExists, "{name}");
        }
        // The answer to the first attempt was lost.
        target.create(MANIFEST, &mut |to| to.write_all(b"one")).unwrap();
        assert_eq!(bytes(target, MANIFEST), b"one");
        assert_eq!(target.list("backups/").unwrap(), [(MANIFEST.to_owned(), 3)]);
        target.create("backups/0000000002-00000000000000000021", &mut |_| Ok(())).unwrap();
    }
}

/// The names of the claims on a target.
fn claims(target: &ObjectTarget) -> Vec<String> {
    target.prefix.list("claims/").unwrap().into_iter().map(|it| it.name).collect()
}

#[test]
fn one_backup_at_a_time_has_a_claim() {
    for place in each() {
        let target = &place.target;
        let claim = target.claim(ClaimKind::Exclusive).unwrap();
        let error = target.claim(ClaimKind::Exclusive).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let own = format!("process {}", std::process::id());
        assert!(error.to_string().contains(&own), "{error}");
        assert_eq!(claims(target).len(), 1, "the claim that came second is taken back");
        // Reading needs no right to write, so it claims nothing.
        drop(target.claim(ClaimKind::Shared).unwrap());
        put(target, MANIFEST, b"the first claim is still there");
        assert_eq!(target.foreign().unwrap(), None);
        drop(claim);
        assert_eq!(claims(target), Vec::<String>::new());
        drop(target.claim(ClaimKind::Exclusive).unwrap());
    }
}

#[test]
fn a_claim_of_a_process_that_was_killed_ends_by_its_age() {
    const LEFT: &str = "claims/0123456789abcdef";
    for mut place in each() {
        place.target.prefix.put(LEFT, b"process 1\nhost old\n".to_vec()).unwrap();
        let error = place.target.claim(ClaimKind::Exclusive).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(error.to_string().contains("process 1, host old"), "{error}");
        assert_eq!(claims(&place.target), [LEFT]);
        place.target.pace = Pace { counts: Duration::ZERO, ..Pace::default() };
        let claim = place.target.claim(ClaimKind::Exclusive).unwrap();
        let now = claims(&place.target);
        assert!(now.len() == 1 && now[0] != LEFT, "{now:?}");
        drop(claim);
    }
}

#[test]
fn without_its_claim_a_backup_puts_no_manifest_and_deletes_nothing() {
    for place in each() {
        let target = &place.target;
        put(target, FRAMES, b"frames");
        let claim = target.claim(ClaimKind::Exclusive).unwrap();
        // Another process has taken it for that of one that was killed.
        target.prefix.delete(&claims(target)[0]).unwrap();
        for done in [
            target.create(MANIFEST, &mut |to| to.write_all(b"new")),
            target.put(MANIFEST, &mut |to| to.write_all(b"mended")),
            target.delete(FRAMES),
        ] {
            let error = done.unwrap_err().to_string();
            assert!(error.contains("of this backup is gone"), "{error}");
        }
        assert_eq!(target.list("").unwrap(), [(FRAMES.to_owned(), 6)]);
        drop(claim);
        target.delete(FRAMES).unwrap();
    }
}

#[test]
fn a_claim_is_renewed_while_it_is_held_and_never_brought_back() {
    const BOUND: Duration = Duration::from_secs(20);
    for mut place in each() {
        place.target.pace = Pace { renewed: Duration::from_millis(2), ..Pace::default() };
        let target = &place.target;
        let claim = target.claim(ClaimKind::Exclusive).unwrap();
        let name = claims(target).remove(0);
        // What it says is put there again.
        target.prefix.put(&name, Vec::new()).unwrap();
        let begun = Instant::now();
        while bytes(target, &name).is_empty() {
            assert!(begun.elapsed() < BOUND, "it is not renewed");
        }
        drop(claim);
        assert_eq!(claims(target), Vec::<String>::new(), "it came back");
    }
}
