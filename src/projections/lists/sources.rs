//! Sources: those that are registered, and those that are only cited.

use crate::domain::{event::Position, symbol::Symbol};
use crate::projections::claims::{Row, Said, View};

/// Which sources are asked for. Empty or absent: whatever it is.
#[derive(Clone, Debug, Default)]
pub struct SourceQuery {
    /// Words that must all occur in title and publisher.
    pub words: String,
    /// Number of `proto::SourceKind`.
    pub kind: Option<i32>,
}

/// A source that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFound {
    /// The id that attributions name.
    pub id: String,
    /// Its latest registration; absent: it is only cited.
    pub registration: Option<Position>,
    /// How many claims cite it that are not retracted, events about claims included.
    pub claims: u32,
}

/// One source; absent: it is neither registered nor cited.
pub fn source(view: &View<'_>, id: &str) -> Option<SourceFound> {
    let source = view.vocabulary().find(id).filter(|source| !source.is_empty())?;
    let registration = registration(view, source).map(|row| row.from);
    let claims = view.citations(Some(source)).get(&source).copied().unwrap_or_default();
    let known = registration.is_some() || claims > 0;
    known.then(|| SourceFound { id: id.to_owned(), registration, claims })
}

/// Lists sources, by id.
pub fn sources(view: &View<'_>, query: &SourceQuery) -> Vec<SourceFound> {
    let mut citations = view.citations(None);
    let mut found = Vec::new();
    let mut add = |source: Symbol, registration: Option<Position>, claims: u32| {
        let id = view.vocabulary().text(source).to_owned();
        found.push(SourceFound { id, registration, claims });
    };
    for row in registrations(view, query) {
        let claims = citations.remove(&row.subject).unwrap_or_default();
        let Said::Source(kind) = row.said else { continue };
        if query.kind.is_none_or(|wanted| wanted == kind) {
            add(row.subject, Some(row.from), claims);
        }
    }
    // Of what is only cited neither words nor kind are known.
    if query.words.is_empty() && query.kind.is_none() {
        citations.into_iter().for_each(|(source, claims)| add(source, None, claims));
    }
    found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    found
}

/// The latest registration of each source whose words, if any are asked for, are in it.
fn registrations<'a>(view: &View<'a>, query: &SourceQuery) -> Vec<&'a Row> {
    let claims = view.claims();
    if query.words.is_empty() {
        return claims.sources().filter_map(|source| registration(view, source)).collect();
    }
    let mut rows = claims.rows_with(&query.words);
    rows.retain(|row| {
        let is_latest = |latest: &Row| latest.from == row.from;
        matches!(row.said, Said::Source(_))
            && registration(view, row.subject).is_some_and(is_latest)
    });
    rows
}

fn registration<'a>(view: &View<'a>, source: Symbol) -> Option<&'a Row> {
    view.claims().source_rows(source).filter(|row| row.stands_at(view.at())).last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto;
    use crate::domain::proto::{
        Attribution, ClaimConfirmed, ClaimCorrected, ClaimRetracted, SourceKind, SourceRegistered,
        StatementMade,
    };
    use crate::projections::{claims::samples::Record, register::Register};

    fn from(source: &str) -> Option<Attribution> {
        Some(Attribution { source_id: source.into(), ..Default::default() })
    }

    fn registered(id: &str, title: &str, kind: SourceKind) -> SourceRegistered {
        let (source_id, title, kind) = (id.into(), title.into(), kind.into());
        SourceRegistered { source_id, title, kind, ..Default::default() }
    }

    fn said(source: &str) -> StatementMade {
        StatementMade { attribution: from(source), ..Default::default() }
    }

    fn list(register: &Register, at: Position, query: &SourceQuery) -> Vec<(String, bool, u32)> {
        let found = sources(&register.at(at), query).into_iter();
        found.map(|it| (it.id, it.registration.is_some(), it.claims)).collect()
    }

    fn expected(sources: &[(&str, bool, u32)]) -> Vec<(String, bool, u32)> {
        sources.iter().map(|(id, known, claims)| ((*id).to_owned(), *known, *claims)).collect()
    }

    #[test]
    fn sources_are_listed_with_the_claims_that_cite_them_and_stand() {
        let mut record = Record::default();
        record.push(&registered("b", "A swap", SourceKind::Outlet));
        let claim = record.push(&said("a"));
        record.push(&said("a"));
        let attribution = from("c");
        record.push(&ClaimConfirmed { attribution, claim, ..Default::default() });
        let before = record.head();
        let replacement = Some(proto::Any::pack(&said("b")));
        let attribution = from("desk");
        record.push(&ClaimCorrected { attribution, claim, replacement, ..Default::default() });
        let corrected = record.head();
        let attribution = from("desk");
        record.push(&ClaimRetracted { attribution, claim, ..Default::default() });
        let register = record.claims();
        let all = |at| list(&register, at, &SourceQuery::default());
        assert_eq!(all(before), expected(&[("a", false, 2), ("b", true, 0), ("c", false, 1)]));
        let moved = [("a", false, 1), ("b", true, 1), ("c", false, 1), ("desk", false, 1)];
        assert_eq!(all(corrected), expected(&moved));
        let gone = [("a", false, 1), ("b", true, 0), ("c", false, 1), ("desk", false, 2)];
        assert_eq!(all(record.head()), expected(&gone));
        for found in sources(&register.at(corrected), &SourceQuery::default()) {
            assert_eq!(source(&register.at(corrected), &found.id), Some(found));
        }
    }

    #[test]
    fn a_source_is_known_from_the_first_event_that_names_it() {
        let mut record = Record::default();
        let first = record.push(&said("a"));
        let gone = record.retract(first);
        let register = record.claims();
        assert!(source(&register.at(first), "a").is_some());
        for (at, id) in [(first - 1, "a"), (gone, "a"), (first, "nowhere"), (first, "")] {
            assert_eq!(source(&register.at(at), id), None, "{id} at {at}");
        }
    }

    #[test]
    fn the_latest_registration_is_the_one_whose_words_and_kind_count() {
        let mut record = Record::default();
        let first = record.push(&registered("a", "Der erste Austausch", SourceKind::Outlet));
        let mut again = registered("a", "The second swap", SourceKind::NgoReport);
        again.publisher = "Caf\u{e9} Press".into();
        let second = record.push(&again);
        record.push(&said("b"));
        let register = record.claims();
        let find = |at, words: &str, kind: Option<SourceKind>| {
            let query = SourceQuery { words: words.into(), kind: kind.map(Into::into) };
            sources(&register.at(at), &query).len()
        };
        assert_eq!((find(first, "austausch", None), find(second, "austausch", None)), (1, 0));
        assert_eq!((find(second, "SWAP cafe", None), find(second, "swap outlet", None)), (1, 0));
        let kinds = [SourceKind::Outlet, SourceKind::NgoReport];
        assert_eq!(kinds.map(|kind| find(first, "", Some(kind))), [1, 0]);
        assert_eq!(kinds.map(|kind| find(second, "", Some(kind))), [0, 1]);
        assert_eq!(find(3, "", None), 2);
    }
}
