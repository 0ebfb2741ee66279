//! Rules of sources and statements.

use super::parts;
use crate::domain::{
    identity,
    known::fields::Fields,
    limits,
    proto::{SourceKind, SourceRegistered, StatementMade, StatementMode},
    violation::Violations,
};

const SHA256_DIGITS: usize = 64;

pub(super) fn source(event: &SourceRegistered) -> Violations {
    let SourceRegistered {
        source_id,
        kind,
        publisher,
        title,
        url,
        archive_url,
        sha256,
        language,
        translated: _,
        published_at,
    } = event;
    let mut fields = Fields::default();
    fields.id("source_id", source_id);
    fields.known("kind", *kind, SourceKind::as_str_name);
    fields.line("publisher", publisher);
    fields.line("title", title);
    address(&mut fields, "url", url);
    address(&mut fields, "archive_url", archive_url);
    let hex = sha256.len() == SHA256_DIGITS && sha256.bytes().all(|b| b.is_ascii_hexdigit());
    if !sha256.is_empty() && !hex {
        fields.add("sha256", "is not 64 hex digits");
    }
    tongue(&mut fields, language);
    fields.date("published_at", published_at);
    fields.0
}

pub(super) fn statement(event: &StatementMade) -> Violations {
    let StatementMade {
        attribution,
        speaker,
        on_behalf_of,
        mode,
        occasion,
        place,
        text,
        topics,
        mentions,
        exchange_id,
        occurred,
        occurred_text,
    } = event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.message("speaker", speaker.as_ref(), parts::speaker);
    fields.optional("on_behalf_of", on_behalf_of.as_ref(), parts::actor);
    fields.chosen("mode", *mode, StatementMode::as_str_name);
    fields.line("occasion", occasion);
    fields.line("place", place);
    let declined = StatementMode::try_from(*mode) == Ok(StatementMode::Declined);
    if declined && !text.is_empty() {
        fields.add("text", "has to be empty: the speaker declined to comment");
    } else if !declined && text.trim().is_empty() {
        fields.add("text", "is required unless the mode is STATEMENT_MODE_DECLINED");
    }
    fields.text("text", text);
    fields.names("topics", topics);
    fields.lines("mentions", mentions);
    fields.optional_id("exchange_id", exchange_id);
    fields.date("occurred", occurred);
    fields.line("occurred_text", occurred_text);
    fields.0
}

/// An address that a reader can follow. Whether anything is there is not for us to find out.
fn address(fields: &mut Fields, field: &str, url: &str) {
    fields.within(field, "bytes", url.len(), limits::URL_BYTES);
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
            None => "is not an address that begins with http:// or https:// and a host".to_owned(),
        };
        fields.add(field, problem);
    }
}

/// Only the look of a BCP 47 tag: the registry of languages changes, the record does not.
fn tongue(fields: &mut Fields, language: &str) {
    fields.within("language", "bytes", language.len(), limits::LANGUAGE_BYTES);
    if language.is_empty() {
        return;
    }
    let mut subtags = language.split('-');
    let first = subtags.next().unwrap_or_default();
    let primary = (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    let others = subtags.all(|subtag| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if !primary || !others {
        fields.add("language", "is not a BCP 47 tag such as en or pt-BR");
    }
}
