//! `handover reconcile`: what is said of an exchange, side by side, and what differs; or the steps
//! of a running total against the exchanges in between.

mod args;
mod differences;
mod series;

use std::collections::BTreeMap;

pub use self::args::Args;
use crate::{
    cli::{
        claimed,
        exit::{Exit, Failure},
        output::Query,
        words::{self, actor},
    },
    domain::proto::{
        Actor, ReconcileExchangeRequest, ReconcileExchangeResponse, ReconciliationCell,
    },
};

/// Prints what is said and what differs.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let Some(exchange_id) = args.exchange.clone() else {
        let request = series::request(&args);
        return args.list.print(&request).await;
    };
    let as_of = args.as_of.moment();
    let request = ReconcileExchangeRequest { exchange_id, as_of, ..Default::default() };
    args.list.unlimited().print(&request).await
}

impl Query for ReconcileExchangeRequest {
    /// A row for each cell, leg by leg: there are more claimants than a screen has columns.
    fn table(&self, response: &ReconcileExchangeResponse) -> String {
        let mut by_leg: BTreeMap<u32, Vec<&ReconciliationCell>> = BTreeMap::new();
        for cell in &response.cells {
            by_leg.entry(cell.leg).or_default().push(cell);
        }
        let rows = by_leg.into_iter().flat_map(|(leg, mut cells)| {
            cells.sort_by_key(|cell| (cell.kind, cell.decline_reason));
            let name = differences::leg(response, leg);
            cells.into_iter().enumerate().map(move |(index, cell)| {
                // A leg is named once, above what is said of it.
                let name = if index == 0 { name.clone() } else { String::new() };
                row(response, name, cell)
            })
        });
        let header = ["leg", "record", "number", "according to", "claims"];
        let mut text = match response.cells.as_slice() {
            [] => "no claim gives a number\n".to_owned(),
            _ => words::grid(&header, rows),
        };
        text.push('\n');
        if response.lines.is_empty() {
            text += "nothing differs\n";
        }
        for line in response.lines.iter().flat_map(|line| differences::lines(line, response)) {
            text += &line;
            text.push('\n');
        }
        text + &words::as_of(response.position)
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["exchange"];
        columns.extend(claimed::LEG_COLUMNS);
        columns.extend(["record", "reason", "claimant", "value", "low", "high"]);
        columns.extend(["approximate", "scope", "claims", "sources"]);
        columns
    }

    fn rows(&self, response: &ReconcileExchangeResponse) -> Vec<Vec<String>> {
        let plain = |cell: &ReconciliationCell| {
            let leg = usize::try_from(cell.leg).ok().and_then(|at| response.legs.get(at));
            let count = cell.count.clone().unwrap_or_default();
            let mut row = vec![leg.map_or_else(String::new, |leg| leg.exchange_id.clone())];
            row.extend(claimed::leg_row(leg));
            row.extend([
                differences::record(cell.kind()),
                words::spoken(cell.decline_reason().as_str_name(), "REASON_").replace(' ', "_"),
                crate::cli::actor::write(claimant(response, cell.claimant)),
            ]);
            row.extend([count.value, count.low, count.high].map(words::number));
            let mut positions: Vec<String> = cell.positions.iter().map(u64::to_string).collect();
            positions.extend(words::more(cell.more_positions));
            let mut sources = cell.source_ids.clone();
            sources.extend(words::more(cell.more_source_ids));
            row.extend([claimed::yes(count.approximate), count.scope]);
            row.extend([positions.join("+"), sources.join("+")]);
            row
        };
        response.cells.iter().map(plain).collect()
    }
}

fn claimant(response: &ReconcileExchangeResponse, at: u32) -> Option<&Actor> {
    usize::try_from(at).ok().and_then(|at| response.claimants.get(at))
}

fn row(
    response: &ReconcileExchangeResponse,
    leg: String,
    cell: &ReconciliationCell,
) -> Vec<String> {
    let mut record = differences::record(cell.kind());
    let reason = words::spoken(cell.decline_reason().as_str_name(), "DECLINE_REASON_");
    if !reason.is_empty() {
        record = format!("{record} ({reason})");
    }
    let claimant = match actor(claimant(response, cell.claimant)) {
        unnamed if unnamed.is_empty() => "nobody named".to_owned(),
        claimant => claimant,
    };
    let mut number = words::count(cell.count.as_ref());
    let scope = cell.count.as_ref().map_or("", |count| count.scope.as_str());
    if !scope.is_empty() {
        number = format!("{number} \"{scope}\"");
    }
    let mut positions: Vec<String> = cell.positions.iter().map(u64::to_string).collect();
    positions.extend(words::more(cell.more_positions));
    vec![leg, record, number, claimant, positions.join(", ")]
}

#[cfg(test)]
mod tests;
