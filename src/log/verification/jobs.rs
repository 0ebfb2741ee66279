//! Shares the work among threads: each takes a volume, a run of the index or the journal at a time.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::{
    events::{Shared, Wanted, went_back},
    facts::{Checked, VolumeFacts},
    finding::{Finding, Findings, Part},
    found::found,
    progress::Progress,
    subject::Verification,
    volume,
};
use crate::log::{error::LogError, index::Sums};

/// The work, and what has come of it.
struct Jobs<'a> {
    verification: &'a Verification,
    shared: Shared<'a>,
    next: AtomicUsize,
    done: Mutex<Done>,
}

struct Done {
    checked: Checked,
    runs: Vec<Option<Sums>>,
    failure: Option<LogError>,
}

impl Verification {
    /// Checks all that is stored by `threads`. An error is neither damage nor a refusal of the
    /// operating system, which are findings.
    pub fn check(
        &self,
        wanted: Wanted<'_>,
        findings: &Findings,
        progress: &Progress,
        threads: NonZeroUsize,
    ) -> Result<Checked, LogError> {
        let events: u64 = self.volumes.iter().map(|volume| volume.contents.bytes).sum();
        progress.expect(events + self.index.bytes() + self.unsealed.bytes());
        let runs = vec![None; self.index.len()];
        let volumes = vec![VolumeFacts::default(); self.volumes.len()];
        let checked = Checked { volumes, unsealed_wanted: false };
        let jobs = Jobs {
            verification: self,
            shared: Shared { wanted, findings, progress },
            next: AtomicUsize::new(0),
            done: Mutex::new(Done { checked, runs, failure: None }),
        };
        thread::scope(|scope| {
            for _ in 0..threads.get() {
                scope.spawn(|| jobs.work());
            }
        });
        let done = jobs.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = done.failure {
            return Err(failure);
        }
        self.compare(&done, findings, progress);
        Ok(done.checked)
    }

    /// Compares the index with the events, and the times of volumes with each other.
    fn compare(&self, done: &Done, findings: &Findings, progress: &Progress) {
        for (path, what) in self.index.unfit() {
            findings.add(Finding::derived(Part::Index, path, what));
        }
        if progress.is_stopped() {
            return;
        }
        let sums: Vec<_> = done.checked.volumes.iter().map(|facts| facts.sums).collect();
        for (number, found) in done.runs.iter().enumerate() {
            let Some(found) = found else { continue };
            if let Some(what) = self.index.difference(number, found, &sums) {
                let path = self.index.path(number).unwrap_or(&self.volumes_dir);
                findings.add(Finding::derived(Part::Index, path, what));
            }
        }
        if self.index.uncovered() > 0 {
            let what = format!("no run covers {} of the sealed volumes", self.index.uncovered());
            let path = self.tables_dir.with_file_name("index");
            findings.add(Finding::missing(Part::Index, &path, what));
        }
        if let Some(volume) = went_back(&sums).and_then(|number| self.volumes.get(number)) {
            let what = "its first event was recorded before the last one of the volume before";
            let finding = Finding::record(Part::Event, &self.path_of(volume), what);
            findings.add(finding.at(volume.contents.first_position));
        }
    }
}

impl Jobs<'_> {
    fn work(&self) {
        while !self.shared.progress.is_stopped() {
            let number = self.next.fetch_add(1, Relaxed);
            match self.job(number) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    self.done().failure.get_or_insert(error);
                    self.shared.progress.stop();
                    return;
                }
            }
        }
    }

    /// Does the work with this number; false: there is none.
    fn job(&self, number: usize) -> Result<bool, LogError> {
        let verification = self.verification;
        let Some(number) = number.checked_sub(1) else {
            let wanted = verification.unsealed.check(verification.store_id, self.shared)?;
            self.done().checked.unsealed_wanted = wanted;
            return Ok(true);
        };
        if let Some(volume) = verification.volumes.get(number) {
            let facts = volume::check(verification, volume, self.shared);
            let facts = found(facts, Part::Volume, self.shared.findings)?.unwrap_or_default();
            if let Some(place) = self.done().checked.volumes.get_mut(number) {
                *place = facts;
            }
            return Ok(true);
        }
        let run = number - verification.volumes.len();
        let Some(path) = verification.index.path(run) else { return Ok(false) };
        let progress = self.shared.progress;
        let read = verification.index.read(run, &mut |bytes| progress.done(bytes as u64));
        let sums = read.unwrap_or_else(|what| {
            self.shared.findings.add(Finding::derived(Part::Index, path, what));
            None
        });
        if let Some(place) = self.done().runs.get_mut(run) {
            *place = sums;
        }
        Ok(true)
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
