//! Figures as people read them: what is unknown is said in words and never printed as 0.

use tabled::{builder::Builder, settings::Style};

use crate::{
    cli::{
        figure::cell,
        words::{plural, span, thousands, unit as unit_word},
    },
    domain::proto::{CountryCount, Figure, GetCountryCountsResponse, Unit},
};

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
    unit_word(count.unit())
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

#[cfg(test)]
mod tests;
