//! `running_totals.csv`: what claimants say that a series of exchanges adds up to, day by day.

use super::{event::Event, fields::Row};
use crate::{
    cli::lines::RowError,
    domain::proto::{Attribution, Count, TotalClaimed},
};

/// The columns of the form.
pub(in crate::cli) const COLUMNS: [&str; 7] =
    ["claimed_by", "as_of", "total", "scope", "previous_total", "exchange", "source"];

/// The events of a row. The series is called as its claimant is, without a party that stands apart.
pub(super) fn events(row: &Row<'_>) -> Result<Vec<Event>, RowError> {
    let (count, note) = row.count("total")?;
    let count = Count { scope: row.text("scope")?, ..count };
    row.required("claimed_by")?;
    let attribution = row.attribution("claimed_by")?;
    let total = TotalClaimed {
        attribution: attribution.map(|attribution| Attribution { note, ..attribution }),
        series: row.actor("claimed_by")?.unwrap_or_default().name,
        as_of: row.required("as_of")?,
        count: Some(count),
        previous_total: row.number("previous_total")?,
        follows_exchange_id: row.text("exchange")?,
        ..TotalClaimed::default()
    };
    let mut events = Event::registration(row)?;
    events.push(Event::new(total));
    Ok(events)
}
