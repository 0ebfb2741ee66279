//! The report of a verification for people.

use std::fmt::Write as _;

use crate::{
    cli::words::thousands,
    domain::proto::{FindingSeverity, VerificationFinding, VerificationReport},
};

/// What was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A store.
    Record,
    /// The backups in a place.
    Backups,
}

/// What was checked, what is wrong and what to do; every line ends. Lines are not wrapped, because
/// the names of files in them are copied.
pub(super) fn text(report: &VerificationReport, subject: Subject) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        text += &of_finding(finding);
    }
    let listed = report.findings.len() as u64;
    let all = report.damaged + report.unreadable + report.wrong + report.missing;
    if all > listed {
        let _ = writeln!(text, "and {} more", thousands(all - listed));
    }
    for unchecked in &report.unchecked {
        let _ = writeln!(text, "NOT CHECKED: {unchecked}");
    }
    text += &checked(report);
    text += &verdict(report, subject);
    text
}

fn of_finding(finding: &VerificationFinding) -> String {
    let word = match finding.severity() {
        FindingSeverity::Damaged => "DAMAGED",
        FindingSeverity::Unreadable => "UNREADABLE",
        FindingSeverity::Wrong => "WRONG",
        FindingSeverity::Missing | FindingSeverity::Unspecified => "MISSING",
    };
    let at = match finding.position {
        0 => String::new(),
        position => format!(" at position {position}"),
    };
    let VerificationFinding { place, problem, remedy, .. } = finding;
    format!("{word}: {place}{at}\n  {problem}\n  To do: {remedy}\n")
}

fn checked(report: &VerificationReport) -> String {
    let elapsed = report.elapsed.unwrap_or_default();
    let (whole, nanos) = (u32::try_from(elapsed.seconds).unwrap_or(u32::MAX), elapsed.nanos);
    let seconds = f64::from(whole) + f64::from(nanos) / 1e9;
    let megabytes = thousands(report.bytes / 1_000_000);
    let mut text = String::new();
    let _ = match (report.store.as_str(), report.position) {
        ("", 0) => Ok(()),
        ("", position) => {
            writeln!(text, "a store whose name cannot be read, up to position {position}")
        }
        (name, position) => writeln!(text, "{name}, up to position {position}"),
    };
    let volumes = thousands(report.volumes);
    let read = match report.events {
        // The events of a backup are not counted.
        0 => format!("{volumes} sealed volumes"),
        events => {
            format!("{} events in {volumes} sealed volumes and the journal", thousands(events))
        }
    };
    let _ = writeln!(text, "checked {read}; {megabytes} MB in {seconds:.1} s");
    text
}

/// The last line.
pub(super) fn verdict(report: &VerificationReport, subject: Subject) -> String {
    let whole = match subject {
        Subject::Record => "the record",
        Subject::Backups => "the backup",
    };
    let needless = match subject {
        Subject::Record => "something that is derived from it is wrong",
        Subject::Backups => "something beside it, which no restore needs, is wrong",
    };
    match report {
        VerificationReport { damaged: 1.., .. } => format!("{whole} is damaged\n"),
        VerificationReport { unreadable: 1.., .. } => {
            format!("a part of {whole} cannot be read, so whether it is damaged is not known\n")
        }
        VerificationReport { wrong: 1.., .. } => format!("{whole} is whole; {needless}\n"),
        _ => "everything is as it was written\n".to_owned(),
    }
}
