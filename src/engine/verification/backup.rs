//! Verifies the backups in a target.

use std::{path::PathBuf, time::Instant};

use super::report::VerificationReport;
use crate::log::{
    backup::{
        BackupError,
        inspection::{Harm, Inspected, Inspector, Wrong, inspect},
        target::Target,
    },
    name_in,
    verification::{Finding, Findings, Part, Progress},
};

/// Reads every piece of every backup in a target, and changes none.
pub fn verify_backup(
    target: &dyn Target,
    progress: &Progress,
) -> Result<VerificationReport, BackupError> {
    let begun = Instant::now();
    let findings = Findings::default();
    let mut reading =
        Reading { place: PathBuf::from(target.to_string()), findings: &findings, progress };
    let Inspected { store_id, history, position, volumes, backups: _ } =
        inspect(target, &mut reading)?;
    let mut report = VerificationReport {
        store: store_id.map_or_else(String::new, |id| name_in(id, history)),
        head: position,
        volumes: volumes as u64,
        ..VerificationReport::default()
    };
    report.finish(&findings, progress, begun);
    Ok(report)
}

/// Takes what is read, and what is wrong with it.
struct Reading<'a> {
    place: PathBuf,
    findings: &'a Findings,
    progress: &'a Progress,
}

impl Inspector for Reading<'_> {
    fn wrong(&mut self, Wrong { piece, what, advice, harm }: Wrong<'_>) {
        let (place, what) = (self.place.join(piece), format!("it {what}"));
        let finding = match harm {
            Harm::Damaged => Finding::record(Part::Backup, &place, what),
            Harm::Unread => Finding::unread(Part::Backup, &place, what),
            Harm::Unneeded => Finding::derived(Part::Backup, &place, what),
        };
        self.findings.add(finding.advised(advice));
    }

    fn expect(&mut self, bytes: u64) {
        self.progress.expect(bytes);
    }

    fn read(&mut self, bytes: u64) {
        self.progress.done(bytes);
    }

    fn goes_on(&self) -> bool {
        !self.progress.is_stopped()
    }
}
