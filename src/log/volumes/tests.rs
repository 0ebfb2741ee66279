//! Many sealed volumes: read at their offsets, through sled where those fail, kept and reported.

use std::{
    collections::BTreeSet,
    fs, io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::log::{
    files::RealFiles,
    fixtures::{Event, Random, events_of, frame},
    journal::Tip,
    volume::{ContentsTally, Marker, VolumeBuilder},
    waiting::{SetOnDrop, bounded},
};

/// What the manifest says of a volume, without a volume.
pub(super) fn volume(first: Position, count: u64) -> SealedVolume {
    let mut tally = ContentsTally::new(first);
    tally.events(b"any", count);
    let contents = tally.finish();
    let tip = Tip { index: first, position: contents.last_position, check: 5 };
    SealedVolume { directory: format!("{first:020}"), contents, tip, files: Vec::new() }
}

/// Sealed volumes in a folder, and what is in them.
struct Case {
    home: TempDir,
    sealed: Vec<(SealedVolume, OffsetTableBytes)>,
    events: Vec<Bytes>,
    reports: Arc<Mutex<Vec<VolumeError>>>,
}

impl Case {
    /// So many volumes of 100 events each.
    fn new(count: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("volumes")).unwrap();
        let mut case =
            Self { home, sealed: Vec::new(), events: Vec::new(), reports: Arc::default() };
        let (mut random, mut tip) = (Random::new(), Tip::default());
        for _ in 0..count {
            let dir = case.settings().volumes;
            let mut builder = VolumeBuilder::create(&dir, Marker::of([7; 16]), tip).unwrap();
            for _ in 0..10 {
                let events: Vec<Event> = (0..10).map(|_| Event::random(&mut random, 200)).collect();
                let next = frame(tip, &events);
                tip = next.tip();
                case.events.extend(events_of(&next));
                builder.feed(&next).unwrap();
            }
            let new = builder.finish().unwrap().seal(&|_| ()).unwrap();
            case.sealed.push((new.volume, new.offsets.unwrap()));
        }
        let volumes = case.open();
        for (volume, offsets) in &case.sealed {
            volumes.tables.keep(volume, offsets).unwrap();
        }
        case
    }

    fn settings(&self) -> VolumeSettings {
        VolumeSettings {
            volumes: self.home.path().join("volumes"),
            offsets: self.home.path().join("places"),
            open_databases: 2,
            offset_table_bytes: 1 << 20,
            open_files: 128,
            marker: Marker::of([7; 16]),
        }
    }

    fn open(&self) -> Arc<Volumes> {
        self.open_with(&self.settings())
    }

    fn open_with(&self, settings: &VolumeSettings) -> Arc<Volumes> {
        let sealed: Vec<_> = self.sealed.iter().map(|(volume, _)| volume.clone()).collect();
        let reports = Arc::clone(&self.reports);
        let report = Box::new(move |it: &VolumeError| reports.lock().unwrap().push(it.clone()));
        Arc::new(Volumes::open(Arc::new(RealFiles), settings, &sealed, report).unwrap())
    }

    fn scrubber(&self, volumes: &Arc<Volumes>) -> Scrubber {
        let settings = ScrubSettings { interval: Duration::from_secs(100), bytes_per_second: 1000 };
        let offsets = self.settings().offsets;
        Scrubber::new(Arc::clone(volumes), Arc::new(RealFiles), &offsets, Some(settings))
    }

    fn table(&self, number: usize) -> PathBuf {
        self.settings().offsets.join(&self.sealed[number].0.directory)
    }

    fn folder(&self, number: usize) -> PathBuf {
        self.settings().volumes.join(&self.sealed[number].0.directory)
    }

    /// The copies that sled works on at this moment.
    fn copies(&self) -> usize {
        let entries = fs::read_dir(self.settings().volumes).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "copy")).count()
    }

    fn event(&self, position: Position) -> &Bytes {
        &self.events[usize::try_from(position - 1).unwrap()]
    }

    fn read(&self, volumes: &Volumes, position: Position) -> Result<(), VolumeError> {
        let ahead = Ahead { bytes: 1 << 20, wants: &|_| true };
        let chunk = volumes.cursor().chunk_at(position, &ahead)?.unwrap();
        assert_eq!(chunk.event(position), self.event(position), "position {position}");
        Ok(())
    }

    fn check(&self, volumes: &Volumes) {
        for position in 1..=self.events.len() as u64 {
            self.read(volumes, position).unwrap();
            let append = volumes.append_at(position).unwrap().unwrap();
            let begins = position % 10 == 1;
            assert_eq!(append.map(|it| it.first_position), begins.then_some(position));
        }
        assert!(volumes.append_at(self.events.len() as u64 + 1).unwrap().is_none());
    }

    /// Makes all offsets of a volume wrong by a byte, in a table that is whole.
    fn misplace(&self, number: usize) {
        let mut table = fs::read(self.table(number)).unwrap();
        table[68..].chunks_mut(16).for_each(|place| place[15] ^= 1);
        let crc = crc32c::crc32c(&table[12..]);
        table[8..12].copy_from_slice(&crc.to_be_bytes());
        fs::write(self.table(number), table).unwrap();
    }

    /// Changes the event at `position` wherever it lies in its volume's file.
    fn damage(&self, position: Position) {
        let db = self.folder(usize::try_from((position - 1) / 100).unwrap()).join("db");
        let mut bytes = fs::read(&db).unwrap();
        let event = self.event(position);
        let found: Vec<usize> = memchr::memmem::find_iter(&bytes, event).collect();
        assert!(!found.is_empty());
        for at in found {
            bytes[at + 20] ^= 0x40;
        }
        fs::write(db, bytes).unwrap();
    }

    fn reports(&self) -> Vec<String> {
        self.reports.lock().unwrap().iter().map(ToString::to_string).collect()
    }
}

/// Lets the scrub go on until `done`, as if time passed.
fn scrub(scrubber: &mut Scrubber, now: &mut Instant, done: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if done() {
            return;
        }
        *now += scrubber.step(*now, false, &|| true).unwrap();
    }
    panic!("the scrub does not get there");
}

#[test]
fn events_and_appends_are_read_at_their_offsets_without_sled() {
    let case = Case::new(3);
    let volumes = case.open();
    // sled could not open this.
    fs::write(case.folder(1).join("snap.00000000FFFFFFFF"), b"garbage").unwrap();
    case.check(&volumes);
    assert_eq!(case.copies(), 0);
    volumes.verify_newest().unwrap();
    let mut replayed = Vec::new();
    let whole = volumes.replay(
        101,
        &mut |chunk| {
            replayed.extend_from_slice(chunk.events());
            true
        },
        &mut |_| (),
    );
    assert!(whole.unwrap());
    assert!(replayed == case.events[100..200].concat());
}

#[test]
fn without_offsets_or_with_wrong_ones_everything_is_right_and_they_are_found_again() {
    let case = Case::new(3);
    fs::remove_file(case.table(0)).unwrap();
    case.misplace(1);
    fs::write(case.table(2), b"nothing that is a table").unwrap();
    let volumes = case.open();
    case.check(&volumes);
    assert!((1..=2).contains(&case.copies()), "{} copies are there", case.copies());
    let (mut scrubber, mut now) = (case.scrubber(&volumes), Instant::now());
    let found = |number: usize| {
        fs::read(case.table(number)).is_ok_and(|bytes| bytes == case.sealed[number].1.bytes())
    };
    scrub(&mut scrubber, &mut now, || (0..3).all(found));
    // Unused databases are closed.
    now += Duration::from_mins(1);
    scrub(&mut scrubber, &mut now, || case.copies() == 0);
    case.check(&volumes);
    assert_eq!(case.copies(), 0, "sled was asked again");
    assert_eq!(case.reports(), Vec::<String>::new());
}

#[test]
fn no_more_databases_are_open_than_may_be_however_many_read() {
    bounded("reads through databases", || {
        let case = Case::new(6);
        (0..6).for_each(|number| fs::remove_file(case.table(number)).unwrap());
        let volumes = case.open();
        let (done, most) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            let ending = SetOnDrop(&done);
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    most.fetch_max(case.copies(), Ordering::Relaxed);
                }
            });
            let readers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let mut random = Random::new();
                        for _ in 0..15 {
                            let position = 1 + random.below(case.events.len()) as u64;
                            case.read(&volumes, position).unwrap();
                        }
                    })
                })
                .collect();
            for reader in readers {
                reader.join().unwrap();
            }
            drop(ending);
        });
        assert_eq!(most.into_inner(), 2);
        drop(volumes);
        assert_eq!(case.copies(), 0);
    });
}

#[test]
fn many_read_through_sled_while_it_is_closed_and_opened_again_among_them() {
    bounded("reads through sled", || {
        let case = Case::new(1);
        fs::remove_file(case.table(0)).unwrap();
        let volumes = case.open();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for position in (1..=100).cycle().take(400) {
                        case.read(&volumes, position).unwrap();
                    }
                });
            }
        });
    });
}

#[test]
fn offset_tables_take_no_more_memory_than_they_may() {
    let case = Case::new(40);
    let one = case.sealed[0].1.bytes().len();
    let settings = VolumeSettings { offset_table_bytes: 5 * one, ..case.settings() };
    let volumes = case.open_with(&settings);
    let mut random = Random::new();
    let mut most = 0;
    for _ in 0..400 {
        case.read(&volumes, 1 + random.below(case.events.len()) as u64).unwrap();
        let open = volumes.tables.lock();
        let bytes: usize = open.volumes.values().map(|(by_offset, _)| by_offset.bytes()).sum();
        assert_eq!(open.bytes, bytes);
        assert!(bytes <= 5 * one, "{bytes} bytes in {} tables", open.volumes.len());
        most = most.max(open.volumes.len());
    }
    assert!((4..=8).contains(&most), "{most} tables were kept at once");
    assert_eq!(case.copies(), 0);
}

#[test]
fn damage_is_named_reported_once_and_leaves_everything_else_alone() {
    let case = Case::new(3);
    let volumes = case.open();
    case.damage(150);
    for _ in 0..2 {
        let mut lost = BTreeSet::new();
        for position in 1..=300 {
            if let Err(error) = case.read(&volumes, position) {
                let VolumeError::Damaged { volume, position: named, .. } = &error else {
                    panic!("{error}")
                };
                assert_eq!((volume, *named), (&case.folder(1), Some(position)));
                lost.insert(position);
            }
        }
        assert!(lost.contains(&150) && lost.len() < 25, "{lost:?}");
        assert!(lost.iter().max().unwrap() - lost.iter().min().unwrap() < 25, "{lost:?}");
    }
    let reports = case.reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains(&case.sealed[1].0.directory), "{reports:?}");
    assert_eq!(volumes.damaged().len(), 1);
    case.damage(250);
    volumes.verify_newest().unwrap_err();
    assert_eq!(case.reports().len(), 2);
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn damage_is_logged_once_with_the_folder_the_position_and_what_to_do() {
    let case = Case::new(2);
    let volumes = case.open();
    case.damage(1);
    let logged = Logged::default();
    let writer = logged.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    tracing::subscriber::with_default(log.finish(), || {
        for _ in 0..3 {
            case.read(&volumes, 1).unwrap_err();
        }
    });
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    let errors: Vec<&str> = text.lines().filter(|line| line.contains("ERROR")).collect();
    let [error] = errors[..] else { panic!("{text}") };
    let folder = case.folder(0).display().to_string();
    for named in [folder.as_str(), "position=1", "stop the server", "from a backup"] {
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[test]
fn sled_is_not_read_again_at_once_for_what_it_did_not_have() {
    let case = Case::new(1);
    let db = case.folder(0).join("db");
    let whole = fs::read(&db).unwrap();
    case.misplace(0);
    case.damage(50);
    let volumes = case.open();
    case.read(&volumes, 50).unwrap_err();
    // Now sled would have it; but reads that come soon do not try.
    volumes.pool.sweep(Instant::now() + Duration::from_mins(1));
    fs::write(db, whole).unwrap();
    case.read(&volumes, 50).unwrap_err();
    assert_eq!(case.copies(), 0, "a copy was made");
    case.read(&volumes, 1).unwrap();
}

#[test]
fn the_scrub_finds_damage_that_no_reader_has_met_and_reports_it_once() {
    let case = Case::new(4);
    case.damage(150);
    fs::write(case.folder(3).join("conf"), b"other bytes").unwrap();
    let volumes = case.open();
    let (mut scrubber, mut now) = (case.scrubber(&volumes), Instant::now());
    let began = now;
    scrub(&mut scrubber, &mut now, || scrubbed(&case) == Some(400));
    // Two rounds more.
    for at in [100, 400, 100, 400] {
        scrub(&mut scrubber, &mut now, || scrubbed(&case) == Some(at));
    }
    let reports = case.reports();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].contains(&case.sealed[1].0.directory), "{reports:?}");
    assert!(reports[1].contains("conf"), "{reports:?}");
    let round = now.duration_since(began) / 3;
    assert!((90..130).contains(&round.as_secs()), "a round takes {round:?} instead of 100 s");
}

#[test]
fn a_damaged_volume_without_offsets_is_reported_once_and_holds_nothing_up() {
    let case = Case::new(2);
    fs::remove_file(case.table(0)).unwrap();
    case.damage(50);
    let volumes = case.open();
    let (mut scrubber, mut now) = (case.scrubber(&volumes), Instant::now());
    for at in [100, 200, 100, 200] {
        scrub(&mut scrubber, &mut now, || scrubbed(&case) == Some(at));
        // Its offsets are looked for once more.
        now += Duration::from_mins(11);
    }
    assert_eq!(case.reports().len(), 1, "{:?}", case.reports());
    assert!(!case.table(0).exists());
    case.read(&volumes, 150).unwrap();
}

/// The last position of the volume that was scrubbed last.
fn scrubbed(case: &Case) -> Option<Position> {
    let text = fs::read_to_string(case.settings().offsets.join(PROGRESS)).ok()?;
    text.lines().next()?.parse().ok()
}

#[test]
fn the_scrub_goes_on_after_a_restart_where_it_was() {
    let case = Case::new(3);
    let volumes = case.open();
    let mut now = Instant::now();
    let mut scrubber = case.scrubber(&volumes);
    scrub(&mut scrubber, &mut now, || scrubbed(&case) == Some(100));
    let volumes = case.open();
    let mut scrubber = case.scrubber(&volumes);
    // What it notes first is what it has read first.
    fs::remove_file(case.settings().offsets.join(PROGRESS)).unwrap();
    scrub(&mut scrubber, &mut now, || scrubbed(&case).is_some());
    assert_eq!(scrubbed(&case), Some(200));
}

#[test]
fn the_scrub_keeps_to_its_rate_goes_slower_while_busy_and_ends_when_stopped() {
    let case = Case::new(1);
    let volumes = case.open();
    let begin = Instant::now();
    let at_rate = |busy: bool, go_on: &dyn Fn() -> bool| {
        let mut scrubber = case.scrubber(&volumes);
        scrubber.step(begin, busy, go_on).unwrap();
        let begin = begin + Duration::from_mins(1);
        scrubber.step(begin, busy, go_on).unwrap();
        let reading = scrubber.reading.as_ref();
        (reading.map(|it| it.piece), scrubber.next.unwrap().duration_since(begin))
    };
    let bytes = case.events.iter().map(|event| event.len() as u64).sum::<u64>();
    // The whole volume is less than a piece.
    assert_eq!(at_rate(false, &|| true), (None, Duration::from_secs(100)));
    let steps = AtomicUsize::new(0);
    let half = || !steps.fetch_add(1, Ordering::Relaxed).is_multiple_of(5);
    steps.store(1, Ordering::Relaxed);
    let (piece, pause) = at_rate(false, &half);
    let piece = piece.unwrap();
    assert!((1..bytes).contains(&piece), "{piece} of {bytes} bytes");
    assert_eq!(pause, Duration::from_millis(piece));
    steps.store(1, Ordering::Relaxed);
    assert_eq!(at_rate(true, &half), (Some(piece), pause * 8));
}

#[test]
fn tables_of_volumes_that_are_not_there_are_removed_when_the_log_is_opened() {
    let case = Case::new(2);
    let volumes = case.open();
    let mut scrubber = case.scrubber(&volumes);
    scrub(&mut scrubber, &mut Instant::now(), || scrubbed(&case).is_some());
    let offsets = case.settings().offsets;
    for leftover in ["00000000000000000777", "00000000000000000001.new"] {
        fs::write(offsets.join(leftover), b"any").unwrap();
    }
    let volumes = case.open();
    assert_eq!(fs::read_dir(&offsets).unwrap().count(), 3);
    case.check(&volumes);
}
