//! The names that the store indexes by: streams, categories, payload types, tags.
//!
//! Each is a newtype that cannot hold a malformed value.

use std::{fmt, sync::Arc};

use crate::domain::{
    identity, limits,
    violation::{Violation, Violations},
};

/// Tag keys that only the server sets, because they follow from payloads that it knows.
pub const RESERVED_TAG_KEYS: [&str; 9] =
    ["exchange", "party", "from", "to", "speaker", "claimant", "role", "source", "claim"];

/// Of these, the keys with values that are identity texts or slugs of them.
const IDENTITY_TAG_KEYS: [&str; 7] =
    ["exchange", "party", "from", "to", "speaker", "claimant", "source"];

/// The categories of the record's own streams; their names follow from identity texts.
const OWN_CATEGORIES: [&str; 5] = ["exchange", "source", "statement", "series", "detention"];

/// Whether the server put this tag on an event, and no client.
pub fn is_of_the_server(tag: &str) -> bool {
    let key = tag.split_once(':').map_or("", |(key, _)| key);
    RESERVED_TAG_KEYS.contains(&key)
}

/// Why a name is refused: what is wrong, as a phrase, and whether it is merely too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidName {
    /// What is wrong and what would be right.
    pub problem: String,
    /// The name is well-formed but too long.
    pub limit: bool,
}

impl InvalidName {
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), limit: false }
    }

    /// Notes that what stands at `path` is such a name.
    pub fn note(&self, path: &str, violations: &mut Violations) {
        let (field, problem) = (path.to_owned(), self.problem.clone());
        violations.note(Violation { field, problem, limit: self.limit });
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A stream, `category/name`: at most 256 bytes. The category is lower-case letters, digits,
    /// `_`, `-` and `.`, and begins with a letter; the name is any text without white space and
    /// control characters.
    StreamName
}
name! {
    /// The part of a stream's name before the first slash.
    Category
}
name! {
    /// The full name of a protobuf message, as in `handover.v1.TransferCompleted`.
    TypeName
}
name! {
    /// A label `key:value`, at most 128 bytes.
    Tag
}

impl StreamName {
    /// Checks and takes a stream's name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        within(text, limits::STREAM_NAME_BYTES)?;
        let Some((category, name)) = text.split_once('/') else {
            return Err(InvalidName::new("is not of the form category/name"));
        };
        Category::parse(category)?;
        plain(name, "name after the slash")?;
        Ok(Self(text.into()))
    }

    /// The category: the part before the first slash.
    pub fn category(&self) -> &str {
        self.0.split_once('/').map_or("", |(category, _)| category)
    }

    /// The name as a stream of the record's own language is recorded: its identity text folded. The
    /// names of streams of other categories mean nothing here and stay as they are.
    #[must_use]
    pub fn folded(&self) -> Self {
        if !OWN_CATEGORIES.contains(&self.category()) {
            return self.clone();
        }
        Self::parse(&folded_after(&self.0, '/')).unwrap_or_else(|_| self.clone())
    }
}

impl Category {
    /// Checks and takes a category.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        within(text, limits::STREAM_NAME_BYTES)?;
        if !is_key(text) {
            return Err(InvalidName::new(
                "has a category that is not lower-case letters, digits, _, - and . after a letter",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl TypeName {
    /// Checks and takes the full name of a message.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        within(text, limits::TYPE_NAME_BYTES)?;
        let identifier = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !text.split('.').all(identifier) {
            return Err(InvalidName::new("is not the full name of a protobuf message"));
        }
        Ok(Self(text.into()))
    }
}

impl Tag {
    /// Checks and takes a tag that may have any key, as filters name them.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        within(text, limits::TAG_BYTES)?;
        let Some((key, value)) = text.split_once(':') else {
            return Err(InvalidName::new("is not of the form key:value"));
        };
        if !is_key(key) {
            return Err(InvalidName::new(
                "has a key that is not lower-case letters, digits, _, - and . after a letter",
            ));
        }
        plain(value, "value after the colon")?;
        Ok(Self(text.into()))
    }

    /// Checks and takes a tag that a client puts on an event: the server's keys are refused.
    pub fn parse_own(text: &str) -> Result<Self, InvalidName> {
        let tag = Self::parse(text)?;
        let reserved = RESERVED_TAG_KEYS.contains(&tag.key());
        if reserved {
            return Err(InvalidName::new(format!(
                "uses the key {:?}, which the server derives from payloads; choose another",
                tag.key()
            )));
        }
        Ok(tag)
    }

    /// The key: the part before the first colon.
    pub fn key(&self) -> &str {
        self.0.split_once(':').map_or("", |(key, _)| key)
    }

    /// The tag as the server derives it: the identity text of one of its keys folded. Tags of
    /// clients stay as they are.
    #[must_use]
    pub fn folded(&self) -> Self {
        if !IDENTITY_TAG_KEYS.contains(&self.key()) {
            return self.clone();
        }
        Self::parse(&folded_after(&self.0, ':')).unwrap_or_else(|_| self.clone())
    }
}

/// The text with what follows the first separator folded.
fn folded_after(text: &str, separator: char) -> String {
    let (kind, name) = text.split_once(separator).unwrap_or((text, ""));
    format!("{kind}{separator}{}", identity::fold(name))
}

fn within(text: &str, limit: usize) -> Result<(), InvalidName> {
    if text.len() > limit {
        let problem = format!("has {} bytes; the limit is {limit}", text.len());
        return Err(InvalidName { problem, limit: true });
    }
    Ok(())
}

fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c))
}

fn plain(text: &str, what: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::new(format!("has an empty {what}")));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(InvalidName::new(format!(
            "has white space or a control character in the {what}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_names_are_category_slash_name() {
        for good in ["exchange/ankara-2024-08-01", "a/b/c", "x.y-z_1/\u{130}stanbul"] {
            assert_eq!(StreamName::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "exchange", "/x", "exchange/", "Exchange/x", "1x/y", "x/a b", "x/\u{7}"] {
            assert!(StreamName::parse(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(StreamName::parse("a/b/c").unwrap().category(), "a");
    }

    #[test]
    fn a_name_at_the_limit_is_taken_and_one_byte_more_is_not() {
        let at = format!("x/{}", "a".repeat(limits::STREAM_NAME_BYTES - 2));
        assert!(StreamName::parse(&at).is_ok());
        let error = StreamName::parse(&format!("{at}a")).unwrap_err();
        assert!(error.limit && error.problem.contains("257"), "{error}");
    }

    #[test]
    fn the_keys_of_the_server_are_refused_to_clients_only() {
        assert!(Tag::parse("to:DE").is_ok());
        assert!(Tag::parse_own("to:DE").unwrap_err().problem.contains("\"to\""));
        assert!(Tag::parse_own("desk:berlin").is_ok());
        for bad in ["", "desk", ":x", "desk:", "desk:a b", "Desk:a"] {
            assert!(Tag::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn names_that_follow_from_identity_texts_are_folded_and_others_are_not() {
        let stream = |name: &str| StreamName::parse(name).unwrap().folded().to_string();
        assert_eq!(stream("exchange/e\u{301}\u{200b}"), "exchange/\u{e9}");
        assert_eq!(stream("desk/e\u{301}"), "desk/e\u{301}");
        assert_eq!(stream("exchange/\u{200b}"), "exchange/\u{200b}", "nothing would be left");
        let tag = |tag: &str| Tag::parse(tag).unwrap().folded().to_string();
        assert_eq!(tag("exchange:e\u{301}"), "exchange:\u{e9}");
        assert_eq!(tag("desk:e\u{301}"), "desk:e\u{301}");
        assert_eq!(tag("to:\u{feff}DE"), "to:DE");
    }

    #[test]
    fn type_names_are_dotted_identifiers() {
        assert!(TypeName::parse("handover.v1.StatementMade").is_ok());
        for bad in ["", ".", "a..b", "a b", "9.x", "a/b"] {
            assert!(TypeName::parse(bad).is_err(), "{bad:?} was taken");
        }
    }
}
