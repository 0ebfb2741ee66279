//! Rules of sources and statements.

use super::parts;
use crate::domain::{
    identity,
    known::fields::{Fields, rules},
    limits,
    proto::{SourceKind, SourceRegistered, StatementMade, StatementMode},
};

const SHA256_DIGITS: usize = 64;

rules! {
    SourceRegistered {
        source_id: id,
        kind: known(SourceKind::as_str_name),
        publisher: line,
        title: line,
        url: address,
        archive_url: address,
        sha256: sha256,
        language: language,
        published_at: date,
        | translated
    }
    StatementMade {
        attribution: message,
        speaker: message_as(parts::speaker),
        on_behalf_of: optional_as(parts::actor),
        mode: chosen(StatementMode::as_str_name),
        occasion: line,
        place: line,
        text: said(*mode),
        topics: names,
        mentions: lines,
        exchange_id: optional_id,
        occurred: date,
        occurred_text: line,
    }
}

impl Fields {
    fn sha256(&mut self, field: &str, digits: &str) {
        let hex = digits.len() == SHA256_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits.is_empty() && !hex {
            self.add(field, "is not 64 hex digits");
        }
    }

    /// What was said, unless the speaker declined to comment.
    fn said(&mut self, field: &str, text: &str, mode: i32) {
        let declined = StatementMode::try_from(mode) == Ok(StatementMode::Declined);
        if declined && !text.is_empty() {
            self.add(field, "has to be empty: the speaker declined to comment");
        } else if !declined && text.trim().is_empty() {
            self.add(field, "is required unless the mode is STATEMENT_MODE_DECLINED");
        }
        self.text(field, text);
    }

    /// An address that a reader can follow. Whether anything is there is not for us to find out.
    fn address(&mut self, field: &str, url: &str) {
        self.within(field, "bytes", url.len(), limits::URL_BYTES);
        if url.is_empty() {
            return;
        }
        // A scheme is the same in capitals (RFC 3986, section 3.1).
        let (scheme, rest) = url.split_once("://").unzip();
        let known = |it: &&str| ["http", "https"].iter().any(|name| it.eq_ignore_ascii_case(name));
        let rest = rest.filter(|_| scheme.as_ref().is_some_and(known));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        let odd = |c: char| c.is_whitespace() || c.is_control() || "<>\"\\".contains(c);
        if !host.starts_with(|c: char| c.is_alphanumeric() || c == '[') || url.contains(odd) {
            let problem = match url.chars().next().filter(|it| identity::shows_nothing(*it)) {
                Some(unseen) => {
                    format!(
                        "begins with U+{:04X}, which shows nothing; leave it out",
                        u32::from(unseen)
                    )
                }
                None => {
                    "is not an address that begins with http:// or https:// and a host".to_owned()
                }
            };
            self.add(field, problem);
        }
    }

    /// Only the look of a BCP 47 tag: the registry of languages changes, the record does not.
    fn language(&mut self, field: &str, language: &str) {
        self.within(field, "bytes", language.len(), limits::LANGUAGE_BYTES);
        if language.is_empty() {
            return;
        }
        let mut subtags = language.split('-');
        let first = subtags.next().unwrap_or_default();
        let primary =
            (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
        let others = subtags.all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if !primary || !others {
            self.add(field, "is not a BCP 47 tag such as en or pt-BR");
        }
    }
}
