//! Verifies a store on which no process works.

use std::{num::NonZeroUsize, path::Path, thread, time::Instant};

use super::{
    replay::{Replay, is_replayed},
    report::{LOST, VerificationReport},
    saved::SavedState,
};
use crate::log::{
    LogError,
    verification::{Checked, Findings, Progress, Verification},
};

const UNREADABLE: &str =
    "nothing else was checked, because it rests on the file that cannot be used";

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
        let saved = SavedState::read(verification, &findings, progress);
        if findings.counts().is_record_whole() {
            replay(verification, &checked, saved, (&findings, progress))?;
        } else {
            // What is lost would be missed in the figures as well.
            report.unchecked.push(LOST.to_owned());
        }
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

/// Applies the events anew, and compares.
fn replay(
    verification: &Verification,
    checked: &Checked,
    saved: Option<SavedState>,
    (findings, progress): (&Findings, &Progress),
) -> Result<(), LogError> {
    if progress.is_stopped() {
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
