//! What the system does not let be read is named, and hides nothing else that is wrong.

use rustix::io::Errno;

use super::*;
use crate::log::{files::Files, gate::Gate};

/// The findings about a store of which one file cannot be opened.
fn found_without(store: &Store, closed: &Path, error: Errno) -> Vec<Finding> {
    let (gate, _waiting) = Gate::new();
    gate.set_closed(vec![(closed.to_owned(), error)]);
    let files: Arc<dyn Files> = Arc::new(gate);
    let (findings, progress) = (Findings::default(), Progress::default());
    let two = NonZeroUsize::new(2).unwrap();
    let opened = Verification::stopped_on(&files, &store.dir, &store.copies(), &findings).unwrap();
    if let Some(verification) = opened {
        verification.check(&|_| false, &findings, &progress, two).unwrap();
    }
    findings.finish().0
}

/// The files that are opened, but those of volumes.
fn opened_files(store: &Store) -> Vec<PathBuf> {
    let all = bytes_of(&store.dir).into_keys();
    let volumes = store.dir.join("volumes");
    all.filter(|path| !path.starts_with(&volumes) && !path.ends_with("LOCK")).collect()
}

/// Cuts a file of the first volume off; its folder.
fn damage_volume(store: &Store) -> PathBuf {
    let volume = store.dir.join("volumes").join(store.first_volume());
    let conf = fs::read(volume.join("conf")).unwrap();
    fs::write(volume.join("conf"), &conf[..conf.len() - 1]).unwrap();
    volume
}

#[test]
fn a_file_that_cannot_be_opened_is_named_and_hides_no_damage() {
    let store = Store::new(false);
    let damaged = damage_volume(&store);
    let mut seen = Vec::new();
    for path in opened_files(&store) {
        let name = path.strip_prefix(&store.dir).unwrap().to_owned();
        let is_derived = ["index", "places"].iter().any(|folder| name.starts_with(folder));
        for (error, of_record) in [(Errno::ACCESS, Severity::Unread), (Errno::IO, Severity::Record)]
        {
            let found = found_without(&store, &path, error);
            let own = found.iter().find(|it| it.place == path);
            let own = own.unwrap_or_else(|| panic!("{} is not named: {found:#?}", name.display()));
            let expected = if is_derived { Severity::Derived } else { of_record };
            assert_eq!(own.severity, expected, "{own:#?}");
            assert!(own.what.contains("cannot be read"), "{own:#?}");
            // What leads to all volumes is needed to look at them.
            if !["STORE", "MANIFEST"].iter().any(|needed| name.ends_with(needed)) {
                let volumes = found.iter().filter(|it| it.place == damaged).count();
                assert_eq!(volumes, 1, "without {}: {found:#?}", name.display());
            }
        }
        seen.push(name);
    }
    for kind in ["STORE", "MANIFEST", "journal", "index", "places"] {
        assert!(seen.iter().any(|name| name.starts_with(kind)), "{kind} is not in {seen:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_looked_at_is_no_finding_but_an_error() {
    let store = Store::new(false);
    let (gate, _waiting) = Gate::new();
    let files: Arc<dyn Files> = Arc::new(gate);
    let (findings, nowhere) = (Findings::default(), store.dir.join("nowhere"));
    Verification::stopped_on(&files, &nowhere, &store.copies(), &findings).unwrap_err();
    assert_eq!(findings.finish().0, []);
}

/// A folder in the place of a file can be opened and not be read.
fn replace_by_folder(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

#[test]
fn a_file_of_a_volume_that_cannot_be_read_hides_no_damage_of_another_volume() {
    let store = Store::new(false);
    let damaged = damage_volume(&store);
    let mut volumes: Vec<_> = fs::read_dir(store.dir.join("volumes")).unwrap().collect();
    let volumes: Vec<_> = volumes.drain(..).map(|it| it.unwrap().path()).collect();
    let other = volumes.iter().find(|path| **path != damaged).unwrap();
    let file_of = |begin: &str| {
        let mut files = fs::read_dir(other).unwrap().map(|it| it.unwrap().path());
        files.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(begin)).unwrap()
    };
    let (conf, snapshot) = (file_of("conf"), file_of("snap."));
    replace_by_folder(&conf);
    replace_by_folder(&snapshot);
    let (findings, progress) = (Findings::default(), Progress::default());
    let verification =
        Verification::stopped(&store.dir, &store.copies(), &findings).unwrap().unwrap();
    verification.check(&|_| false, &findings, &progress, NonZeroUsize::MIN).unwrap();
    let (found, counts) = findings.finish();
    let severity =
        |place: &Path| found.iter().find(|it| it.place == place).map(|it| (it.severity, it.part));
    assert_eq!(severity(&damaged), Some((Severity::Record, Part::Volume)), "{found:#?}");
    assert_eq!(severity(other), Some((Severity::Unread, Part::Volume)), "{found:#?}");
    assert_eq!(severity(&snapshot), Some((Severity::Derived, Part::Volume)), "{found:#?}");
    assert_eq!((counts.record, counts.unread), (1, 1), "{found:#?}");
    assert_eq!(progress.events(), verification.head(), "not all events were looked at");
}
