//! Verifies the store that is open, one verification at a time: on a thread of its own that gives
//! way to all others, and with rests while events are appended.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    replay::{Replay, is_replayed},
    report::{LOST, VerificationReport},
};
use crate::{
    engine::{Engine, ReadError, projector::Shared},
    log::{
        Log, LogError, give_way,
        verification::{Finding, Findings, Part, Progress, Verification},
    },
    projections::register::Register,
};

/// Bytes after which it looks whether events were appended.
const PIECE: u64 = 1 << 20;
/// How much longer than its work a rest is while events are appended.
const REST: u32 = 8;

/// A verification that is under way. It ends soon after this is dropped.
#[derive(Debug)]
pub struct Verifying {
    progress: Arc<Progress>,
    findings: Arc<Findings>,
    done: oneshot::Receiver<Result<VerificationReport, ReadError>>,
}

impl Verifying {
    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How much was found to be wrong so far.
    pub fn found(&self) -> u64 {
        self.findings.counts().all()
    }

    /// Waits for what it finds.
    pub async fn done(&mut self) -> Result<VerificationReport, ReadError> {
        (&mut self.done).await.unwrap_or(Err(ReadError::Stopping))
    }
}

impl Drop for Verifying {
    fn drop(&mut self) {
        self.progress.stop();
    }
}

impl Engine {
    /// Begins to verify the store up to its head; `None`: another verification is under way.
    pub fn verify(&self) -> Option<Verifying> {
        let permit = Arc::clone(&self.verifying).try_acquire_owned().ok()?;
        let progress = Arc::new(Progress::resting(resting(Arc::clone(&self.log))));
        let findings = Arc::<Findings>::default();
        let (sent, done) = oneshot::channel();
        let verifying =
            Verifying { progress: Arc::clone(&progress), findings: Arc::clone(&findings), done };
        let shared = Arc::clone(&self.record().0);
        let run = Run { log: Arc::clone(&self.log), shared, progress, findings };
        tokio::spawn(async move {
            // A caller that has left wants no answer.
            let _ = sent.send(run.verify(permit).await);
        });
        Some(verifying)
    }
}

/// What rests after each piece for as long as the log grows.
fn resting(log: Arc<Log>) -> Box<dyn Fn(u64) + Send + Sync> {
    let state = Mutex::new((0, Instant::now(), 0));
    Box::new(move |bytes| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, since, seen) = &mut *state;
        *read += bytes;
        if *read < PIECE {
            return;
        }
        let worked = since.elapsed();
        let tip = log.tip().map_or(0, |tip| tip.position);
        if std::mem::replace(seen, tip) != tip {
            rest(worked * REST);
        }
        (*read, *since) = (0, Instant::now());
    })
}

fn rest(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// What a verification works with.
struct Run {
    log: Arc<Log>,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    findings: Arc<Findings>,
}

impl Run {
    async fn verify(self, permit: OwnedSemaphorePermit) -> Result<VerificationReport, ReadError> {
        let begun = Instant::now();
        let (sent, done) = oneshot::channel();
        let Self { log, shared, progress, findings } = self;
        let (reading, found) = (Arc::clone(&progress), Arc::clone(&findings));
        let work = move || {
            let _permit = permit;
            give_way();
            let _ = sent.send(of_log(&log, &found, &reading));
        };
        let started = thread::Builder::new().name("verify".into()).spawn(work);
        started
            .map_err(|error| ReadError::from(LogError::io("start", "a thread".as_ref(), error)))?;
        let done = done.await.map_err(|_| ReadError::Stopping)?;
        let (mut report, register) = done.map_err(ReadError::from)?;
        if progress.is_stopped() {
            return Err(ReadError::Stopping);
        }
        if let Some(register) = register
            && let Some(difference) = shared.difference(register).await?
        {
            findings.add(Finding::derived(Part::Projection, shared.file(), difference));
        }
        report.finish(&findings, &progress, begun);
        Ok(report)
    }
}

/// Checks what the log keeps; what figures are by the events up to the head besides.
fn of_log(
    log: &Arc<Log>,
    findings: &Findings,
    progress: &Progress,
) -> Result<(VerificationReport, Option<Register>), LogError> {
    let verification = Verification::live(log, findings)?;
    let mut report = VerificationReport::default();
    report.checked(&verification);
    let checked = verification.check(&is_replayed, findings, progress, NonZeroUsize::MIN)?;
    if progress.is_stopped() {
        return Ok((report, None));
    }
    if !findings.counts().is_record_whole() {
        report.unchecked.push(LOST.to_owned());
        return Ok((report, None));
    }
    progress.expect(verification.replay_bytes(&checked));
    let mut replay = Replay::new(&verification, verification.head(), findings);
    verification.replay(&checked, &mut |chunk| {
        replay.take(chunk);
        progress.done(chunk.events().len() as u64)
    })?;
    Ok((report, replay.finish()))
}
