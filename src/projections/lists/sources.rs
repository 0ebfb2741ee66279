//! Sources: those that are registered, and those that are only cited.

use crate::domain::{event::Position, symbol::Symbol};
use crate::projections::{
    claims::{Claims, Content, NestedThen, Row, View},
    register::Register,
    search::WordSearch,
    walk::{Walk, piece},
};

/// Which sources are requested. Empty or absent: whatever it is.
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

/// A source, if there is a name like it.
pub fn find_source(register: &Register, id: &str) -> Option<Symbol> {
    register.claims().vocabulary().find(id).filter(|source| !source.is_empty())
}

/// Sources, and rows that cite them, that are looked at in one piece.
const PIECE: usize = 2_048;

/// Lists the sources that were known just after a position, by id.
#[derive(Debug)]
pub struct SourceWalk {
    query: SourceQuery,
    at: Position,
    nested: NestedThen,
    begun: Option<Candidates>,
    found: Vec<(Box<str>, Symbol)>,
}

/// The sources that the query can match.
#[derive(Debug)]
enum Candidates {
    /// Those with the words in their registrations.
    With(WordSearch),
    /// All, and how many were looked at.
    All(Vec<Symbol>, usize),
}

impl SourceWalk {
    /// The list as the record stood just after `at`.
    pub fn new(query: SourceQuery, at: Position) -> Self {
        Self { query, at, nested: NestedThen::default(), begun: None, found: Vec::new() }
    }
}

impl Walk for SourceWalk {
    type Answer = Vec<Symbol>;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { query, at, nested, begun, found } = self;
        let (claims, view) = (register.claims(), register.again_at(*at, nested));
        let text = |source| Box::from(claims.vocabulary().text(source));
        let candidates = begun.get_or_insert_with(|| match query.words.as_str() {
            "" => Candidates::All(claims.all_sources().collect(), 0),
            words => Candidates::With(claims.words().search(words)),
        });
        match candidates {
            Candidates::With(search) => {
                let places = claims.words().find(search, PIECE);
                let rows = places.iter().filter_map(|place| claims.row_at(*place));
                let rows = rows.filter(|row| is_latest(claims, row, *at));
                let of_kind = rows.filter(|row| query.is_of_kind(row));
                found.extend(of_kind.map(|row| (text(row.subject), row.subject)));
                claims.words().is_through(search)
            }
            Candidates::All(sources, next) => {
                let some = sources.get(piece(next, PIECE, sources.len())).unwrap_or_default();
                let known =
                    some.iter().filter(|source| match registration(claims, **source, *at) {
                        Some(row) => query.is_of_kind(row),
                        // Of what is only cited the kind is not known.
                        None => query.kind.is_none() && is_cited(&view, **source),
                    });
                found.extend(known.map(|source| (text(*source), *source)));
                *next >= sources.len()
            }
        }
    }

    fn answer(mut self) -> Vec<Symbol> {
        self.found.sort_unstable();
        self.found.dedup();
        self.found.into_iter().map(|(_, source)| source).collect()
    }
}

impl SourceQuery {
    fn is_of_kind(&self, row: &Row) -> bool {
        self.kind.is_none_or(|wanted| row.content == Content::Source(wanted))
    }
}

/// Says what is known of some sources just after a position; what is not known by then is left
/// out.
#[derive(Debug)]
pub struct CitingWalk {
    sources: Vec<Symbol>,
    at: Position,
    nested: NestedThen,
    /// The source that is looked at, the rows of it that were, and the claims that they are.
    next: usize,
    looked_at: usize,
    claims: u32,
    found: Vec<SourceFound>,
}

impl CitingWalk {
    /// As the record stood just after `at`, in the order in which they are given.
    pub fn new(sources: Vec<Symbol>, at: Position) -> Self {
        let (nested, found) = (NestedThen::default(), Vec::new());
        Self { sources, at, nested, next: 0, looked_at: 0, claims: 0, found }
    }
}

impl Walk for CitingWalk {
    type Answer = Vec<SourceFound>;

    fn go_on(&mut self, register: &Register) -> bool {
        let claims = register.claims();
        let view = register.again_at(self.at, &self.nested);
        let mut left = PIECE;
        while let Some(source) = self.sources.get(self.next).copied() {
            let places = claims.citing(source);
            let some = piece(&mut self.looked_at, left, places.len());
            left -= some.len();
            self.claims += view.citations(places.get(some).unwrap_or_default());
            if self.looked_at < places.len() || left == 0 {
                return false;
            }
            let (claimed, registration) =
                (self.claims + view.citing_events(source), registration(claims, source, self.at));
            let id = claims.vocabulary().text(source).to_owned();
            let registration = registration.map(|row| row.from);
            if registration.is_some() || claimed > 0 {
                self.found.push(SourceFound { id, registration, claims: claimed });
            }
            (self.next, self.looked_at, self.claims) = (self.next + 1, 0, 0);
        }
        true
    }

    fn answer(self) -> Vec<SourceFound> {
        self.found
    }
}

/// Whether a claim that stands cites a source, events about claims included.
fn is_cited(view: &View<'_>, source: Symbol) -> bool {
    let claims = view.claims();
    claims.citing(source).iter().any(|place| view.citations(&[*place]) > 0)
        || view.citing_events(source) > 0
}

/// Whether a row is the latest registration of its source.
fn is_latest(claims: &Claims, row: &Row, at: Position) -> bool {
    matches!(row.content, Content::Source(_))
        && registration(claims, row.subject, at).is_some_and(|latest| latest.from == row.from)
}

/// The latest registration of a source.
fn registration(claims: &Claims, source: Symbol, at: Position) -> Option<&Row> {
    claims.source_rows(source, at).rev().find(|row| row.stands_at(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto;
    use crate::domain::proto::{
        Attribution, ClaimConfirmed, ClaimCorrected, ClaimRetracted, SourceKind, SourceRegistered,
        StatementMade,
    };
    use crate::projections::{claims::test_record::Record, walk::walked};

    fn from(source: &str) -> Attribution {
        Attribution { source_id: source.into(), ..Default::default() }
    }

    fn registered(id: &str, title: &str, kind: SourceKind) -> SourceRegistered {
        let (source_id, title, kind) = (id.into(), title.into(), kind.into());
        SourceRegistered { source_id, title, kind, ..Default::default() }
    }

    fn statement(source: &str) -> StatementMade {
        StatementMade { attribution: Some(from(source)), ..Default::default() }
    }

    fn sources(register: &Register, at: Position, query: &SourceQuery) -> Vec<SourceFound> {
        let found = walked(SourceWalk::new(query.clone(), at), register);
        walked(CitingWalk::new(found, at), register)
    }

    fn source(register: &Register, at: Position, id: &str) -> Option<SourceFound> {
        walked(CitingWalk::new(vec![find_source(register, id)?], at), register).pop()
    }

    fn list(register: &Register, at: Position, query: &SourceQuery) -> Vec<(String, bool, u32)> {
        let found = sources(register, at, query).into_iter();
        found.map(|it| (it.id, it.registration.is_some(), it.claims)).collect()
    }

    fn expected(sources: &[(&str, bool, u32)]) -> Vec<(String, bool, u32)> {
        sources.iter().map(|(id, known, claims)| ((*id).to_owned(), *known, *claims)).collect()
    }

    #[test]
    fn sources_are_listed_with_the_claims_that_cite_them_and_stand() {
        let mut record = Record::default();
        record.push(&registered("b", "A swap", SourceKind::Outlet));
        let claim = record.push(&statement("a"));
        record.push(&statement("a"));
        let attribution = Some(from("c"));
        record.push(&ClaimConfirmed { attribution, claim, ..Default::default() });
        let before = record.head();
        let replacement = Some(proto::Any::pack(&statement("b")));
        let attribution = Some(from("desk"));
        record.push(&ClaimCorrected { attribution, claim, replacement, ..Default::default() });
        let corrected = record.head();
        let attribution = Some(from("desk"));
        record.push(&ClaimRetracted { attribution, claim, ..Default::default() });
        let register = record.claims();
        let all = |at| list(&register, at, &SourceQuery::default());
        assert_eq!(all(before), expected(&[("a", false, 2), ("b", true, 0), ("c", false, 1)]));
        let moved = [("a", false, 1), ("b", true, 1), ("c", false, 1), ("desk", false, 1)];
        assert_eq!(all(corrected), expected(&moved));
        let gone = [("a", false, 1), ("b", true, 0), ("c", false, 1), ("desk", false, 2)];
        assert_eq!(all(record.head()), expected(&gone));
        for found in sources(&register, corrected, &SourceQuery::default()) {
            assert_eq!(source(&register, corrected, &found.id), Some(found));
        }
    }

    #[test]
    fn a_source_is_known_from_the_first_event_that_names_it() {
        let mut record = Record::default();
        let first = record.push(&statement("a"));
        let gone = record.retract(first);
        let register = record.claims();
        assert!(source(&register, first, "a").is_some());
        for (at, id) in [(first - 1, "a"), (gone, "a"), (first, "nowhere"), (first, "")] {
            assert_eq!(source(&register, at, id), None, "{id} at {at}");
        }
    }

    #[test]
    fn the_latest_registration_is_the_one_whose_words_and_kind_count() {
        let mut record = Record::default();
        let first = record.push(&registered("a", "Der erste Austausch", SourceKind::Outlet));
        let mut again = registered("a", "The second swap", SourceKind::NgoReport);
        again.publisher = "Caf\u{e9} Press".into();
        let second = record.push(&again);
        record.push(&statement("b"));
        let register = record.claims();
        let find = |at, words: &str, kind: Option<SourceKind>| {
            let query = SourceQuery { words: words.into(), kind: kind.map(Into::into) };
            sources(&register, at, &query).len()
        };
        assert_eq!((find(first, "austausch", None), find(second, "austausch", None)), (1, 0));
        assert_eq!((find(second, "SWAP cafe", None), find(second, "swap outlet", None)), (1, 0));
        let kinds = [SourceKind::Outlet, SourceKind::NgoReport];
        assert_eq!(kinds.map(|kind| find(first, "", Some(kind))), [1, 0]);
        assert_eq!(kinds.map(|kind| find(second, "", Some(kind))), [0, 1]);
        assert_eq!(find(3, "", None), 2);
    }
}
