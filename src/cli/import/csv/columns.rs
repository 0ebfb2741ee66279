//! Where the columns of a table stand, by their names.

use std::collections::HashMap;

/// Where each column stands.
#[derive(Debug)]
pub(super) struct Columns {
    places: HashMap<String, usize>,
    /// Columns in all, without those at the end that have no name.
    pub(super) width: usize,
}

/// A column's name as it is compared: without case, and with blanks and hyphens as underscores.
pub(super) fn name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim().trim_matches('"');
    let words = text.split(|it: char| it.is_whitespace() || it == '-' || it == '_');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_").to_lowercase()
}

impl Columns {
    /// The columns with these names, in their order.
    pub(super) fn new(names: &[String]) -> Self {
        Self { places: names.iter().cloned().zip(0..).collect(), width: names.len() }
    }

    /// Where a column stands.
    pub(super) fn place(&self, column: &str) -> Option<usize> {
        self.places.get(column).copied()
    }

    /// The column at a place.
    pub(super) fn at(&self, place: usize) -> Option<&str> {
        self.places.iter().find(|(_, at)| **at == place).map(|(column, _)| column.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_with_any_joint() {
        for spelling in
            ["claimed_by", "Claimed by", " CLAIMED-BY ", "claimed\u{a0}_ by", "\"claimed_by\""]
        {
            assert_eq!(name(spelling.as_bytes()), "claimed_by", "{spelling:?}");
        }
        assert_ne!(name(b"claimedby"), "claimed_by");
    }
}
