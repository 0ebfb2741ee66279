//! What a user should know of a table that is read, each thing once.

use std::collections::{BTreeSet, VecDeque};

use super::fields::Row;

/// Codes of states that are words of tables too.
const WORDS: [(&str, &str); 12] = [
    ("AM", "Armenia"),
    ("AS", "American Samoa"),
    ("AT", "Austria"),
    ("DO", "the Dominican Republic"),
    ("IN", "India"),
    ("IS", "Iceland"),
    ("ME", "Montenegro"),
    ("NA", "Namibia"),
    ("NO", "Norway"),
    ("PA", "Panama"),
    ("SO", "Somalia"),
    ("TO", "Tonga"),
];
/// The columns that hold parties, and those that hold actors.
const PARTIES: [&str; 3] = ["parties", "from", "to"];
const ACTORS: [&str; 4] = ["claimed_by", "actor", "attributed_by", "disputed_by"];

/// What was noted and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Notes {
    seen: BTreeSet<&'static str>,
    ready: VecDeque<String>,
}

impl Notes {
    /// Notes something.
    pub(super) fn add(&mut self, note: impl Into<String>) {
        self.ready.push_back(note.into());
    }

    /// Takes the next note.
    pub(super) fn take(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    /// Notes the codes of a good row that are words too.
    pub(super) fn look_at(&mut self, row: &Row<'_>) {
        for column in PARTIES {
            for code in row.list(column).unwrap_or_default() {
                self.code(row, column, &code, "leave it empty where no party is said");
            }
        }
        for column in ACTORS {
            let actor = row.actor(column).ok().flatten().unwrap_or_default();
            let apart = actor.name.split_whitespace().next() != Some(actor.party.as_str());
            if !apart {
                self.code(row, column, &actor.party, "write [] before a name without a party");
            }
        }
    }

    fn code(&mut self, row: &Row<'_>, column: &str, code: &str, otherwise: &str) {
        let Some((code, state)) = WORDS.iter().find(|(word, _)| *word == code) else { return };
        if self.seen.insert(code) {
            let line = row.line;
            self.add(format!("{column} in row {line}: {code} is read as {state}; {otherwise}"));
        }
    }
}
