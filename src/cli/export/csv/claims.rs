//! The form `claims`: one row for each claim about a number of one exchange.

use std::collections::{BTreeSet, HashMap};

use super::{Written, actor, record::Record, word};
use crate::{
    cli::import::csv::claims::{CATEGORIES, COLUMNS, KINDS, REASONS, UNITS},
    domain::{
        known::Known,
        proto::{
            Attribution, Count, DeclineReason, ExchangeKind, ExchangeReported, ExchangeStatus, Leg,
        },
    },
};

/// What a row is made of.
struct Claim<'a> {
    record: &'static str,
    leg: &'a Leg,
    count: Count,
    attribution: Attribution,
    reason: DeclineReason,
    /// When persons moved, as this claim has it.
    occurred: &'a str,
}

/// The rows of all claims, by position.
pub(super) fn written(record: &Record) -> Written {
    let exchanges = record.exchanges();
    let mut written = Written::default();
    let (mut parts, mut preferences, mut kinds) = (0, 0, BTreeSet::new());
    for (position, known) in record.claims() {
        preferences += u32::from(matches!(known, Known::ClaimPreferred(_)));
        let Some(claim) = claim(known) else { continue };
        match row(&claim, record, &exchanges) {
            Ok(row) => written.rows.push(row),
            Err(problem) => {
                written.left_out.push(format!("claim {position} {problem}"));
                continue;
            }
        }
        parts += u32::from(names_parts(known));
        let report = exchanges.get(claim.leg.exchange_id.as_str());
        if report.is_some_and(|report| report.kind != 0 && kind(Some(report)).1) {
            kinds.insert(claim.leg.exchange_id.as_str());
        }
    }
    let mut note = |number: u32, what: &str| {
        if number > 0 {
            written.notes.push(format!("the columns have no place for {what} ({number})"));
        }
    };
    note(parts, "the minors, women, civilians or wounded that a claim names");
    note(preferences, "preferences");
    let kinds = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
    note(kinds, "the kind of an exchange that is not completed");
    written
}

/// What a claim about a number says; absent: it is another claim, or a running total of a series,
/// which has no leg and a form of its own.
fn claim(known: &Known) -> Option<Claim<'_>> {
    let mut reason = DeclineReason::Unspecified;
    let mut occurred = "";
    let (record, leg, count, attribution) = if let Known::TransferCompleted(claim) = known {
        occurred = &claim.occurred;
        ("completed", &claim.leg, &claim.count, &claim.attribution)
    } else if let Known::TransferAgreed(claim) = known {
        ("agreed", &claim.leg, &claim.count, &claim.attribution)
    } else if let Known::TransferDeclined(claim) = known {
        reason = claim.reason();
        ("declined", &claim.leg, &claim.count, &claim.attribution)
    } else if let Known::TotalClaimed(claim) = known {
        ("total", &claim.leg, &claim.count, &claim.attribution)
    } else {
        return None;
    };
    let (leg, count) = (leg.as_ref()?, count.clone().unwrap_or_default());
    let attribution = attribution.clone().unwrap_or_default();
    Some(Claim { record, leg, count, attribution, reason, occurred })
}

fn names_parts(known: &Known) -> bool {
    matches!(known, Known::TransferCompleted(claim)
        if claim.of_which.is_some_and(|parts| parts != crate::domain::proto::OfWhich::default()))
}

/// A row, or why there is none.
fn row(
    claim: &Claim<'_>,
    record: &Record,
    exchanges: &HashMap<&str, ExchangeReported>,
) -> Result<Vec<String>, String> {
    let Claim { leg, count, .. } = claim;
    if count.low.is_some() || count.high.is_some() {
        return Err("gives a range, which the columns cannot say".to_owned());
    }
    let unknown = |what: &str| format!("has a {what} that the columns cannot say");
    let report = exchanges.get(leg.exchange_id.as_str());
    let told = report.cloned().unwrap_or_default();
    let when = if told.occurred.is_empty() { claim.occurred } else { &told.occurred };
    let unit = word(&UNITS, &leg.unit()).ok_or_else(|| unknown("unit"))?;
    let category = word(&CATEGORIES, &leg.category()).ok_or_else(|| unknown("category"))?;
    let reason = word(&REASONS, &claim.reason).ok_or_else(|| unknown("reason"))?;
    let number = count.value.map(|value| value.to_string()).unwrap_or_default();
    let fields = [
        leg.exchange_id.clone(),
        told.part_of.clone(),
        told.title.clone(),
        when.to_owned(),
        told.place.clone(),
        told.parties.join("+"),
        kind(report).0.to_owned(),
        claim.record.to_owned(),
        leg.from.join("+"),
        leg.to.join("+"),
        unit.to_owned(),
        category.to_owned(),
        leg.portion.clone(),
        number,
        if count.approximate { "yes".to_owned() } else { String::new() },
        reason.to_owned(),
        count.scope.clone(),
        actor(claim.attribution.claimed_by.as_ref()),
        record.source(&claim.attribution.source_id),
    ];
    let row: [String; COLUMNS.len()] = fields;
    Ok(row.into())
}

/// The word for the sort of operation and how far it has come, and whether it leaves the sort out:
/// there is one word for both, and only what is completed has a sort. Empty: it was never reported.
fn kind(report: Option<&ExchangeReported>) -> (&'static str, bool) {
    let Some(report) = report else {
        return ("", false);
    };
    let find = |kind: ExchangeKind, status: ExchangeStatus| {
        let fits = |(_, words): &&(&str, (ExchangeKind, ExchangeStatus, _))| {
            (words.0, words.1) == (kind, status)
        };
        KINDS.iter().find(fits).map(|(word, _)| *word)
    };
    let (kind, status) = (report.kind(), report.status());
    match find(kind, status) {
        Some(word) => (word, false),
        None => (find(ExchangeKind::Unspecified, status).unwrap_or_default(), true),
    }
}
