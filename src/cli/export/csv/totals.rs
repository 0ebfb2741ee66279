//! The form `totals`: what claimants say that a series of exchanges adds up to, day by day.

use super::{Written, actor, record::Record};
use crate::{
    cli::import::csv::totals::COLUMNS,
    domain::{known::Known, proto::TotalClaimed},
};

/// The rows of all running totals, by position.
pub(super) fn written(record: &Record) -> Written {
    let mut written = Written::default();
    for (position, known) in record.claims() {
        let Known::TotalClaimed(total) = known else { continue };
        if total.series.is_empty() {
            continue;
        }
        match row(total, record) {
            Ok(row) => written.rows.push(row),
            Err(problem) => written.left_out.push(format!("claim {position} {problem}")),
        }
    }
    written
}

/// A row, or why there is none.
fn row(total: &TotalClaimed, record: &Record) -> Result<Vec<String>, &'static str> {
    let count = total.count.clone().unwrap_or_default();
    if count.low.is_some() || count.high.is_some() || count.approximate {
        return Err("gives a range or \"about\", which the columns cannot say");
    }
    let said = total.attribution.clone().unwrap_or_default();
    // The series is called as its claimant is: there is one column for both.
    if actor(said.claimed_by.as_ref()) != total.series {
        return Err("is claimed by somebody else than its series is called");
    }
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let row: [String; COLUMNS.len()] = [
        total.series.clone(),
        total.as_of.clone(),
        number(count.value),
        count.scope,
        number(total.previous_total),
        total.follows_exchange_id.clone(),
        record.source(&said.source_id),
    ];
    Ok(row.into())
}
