//! Takes errors for findings: damage, and what the operating system does not let be read. A check
//! goes on behind them.

use super::finding::{Finding, Findings, Part};
use crate::log::{
    error::{Damage, LogError},
    journal::JournalError,
};

/// Takes damage, and what the operating system does not let be read, for a finding; nothing is left
/// to look at then.
pub(super) fn found<T>(
    read: Result<T, LogError>,
    part: Part,
    findings: &Findings,
) -> Result<Option<T>, LogError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => {
            let finding = finding(&error, part);
            findings.add(finding.ok_or(error)?);
            Ok(None)
        }
    }
}

/// The finding that an error is; `None`: it is about something else than what is stored.
pub(super) fn finding(error: &LogError, part: Part) -> Option<Finding> {
    if let Some(Damage { place, position }) = error.damage() {
        return Some(Finding { position, ..Finding::record(part, &place, what(error)) });
    }
    error.refused().map(|(place, source)| Finding::refused(part, place, source))
}

/// What is wrong, without the file and the advice, which stand beside it.
pub(super) fn what(error: &LogError) -> String {
    if let LogError::Damaged { what, .. } = error {
        return what.clone();
    }
    if let LogError::Journal(JournalError::Damaged { offset, what, .. }) = error {
        return format!("at byte {offset}: {what}");
    }
    match error.refused() {
        Some((_, source)) => format!("it cannot be read: {source}"),
        None => error.to_string(),
    }
}
