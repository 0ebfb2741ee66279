//! The whole log against a plain list of events: appends, reads, reopening, crashes, and whatever
//! sled may do to an unsealed volume.

mod backups;
mod checks;
mod indexing;
mod opening;
mod reading;
mod sealing;
mod unsealed;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Condvar,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Instant,
};

use tempfile::TempDir;

use super::*;
use crate::{
    domain::{
        filter::{Filter, FilterItem},
        name::{Category, StreamName},
    },
    log::{
        encoded_events::EncodedEvents,
        files::{Files, RealFiles},
        fixtures::{Event, Random, Revisions, events_of, new_frame},
        index::{Direction, Span},
        manifest::Manifest,
        waiting::{LONG, SetOnDrop, bounded, repeat},
    },
};

const VOLUME_BYTES: usize = 64 << 10;
const VOLUME_EVENTS: usize = 150;

fn settings() -> LogSettings {
    LogSettings {
        journal_file_bytes: 64 << 10,
        volume_bytes: VOLUME_BYTES as u64,
        volume_events: VOLUME_EVENTS as u64,
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
        self.sealed.reach(self.log().fetcher.volumes.last_position());
        assert_eq!(self.log().tip().unwrap(), self.tip);
        Ok(())
    }

    fn append(&mut self, random: &mut Random) {
        let large = random.below(40) == 0;
        self.append_of(random, |random| if large { 30_000 } else { random.below(600) });
    }

    /// Appends so little that a few of them are in no volume.
    fn append_little(&mut self, random: &mut Random) {
        self.append_of(random, |random| random.below(600));
    }

    fn append_of(&mut self, random: &mut Random, size: impl Fn(&mut Random) -> usize) {
        let mut events: Vec<_> = (0..=random.below(12))
            .map(|_| {
                let size = size(random);
                Event::random(random, size)
            })
            .collect();
        self.revisions.number(&mut events);
        let frame = new_frame(self.tip, &events);
        self.events.extend(events_of(&frame.clone().into_durable()).map(Vec::from));
        self.labels.extend(events);
        self.tip = frame.tip();
        let outcome = self.log().append(frame).outcome();
        assert!(matches!(outcome, journal::Outcome::Durable), "{outcome:?}");
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
            let bytes = unsealed.iter().map(Vec::len).sum::<usize>();
            bytes >= VOLUME_BYTES || unsealed.len() >= VOLUME_EVENTS
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
        // The lock names its own file. With it, this would be a copy of a live folder.
        if entry.file_name() == "LOCK" {
            continue;
        }
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if let Ok(bytes) = fs::read(path) {
            fs::write(target, bytes).unwrap();
        }
    }
}
