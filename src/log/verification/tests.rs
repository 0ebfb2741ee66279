//! What a verification makes of stores that are spoilt with right checksums, and of what is
//! missing.

mod unreadable;

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Finding, Findings, Part, Progress, Severity, Verification};
use crate::log::{
    Hooks, Log, LogSettings,
    file_journal::InspectedJournal,
    files::{RealFiles, read_whole},
    fixtures::{Event, Random, Revisions, new_frame},
    frame::Tip,
    journal::Outcome,
    manifest::Manifest,
    volume::ContentsTally,
    waiting::repeat,
};

const LOOKS: usize = 100_000;

fn settings() -> LogSettings {
    LogSettings {
        journal_file_bytes: 64 << 10,
        volume_bytes: 64 << 10,
        volume_events: 150,
        ..LogSettings::default()
    }
}

/// A closed store with a few sealed volumes, and an event recorded before the one in front of it if
/// that is wanted.
struct Store {
    home: tempfile::TempDir,
    dir: PathBuf,
}

impl Store {
    fn new(goes_back: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        let (mut random, mut revisions) = (Random::new(), Revisions::default());
        let log = Log::open(&dir, &settings(), Arc::new(RealFiles), Hooks::default()).unwrap();
        let mut tip = Tip::default();
        for round in 0..40 {
            let size = if round % 9 == 0 { 9_000 } else { 600 };
            let mut events: Vec<_> = (0..8).map(|_| Event::random(&mut random, size)).collect();
            revisions.number(&mut events);
            for event in &mut events {
                event.recorded_at = if goes_back && round == 3 { 0 } else { round };
            }
            let frame = new_frame(tip, &events);
            tip = frame.tip();
            assert!(matches!(log.append(frame).outcome(), Outcome::Durable));
        }
        let begun = Instant::now();
        repeat("volumes that are sealed", LOOKS, || {
            std::thread::park_timeout(Duration::from_millis(1));
            log.usage().volumes.sealed >= 5 && log.index.is_settled()
                || begun.elapsed() > Duration::from_mins(1)
        });
        log.close().unwrap();
        Self { home, dir }
    }

    fn first_volume(&self) -> String {
        let id = log_id(&self.dir);
        let manifest = Manifest::load(&RealFiles, &self.dir.join("MANIFEST"), id).unwrap();
        assert!(manifest.volumes().len() >= 3);
        manifest.volumes()[0].directory.clone()
    }

    /// An empty folder for copies of volumes.
    fn copies(&self) -> PathBuf {
        let copies = self.home.path().join("copies");
        fs::create_dir_all(&copies).unwrap();
        copies
    }

    fn verify(&self) -> (Vec<Finding>, u64) {
        let (before, copies) = (bytes_of(&self.dir), self.copies());
        let (findings, progress) = (Findings::default(), Progress::default());
        let verification = Verification::stopped(&self.dir, &copies, &findings).unwrap().unwrap();
        let two = NonZeroUsize::new(2).unwrap();
        verification.check(&|_| false, &findings, &progress, two).unwrap();
        assert_eq!(bytes_of(&self.dir), before, "the store has changed");
        assert_eq!(fs::read_dir(&copies).unwrap().count(), 0, "a copy is left behind");
        assert_eq!(progress.events(), verification.head());
        (findings.finish().0, progress.events())
    }
}

fn log_id(dir: &Path) -> [u8; 16] {
    let text = fs::read_to_string(dir.join("STORE")).unwrap();
    let id = text.lines().find_map(|line| line.strip_prefix("store ")).unwrap();
    u128::from_str_radix(id, 16).unwrap().to_be_bytes()
}

fn bytes_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut bytes = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(bytes_of(&path));
        } else {
            let read = read_whole(&RealFiles, &path).unwrap().unwrap();
            bytes.insert(path, read);
        }
    }
    bytes
}

fn kinds(findings: &[Finding]) -> Vec<(Severity, Part)> {
    findings.iter().map(|finding| (finding.severity, finding.part)).collect()
}

#[test]
fn a_table_that_leads_elsewhere_is_wrong_and_the_record_is_whole() {
    let store = Store::new(false);
    assert_eq!(store.verify().0, []);
    let table = store.dir.join("places").join(store.first_volume());
    let mut bytes = fs::read(&table).unwrap();
    // The offset of the second block; the checksum is made right.
    bytes[68 + 16 + 15] ^= 1;
    let crc = crc32c::crc32c(&bytes[12..]).to_be_bytes();
    bytes[8..12].copy_from_slice(&crc);
    fs::write(&table, &bytes).unwrap();
    let (findings, _) = store.verify();
    assert_eq!(kinds(&findings), [(Severity::Derived, Part::OffsetTable)], "{findings:#?}");
    assert_eq!(findings[0].place, table);
}

#[test]
fn a_missing_table_and_a_missing_index_are_named_and_everything_else_is_checked() {
    let store = Store::new(false);
    fs::remove_file(store.dir.join("places").join(store.first_volume())).unwrap();
    fs::remove_dir_all(store.dir.join("index")).unwrap();
    let (findings, events) = store.verify();
    let missing = [(Severity::Missing, Part::Index), (Severity::Missing, Part::OffsetTable)];
    assert_eq!(kinds(&findings), missing, "{findings:#?}");
    assert_eq!(events, 320);
}

#[test]
fn a_volume_that_is_lost_without_its_table_is_one_finding() {
    let store = Store::new(false);
    let volume = store.first_volume();
    fs::remove_file(store.dir.join("places").join(&volume)).unwrap();
    let db = store.dir.join("volumes").join(&volume).join("db");
    let length = fs::metadata(&db).unwrap().len();
    fs::write(&db, vec![0; usize::try_from(length).unwrap()]).unwrap();
    let copies = store.home.path().join("copies");
    fs::create_dir_all(&copies).unwrap();
    let (findings, progress) = (Findings::default(), Progress::default());
    let verification = Verification::stopped(&store.dir, &copies, &findings).unwrap().unwrap();
    verification.check(&|_| false, &findings, &progress, NonZeroUsize::MIN).unwrap();
    let (findings, counts) = findings.finish();
    assert_eq!((counts.record, counts.derived), (1, 0), "{findings:#?}");
    assert_eq!(findings[0].part, Part::Volume);
    assert!(findings[0].remedy().contains("`handover restore`"), "{findings:#?}");
}

/// Every checksum is right: the manifest alone says that the volume is another.
#[test]
fn a_volume_with_other_contents_than_the_manifest_says_is_damage() {
    let store = Store::new(false);
    let path = store.dir.join("MANIFEST");
    let id = log_id(&store.dir);
    let manifest = Manifest::load(&RealFiles, &path, id).unwrap();
    let mut volumes = manifest.volumes().to_vec();
    let mut other = ContentsTally::new(volumes[1].contents.first_position);
    other.events(b"another", volumes[1].contents.events);
    volumes[1].contents = other.finish();
    Manifest::of(id, volumes.clone()).save(&RealFiles, &path).unwrap();
    let (findings, _) = store.verify();
    let named = store.dir.join("volumes").join(&volumes[1].directory);
    let damaged = findings.iter().find(|it| it.part == Part::Volume && it.place == named);
    let damaged = damaged.unwrap_or_else(|| panic!("the volume is not damaged: {findings:#?}"));
    let (words, had) = ("bytes in 0 appends when it was sealed", &damaged.what);
    assert!(had.contains(words) && !had.contains("digest"), "{damaged:#?}");
}

#[test]
fn a_flipped_bit_of_a_frame_that_is_in_no_volume_is_damage() {
    let store = Store::new(false);
    let journal = store.dir.join("journal");
    let id = log_id(&store.dir);
    let tip = Manifest::load(&RealFiles, &store.dir.join("MANIFEST"), id).unwrap().tip();
    let inspected = InspectedJournal::read(&RealFiles, &journal, id, tip).unwrap();
    let mut last = Vec::new();
    inspected.frames(&mut |frame| last = frame.body().to_vec()).unwrap();
    assert!(!last.is_empty(), "all frames are in volumes");
    let mut flipped = 0;
    for entry in fs::read_dir(&journal).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if let Some(at) = memchr::memmem::find(&bytes, &last) {
            bytes[at + last.len() / 2] ^= 1;
            fs::write(&path, bytes).unwrap();
            flipped += 1;
        }
    }
    assert_eq!(flipped, 1);
    let copies = store.home.path().join("copies");
    fs::create_dir_all(&copies).unwrap();
    let findings = Findings::default();
    Verification::stopped(&store.dir, &copies, &findings).unwrap().unwrap();
    let (found, counts) = findings.finish();
    assert_eq!(counts.record, 1, "the frame is not damaged: {found:#?}");
    assert_eq!(found[0].part, Part::Journal);
}

#[test]
fn an_event_that_is_older_than_the_one_before_it_is_a_fault_of_the_record() {
    let (findings, _) = Store::new(true).verify();
    assert!(kinds(&findings).contains(&(Severity::Record, Part::Event)), "{findings:#?}");
    assert_eq!(findings[0].position, Some(25), "{findings:#?}");
}

/// What a verification of an open log finds, by the names of the files.
fn found_live(log: &Arc<Log>) -> Vec<(String, Part)> {
    let findings = Findings::default();
    drop(Verification::live(log, &findings).unwrap());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    findings.finish().0.iter().map(|it| (name(&it.place), it.part)).collect()
}

#[test]
fn an_open_store_whose_files_would_not_open_again_is_damaged() {
    let store = Store::new(false);
    let dir = &store.dir;
    let log = Log::open(dir, &settings(), Arc::new(RealFiles), Hooks::default()).unwrap();
    assert_eq!(found_live(&log), []);
    let files = [
        ("STORE", Part::Store),
        ("MANIFEST", Part::Manifest),
        ("journal/FILES", Part::Journal),
        ("HISTORY", Part::Store),
    ];
    for (name, part) in files {
        let (path, short) = (dir.join(name), name.rsplit('/').next().unwrap());
        let before = fs::read(&path);
        fs::write(&path, "nothing of the kind").unwrap();
        assert_eq!(found_live(&log), [(short.to_owned(), part)]);
        fs::remove_file(&path).unwrap();
        // The others are made again, or mean what their absence does.
        let is_needed = ["STORE", "MANIFEST"].contains(&name);
        let missing = is_needed.then(|| (short.to_owned(), part));
        assert_eq!(found_live(&log), Vec::from_iter(missing));
        if let Ok(before) = before {
            fs::write(&path, before).unwrap();
        }
    }
    let before = fs::read(dir.join("MANIFEST")).unwrap();
    Manifest::empty(log.store_id()).save(&RealFiles, &dir.join("MANIFEST")).unwrap();
    assert_eq!(found_live(&log), [("MANIFEST".to_owned(), Part::Manifest)]);
    fs::write(dir.join("MANIFEST"), before).unwrap();
    assert_eq!(found_live(&log), []);
}
