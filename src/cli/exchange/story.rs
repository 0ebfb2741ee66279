//! What an exchange is, what it adds up to, and who was handed over. Each section is a list of
//! lines; a section of which the record says nothing is empty.

use crate::{
    cli::{
        claimed,
        figure::cell,
        words::{self, indented, plain, spoken},
    },
    domain::proto::{ExchangeFlag, GetExchangeResponse, LegEstimate, StatusReport},
};

/// Title, state, when and where, its place among others, and what stands out.
pub(super) fn head(response: &GetExchangeResponse) -> Vec<String> {
    let summary = response.exchange.clone().unwrap_or_default();
    let id = plain(&summary.exchange_id);
    let title = plain(&summary.title);
    let first = if title.is_empty() { id } else { format!("{title} ({id})") };
    let kind = spoken(summary.kind().as_str_name(), "EXCHANGE_KIND_");
    let status = spoken(summary.status().as_str_name(), "EXCHANGE_STATUS_");
    let or = |text: String, otherwise: &str| {
        if text.is_empty() { otherwise.to_owned() } else { text }
    };
    let facts = [
        or(summary.occurred.clone(), "date not given"),
        summary.place.clone(),
        kind,
        or(status, "never reported, only named"),
    ];
    let mut lines = indented(&first, 0, 2);
    lines.extend(indented(&listed(&facts, ", "), 0, 2));
    let groups = [
        ("parties", &summary.parties),
        ("part of", &vec![summary.part_of.clone()]),
        ("portions", &summary.portions),
    ];
    for (name, members) in groups {
        let members = listed(members, ", ");
        if !members.is_empty() {
            lines.extend(indented(&format!("{name}: {members}"), 0, 2));
        }
    }
    lines.extend(summary.flags().map(flag).flat_map(|flag| indented(&format!("! {flag}"), 0, 2)));
    lines
}

fn listed(parts: &[String], between: &str) -> String {
    let parts: Vec<&str> =
        parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    parts.join(between)
}

/// A flag in words.
fn flag(flag: ExchangeFlag) -> &'static str {
    match flag {
        ExchangeFlag::Unspecified => "this version does not know what one of the flags means",
        ExchangeFlag::PartsExceedWhole => "parts add up to more than was claimed for their whole",
        ExchangeFlag::TotalDiffersFromSum => {
            "a total claimed differs from what the transfers add up to"
        }
        ExchangeFlag::StatusContradictsCounts => {
            "the status and the transfers contradict each other"
        }
        ExchangeFlag::Disputed => "claims about the number of one transfer differ",
        ExchangeFlag::Incomplete => "the number of a transfer is not known",
        ExchangeFlag::Approximate => "a number is given as \"about\" only",
        ExchangeFlag::OpenBelow => "a number is given as \"at most\": it may be smaller",
        ExchangeFlag::OpenAbove => "a number is given as \"at least\": it may be larger",
        ExchangeFlag::Undated => "no claim says when it took place",
        ExchangeFlag::RoleDisputed => "a role is attributed by some and denied by others",
        ExchangeFlag::ClaimDisputed => "a claim about it is disputed",
        ExchangeFlag::CompletedDiffersFromAgreed => {
            "what was completed differs from what was agreed on"
        }
    }
}

/// What it adds to the figure of each country.
pub(super) fn figures(response: &GetExchangeResponse) -> Vec<String> {
    if response.counts.is_empty() {
        return Vec::new();
    }
    let rows = response.counts.iter().map(|count| {
        let [received, sent] = [count.received.as_ref(), count.sent.as_ref()].map(cell);
        vec![count.country.clone(), words::unit(count.unit()).to_owned(), received, sent]
    });
    let grid = words::grid(&["country", "unit", "received", "sent"], rows);
    grid.lines().map(ToOwned::to_owned).collect()
}

/// Who was handed over, who was to be, and who was not.
pub(super) fn legs(response: &GetExchangeResponse) -> Vec<String> {
    let mut lines = section("Handed over", response.legs.iter().map(|leg| (leg, String::new())));
    let agreed = response.agreed.iter().map(|leg| (leg, String::new()));
    lines.extend(section("Agreed on", agreed));
    let declined = response.declined.iter().filter_map(|declined| {
        let reason = spoken(declined.reason().as_str_name(), "DECLINE_REASON_");
        let note = if reason.is_empty() { reason } else { format!(" ({reason})") };
        Some((declined.leg.as_ref()?, note))
    });
    lines.extend(section("Not handed over", declined));
    lines
}

fn section<'a>(title: &str, legs: impl Iterator<Item = (&'a LegEstimate, String)>) -> Vec<String> {
    let mut lines: Vec<String> =
        legs.flat_map(|(leg, note)| claimed::leg(leg, &note, 2, false)).collect();
    if !lines.is_empty() {
        lines.insert(0, title.to_owned());
    }
    lines
}

/// How its state was reported, by position; one line holds reports in a row that say the same.
/// Empty where that would say no more than the head does.
pub(super) fn status(response: &GetExchangeResponse) -> Vec<String> {
    let runs: Vec<&[StatusReport]> = response.status_history.chunk_by(say_the_same).collect();
    if runs.len() < 2 {
        return Vec::new();
    }
    let lines = runs.into_iter().flat_map(|run| indented(&reported(run), 2, 4));
    std::iter::once("Reports".to_owned()).chain(lines).collect()
}

fn say_the_same(one: &StatusReport, other: &StatusReport) -> bool {
    let became = |report: &StatusReport| report.record.as_ref().map(claimed::became);
    (one.status, &one.occurred, became(one)) == (other.status, &other.occurred, became(other))
}

/// Reports that say the same, with who says so if it is one.
fn reported(reports: &[StatusReport]) -> String {
    let Some(first) = reports.first() else {
        return String::new();
    };
    let mut text = spoken(first.status().as_str_name(), "EXCHANGE_STATUS_");
    if !first.occurred.is_empty() {
        text = format!("{text}, {}", first.occurred);
    }
    if reports.len() == 1 {
        let by = words::claimant(first.attribution.as_ref());
        return format!("{text}: {by}{}", claimed::noted(first.record.as_ref()));
    }
    let records = reports.iter().filter_map(|report| report.record);
    let positions: Vec<u64> = records.map(|record| record.position).collect();
    let mut notes = vec![words::claims(&positions)];
    notes.extend(first.record.iter().flat_map(claimed::became));
    format!("{text}: {} reports ({})", reports.len(), notes.join("; "))
}
