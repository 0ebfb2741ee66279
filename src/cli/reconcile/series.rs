//! Running totals: each step against the exchanges in between, and what is left of it.

use serde_json::Value;

use super::args::Args;
use crate::{
    cli::{
        output::{self, Query},
        pages,
        words::{self, indented, signed_span, span},
    },
    domain::proto::{
        Direction, MissingReason, ReconcileSeriesRequest, ReconcileSeriesResponse, SeriesBase,
        SeriesStep,
    },
};

/// A request for the steps of a series, or for the names of all.
pub(super) fn request(args: &Args) -> ReconcileSeriesRequest {
    let direction = match (args.received, args.sent) {
        (true, _) => Direction::Received,
        (_, true) => Direction::Sent,
        _ => Direction::Unspecified,
    };
    ReconcileSeriesRequest {
        series: args.series.clone().unwrap_or_default(),
        country: args.country.clone(),
        direction: direction.into(),
        mediator: args.mediator.clone(),
        include_denied_mediators: args.denied_mediators,
        unit: args.unit.unwrap_or_default(),
        occurred: args.occurred.text(),
        as_of: args.as_of.moment(),
        ..Default::default()
    }
}

impl Query for ReconcileSeriesRequest {
    fn table(&self, response: &ReconcileSeriesResponse) -> String {
        let at = words::as_of(response.position);
        let more = pages::more(response);
        if self.series.is_empty() {
            if response.series.is_empty() {
                return format!("no series of running totals\n{at}");
            }
            let names = response.series.iter().map(|name| words::plain(name) + "\n");
            return format!("{}{more}{at}", names.collect::<String>());
        }
        if response.steps.is_empty() {
            return format!("{}: no running totals\n{more}{at}", words::plain(&self.series));
        }
        let header = ["up to", "total", "since", "step", "in the record", "left", "claim"];
        let grid = words::grid(&header, response.steps.iter().map(row));
        let missing = response.steps.iter().flat_map(missing);
        let missing: String = missing.map(|line| line + "\n").collect();
        format!("{}\n{grid}{missing}{more}{at}", words::plain(&self.series))
    }

    fn entries(&self, response: &ReconcileSeriesResponse) -> Result<Vec<Value>, serde_json::Error> {
        if self.series.is_empty() {
            let names = response.series.iter();
            return Ok(names.map(|name| serde_json::json!({"series": name})).collect());
        }
        output::each(&response.steps)
    }

    fn columns(&self) -> Vec<&'static str> {
        if self.series.is_empty() {
            return vec!["series"];
        }
        let mut columns = vec!["series", "claim", "as_of", "value", "approximate"];
        columns.extend(["base_from", "base_as_of", "base", "step_low", "step_high"]);
        columns.extend(["sum_low", "sum_high", "residual_low", "residual_high"]);
        columns.extend(["exchanges", "missing", "source"]);
        columns
    }

    fn rows(&self, response: &ReconcileSeriesResponse) -> Vec<Vec<String>> {
        if self.series.is_empty() {
            return response.series.iter().map(|name| vec![name.clone()]).collect();
        }
        response.steps.iter().map(|step| plain_row(&self.series, step)).collect()
    }
}

/// A step for people. What is not known is said in words.
fn row(step: &SeriesStep) -> Vec<String> {
    let total = step.total.clone().unwrap_or_default();
    let since = match step.base_from() {
        SeriesBase::None => "the first".to_owned(),
        SeriesBase::Unspecified | SeriesBase::PreviousTotal | SeriesBase::EarlierTotal => {
            let base = words::count(step.base.as_ref());
            let when = if step.base_as_of.is_empty() { "" } else { ", " };
            // The total before is nowhere else in the record: this one's source repeats it.
            let own = if step.base_claim == 0 { " (as its source says)" } else { "" };
            format!("{base}{when}{}{own}", step.base_as_of)
        }
    };
    let first = step.base_from() == SeriesBase::None;
    let signed = |low: Option<i64>, high: Option<i64>| match (low, high) {
        (Some(low), Some(high)) => signed_span(low, high),
        _ if first => words::NOTHING.to_owned(),
        _ => "unknown".to_owned(),
    };
    let sum = match (step.sum_low, step.sum_high) {
        (Some(low), Some(high)) => span(low.into(), high.into()),
        (Some(low), None) => format!("{} or more", words::thousands(low)),
        _ if first => words::NOTHING.to_owned(),
        _ => "unknown".to_owned(),
    };
    let exchanges = step.exchanges.len();
    let sum = if exchanges > 0 {
        format!(
            "{sum} in {}",
            words::plural(u32::try_from(exchanges).unwrap_or(u32::MAX), "exchange")
        )
    } else {
        sum
    };
    vec![
        total.as_of,
        words::count(total.count.as_ref()),
        since,
        signed(step.claimed_step_low, step.claimed_step_high),
        sum,
        signed(step.residual_low, step.residual_high),
        words::number(step.record.map(|record| record.position)),
    ]
}

/// Exchanges that could explain a part of what is left; they are never taken as 0.
fn missing(step: &SeriesStep) -> Vec<String> {
    if step.missing.is_empty() {
        return Vec::new();
    }
    let named = step.missing.iter().map(|missing| {
        let why = match missing.reason() {
            MissingReason::Unspecified => "missing",
            MissingReason::Unnumbered => "a transfer without a number",
            MissingReason::Undated => "not dated closely enough",
        };
        format!("{} ({why})", missing.exchange_id)
    });
    let named: Vec<String> = named.collect();
    let when = step.total.as_ref().map_or("", |total| total.as_of.as_str());
    indented(&format!("{when}: not in the sum: {}", named.join(", ")), 0, 2)
}

fn plain_row(name: &str, step: &SeriesStep) -> Vec<String> {
    let total = step.total.clone().unwrap_or_default();
    let value = |count: Option<&crate::domain::proto::Count>| {
        words::number(count.and_then(|count| count.value))
    };
    let exchanges: Vec<&str> =
        step.exchanges.iter().map(|exchange| exchange.exchange_id.as_str()).collect();
    let missing: Vec<&str> =
        step.missing.iter().map(|exchange| exchange.exchange_id.as_str()).collect();
    let base_from = words::spoken(step.base_from().as_str_name(), "SERIES_BASE_");
    vec![
        name.to_owned(),
        words::number(step.record.map(|record| record.position)),
        total.as_of.clone(),
        value(total.count.as_ref()),
        crate::cli::claimed::yes(step.approximate),
        base_from.replace(' ', "_"),
        step.base_as_of.clone(),
        value(step.base.as_ref()),
        words::number(step.claimed_step_low),
        words::number(step.claimed_step_high),
        words::number(step.sum_low),
        words::number(step.sum_high),
        words::number(step.residual_low),
        words::number(step.residual_high),
        exchanges.join("+"),
        missing.join("+"),
        total.attribution.map(|attribution| attribution.source_id).unwrap_or_default(),
    ]
}
