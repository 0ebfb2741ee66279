//! Statements: by their words, who spoke, what about, and when.

use std::collections::{BTreeSet, HashMap};

use super::{Name, day, days, sort, within};
use crate::domain::{date::Edtf, event::Position, leg::Side, proto::ListOrder, symbol::Symbol};
use crate::projections::{
    claim_history::is_shown,
    claims::{Claims, Content, NestedThen, Row, Statement, View},
    interned::Place,
    register::Register,
    search::{WordSearch, folded},
    walk::{Walk, piece},
};

/// Which statements are requested. Empty or absent: whatever it is.
#[derive(Clone, Debug, Default)]
pub struct StatementQuery {
    /// Words that must all occur.
    pub words: String,
    /// The speaker's name; names are the same that give the same stream.
    pub speaker: String,
    /// The party of the speaker, or of whom the speaker spoke for.
    pub party: String,
    /// A topic.
    pub topic: String,
    /// The exchange that it is about, or within which that one is.
    pub exchange: String,
    /// Number of `proto::StatementMode`.
    pub mode: Option<i32>,
    /// When it was made.
    pub occurred: Option<Edtf>,
    /// Where it was taken from.
    pub source: String,
    /// The order in which they come.
    pub order: ListOrder,
    /// Retracted ones as well, as they read at last.
    pub include_retracted: bool,
}

/// The statements that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statements {
    /// The claims, in the requested order.
    pub claims: Vec<Position>,
    /// How many more there are that say no date, where the query requires one.
    pub undated: u32,
}

/// Rows that are looked at in one piece.
const PIECE: usize = 4_096;

/// Lists statements as the record said just after a position.
#[derive(Debug)]
pub struct StatementWalk {
    query: StatementQuery,
    at: Position,
    nested: NestedThen,
    begun: Option<(Wanted, Candidates)>,
    found: Vec<(Option<i32>, Position)>,
    undated: u32,
}

/// The fewest rows that are easily found and hold all requested ones.
#[derive(Debug)]
enum Candidates {
    /// Those with the words.
    With(WordSearch),
    /// Those about some exchanges: their places, and how many were looked at.
    About(Vec<Place>, usize),
    /// All statements; how many were looked at.
    All(usize),
}

impl StatementWalk {
    /// The list as the record stood just after `at`.
    pub fn new(query: StatementQuery, at: Position) -> Self {
        let (nested, found) = (NestedThen::default(), Vec::new());
        Self { query, at, nested, begun: None, found, undated: 0 }
    }
}

impl Walk for StatementWalk {
    type Answer = Statements;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { query, at, nested, begun, found, undated } = self;
        let view = register.again_at(*at, nested);
        let (wanted, candidates) = begun.get_or_insert_with(|| {
            let wanted = Wanted::new(&view, query);
            let candidates = Candidates::new(&view, query, wanted.within.as_ref());
            (wanted, candidates)
        });
        let (rows, done) = candidates.next(&view);
        for row in rows {
            let Content::Statement(statement) = &row.content else { continue };
            // The reading that is shown must have the words and meet all other conditions.
            if !wanted.is_met_by(&view, query, (row, statement))
                || !is_shown(&view, row, query.include_retracted)
            {
                continue;
            }
            let days = days(&view, statement.occurred);
            match (&query.occurred, days) {
                (Some(_), None) => *undated += 1,
                (Some(occurred), Some(days)) if !occurred.overlaps_days(days) => {}
                _ => found.push((day(query.order, days), row.claim)),
            }
        }
        done
    }

    fn answer(mut self) -> Statements {
        sort(self.query.order, &mut self.found);
        let claims = self.found.into_iter().map(|(_, claim)| claim).collect();
        Statements { claims, undated: self.undated }
    }
}

impl Candidates {
    fn new(view: &View<'_>, query: &StatementQuery, within: Option<&BTreeSet<Symbol>>) -> Self {
        let claims = view.claims();
        if !query.words.is_empty() {
            return Self::With(claims.words().search(&query.words));
        }
        match within {
            Some(exchanges) => {
                let places = exchanges.iter().flat_map(|it| claims.other_places(*it));
                Self::About(places.copied().collect(), 0)
            }
            None => Self::All(0),
        }
    }

    /// The next rows, and whether they are the last.
    fn next<'a>(&mut self, view: &View<'a>) -> (Vec<&'a Row>, bool) {
        let claims = view.claims();
        match self {
            Self::With(search) => {
                let places = claims.words().find(search, PIECE);
                (rows(claims, &places), claims.words().is_through(search))
            }
            Self::About(places, next) => next_of(view, places, next),
            Self::All(next) => next_of(view, claims.statements(), next),
        }
    }
}

fn next_of<'a>(view: &View<'a>, places: &[Place], next: &mut usize) -> (Vec<&'a Row>, bool) {
    let some = places.get(piece(next, PIECE, places.len())).unwrap_or_default();
    (rows(view.claims(), some), *next >= places.len())
}

fn rows<'a>(claims: &'a Claims, places: &[Place]) -> Vec<&'a Row> {
    places.iter().filter_map(|place| claims.row_at(*place)).collect()
}

/// A query in the symbols of the record.
#[derive(Debug)]
struct Wanted {
    within: Option<BTreeSet<Symbol>>,
    source: Name,
    party: Name,
    /// Stream name of the speaker.
    speaker: String,
    topic: String,
    /// Of speakers and sets of topics that were met before, whether they are requested.
    speakers: HashMap<Place, bool>,
    topics: HashMap<Place, bool>,
}

impl Wanted {
    fn new(view: &View<'_>, query: &StatementQuery) -> Self {
        Self {
            within: within(view, &query.exchange),
            source: Name::new(view, &query.source),
            party: Name::new(view, &query.party),
            speaker: slug::slugify(&query.speaker),
            topic: folded(&query.topic),
            speakers: HashMap::new(),
            topics: HashMap::new(),
        }
    }

    fn is_met_by(
        &mut self,
        view: &View<'_>,
        query: &StatementQuery,
        (row, statement): (&Row, &Statement),
    ) -> bool {
        self.source.is(row.source)
            && query.mode.is_none_or(|mode| mode == statement.mode)
            && self.within.as_ref().is_none_or(|within| within.contains(&row.subject))
            && self.is_of_party(view, statement)
            && (query.speaker.is_empty() || self.is_by(view, statement.speaker))
            && (query.topic.is_empty() || self.is_on(view, statement.topics))
    }

    fn is_of_party(&self, view: &View<'_>, statement: &Statement) -> bool {
        let actors = [statement.speaker, statement.on_behalf_of];
        let actors = actors.into_iter().filter_map(|place| view.vocabulary().actor_at(place));
        self.party.is_among(actors.map(|actor| actor.party))
    }

    fn is_by(&mut self, view: &View<'_>, speaker: Place) -> bool {
        let wanted = &self.speaker;
        *self.speakers.entry(speaker).or_insert_with(|| {
            let actor = view.vocabulary().actor_at(speaker);
            actor.is_some_and(|it| slug::slugify(view.vocabulary().text(it.name)) == *wanted)
        })
    }

    fn is_on(&mut self, view: &View<'_>, topics: Place) -> bool {
        let wanted = &self.topic;
        *self.topics.entry(topics).or_insert_with(|| {
            let names = view.vocabulary().side(topics);
            let mut names = names.into_iter().flat_map(Side::iter);
            names.any(|name| folded(view.vocabulary().text(name)) == *wanted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::{self, StatementMade, StatementMode};
    use crate::projections::{claims::test_record::Record, walk::walked};

    fn statement(speaker: &str, text: &str) -> StatementMade {
        let speaker = proto::Actor { name: speaker.into(), ..Default::default() };
        StatementMade { speaker: Some(speaker), text: text.into(), ..Default::default() }
    }

    fn find(register: &Register, at: Position, query: &StatementQuery) -> Vec<Position> {
        walked(StatementWalk::new(query.clone(), at), register).claims
    }

    fn words(words: &str) -> StatementQuery {
        StatementQuery { words: words.into(), ..Default::default() }
    }

    #[test]
    fn a_statement_is_found_by_its_words_of_then() {
        let mut record = Record::default();
        let claim = record.push(&statement("Ana", "Twenty-six came home"));
        record.push(&statement("Ben", "Nobody came"));
        let correction = record.correct(claim, &statement("Ana", "Twenty-four came home"));
        let undone = record.retract(correction);
        let register = record.claims();
        for (at, six, four) in
            [(claim, true, false), (correction, false, true), (undone, true, false)]
        {
            let found = |search| find(&register, at, &words(search)) == [claim];
            assert_eq!((found("SIX home"), found("four home")), (six, four), "at {at}");
        }
        assert_eq!(find(&register, claim - 1, &words("home")), [0; 0]);
        assert_eq!(find(&register, undone, &words("came")), [claim, 2]);
        assert_eq!(find(&register, undone, &words("nobody home")), [0; 0]);
    }

    #[test]
    fn a_retracted_statement_is_found_only_if_that_is_requested_and_reads_as_it_did_at_last() {
        let mut record = Record::default();
        let claim = record.push(&statement("Ana", "first"));
        record.correct(claim, &statement("Ana", "second"));
        let gone = record.retract(claim);
        let register = record.claims();
        let both = |search| StatementQuery { include_retracted: true, ..words(search) };
        assert_eq!(find(&register, gone - 1, &words("second")), [claim]);
        assert_eq!(find(&register, gone, &words("second")), [0; 0]);
        assert_eq!(find(&register, gone, &both("second")), [claim]);
        assert_eq!(find(&register, gone, &both("first")), [0; 0]);
        assert_eq!(find(&register, gone, &both("")), [claim]);
    }

    #[test]
    fn occasion_speaker_and_topics_have_words_too_and_marks_make_no_difference() {
        let mut record = Record::default();
        let claim = record.push(&StatementMade {
            occasion: "Interview \u{e0} Paris".into(),
            topics: vec!["prisoner list".into()],
            ..statement("\u{130}brahim Kal\u{131}n", "We hosted it.")
        });
        let register = record.claims();
        for search in ["kalin HOSTED", "a paris", "Ibrahim list", "int\u{e9}rview"] {
            assert_eq!(find(&register, claim, &words(search)), [claim], "{search}");
        }
        assert_eq!(find(&register, claim, &words("kal")), [0; 0], "whole words only");
    }

    fn assorted() -> Record {
        let actor = |party: &str| Some(proto::Actor { party: party.into(), ..Default::default() });
        let attribution = Some(proto::Attribution { source_id: "s".into(), ..Default::default() });
        let mut record = Record::default();
        record.report("inner", "outer", "2024-08-01", "");
        record.push(&StatementMade {
            attribution,
            exchange_id: "inner".into(),
            mode: StatementMode::Written.into(),
            occurred: "2024-08".into(),
            ..statement("Ana Demo", "a")
        });
        record.push(&StatementMade {
            on_behalf_of: actor("TR"),
            topics: vec!["Prisoner List".into(), "Hosts".into()],
            ..statement("ana-demo", "b")
        });
        record.push(&StatementMade {
            speaker: actor("TR"),
            exchange_id: "outer".into(),
            occurred: "2025-01-02".into(),
            ..statement("", "c")
        });
        record
    }

    #[test]
    fn each_filter_leaves_out_what_does_not_meet_it() {
        let register = assorted().claims();
        let any = StatementQuery { order: ListOrder::Position, ..Default::default() };
        let mode = |mode: StatementMode| Some(mode.into());
        let s = |text: &str| text.to_owned();
        for (query, expected) in [
            (any.clone(), vec![2, 3, 4]),
            (StatementQuery { speaker: s("ANA  Demo"), ..any.clone() }, vec![2, 3]),
            (StatementQuery { party: s("TR"), ..any.clone() }, vec![3, 4]),
            (StatementQuery { topic: s("prisoner list"), ..any.clone() }, vec![3]),
            (StatementQuery { topic: s("prisoner"), ..any.clone() }, vec![]),
            (StatementQuery { exchange: s("outer"), ..any.clone() }, vec![2, 4]),
            (StatementQuery { exchange: s("inner"), ..any.clone() }, vec![2]),
            (StatementQuery { exchange: s("nowhere"), ..any.clone() }, vec![]),
            (StatementQuery { mode: mode(StatementMode::Written), ..any.clone() }, vec![2]),
            (StatementQuery { source: s("s"), ..any.clone() }, vec![2]),
            (StatementQuery { source: s("never heard of"), ..any.clone() }, vec![]),
            (StatementQuery { exchange: s("outer"), words: s("c"), ..any.clone() }, vec![4]),
        ] {
            assert_eq!(find(&register, 4, &query), expected, "{query:?}");
        }
    }

    #[test]
    fn statements_without_a_date_are_counted_apart_where_a_date_is_requested() {
        let register = assorted().claims();
        let august = Edtf::parse("2024-08-31").ok();
        let query = StatementQuery { occurred: august, ..Default::default() };
        let found = walked(StatementWalk::new(query, 4), &register);
        assert_eq!(found, Statements { claims: vec![2], undated: 1 });
        let newest = find(&register, 4, &StatementQuery::default());
        assert_eq!(newest, [4, 2, 3], "what has no date comes last");
    }
}
