//! Figures for spreadsheets, and changes of figures as single lines.

use super::table::{table, unit};
use crate::{
    cli::{
        figure::{cell, flag},
        words,
    },
    domain::proto::{
        CountryChange, CountryCount, Figure, GetCountryCountsResponse, SubsetCount,
        WatchCountryCountsResponse, watch_country_counts_response::Update,
    },
};

/// The columns of a figure, behind a prefix.
macro_rules! figure {
    ($prefix:literal) => {
        [
            concat!($prefix, "low"),
            concat!($prefix, "high"),
            concat!($prefix, "preferred"),
            concat!($prefix, "exchanges"),
            concat!($prefix, "disputed"),
            concat!($prefix, "unnumbered"),
            concat!($prefix, "shared_legs"),
            concat!($prefix, "shared_at_most"),
            concat!($prefix, "open_legs"),
            concat!($prefix, "open_at_most"),
            concat!($prefix, "minors_low"),
            concat!($prefix, "minors_high"),
            concat!($prefix, "women_low"),
            concat!($prefix, "women_high"),
            concat!($prefix, "civilians_low"),
            concat!($prefix, "civilians_high"),
            concat!($prefix, "wounded_low"),
            concat!($prefix, "wounded_high"),
            concat!($prefix, "flags"),
        ]
    };
}

/// The columns of a figure.
pub(in crate::cli) const FIGURE: [&str; 19] = figure!("");
/// The same of what was received.
const RECEIVED: [&str; 19] = figure!("received_");
/// The same of what was sent.
const SENT: [&str; 19] = figure!("sent_");

/// The columns of a country's figures.
pub(super) fn columns() -> Vec<&'static str> {
    ["country", "unit"].into_iter().chain(RECEIVED).chain(SENT).collect()
}

/// A country's figures as the columns have them; what is unknown is empty.
pub(super) fn row(count: &CountryCount) -> Vec<String> {
    let mut row = vec![count.country.clone(), unit(count).to_owned()];
    row.extend(side(count.received.as_ref()));
    row.extend(side(count.sent.as_ref()));
    row
}

/// The fields of a figure, as the columns have them.
pub(in crate::cli) fn side(figure: Option<&Figure>) -> [String; FIGURE.len()] {
    let text = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let Some(figure) = figure else {
        return Default::default();
    };
    let (shared, open) = (figure.shared.as_ref(), figure.open.as_ref());
    let of_which = figure.of_which.unwrap_or_default();
    let low = |part: Option<SubsetCount>| text(part.map(|part| part.low));
    let high = |part: Option<SubsetCount>| text(part.map(|part| part.high));
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
        low(of_which.minors),
        high(of_which.minors),
        low(of_which.women),
        high(of_which.women),
        low(of_which.civilians),
        high(of_which.civilians),
        low(of_which.wounded),
        high(of_which.wounded),
        figure.flags().map(flag).collect::<Vec<_>>().join("+"),
    ]
}

/// An update of a watch: the table first, then a line for each change.
pub(super) fn update(response: WatchCountryCountsResponse) -> String {
    let position = response.position;
    match response.update {
        Some(Update::Snapshot(snapshot)) => table(&GetCountryCountsResponse {
            counts: snapshot.counts,
            position,
            ..GetCountryCountsResponse::default()
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
    let causes = change.caused_by.iter().map(u64::to_string);
    let causes: Vec<String> = causes.chain(words::more(change.more_causes)).collect();
    let causes = causes.join(", ");
    format!("{} ({}) {received}; {sent}; because of {causes}", named.country, unit(named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::{FigureFlag, FigureOfWhich, Unattributed, Unit};

    fn count(received: u32) -> CountryCount {
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
        let (header, row) = (columns(), row(&count(13)));
        assert_eq!(header.len(), row.len());
        assert!(row.join(",").starts_with("DE,person,13,13,13,1,0,0,,,,,"), "{row:?}");
        let of = |column| row[header.iter().position(|name| *name == column).unwrap()].as_str();
        let joint = ["sent_low", "sent_shared_legs", "sent_shared_at_most"].map(of);
        assert_eq!(joint, ["", "3", "26"]);
    }

    #[test]
    fn subsets_and_flags_have_columns() {
        let minors = Some(SubsetCount { low: 2, high: 3, legs: 1 });
        let received = Figure {
            of_which: Some(FigureOfWhich { minors, ..Default::default() }),
            flags: vec![FigureFlag::Approximate.into(), FigureFlag::Incomplete.into()],
            ..Default::default()
        };
        let columns = side(Some(&received));
        let of = |column| &columns[FIGURE.iter().position(|name| *name == column).unwrap()];
        let reported = ["minors_low", "minors_high", "women_low", "flags"].map(of);
        assert_eq!(reported, ["2", "3", "", "APPROXIMATE+INCOMPLETE"]);
    }

    #[test]
    fn a_change_names_both_figures_and_its_causes() {
        let change = CountryChange {
            before: Some(count(13)),
            after: Some(count(14)),
            caused_by: vec![41, 42],
            ..Default::default()
        };
        let update = Some(Update::Change(change));
        let response = WatchCountryCountsResponse { update, position: 42, ..Default::default() };
        assert_eq!(
            super::update(response),
            "42: DE (person) received 13 -> 14; sent shared, at most 26; because of 41, 42\n"
        );
    }
}
