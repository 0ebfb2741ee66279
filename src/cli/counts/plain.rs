//! Figures for spreadsheets, and changes of figures as single lines.

use super::table::{cell, table, unit};
use crate::domain::proto::{
    CountryChange, CountryCount, Figure, GetCountryCountsResponse, WatchCountryCountsResponse,
    watch_country_counts_response::Update,
};

/// The columns of each side.
const SIDE: [&str; 10] = [
    "low",
    "high",
    "preferred",
    "exchanges",
    "disputed",
    "unnumbered",
    "shared_legs",
    "shared_at_most",
    "open_legs",
    "open_at_most",
];

/// One row for each country and unit. Codes and numbers only, so nothing has to be quoted; what
/// is unknown is empty.
pub(super) fn csv(counts: &[CountryCount]) -> String {
    let mut header = vec!["country".to_owned(), "unit".to_owned()];
    for side in ["received", "sent"] {
        header.extend(SIDE.iter().map(|column| format!("{side}_{column}")));
    }
    let mut text = header.join(",") + "\n";
    for count in counts {
        let mut row = vec![count.country.clone(), unit(count).to_owned()];
        row.extend(side(count.received.as_ref()));
        row.extend(side(count.sent.as_ref()));
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

fn side(figure: Option<&Figure>) -> [String; SIDE.len()] {
    let text = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let Some(figure) = figure else {
        return Default::default();
    };
    let (shared, open) = (figure.shared.as_ref(), figure.open.as_ref());
    [
        text(figure.low),
        text(figure.high),
        text(figure.preferred),
        text(Some(figure.exchanges)),
        text(Some(figure.disputed)),
        text(Some(figure.unnumbered)),
        text(shared.map(|side| side.legs)),
        text(shared.and_then(|side| side.at_most)),
        text(open.map(|side| side.legs)),
        text(open.and_then(|side| side.at_most)),
    ]
}

/// An update of a watch: the table first, then a line for each change.
pub(super) fn update(response: WatchCountryCountsResponse) -> String {
    let position = response.position;
    match response.update {
        Some(Update::Snapshot(snapshot)) => table(&GetCountryCountsResponse {
            counts: snapshot.counts,
            position,
            undated_exchanges: 0,
        }),
        Some(Update::Change(change)) => format!("{position}: {}\n", self::change(&change)),
        None => String::new(),
    }
}

fn change(change: &CountryChange) -> String {
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    let Some(named) = after.or(before) else {
        return String::new();
    };
    let side = |name: &str, of: fn(&CountryCount) -> Option<&Figure>| {
        let (before, after) = (cell(before.and_then(of)), cell(after.and_then(of)));
        if before == after {
            format!("{name} {after}")
        } else {
            format!("{name} {before} -> {after}")
        }
    };
    let received = side("received", |count| count.received.as_ref());
    let sent = side("sent", |count| count.sent.as_ref());
    let causes: Vec<String> = change.caused_by.iter().map(u64::to_string).collect();
    let causes = causes.join(", ");
    format!("{} ({}) {received}; {sent}; because of {causes}", named.country, unit(named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::{Unattributed, Unit};

    fn row(received: u32) -> CountryCount {
        let shared = Some(Unattributed { legs: 3, at_most: Some(26) });
        CountryCount {
            country: "DE".to_owned(),
            unit: Unit::Person.into(),
            received: Some(Figure {
                low: Some(received),
                high: Some(received),
                preferred: Some(received),
                exchanges: 1,
                ..Default::default()
            }),
            sent: Some(Figure { shared, ..Default::default() }),
        }
    }

    #[test]
    fn unknown_values_are_empty_in_csv() {
        let text = csv(&[row(13)]);
        let mut lines = text.lines();
        let header: Vec<_> = lines.next().unwrap().split(',').collect();
        let row: Vec<_> = lines.next().unwrap().split(',').collect();
        assert_eq!(header.len(), row.len());
        assert_eq!(row.join(","), "DE,person,13,13,13,1,0,0,,,,,,,,0,0,0,3,26,,");
    }

    #[test]
    fn a_change_names_both_figures_and_its_causes() {
        let change =
            CountryChange { before: Some(row(13)), after: Some(row(14)), caused_by: vec![41, 42] };
        let response =
            WatchCountryCountsResponse { update: Some(Update::Change(change)), position: 42 };
        assert_eq!(
            update(response),
            "42: DE (person) received 13 -> 14; sent shared, at most 26; because of 41, 42\n"
        );
    }
}
