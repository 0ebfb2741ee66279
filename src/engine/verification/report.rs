//! The report of a verification.

use std::time::{Duration, Instant};

use crate::{
    domain::event::Position,
    log::verification::{Counts, Finding, Findings, Progress, Verification},
};

/// Why figures and groups are left out.
pub(super) const LOST: &str =
    "figures and groups were not checked, because not all of the record is there to be read";

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct VerificationReport {
    /// The name of the store with its history, as clients see it; empty: it cannot be read.
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

impl VerificationReport {
    pub(super) fn checked(&mut self, verification: &Verification) {
        self.store = verification.name().unwrap_or_default();
        self.head = verification.head();
        self.volumes = verification.volumes() as u64;
    }

    pub(super) fn finish(&mut self, findings: &Findings, progress: &Progress, begun: Instant) {
        self.events = progress.events();
        self.bytes = progress.bytes().0;
        self.elapsed = begun.elapsed();
        (self.findings, self.counts) = findings.finish();
    }
}
