//! The whole log against a plain list of events: appends, reads, reopening, crashes, and whatever
//! sled may do to an unsealed volume.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Condvar,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::*;
use crate::{
    domain::{
        filter::{Filter, FilterItem},
        name::{Category, StreamName},
    },
    log::{
        files::{FileHandle, Files, RealFiles},
        fixtures::{Event, Random, Revisions, frame, tip_after},
        frame::spans,
        index::{Direction, Span},
        manifest::Manifest,
        run::Run,
    },
};

/// How long a test waits for what must happen before it fails.
const LONG: Duration = Duration::from_mins(1);

const VOLUME_BYTES: usize = 64 << 10;

fn settings() -> LogSettings {
    LogSettings {
        journal_file_bytes: 64 << 10,
        volume_bytes: VOLUME_BYTES as u64,
        volume_events: 150,
        tail_bytes: 20 << 10,
        ..LogSettings::default()
    }
}

/// A log in a folder, and what should be in it.
struct Case {
    home: TempDir,
    dir: PathBuf,
    log: Option<Arc<Log>>,
    /// The stored bytes of each event.
    events: Vec<Vec<u8>>,
    labels: Vec<Event>,
    revisions: Revisions,
    tip: Tip,
    indexed: Arc<Progress>,
    sealed: Arc<Progress>,
    faults: Arc<Mutex<Vec<String>>>,
    breakage: Breakage,
}

/// Breaks a volume's folder before it is read back.
type Breakage = Arc<dyn Fn(&Path) + Send + Sync>;

#[derive(Default)]
struct Progress {
    position: Mutex<Position>,
    moved: Condvar,
}

impl Progress {
    fn reach(&self, position: Position) {
        let mut reached = self.position.lock().unwrap();
        *reached = position.max(*reached);
        self.moved.notify_all();
    }
}

impl Case {
    fn new() -> Self {
        Self::breaking(|_| ())
    }

    fn breaking(breakage: impl Fn(&Path) + Send + Sync + 'static) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut case = Self {
            dir: home.path().join("0"),
            home,
            log: None,
            events: Vec::new(),
            labels: Vec::new(),
            revisions: Revisions::default(),
            tip: Tip::default(),
            indexed: Arc::default(),
            sealed: Arc::default(),
            faults: Arc::default(),
            breakage: Arc::new(breakage),
        };
        case.open().unwrap();
        case
    }

    fn log(&self) -> &Log {
        self.log.as_ref().expect("the log is open")
    }

    fn open(&mut self) -> Result<(), LogError> {
        for progress in [&self.indexed, &self.sealed] {
            *progress.position.lock().unwrap() = 0;
        }
        let (indexed, sealed) = (Arc::clone(&self.indexed), Arc::clone(&self.sealed));
        let faults = Arc::clone(&self.faults);
        let breakage = Arc::clone(&self.breakage);
        let hooks = Hooks {
            on_indexed: Box::new(move |position| indexed.reach(position)),
            on_sealed: Box::new(move |position| sealed.reach(position)),
            on_fault: Box::new(move |_, fault| faults.lock().unwrap().push(fault.to_string())),
            before_read_back: Box::new(move |dir| breakage(dir)),
            ..Hooks::default()
        };
        self.log = Some(Log::open(&self.dir, &settings(), Arc::new(RealFiles), hooks)?);
        self.indexed.reach(self.log().index().watermark());
        self.sealed.reach(self.log().reader.volumes.last_position());
        assert_eq!(self.log().tip().unwrap(), self.tip);
        Ok(())
    }

    fn append(&mut self, random: &mut Random) {
        let large = random.below(40) == 0;
        let mut events: Vec<_> = (0..=random.below(12))
            .map(|_| {
                let size = if large { 30_000 } else { random.below(600) };
                Event::random(random, size)
            })
            .collect();
        self.revisions.number(&mut events);
        let frame = frame(self.tip, &events);
        for span in spans(&frame.events).unwrap() {
            self.events.push(frame.events[span].to_vec());
        }
        self.labels.extend(events);
        let after = self.tip;
        self.tip = tip_after(after, &frame);
        let (told, outcome) = mpsc::channel();
        self.log().append(after, frame, Box::new(move |outcome| told.send(outcome).unwrap()));
        let outcome = outcome.recv_timeout(LONG).unwrap();
        assert!(matches!(outcome, Outcome::Durable), "{outcome:?}");
    }

    fn fill(&mut self, random: &mut Random, bytes: usize) {
        let so_far: usize = self.events.iter().map(Vec::len).sum();
        while self.events.iter().map(Vec::len).sum::<usize>() < so_far + bytes {
            self.append(random);
        }
    }

    fn wait_indexed(&self) {
        let position = self.indexed.position.lock().unwrap();
        let waited = self
            .indexed
            .moved
            .wait_timeout_while(position, LONG, |position| *position < self.tip.position);
        assert!(!waited.unwrap().1.timed_out(), "the index does not follow");
    }

    /// Waits until nothing is left to do about the files of the index.
    fn wait_settled(&self) {
        self.wait_indexed();
        let position = self.indexed.position.lock().unwrap();
        let busy = |_: &mut Position| !self.log().index().is_settled();
        let waited = self.indexed.moved.wait_timeout_while(position, LONG, busy);
        assert!(!waited.unwrap().1.timed_out(), "the index does not settle");
    }

    /// Waits until less than a volume is left unsealed.
    fn wait_sealed(&self) {
        let sealed = self.sealed.position.lock().unwrap();
        let waited = self.sealed.moved.wait_timeout_while(sealed, LONG, |sealed| {
            let unsealed = &self.events[usize::try_from(*sealed).unwrap()..];
            unsealed.iter().map(Vec::len).sum::<usize>() >= VOLUME_BYTES
        });
        assert!(!waited.unwrap().1.timed_out(), "volumes are not sealed");
    }

    fn close(&mut self) {
        self.log.take().unwrap().close().unwrap();
    }

    /// Goes on from a copy of the directory as it is now, as after a crash. What threads were
    /// writing meanwhile may be in the copy or not.
    fn crash(&mut self) {
        let number = fs::read_dir(self.home.path()).unwrap().count();
        let next = self.home.path().join(number.to_string());
        copy(&self.dir, &next);
        self.log = None;
        self.dir = next;
    }

    fn check(&self, random: &mut Random) {
        let last = self.events.len() as u64;
        assert_eq!(self.log().tip().unwrap(), self.tip);
        if last == 0 {
            return;
        }
        self.check_forwards(1, random.below(30_000));
        for _ in 0..4 {
            let from = 1 + random.below(self.events.len()) as u64;
            self.check_forwards(from, 1 + random.below(3000));
            self.check_backwards(from, random.below(9000));
        }
        self.check_filtered(random);
    }

    fn stored(&self, position: Position) -> Vec<u8> {
        self.events[usize::try_from(position - 1).unwrap()].clone()
    }

    fn expect(&self, run: &Run, positions: &[Position]) {
        assert!(!positions.is_empty());
        assert_eq!((run.first, run.last), (positions[0], *positions.last().unwrap()));
        assert_eq!(run.count, positions.len());
        let expected: Vec<u8> = positions.iter().flat_map(|at| self.stored(*at)).collect();
        assert!(run.events == expected, "wrong bytes at {positions:?}");
    }

    fn check_forwards(&self, from: Position, max_bytes: usize) {
        let (mut next, head) = (from, self.events.len() as u64);
        while next <= head {
            let run = self.log().page(next, head, max_bytes).unwrap();
            assert!(run.events.len() <= max_bytes || run.count == 1);
            self.expect(&run, &(next..=run.last).collect::<Vec<_>>());
            next = run.last + 1;
        }
    }

    fn check_backwards(&self, from: Position, max_bytes: usize) {
        let mut next = from;
        while next > 0 {
            let run = self.log().page_back(next, 1, max_bytes).unwrap();
            assert!(run.events.len() <= max_bytes || run.count == 1);
            self.expect(&run, &(run.last..=next).rev().collect::<Vec<_>>());
            next = run.last - 1;
        }
    }

    fn check_filtered(&self, random: &mut Random) {
        self.wait_indexed();
        let stream = format!("c{}/s{}", random.below(3), random.below(4));
        let category = format!("c{}", random.below(3));
        let items = vec![
            FilterItem {
                streams: vec![StreamName::parse(&stream).unwrap()],
                ..FilterItem::default()
            },
            FilterItem {
                categories: vec![Category::parse(&category).unwrap()],
                tags: vec![crate::domain::name::Tag::parse("k:1").unwrap()],
                ..FilterItem::default()
            },
        ];
        let expected: Vec<Position> = (1..)
            .zip(&self.labels)
            .filter(|(_, event)| {
                let tagged = event.tags.contains(&"k:1".to_owned());
                event.stream == stream || (event.stream.starts_with(&category) && tagged)
            })
            .map(|(position, _)| position)
            .collect();
        let span = Span { after: 0, up_to: u64::MAX };
        let filter = Filter::new(items).unwrap();
        for direction in [Direction::Forwards, Direction::Backwards] {
            let lookup = self.log().index().lookup(Blocking::Allowed);
            let found = lookup.matches(&filter, span, direction, usize::MAX).unwrap();
            let mut rest = &found[..];
            while let Some(run) = self.log().events_at(rest, 4000).unwrap() {
                self.expect(&run, &rest[..run.count]);
                rest = &rest[run.count..];
            }
            let mut rising = found;
            rising.sort_unstable();
            assert_eq!(rising, expected);
        }
    }

    /// The append with this number as its request id.
    fn request(&self, id: u64) -> Result<Option<AppendEntry>, LogError> {
        let id = u128::from(id).to_be_bytes();
        let found = self.log().index().lookup(Blocking::Allowed).request(&id).unwrap();
        let Some(at) = found else { return Ok(None) };
        let entry = self.log().append_at(at, &id, Blocking::Allowed)?;
        assert_eq!(self.log().append_at(at, &[0xEE; 16], Blocking::Allowed)?, None);
        Ok(Some(entry.unwrap()))
    }

    fn manifest(&self) -> Manifest {
        let store = &self.log().store;
        Manifest::load(&RealFiles, &store.manifest(), store.id()).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    let Ok(entries) = fs::read_dir(from) else { return };
    for entry in entries.map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if let Ok(bytes) = fs::read(path) {
            fs::write(target, bytes).unwrap();
        }
    }
}

#[test]
fn every_way_of_reading_agrees_with_a_list_through_restarts_and_crashes() {
    let mut random = Random::new();
    let mut case = Case::new();
    for _ in 0..60 {
        match random.below(12) {
            0..8 => case.fill(&mut random, 20_000),
            8 => case.check(&mut random),
            9 => {
                case.close();
                case.open().unwrap();
            }
            10 => {
                case.wait_sealed();
                case.crash();
                case.open().unwrap();
            }
            _ => {
                case.log = None;
                case.open().unwrap();
            }
        }
    }
    case.check(&mut random);
    case.wait_sealed();
    assert!(case.manifest().volumes().len() > 3, "too little for several volumes");
    case.check(&mut random);
    case.close();
    case.open().unwrap();
    case.check(&mut random);
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn a_request_is_remembered_from_volumes_and_from_the_journal() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 150_000);
    case.wait_sealed();
    case.append(&mut random);
    let last = case.tip.position;
    for _ in 0..2 {
        case.wait_indexed();
        assert_eq!(case.request(1).unwrap().unwrap().first_position, 1);
        let newest = (1..=last).rev().find_map(|at| case.request(at).unwrap()).unwrap();
        assert_eq!(newest.first_position + u64::from(newest.count) - 1, last);
        case.close();
        case.open().unwrap();
    }
}

/// Fills a few volumes of which the first attempt at each is broken by `breakage`.
fn check_rebuilt(breakage: impl Fn(&Path) + Send + Sync + 'static) {
    let attempts = AtomicUsize::new(0);
    let mut case = Case::breaking(move |dir| {
        if attempts.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            breakage(dir);
        }
    });
    let mut random = Random::new();
    case.fill(&mut random, 200_000);
    case.wait_sealed();
    case.check(&mut random);
    let sealed = case.manifest().volumes().len();
    assert!(sealed >= 1, "nothing was sealed");
    assert!(case.faults.lock().unwrap().len() >= sealed, "{:?}", case.faults);
    case.close();
    case.open().unwrap();
    case.check(&mut random);
}

#[test]
fn an_unsealed_volume_whose_database_was_cut_is_rebuilt() {
    check_rebuilt(|dir| {
        let file = fs::OpenOptions::new().write(true).open(dir.join("db")).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
}

#[test]
fn an_unsealed_volume_that_opens_empty_is_rebuilt() {
    check_rebuilt(|dir| fs::remove_file(dir.join("db")).unwrap());
}

#[test]
fn an_unsealed_volume_that_is_gone_is_rebuilt() {
    check_rebuilt(|dir| fs::remove_dir_all(dir).unwrap());
}

#[test]
fn an_unsealed_volume_with_flipped_bytes_is_rebuilt() {
    check_rebuilt(|dir| {
        let mut bytes = fs::read(dir.join("db")).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 5000].iter_mut().for_each(|byte| *byte ^= 0xFF);
        fs::write(dir.join("db"), bytes).unwrap();
    });
}

#[test]
fn an_unsealed_volume_that_does_not_open_is_rebuilt() {
    check_rebuilt(|dir| fs::write(dir.join("snap.00000000000FFFFF"), b"garbage").unwrap());
}

#[test]
fn an_unsealed_volume_whose_snapshot_points_beyond_the_file_is_rebuilt() {
    check_rebuilt(|dir| {
        // Opening writes a true snapshot; then the file it refers to is cut.
        drop(sled::Config::new().path(dir).segment_size(1 << 20).open().unwrap());
        let db = fs::OpenOptions::new().write(true).open(dir.join("db")).unwrap();
        db.set_len(60).unwrap();
    });
}

#[test]
fn leftovers_of_unsealed_volumes_are_removed_when_the_log_is_opened() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 100_000);
    case.wait_sealed();
    let volumes = case.dir.join("volumes");
    let breakages: [&dyn Fn(&Path); 3] = [
        &|next| fs::create_dir(next).unwrap(),
        &|next| {
            fs::create_dir(next).unwrap();
            fs::write(next.join("db"), Random::new().bytes(5000)).unwrap();
        },
        &|next| copy(&volumes.join(format!("{:020}", 1)), next),
    ];
    for breakage in breakages {
        // Closing may still seal one.
        let store = case.log().store_id();
        case.close();
        let manifest = Manifest::load(&RealFiles, &case.dir.join("MANIFEST"), store).unwrap();
        let next = format!("{:020}", manifest.tip().position + 1);
        breakage(&volumes.join(next));
        copy(&volumes.join(format!("{:020}", 1)), &volumes.join("a copy"));
        case.open().unwrap();
        assert!(!volumes.join("a copy").exists());
        case.fill(&mut random, 70_000);
        case.wait_sealed();
        case.check(&mut random);
    }
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn a_stop_between_any_two_steps_of_sealing_loses_nothing() {
    let mut random = Random::new();
    let images = tempfile::tempdir().unwrap();
    let target = images.path().to_owned();
    // Nothing is appended while a volume is sealed, so a copy made then is one of that moment.
    let mut case = Case::breaking(move |volume| {
        let before_entry = target.join(format!("{}", fs::read_dir(&target).unwrap().count()));
        copy(volume.parent().unwrap().parent().unwrap(), &before_entry);
    });
    for _ in 0..3 {
        case.fill(&mut random, VOLUME_BYTES);
        case.wait_sealed();
    }
    case.crash();
    let (dir, tip) = (case.dir.clone(), case.tip);
    let mut seen = 0;
    for image in RealFiles.list(images.path()).unwrap() {
        // The volume is whole, and the manifest does not have it yet.
        let manifest = fs::read_to_string(image.join("MANIFEST")).unwrap();
        let built = RealFiles.list(&image.join("volumes")).unwrap().into_iter().max().unwrap();
        let built = built.file_name().unwrap().to_str().unwrap();
        assert!(!manifest.contains(built), "{built} counts before it was read back");
        let log = Log::open(&image, &settings(), Arc::new(RealFiles), Hooks::default()).unwrap();
        let found = log.tip().unwrap();
        log.close().unwrap();
        drop(log);
        (case.dir, case.tip) = (image, found);
        let (events, labels) = (case.events.clone(), case.labels.clone());
        case.events.truncate(usize::try_from(found.position).unwrap());
        case.labels.truncate(case.events.len());
        case.open().unwrap();
        case.wait_sealed();
        case.check(&mut random);
        // The manifest has it, and the journal was not released.
        case.crash();
        case.open().unwrap();
        case.check(&mut random);
        case.log = None;
        (case.events, case.labels) = (events, labels);
        seen += 1;
    }
    // Events differ in size: what overshoots may fill one more volume.
    assert!(seen >= 3, "{seen} volumes were sealed");
    (case.dir, case.tip) = (dir, tip);
    case.open().unwrap();
    case.check(&mut random);
}

/// Whether there is the folder of a later volume than this one.
fn is_another_built(volume: &Path) -> bool {
    let volumes = RealFiles.list(volume.parent().unwrap()).unwrap();
    // They are named by their first positions.
    volumes.last().is_some_and(|last| last.as_path() > volume)
}

#[test]
fn a_volume_is_built_while_the_one_before_is_sealed_and_a_stop_then_loses_nothing() {
    let mut random = Random::new();
    let images = tempfile::tempdir().unwrap();
    let (target, overlapped) = (images.path().join("image"), Arc::new(AtomicUsize::new(0)));
    let (image, seen) = (target.clone(), Arc::clone(&overlapped));
    let filled = Arc::new(AtomicBool::new(false));
    let (sealing, all_there) = (AtomicUsize::new(0), Arc::clone(&filled));
    let mut case = Case::breaking(move |volume| {
        assert_eq!(sealing.fetch_add(1, Ordering::SeqCst), 0, "two are sealed at once");
        let deadline = Instant::now() + LONG;
        while !image.exists() && Instant::now() < deadline {
            // A copy that is made while the journal is written is one of no moment.
            if all_there.load(Ordering::SeqCst) && is_another_built(volume) {
                seen.fetch_add(1, Ordering::SeqCst);
                copy(volume.parent().unwrap().parent().unwrap(), &image);
            }
            std::thread::yield_now();
        }
        sealing.fetch_sub(1, Ordering::SeqCst);
    });
    case.fill(&mut random, 4 * VOLUME_BYTES);
    // One event may be as large as all that: there must be one behind it.
    case.fill(&mut random, 1);
    filled.store(true, Ordering::SeqCst);
    case.wait_sealed();
    assert_eq!(overlapped.load(Ordering::SeqCst), 1, "nothing was built meanwhile");
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
    case.check(&mut random);
    case.close();
    let log = Log::open(&target, &settings(), Arc::new(RealFiles), Hooks::default()).unwrap();
    case.tip = log.tip().unwrap();
    drop(log);
    assert!(case.tip.position > 0);
    case.events.truncate(usize::try_from(case.tip.position).unwrap());
    case.labels.truncate(case.events.len());
    case.dir = target;
    case.open().unwrap();
    case.wait_sealed();
    case.check(&mut random);
}

#[test]
fn readers_see_every_event_while_volumes_are_sealed_and_closed_around_them() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 5 * VOLUME_BYTES);
    let (log, events) = (Arc::clone(case.log.as_ref().unwrap()), case.events.clone());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut random = Random::new();
                while !stop.load(Ordering::Relaxed) {
                    let at = random.below(events.len());
                    let position = at as u64 + 1;
                    let run = log.page(position, position, 1).unwrap();
                    assert!(run.events == events[at], "position {position}");
                }
            });
        }
        case.fill(&mut random, 10 * VOLUME_BYTES);
        case.wait_sealed();
        stop.store(true, Ordering::Relaxed);
    });
    drop(log);
    case.check(&mut random);
}

fn damage(db: &Path) {
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
fn an_older_volume_that_is_damaged_is_named_by_whoever_reads_it_and_everything_else_goes_on() {
    let mut random = Random::new();
    let mut case = Case::new();
    while case.manifest().volumes().len() < 3 {
        case.fill(&mut random, 100_000);
        case.wait_sealed();
    }
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
fn tables_of_the_index_end_where_volumes_do_so_that_nothing_is_read_again() {
    let mut random = Random::new();
    let mut case = Case::new();
    for _ in 0..6 {
        case.fill(&mut random, 100_000);
        case.wait_sealed();
        case.wait_settled();
        let dir = case.dir.join("index");
        let runs = || RealFiles.list(&dir).unwrap();
        let before = runs();
        case.close();
        case.open().unwrap();
        case.wait_settled();
        // A run that did not fit its volume would have been made anew, under another name.
        assert_eq!(runs().last(), before.last());
    }
    assert!(case.manifest().volumes().len() > 5);
    case.check(&mut random);
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn an_index_that_was_deleted_is_built_again_while_reads_by_position_go_on() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 300_000);
    case.wait_sealed();
    case.close();
    fs::remove_dir_all(case.dir.join("index")).unwrap();
    case.open().unwrap();
    case.check_forwards(1, 10_000);
    case.append(&mut random);
    case.check(&mut random);
    case.wait_settled();
    case.check(&mut random);
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
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
fn an_event_can_be_read_from_memory_when_its_append_is_answered() {
    let case = Case::new();
    let next = frame(Tip::default(), &[Event::default()]);
    let (told, seen) = mpsc::channel();
    let tail = Arc::clone(&case.log().tail);
    let done = move |_| told.send(tail.chunk_at(1).is_some()).unwrap();
    case.log().append(Tip::default(), next, Box::new(done));
    assert!(seen.recv_timeout(LONG).unwrap());
}

/// The operating system's files, of which the first attempts to replace the manifest fail.
#[derive(Debug)]
struct NoManifest(AtomicUsize);

impl Files for NoManifest {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn FileHandle>> {
        RealFiles.open(path, create)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealFiles.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealFiles.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        // The first one makes the store.
        let manifest = to.ends_with("MANIFEST");
        if manifest && (1..3).contains(&self.0.fetch_add(1, Ordering::Relaxed)) {
            return Err(io::Error::other("no"));
        }
        RealFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealFiles.sync_dir(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealFiles.free_bytes(dir)
    }
}

#[test]
fn the_journal_keeps_its_frames_until_the_manifest_has_their_volume() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.close();
    fs::remove_dir_all(&case.dir).unwrap();
    let (faults, faulted) = mpsc::channel();
    let (seals, sealed) = mpsc::channel();
    let hooks = Hooks {
        on_fault: Box::new(move |_, error| faults.send(error.to_string()).unwrap()),
        on_sealed: Box::new(move |position| seals.send(position).unwrap()),
        ..Hooks::default()
    };
    let files = Arc::new(NoManifest(AtomicUsize::new(0)));
    case.log = Some(Log::open(&case.dir, &settings(), files, hooks).unwrap());
    case.fill(&mut random, VOLUME_BYTES);
    let error = faulted.recv_timeout(LONG).unwrap();
    assert!(error.contains("MANIFEST"), "{error}");
    assert_eq!(case.log().reader.volumes.last_position(), 0);
    assert!(case.log().journal.read(Tip::default(), 1).is_ok(), "frame 1 is gone");
    // The volume is entered at the third attempt, and not built again.
    let position = sealed.recv_timeout(LONG).unwrap();
    assert_eq!(case.manifest().tip().position, position);
    case.check_forwards(1, 5000);
}

#[test]
fn positions_that_are_not_there_are_out_of_range() {
    let mut random = Random::new();
    let mut case = Case::new();
    let empty = case.log().page(1, 10, 1000).unwrap_err();
    assert!(matches!(empty, LogError::OutOfRange { position: 1, last: 0 }), "{empty}");
    case.append(&mut random);
    let last = case.tip.position;
    for error in [
        case.log().page(last + 1, last + 5, 1000).unwrap_err(),
        case.log().page(5, 4, 1000).unwrap_err(),
        case.log().page_back(last + 1, 1, 1000).unwrap_err(),
        case.log().events_at(&[0], 1000).unwrap_err(),
    ] {
        assert!(matches!(error, LogError::OutOfRange { .. }), "{error}");
    }
    assert_eq!(case.log().events_at(&[], 1000).unwrap(), None);
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
