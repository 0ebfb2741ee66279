//! What the column `source` says: an address, or words where there is none, and the source's id
//! where that does not follow from them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::domain::{
    identity::{self, fold, trim_start},
    proto::SourceRegistered,
};

/// Bytes of the SHA-256 of the text that make a source's id.
const ID_BYTES: usize = 8;
/// What begins a text that names the id: `[id demo-source] https://demo.example/`.
const NAMED: &str = "[id";

/// A source as a row names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Cited {
    /// The source's id.
    pub(in crate::cli) id: String,
    /// Its address or title, if the row has one; otherwise the source is not registered by it.
    text: String,
}

impl Cited {
    /// Reads the column.
    pub(in crate::cli) fn read(text: &str) -> Self {
        let (id, text) = named(text).unwrap_or_else(|| (follows(text), text));
        // What shows nothing is no part of an address.
        let seen = trim_start(text).trim_end_matches(identity::shows_nothing);
        let text = if is_address(seen) { seen } else { text };
        Self { id, text: text.to_owned() }
    }

    /// The source as it is registered by the row.
    pub(in crate::cli) fn registered(&self) -> Option<SourceRegistered> {
        let (source_id, text) = (self.id.clone(), self.text.clone());
        let (url, title) =
            if is_address(&text) { (text, String::new()) } else { (String::new(), text) };
        let source = SourceRegistered { source_id, url, title, ..SourceRegistered::default() };
        (!self.text.is_empty()).then_some(source)
    }

    /// The text that is read as the source with this id: with its address, else its title, else
    /// nothing but the id.
    pub(in crate::cli) fn write(id: &str, registered: Option<&SourceRegistered>) -> String {
        let texts = registered.map(|source| {
            let wanted = |url: &str, title: &str| {
                let (url, title) = (url.to_owned(), title.to_owned());
                SourceRegistered { source_id: id.to_owned(), url, title, ..Default::default() }
            };
            [(&source.url, wanted(&source.url, "")), (&source.title, wanted("", &source.title))]
        });
        let texts = texts.iter().flatten().filter(|(text, _)| !text.is_empty());
        let ways = texts.flat_map(|(text, wanted)| {
            let plain = [(*text).clone(), format!("{NAMED} {id}] {text}")];
            plain.map(|text| (text, wanted))
        });
        let same = |(text, wanted): &(String, &SourceRegistered)| {
            Self::read(text.trim()).registered().as_ref() == Some(*wanted)
        };
        let found = ways.filter(same).map(|(text, _)| text).next();
        found.unwrap_or_else(|| format!("{NAMED} {id}]"))
    }
}

fn is_address(text: &str) -> bool {
    text.contains("://")
}

/// The id of a source that is named by nothing but its address or title. Two spellings of one text
/// are one source.
fn follows(text: &str) -> String {
    let hash = Sha256::digest(fold(text).as_bytes());
    hash.iter().take(ID_BYTES).fold(String::new(), |mut id, byte| {
        // Writing to a text cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// The id that a text begins with, and the rest. An id has no white space.
fn named(text: &str) -> Option<(String, &str)> {
    let rest = trim_start(text).strip_prefix(NAMED)?.strip_prefix(char::is_whitespace)?;
    let (id, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let id = id.strip_suffix(']').filter(|id| !id.is_empty())?;
    Some((id.to_owned(), text.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_the_text_or_stands_before_it() {
        for (text, id, url, title) in [
            ("A letter", "06c382c34285bc10", "", "A letter"),
            ("[id desk] https://demo.example/", "desk", "https://demo.example/", ""),
            ("[id desk]  A letter", "desk", "", "A letter"),
            ("\u{200b}[id\u{a0}desk] A letter", "desk", "", "A letter"),
            ("[id a]b]] [id c] d", "a]b]", "", "[id c] d"),
            (
                "\u{feff}HTTPS://demo.example/\u{200b}",
                "1b0456146cf32851",
                "HTTPS://demo.example/",
                "",
            ),
        ] {
            let source = Cited::read(text).registered().unwrap();
            let found = (source.source_id.as_str(), source.url.as_str(), source.title.as_str());
            assert_eq!(found, (id, url, title));
            assert_eq!(Cited::read(&Cited::write(id, Some(&source))), Cited::read(text));
        }
        let bare = Cited::read("[id desk]");
        assert_eq!((bare.id.as_str(), bare.registered()), ("desk", None));
        for text in ["[id ]", "[id desk", "[ID desk] x", "[iddesk] x"] {
            assert_eq!(Cited::read(text).registered().unwrap().title, text);
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same_source() {
        let source = |id: &str, url: &str, title: &str| SourceRegistered {
            source_id: id.to_owned(),
            url: url.to_owned(),
            title: title.to_owned(),
            ..SourceRegistered::default()
        };
        let write = |source: &SourceRegistered| Cited::write(&source.source_id, Some(source));
        assert_eq!(write(&source("06c382c34285bc10", "", "A letter")), "A letter");
        assert_eq!(write(&source("desk", "", "A letter")), "[id desk] A letter");
        assert_eq!(write(&source("desk", "https://a", "A letter")), "[id desk] https://a");
        // What would be read as something else is not written.
        for title in ["", " A letter", "see https://a", "A letter "] {
            assert_eq!(write(&source("desk", "", title)), "[id desk]", "{title:?}");
        }
        assert_eq!(Cited::write("desk", None), "[id desk]");
    }
}
