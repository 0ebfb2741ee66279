//! Codes, numbers and names in words, and texts in lines: what tables for people are made of.

use num_format::{Locale, ToFormattedString as _};
use tabled::{builder::Builder, settings::Style};
use textwrap::{WordSeparator, WordSplitter, WrapAlgorithm, core::display_width};

use crate::domain::proto::{Actor, Attribution, Category, Count, Leg, OfWhich, Unit};

/// What stands where nothing is to be said.
pub(super) const NOTHING: &str = "-";
/// Columns of a table or a text for people.
pub(super) const WIDTH: usize = 100;

/// An enum value as a word: `EXCHANGE_STATUS_UNDER_WAY` as `under way`. Unspecified: empty.
pub(super) fn spoken(name: &str, prefix: &str) -> String {
    match name.rsplit_once(prefix).map_or(name, |(_, word)| word) {
        "UNSPECIFIED" => String::new(),
        word => word.to_lowercase().replace('_', " "),
    }
}

/// An actor by name, with the party where the name does not begin with it; empty: no actor.
pub(super) fn actor(actor: Option<&Actor>) -> String {
    let Some(Actor { party, name, .. }) = actor else {
        return String::new();
    };
    let named = name.split_whitespace().next() == Some(party.as_str());
    plain(&match (party.as_str(), name.as_str()) {
        (party, "") => party.to_owned(),
        ("", name) => name.to_owned(),
        (_, name) if named => name.to_owned(),
        (party, name) => format!("{name} ({party})"),
    })
}

/// Who asserts something: the claimant, else the source that does not say who.
pub(super) fn claimant(attribution: Option<&Attribution>) -> String {
    let by = actor(attribution.and_then(|attribution| attribution.claimed_by.as_ref()));
    let source = attribution.map_or("", |attribution| attribution.source_id.as_str());
    if by.is_empty() { format!("source {}", plain(source)) } else { by }
}

/// A number as it was claimed.
pub(super) fn count(count: Option<&Count>) -> String {
    let Some(count) = count else {
        return "number not given".to_owned();
    };
    let about = if count.approximate { "about " } else { "" };
    match (count.value, count.low, count.high) {
        (Some(value), _, _) => format!("{about}{}", thousands(value)),
        (None, Some(low), Some(high)) => format!("{about}{}", span(low.into(), high.into())),
        (None, Some(low), None) => format!("at least {about}{}", thousands(low)),
        (None, None, Some(high)) => format!("at most {about}{}", thousands(high)),
        (None, None, None) => "number not given".to_owned(),
    }
}

/// Parts of a claim's number; empty: it names none.
pub(super) fn of_which(parts: Option<&OfWhich>) -> String {
    let Some(parts) = parts else {
        return String::new();
    };
    let named = [
        ("minors", parts.minors),
        ("women", parts.women),
        ("civilians", parts.civilians),
        ("wounded", parts.wounded),
    ];
    let given = named.into_iter().filter_map(|(name, number)| Some((name, number?)));
    given
        .map(|(name, number)| format!("{name} {}", thousands(number)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// One side of a leg: `RU`, `RU+BY` jointly, `?` where it is not said.
pub(super) fn side(parties: &[String]) -> String {
    match parties {
        [] => "?".to_owned(),
        parties => plain(&parties.join("+")),
    }
}

/// From where to where, and of whom where that is said.
pub(super) fn leg(leg: Option<&Leg>) -> String {
    let Some(leg) = leg else {
        return NOTHING.to_owned();
    };
    let mut text = format!("{} -> {}", side(&leg.from), side(&leg.to));
    if leg.unit() == Unit::Remains {
        text += " (remains)";
    }
    let category = category(leg.category());
    for part in [category.as_str(), &plain(&leg.portion)] {
        if !part.is_empty() {
            text += ", ";
            text += part;
        }
    }
    text
}

/// Which persons; empty: not said.
pub(super) fn category(category: Category) -> String {
    spoken(category.as_str_name(), "CATEGORY_")
}

/// The unit in words.
pub(super) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Person => "person",
        Unit::Remains => "remains",
        Unit::Unspecified => NOTHING,
    }
}

/// A range, or one number.
pub(super) fn span(low: u64, high: u64) -> String {
    if low == high { thousands(low) } else { format!("{}..{}", thousands(low), thousands(high)) }
}

/// A range of differences, which have a sign where they are not 0.
pub(super) fn signed_span(low: i64, high: i64) -> String {
    if low == high { signed(low) } else { format!("{}..{}", signed(low), signed(high)) }
}

fn signed(number: i64) -> String {
    let sign = match number {
        0 => "",
        number if number < 0 => "-",
        _ => "+",
    };
    format!("{sign}{}", thousands(number.unsigned_abs()))
}

/// A number with a comma at each thousand.
pub(super) fn thousands(number: impl Into<u64>) -> String {
    number.into().to_formatted_string(&Locale::en)
}

/// So many of something.
pub(super) fn plural(count: u32, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", thousands(count))
}

/// Positions in one line: `claim 7`, `claims 7, 9`.
pub(super) fn claims(positions: &[u64]) -> String {
    let all: Vec<String> = positions.iter().map(u64::to_string).collect();
    format!("claim{} {}", if all.len() == 1 { "" } else { "s" }, all.join(", "))
}

/// What stands behind a list that is not shown whole; absent: it is.
pub(super) fn more(count: u32) -> Option<String> {
    (count > 0).then(|| format!("{} more", thousands(count)))
}

/// Positions of which only the first are shown, with how many more there are.
pub(super) fn some_claims(positions: &[u64], and_more: u32) -> String {
    let more = more(and_more).map(|more| format!(" and {more}"));
    claims(positions) + &more.unwrap_or_default()
}

/// A number for a program; unknown: empty.
pub(super) fn number(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// A text on one line that cannot steer a terminal.
pub(super) fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

/// A text in lines of at most so many columns, broken between words where there are any.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let options = textwrap::Options::new(width)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(&text, options).into_iter().map(Into::into).collect()
}

/// A text behind a margin, wrapped; the lines after the first stand `deeper` to the right.
pub(super) fn indented(text: &str, margin: usize, deeper: usize) -> Vec<String> {
    let lines = wrapped(text, WIDTH - margin - deeper);
    let placed = lines.into_iter().enumerate().map(|(index, line)| {
        let margin = if index == 0 { margin } else { margin + deeper };
        format!("{:margin$}{line}", "").trim_end().to_owned()
    });
    placed.collect()
}

/// Rows under a header, no wider than [`WIDTH`] if its words allow: cells are wrapped between
/// words, so that a name or an id can be copied from the table.
pub(super) fn grid(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    rows.insert(0, header.iter().map(ToString::to_string).collect());
    let widths = fitted(&rows);
    let mut table = Builder::default();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| wrapped(cell, *width).join("\n"));
        table.push_record(cells);
    }
    let table = table.build().with(Style::psql()).to_string();
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// The widths of columns: what they hold, and where that is too wide together, the widest give
/// way, down to their longest words and, only if that is not enough, below.
fn fitted(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    let most = |column: usize, measure: &dyn Fn(&str) -> usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| measure(cell)).max().unwrap_or_default().clamp(1, WIDTH)
    };
    let longest = |cell: &str| cell.split_whitespace().map(display_width).max();
    let all = |measure: &dyn Fn(&str) -> usize| -> Vec<usize> {
        (0..columns).map(|column| most(column, measure)).collect()
    };
    let mut widths = all(&display_width);
    // A margin on each side of a cell, and a line between two.
    let room = WIDTH.saturating_sub(3 * columns);
    for least in [all(&|cell| longest(cell).unwrap_or_default()), vec![1; columns]] {
        while widths.iter().sum::<usize>() > room {
            let shrinks = widths.iter_mut().zip(&least).filter(|(width, least)| **width > **least);
            let Some((widest, _)) = shrinks.max_by_key(|(width, _)| **width) else { break };
            *widest -= 1;
        }
    }
    widths
}

/// What an answer is true for, as the last line of a table.
pub(super) fn as_of(position: u64) -> String {
    match position {
        // An empty record, or a moment before the first event.
        0 => "(nothing was recorded yet)\n".to_owned(),
        position => format!("(as of position {position})\n"),
    }
}

/// What a question by date leaves out, as a line; empty: nothing.
pub(super) fn undated(count: u32, noun: &str) -> String {
    if count == 0 {
        return String::new();
    }
    format!("left out because undated: {}\n", plural(count, noun))
}

#[cfg(test)]
mod tests;
