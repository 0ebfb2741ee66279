//! The power fails at every step and in the middle of every write: what was acknowledged is there,
//! and nothing that was never appended.

use std::hash::{BuildHasher as _, Hasher as _};

use super::*;
use crate::log::{
    contract::{append_next, frame_after},
    recorder::{Disk, Random, RecordingFiles},
};

const DIR: &str = "/journal";
const SETTINGS: JournalSettings = tests::SETTINGS;

/// What must be found, as of some step.
#[derive(Clone, Debug, Default)]
struct Expected {
    made: bool,
    /// What the manifest of sealed volumes says.
    sealed: Tip,
    /// How many frames were acknowledged.
    acknowledged: usize,
    /// All frames handed in, the last perhaps not acknowledged, each with the tip after it.
    submitted: Vec<(Tip, Frame)>,
}

/// A journal in use, with what must be found after each number of steps.
struct Workload {
    files: RecordingFiles,
    journal: Option<FileJournal>,
    now: Expected,
    history: Vec<(usize, Expected)>,
}

impl Workload {
    fn on(disk: Disk, expected: Expected) -> Self {
        let files = RecordingFiles::on(disk);
        let history = vec![(0, expected.clone())];
        Self { files, journal: None, now: expected, history }
    }

    fn note(&mut self, change: impl FnOnce(&mut Expected)) {
        change(&mut self.now);
        self.history.push((self.files.taken(), self.now.clone()));
    }

    fn open(&mut self) {
        self.journal = Some(open(&self.files, self.now.sealed).unwrap());
    }

    fn make(&mut self) {
        let files: Arc<dyn Files> = Arc::new(self.files.clone());
        FileJournal::create(files, Path::new(DIR), &SETTINGS).unwrap();
        self.note(|expected| expected.made = true);
    }

    fn append(&mut self, count: u32, size: usize, seed: u64) {
        let after = self.now.submitted.last().map_or(Tip::default(), |(tip, _)| *tip);
        let frame = frame_after(after, count, size, seed);
        let submitted = (frame.tip(), frame.clone().into_durable());
        self.note(|expected| expected.submitted.push(submitted));
        let outcome = self.journal.as_ref().unwrap().append(frame).outcome();
        assert!(matches!(outcome, Outcome::Durable), "{outcome:?}");
        self.note(|expected| expected.acknowledged += 1);
    }

    /// Seals as a manifest would, before the journal releases.
    fn seal_up_to(&mut self, frames: usize) {
        let sealed = self.now.submitted[frames - 1].0;
        self.note(|expected| expected.sealed = sealed);
        self.journal.as_ref().unwrap().release(sealed).unwrap();
    }

    fn seal(&mut self, random: &mut Random) {
        let first = usize::try_from(self.now.sealed.index).unwrap();
        let more = random.below(self.now.acknowledged - first + 1);
        if more > 0 {
            self.seal_up_to(first + more);
        }
    }

    fn act(&mut self, random: &mut Random) {
        let seed = random.below(1000) as u64;
        match random.below(12) {
            0..=3 => self.append(1, 10, seed),
            4 | 5 => self.append(3, random.below(2000), seed),
            6 => self.append(1, 5000 + random.below(6000), seed),
            7 if random.below(3) == 0 => self.append(1, 18_000, seed),
            7 | 8 => self.seal(random),
            9 => {
                self.journal.take().unwrap().close().unwrap();
                self.open();
            }
            _ => self.open(),
        }
    }

    /// What must be found if the power fails after `steps` steps.
    fn expected_after(&self, steps: usize) -> &Expected {
        let known = self.history.partition_point(|(taken, _)| *taken <= steps);
        &self.history[known - 1].1
    }
}

fn open(files: &RecordingFiles, sealed: Tip) -> Result<FileJournal, JournalError> {
    FileJournal::open(Arc::new(files.clone()), Path::new(DIR), SETTINGS, sealed)
}

/// Opens an image, checks what it holds, and that all of it is durable and can be gone on from.
/// Returns how many frames there are.
fn check_image(image: &Disk, expected: &Expected) -> usize {
    let files = RecordingFiles::on(image.clone());
    if !expected.made {
        FileJournal::create(Arc::new(files.clone()), Path::new(DIR), &SETTINGS).unwrap();
    }
    let journal = open(&files, expected.sealed).unwrap();
    let tip = journal.tip().unwrap();
    let found = usize::try_from(tip.index).unwrap();
    assert!(found >= expected.acknowledged, "{found} frames of {}", expected.acknowledged);
    assert!(found <= expected.submitted.len(), "{found} frames, never submitted");
    let last = found.checked_sub(1).map_or(Tip::default(), |last| expected.submitted[last].0);
    assert_eq!(tip, last);
    let sealed = usize::try_from(expected.sealed.index).unwrap();
    let submitted = &expected.submitted[sealed..found];
    let mut frames: Vec<Frame> = submitted.iter().map(|(_, frame)| frame.clone()).collect();
    assert_eq!(journal.read(expected.sealed, usize::MAX).unwrap(), frames);

    let again = open(&RecordingFiles::on(files.disk().cut()), expected.sealed).unwrap();
    assert_eq!(again.read(expected.sealed, usize::MAX).unwrap(), frames, "opened twice");
    frames.push(append_next(&journal, 1, 4500).1);
    let again = open(&RecordingFiles::on(files.disk().cut()), expected.sealed).unwrap();
    assert_eq!(again.read(expected.sealed, usize::MAX).unwrap(), frames, "gone on from");
    found
}

/// Runs a check and says what it was about if it fails.
fn saying<T>(what: impl FnOnce() -> String, check: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_or_else(|panic| {
        eprintln!("failed with {}", what());
        std::panic::resume_unwind(panic)
    })
}

fn fresh_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// How many seeds are tried besides the fixed ones: one, or as many as `FAULT_ROUNDS` says.
fn fresh_seeds() -> impl Iterator<Item = u64> {
    let given = std::env::var("FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    (0..given.unwrap_or(1_usize)).map(|_| fresh_seed())
}

/// Cuts a finished workload after every step and opens whatever may have landed; the number of
/// images.
fn check_every_cut(workload: &Workload, seed: u64, random: &mut Random) -> usize {
    let (mut disk, mut images) = (Disk::default(), 0);
    let steps = workload.files.steps();
    for taken in 0..=steps.len() {
        if let Some(last) = taken.checked_sub(1) {
            disk.apply(&steps[last]);
        }
        let expected = workload.expected_after(taken);
        for (what, image) in disk.images(random) {
            let said = || format!("seed {seed}, cut after {taken} steps, landed: {what}");
            saying(said, || check_image(&image, expected));
            images += 1;
        }
    }
    images
}

#[test]
fn whatever_lands_of_a_cut_workload_every_acknowledged_frame_is_there() {
    let mut images = 0;
    for seed in [1, 2, 3].into_iter().chain(fresh_seeds()) {
        let random = &mut Random(seed);
        let mut workload = Workload::on(Disk::default(), Expected::default());
        workload.make();
        workload.open();
        (0..25).for_each(|_| workload.act(random));
        workload.journal.take().unwrap().close().unwrap();
        images += check_every_cut(&workload, seed, random);
    }
    println!("{images} crash images");
    assert!(images >= 1_000, "{images} crash images are few");
}

#[test]
fn the_tip_is_found_at_every_cut_though_each_frame_fills_a_file_and_is_sealed_at_once() {
    let mut workload = Workload::on(Disk::default(), Expected::default());
    workload.make();
    workload.open();
    for seed in 0..4 {
        workload.append(1, 13_000, seed);
        workload.seal_up_to(workload.now.acknowledged);
    }
    check_every_cut(&workload, 1, &mut Random(1));
}

#[test]
fn a_journal_that_crashes_again_and_again_never_loses_or_invents_a_frame() {
    for seed in [1, 2, 3].into_iter().chain(fresh_seeds()) {
        let random = &mut Random(seed);
        let mut disk = Disk::default();
        let mut expected = Expected::default();
        for round in 0..100 {
            let before = disk.clone();
            let mut workload = Workload::on(disk.clone(), expected.clone());
            let said = || format!("seed {seed}, round {round}");
            saying(said, || {
                if !workload.now.made {
                    workload.make();
                }
                workload.open();
                (0..random.below(6)).for_each(|_| workload.act(random));
            });
            disk = before;
            let steps = workload.files.steps();
            let taken = random.below(steps.len() + 1);
            steps[..taken].iter().for_each(|step| disk.apply(step));
            let mut images = disk.images(random);
            let (what, image) = images.swap_remove(random.below(images.len()));
            let said = || format!("seed {seed}, round {round}, cut after {taken}: {what}");
            expected = workload.expected_after(taken).clone();
            let found = saying(said, || check_image(&image, &expected));
            if expected.made {
                // What was found once was given to readers: from now on it must stay.
                disk = image;
                let files = RecordingFiles::on(disk);
                drop(open(&files, expected.sealed).unwrap());
                disk = files.disk().cut();
                expected.acknowledged = found;
                expected.submitted.truncate(found);
            } else {
                disk = image;
            }
        }
    }
}
