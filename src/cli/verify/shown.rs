//! The report of a verification for people.

use std::fmt::Write as _;

use crate::{
    cli::words::thousands,
    domain::proto::{FindingSeverity, VerificationFinding, VerificationReport},
};

/// What was checked, what is wrong and what to do; every line ends. Lines are not wrapped, because
/// the names of files in them are copied.
pub(super) fn text(report: &VerificationReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        text += &of_finding(finding);
    }
    let listed = report.findings.len() as u64;
    let all = report.damaged + report.wrong + report.missing;
    if all > listed {
        let _ = writeln!(text, "and {} more", thousands(all - listed));
    }
    for unchecked in &report.unchecked {
        let _ = writeln!(text, "NOT CHECKED: {unchecked}");
    }
    text += &checked(report);
    text += verdict(report);
    text
}

fn of_finding(finding: &VerificationFinding) -> String {
    let word = match finding.severity() {
        FindingSeverity::Damaged => "DAMAGED",
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

fn verdict(report: &VerificationReport) -> &'static str {
    match report {
        VerificationReport { damaged: 1.., .. } => "the record is damaged\n",
        VerificationReport { wrong: 1.., .. } => {
            "the record is whole; something that is derived from it is wrong\n"
        }
        _ => "everything is as it was written\n",
    }
}
