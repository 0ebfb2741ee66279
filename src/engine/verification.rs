//! Verifies a store: what the log checks of bytes, and beside that the figures against events
//! applied anew, and what is recorded of consumer groups.

mod live;
mod replay;
mod saved;

use std::{
    num::NonZeroUsize,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    domain::{event::Position, group, known::Known},
    log::{
        LogError, public_name,
        verification::{Checked, Counts, Finding, Findings, Progress, Verification},
    },
};

pub use self::live::Verifying;
use self::{replay::Replay, saved::SavedState};

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct VerificationReport {
    /// The public name of the store; empty: even that could not be read.
    pub store: String,
    /// The last position that was checked.
    pub head: Position,
    /// Events that were checked.
    pub events: u64,
    /// Sealed volumes that were checked.
    pub volumes: u64,
    /// Bytes that were checked.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// What is wrong, the worst first; bounded.
    pub findings: Vec<Finding>,
    /// How much is wrong in all.
    pub counts: Counts,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
}

/// Verifies the store in `dir`, on which no process works. Nothing in `dir` is changed. Where a
/// volume must be read through sled, a copy is made in `copies`.
///
/// An error is what the operating system refuses, or that this is no store to be verified here.
pub fn verify_stopped(
    dir: &Path,
    copies: &Path,
    progress: &Progress,
) -> Result<VerificationReport, LogError> {
    let begun = Instant::now();
    let findings = Findings::default();
    let mut report = VerificationReport::default();
    let verification = Verification::stopped(dir, copies, &findings)?;
    if let Some(verification) = &verification {
        report.checked(verification);
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let checked = verification.check(&is_replayed, &findings, progress, threads)?;
        let saved = SavedState::read(verification, &findings, progress)?;
        replay(verification, &checked, saved, &findings, progress, &mut report)?;
    } else {
        report.unchecked.push(UNREADABLE.to_owned());
    }
    report.finish(&findings, progress, begun);
    if verification.is_some_and(|verification| verification.was_opened()) {
        let path = dir.to_owned();
        return Err(LogError::Locked { path, holder: "that has begun meanwhile".to_owned() });
    }
    Ok(report)
}

const UNREADABLE: &str = "nothing else was checked, because it rests on the file that is damaged";
const LOST: &str = "figures and groups were not checked, because the record is damaged";

/// Whether events of this type are applied anew: those that figures know, and those about groups.
fn is_replayed(type_name: &[u8]) -> bool {
    let is = |name: &&str| name.as_bytes() == type_name;
    Known::TYPE_NAMES.iter().any(is) || group::TYPE_NAMES.iter().any(is)
}

/// Applies the events anew, and compares.
fn replay(
    verification: &Verification,
    checked: &Checked,
    saved: Option<SavedState>,
    findings: &Findings,
    progress: &Progress,
    report: &mut VerificationReport,
) -> Result<(), LogError> {
    if progress.is_stopped() {
        return Ok(());
    }
    // What is lost would be missed in the figures as well.
    if findings.counts().record > 0 {
        report.unchecked.push(LOST.to_owned());
        return Ok(());
    }
    progress.expect(verification.replay_bytes(checked));
    let up_to = saved.as_ref().map_or(0, SavedState::position);
    let mut replay = Replay::new(verification, up_to, findings);
    verification.replay(checked, &mut |chunk| {
        replay.take(chunk);
        progress.done(chunk.events().len() as u64)
    })?;
    if !progress.is_stopped()
        && let (Some(saved), Some(fresh)) = (saved, replay.finish())
    {
        saved.compare(&fresh, findings);
    }
    Ok(())
}

impl VerificationReport {
    fn checked(&mut self, verification: &Verification) {
        self.store = public_name(verification.store_id()).urn().to_string();
        self.head = verification.head();
        self.volumes = verification.volumes() as u64;
    }

    fn finish(&mut self, findings: &Findings, progress: &Progress, begun: Instant) {
        self.events = progress.events();
        self.bytes = progress.bytes().0;
        self.elapsed = begun.elapsed();
        (self.findings, self.counts) = findings.finish();
    }
}
