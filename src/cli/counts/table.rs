//! Figures as people read them: what is unknown is said in words and never printed as 0.

use tabled::{builder::Builder, settings::Style};

use crate::domain::proto::{
    CountryCount, Figure, FigureFlag, FigureOfWhich, GetCountryCountsResponse, SubsetCount,
    Unattributed, Unit,
};

/// What stands where nothing is to be said.
const NOTHING: &str = "-";

/// The figures as a table, with what was received in all.
pub fn table(response: &GetCountryCountsResponse) -> String {
    let at = match response.position {
        // An empty record, or a moment before the first event.
        0 => "(nothing was recorded yet)".to_owned(),
        position => format!("(as of position {position})"),
    };
    if response.counts.is_empty() {
        return format!("no transfers {at}\n");
    }
    let mut rows = Builder::default();
    rows.push_record(["country", "unit", "received", "sent"]);
    for count in &response.counts {
        let [received, sent] = [count.received.as_ref(), count.sent.as_ref()].map(cell);
        rows.push_record([count.country.clone(), unit(count).to_owned(), received, sent]);
    }
    let grid = rows.build().with(Style::psql()).to_string();
    let mut lines: Vec<String> = grid.lines().map(|line| line.trim_end().to_owned()).collect();
    for (unit, name) in [(Unit::Person, ""), (Unit::Remains, " (remains)")] {
        let total = total(&response.counts, unit);
        lines.extend(total.map(|total| format!("received in all{name}: {total}")));
    }
    if response.undated_exchanges > 0 {
        let undated = plural(response.undated_exchanges, "exchange");
        lines.push(format!("left out because undated: {undated}"));
    }
    lines.push(at);
    lines.join("\n") + "\n"
}

/// The unit of a row, in words.
pub(super) fn unit(count: &CountryCount) -> &'static str {
    match count.unit() {
        Unit::Person => "person",
        Unit::Remains => "remains",
        Unit::Unspecified => NOTHING,
    }
}

/// One figure: `13`, `8..10`, `189 (150..189)`, `2,650..2,653 + 6 unknown`, `shared, at most 26`.
pub(super) fn cell(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else {
        return NOTHING.to_owned();
    };
    let mut parts = Vec::new();
    if let Some(known) = known(figure) {
        parts.push(known);
    }
    parts.extend(unattributed("shared", figure.shared.as_ref()));
    parts.extend(unattributed("open", figure.open.as_ref()));
    if parts.is_empty() { NOTHING.to_owned() } else { parts.join("; ") }
}

/// What is attributed to the country itself; `None`: nothing is.
fn known(figure: &Figure) -> Option<String> {
    let unknown =
        (figure.unnumbered > 0).then(|| format!("{} unknown", thousands(figure.unnumbered)));
    let mut parts = vec![match (range(figure), unknown) {
        (Some(range), Some(unknown)) => format!("{range} + {unknown}"),
        (Some(range), None) => range,
        (None, Some(unknown)) => unknown,
        (None, None) => return None,
    }];
    let subsets = figure.of_which.as_ref().and_then(subsets);
    parts.extend(subsets.map(|subsets| format!("({subsets})")));
    for (flag, note) in [
        (FigureFlag::OpenBelow, "[or fewer]"),
        (FigureFlag::OpenAbove, "[or more]"),
        (FigureFlag::PartsExceedWhole, "[parts exceed the whole]"),
    ] {
        if figure.flags().any(|other| other == flag) {
            parts.push(note.to_owned());
        }
    }
    Some(parts.join(" "))
}

fn range(figure: &Figure) -> Option<String> {
    let low = figure.low?;
    let about = figure.flags().any(|flag| flag == FigureFlag::Approximate);
    let about = if about { "about " } else { "" };
    let Some(high) = figure.high else {
        return Some(format!("{about}{} or more", thousands(low)));
    };
    let range = span(low.into(), high.into());
    Some(match figure.preferred {
        Some(preferred) if low < high => format!("{about}{} ({range})", thousands(preferred)),
        _ => format!("{about}{range}"),
    })
}

fn subsets(of_which: &FigureOfWhich) -> Option<String> {
    let named = [
        ("minors", &of_which.minors),
        ("women", &of_which.women),
        ("civilians", &of_which.civilians),
        ("wounded", &of_which.wounded),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter_map(|(name, subset)| subset.as_ref().map(|subset| (name, subset)))
        .map(|(name, SubsetCount { low, high, .. })| {
            format!("{name} {}", span((*low).into(), (*high).into()))
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn unattributed(word: &str, side: Option<&Unattributed>) -> Option<String> {
    let side = side?;
    Some(match side.at_most {
        Some(at_most) => format!("{word}, at most {}", thousands(at_most)),
        None if side.legs > 0 => format!("{word}, number unknown"),
        None => return None,
    })
}

/// The sum of a column; `None` if no row of this unit says anything of having received.
fn total(counts: &[CountryCount], unit: Unit) -> Option<String> {
    let figures: Vec<&Figure> = counts
        .iter()
        .filter(|count| count.unit() == unit)
        .filter_map(|count| count.received.as_ref())
        .collect();
    let known: Vec<(u64, Option<u64>)> =
        figures.iter().filter_map(|f| Some((f.low?.into(), f.high.map(u64::from)))).collect();
    let unknown = figures.iter().fold(0u32, |sum, f| sum.saturating_add(f.unnumbered));
    let apart = figures.iter().any(|f| f.shared.is_some() || f.open.is_some());
    let low = known.iter().map(|(low, _)| low).sum();
    let high: Option<u64> = known.iter().map(|(_, high)| *high).sum();
    let mut parts = Vec::new();
    match high {
        _ if known.is_empty() => {}
        Some(high) => parts.push(span(low, high)),
        None => parts.push(format!("{} or more", thousands(low))),
    }
    if unknown > 0 {
        parts.push(format!("{} unknown", thousands(unknown)));
    }
    if apart {
        parts.push("what is shared or open".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join(" + "))
}

fn span(low: u64, high: u64) -> String {
    if low == high { thousands(low) } else { format!("{}..{}", thousands(low), thousands(high)) }
}

fn thousands(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn plural(count: u32, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", thousands(count))
}

#[cfg(test)]
#[path = "table/tests.rs"]
mod tests;
