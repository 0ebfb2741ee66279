//! What a verification found, as a message. The command line shows the same of a stopped store.

use crate::{
    domain::proto,
    engine::VerificationReport,
    log::verification::{Finding, Part, Severity},
};

impl From<VerificationReport> for proto::VerificationReport {
    fn from(report: VerificationReport) -> Self {
        let VerificationReport {
            store,
            head,
            events,
            volumes,
            bytes,
            elapsed,
            findings,
            counts,
            unchecked,
        } = report;
        Self {
            store,
            position: head,
            events,
            volumes,
            bytes,
            elapsed: Some(prost_types::Duration {
                seconds: elapsed.as_secs().try_into().unwrap_or(i64::MAX),
                nanos: elapsed.subsec_nanos().try_into().unwrap_or_default(),
            }),
            findings: findings.iter().map(Into::into).collect(),
            damaged: counts.record,
            wrong: counts.derived,
            missing: counts.missing,
            unchecked,
            unreadable: counts.unread,
        }
    }
}

impl From<&Finding> for proto::VerificationFinding {
    fn from(finding: &Finding) -> Self {
        let severity = match finding.severity {
            Severity::Record => proto::FindingSeverity::Damaged,
            Severity::Unread => proto::FindingSeverity::Unreadable,
            Severity::Derived => proto::FindingSeverity::Wrong,
            Severity::Missing => proto::FindingSeverity::Missing,
        };
        Self {
            severity: severity.into(),
            part: part(finding.part).to_owned(),
            place: finding.place.display().to_string(),
            position: finding.position.unwrap_or_default(),
            problem: finding.what.clone(),
            remedy: finding.remedy(),
        }
    }
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Store => "store",
        Part::Manifest => "manifest",
        Part::Journal => "journal",
        Part::Volume => "volume",
        Part::Event => "event",
        Part::OffsetTable => "offset table",
        Part::Index => "index",
        Part::Projection => "projection",
        Part::Group => "group",
        Part::Backup => "backup",
    }
}
