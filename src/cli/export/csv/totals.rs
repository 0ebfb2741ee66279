//! The form `totals`: what claimants say that a series of exchanges adds up to, day by day.

use super::{record::Record, reread::Row, rows::TableRows};
use crate::{
    cli::{actor, import::csv::totals::COLUMNS},
    domain::{known::Known, proto::TotalClaimed},
};

/// The rows of all running totals, by position.
pub(super) fn rows(record: &Record) -> TableRows {
    let mut rows = TableRows::default();
    for (position, known) in record.claims() {
        let Known::TotalClaimed(total) = known else { continue };
        if total.series.is_empty() {
            continue;
        }
        let row = Row::of(&COLUMNS, fields(total, record), &[known]);
        rows.row_of(position, row, &[known]);
    }
    rows
}

/// The series is called as its claimant is: there is one column for both.
fn fields(total: &TotalClaimed, record: &Record) -> Vec<String> {
    let count = total.count.clone().unwrap_or_default();
    let said = total.attribution.clone().unwrap_or_default();
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let row: [String; COLUMNS.len()] = [
        actor::write(said.claimed_by.as_ref()),
        total.as_of.clone(),
        number(count.value),
        count.scope,
        number(total.previous_total),
        total.follows_exchange_id.clone(),
        record.source(&said.source_id),
    ];
    row.into()
}
