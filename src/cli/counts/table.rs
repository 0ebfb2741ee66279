//! Figures as people read them: what is unknown is said in words and never printed as 0.

use crate::{
    cli::{
        figure::cell,
        words::{self, span, thousands},
    },
    domain::proto::{CountryCount, Figure, GetCountryCountsResponse, Unit},
};

/// The figures as a table, with what was received in all.
pub fn table(response: &GetCountryCountsResponse) -> String {
    let at = words::as_of(response.position);
    if response.counts.is_empty() {
        return format!("no transfers {at}");
    }
    let rows = response.counts.iter().map(|count| {
        let [received, sent] = [count.received.as_ref(), count.sent.as_ref()].map(cell);
        vec![count.country.clone(), unit(count).to_owned(), received, sent]
    });
    let mut text = words::grid(&["country", "unit", "received", "sent"], rows);
    for (unit, name) in [(Unit::Person, ""), (Unit::Remains, " (remains)")] {
        if let Some(total) = total(&response.counts, unit) {
            text = format!("{text}received in all{name}: {total}\n");
        }
    }
    text + &words::undated(response.undated_exchanges, "exchange") + &at
}

/// The unit of a row, in words.
pub(super) fn unit(count: &CountryCount) -> &'static str {
    words::unit(count.unit())
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
