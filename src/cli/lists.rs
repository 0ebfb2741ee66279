//! The lists: statements, transfers, exchanges and sources, each with its filters.

pub mod exchanges;
pub mod sources;
pub mod statements;
pub mod transfers;

use crate::cli::words;

/// What stands below a list: what was left out, whether there is more, what it is true for.
fn end(undated: &str, more: &str, position: u64) -> String {
    format!("{undated}{more}{}", words::as_of(position))
}

/// The words of a search as one text.
fn searched(words: &[String]) -> String {
    words.join(" ")
}

/// Day and year of what has one, else words that say that it has none.
fn when(occurred: &str) -> String {
    if occurred.is_empty() { "no date".to_owned() } else { words::plain(occurred) }
}

#[cfg(test)]
mod tests;
