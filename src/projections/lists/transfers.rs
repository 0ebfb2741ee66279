//! Claims about transfers: agreed, completed, declined, and what they add up to.

use std::collections::{BTreeSet, HashMap};

use super::{Name, days, within};
use crate::domain::{
    date::Edtf,
    event::Position,
    leg::{CategoryCode, UnitCode},
    proto::TransferClaimKind,
    symbol::Symbol,
};
use crate::projections::{
    claim_history::as_shown,
    claims::{Content, NestedThen, Row, View},
    counts::{When, when},
    extent::sort,
    interned::Place,
    register::Register,
    walk::{Walk, piece},
};

/// Which claims are requested. Empty or absent: whatever it is.
#[derive(Clone, Debug, Default)]
pub struct TransferQuery {
    /// The exchange that it is about, or within which that one is.
    pub exchange: String,
    /// A party that gave up, alone or with others.
    pub from: String,
    /// A party that received, alone or with others.
    pub to: String,
    /// The sorts of claim.
    pub kinds: Vec<TransferClaimKind>,
    /// Number of `proto::Category`.
    pub category: Option<CategoryCode>,
    /// Number of `proto::Unit`.
    pub unit: Option<UnitCode>,
    /// The party of the one who asserts it.
    pub claimant: String,
    /// Where it was taken from.
    pub source: String,
    /// When the outermost exchange occurred; of a total of a series, up to when it counts.
    pub occurred: Option<Edtf>,
    /// Retracted ones as well, as they read at last.
    pub include_retracted: bool,
}

/// A stretch of the claims that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// The claims, by position.
    pub claims: Vec<Position>,
    /// How many outermost exchanges with such claims have no date, where the query requires one.
    pub undated: u32,
}

/// Claims that are looked at in one piece.
const PIECE: usize = 4_096;

/// Lists claims about transfers as the record said just after a position.
///
/// They come by position, so a stretch of the list needs nothing of what lies before and behind
/// it. Only how many exchanges have no date has to be counted through, once.
#[derive(Debug)]
pub struct TransferWalk {
    query: TransferQuery,
    at: Position,
    nested: NestedThen,
    begun: Option<(Wanted, Candidates)>,
    found: Found,
}

/// What was found so far.
#[derive(Debug)]
struct Found {
    /// The stretch begins after this claim, and ends when it has so many.
    after: Position,
    most: usize,
    claims: Vec<Position>,
    outermost: HashMap<Symbol, When>,
    undated: Undated,
}

/// The exchanges without a date.
#[derive(Debug)]
enum Undated {
    /// So many; they were counted before, or the query requires no date.
    Counted(u32),
    /// Those that were met so far.
    Met(BTreeSet<Symbol>),
}

impl TransferWalk {
    /// The list as the record stood just after `at`: at most so many claims after one of them.
    /// `undated` is what an earlier stretch said of exchanges without a date.
    pub fn new(
        query: TransferQuery,
        at: Position,
        (after, most): (Position, usize),
        undated: Option<u32>,
    ) -> Self {
        let undated = match (undated, &query.occurred) {
            (Some(counted), _) => Undated::Counted(counted),
            (None, None) => Undated::Counted(0),
            (None, Some(_)) => Undated::Met(BTreeSet::new()),
        };
        let (claims, outermost) = (Vec::new(), HashMap::new());
        let found = Found { after, most, claims, outermost, undated };
        Self { query, at, nested: NestedThen::default(), begun: None, found }
    }
}

impl Walk for TransferWalk {
    type Answer = Transfers;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { query, at, nested, begun, found } = self;
        let view = register.again_at(*at, nested);
        let (wanted, candidates) = begun.get_or_insert_with(|| {
            let wanted = Wanted::new(&view, query);
            let after = if found.is_counted() { found.after } else { 0 };
            let candidates = Candidates::new(&view, wanted.within.as_ref(), after);
            (wanted, candidates)
        });
        let (rows, done) = candidates.next(&view);
        for row in rows {
            let shown = as_shown(&view, row, query.include_retracted);
            if let Some(row) = shown.filter(|row| wanted.is_met_by(&view, query, row)) {
                found.take(register, &view, query, row);
            }
        }
        done || (found.claims.len() >= found.most && found.is_counted())
    }

    fn answer(self) -> Transfers {
        let undated = match self.found.undated {
            Undated::Counted(count) => count,
            Undated::Met(exchanges) => u32::try_from(exchanges.len()).unwrap_or(u32::MAX),
        };
        Transfers { claims: self.found.claims, undated }
    }
}

impl Found {
    fn is_counted(&self) -> bool {
        matches!(self.undated, Undated::Counted(_))
    }

    /// Takes a claim that meets all other conditions, if its date does as well.
    fn take(&mut self, register: &Register, view: &View<'_>, query: &TransferQuery, row: &Row) {
        let occurred = query.occurred.as_ref();
        let when = occurred.map_or(When::Within, |it| self.when(register, view, (row, it)));
        let is_next = row.claim > self.after && self.claims.len() < self.most;
        match (when, &mut self.undated) {
            (When::Within, _) if is_next => self.claims.push(row.claim),
            (When::Unknown, Undated::Met(exchanges)) => {
                exchanges.insert(view.nesting().outermost(row.subject));
            }
            (When::Within | When::Elsewhere | When::Unknown, _) => {}
        }
    }

    /// When the claim's outermost exchange occurred, each looked up once.
    fn when(
        &mut self,
        register: &Register,
        view: &View<'_>,
        (row, occurred): (&Row, &Edtf),
    ) -> When {
        if let Content::RunningTotal(total) = &row.content {
            let within = |days| occurred.overlaps_days(days);
            let within = days(view, total.as_of).is_some_and(within);
            return if within { When::Within } else { When::Elsewhere };
        }
        let exchange = view.nesting().outermost(row.subject);
        *self.outermost.entry(exchange).or_insert_with(|| {
            let traits = register.ledger().traits(exchange, view.at());
            traits.map_or(When::Unknown, |traits| when(&traits, occurred))
        })
    }
}

/// The claims that the query can match, by position, as they were first recorded.
#[derive(Debug)]
enum Candidates {
    /// Those about some exchanges: their places, and how many were looked at.
    About(Vec<Place>, usize),
    /// All; the place of the next row.
    All(usize),
}

impl Candidates {
    fn new(view: &View<'_>, within: Option<&BTreeSet<Symbol>>, after: Position) -> Self {
        let claims = view.claims();
        let first = claims.rows().partition_point(|row| row.from <= after);
        let Some(exchanges) = within else { return Self::All(first) };
        let places = exchanges
            .iter()
            .flat_map(|it| claims.figure_places(*it).iter().chain(claims.other_places(*it)));
        let mut places: Vec<Place> =
            places.copied().filter(|place| *place as usize >= first).collect();
        places.sort_unstable();
        Self::About(places, 0)
    }

    /// The next claims, and whether they are the last.
    fn next<'a>(&mut self, view: &View<'a>) -> (Vec<&'a Row>, bool) {
        let claims = view.claims();
        let is_first = |row: &&Row| row.claim == row.from;
        match self {
            Self::About(places, next) => {
                let some = places.get(piece(next, PIECE, places.len())).unwrap_or_default();
                let rows = some.iter().filter_map(|place| claims.row_at(*place));
                (rows.filter(is_first).collect(), *next >= places.len())
            }
            Self::All(next) => {
                let end = claims.rows().partition_point(|row| row.from <= view.at());
                let some = claims.rows().get(piece(next, PIECE, end)).unwrap_or_default();
                (some.iter().filter(is_first).collect(), *next >= end)
            }
        }
    }
}

/// A query in the symbols of the record.
#[derive(Debug)]
struct Wanted {
    within: Option<BTreeSet<Symbol>>,
    from: Name,
    to: Name,
    claimant: Name,
    source: Name,
    /// The query requires something of the leg, which a total of a series does not have.
    of_a_leg: bool,
}

impl Wanted {
    fn new(view: &View<'_>, query: &TransferQuery) -> Self {
        let TransferQuery { exchange, from, to, category, unit, claimant, source, .. } = query;
        let named = [exchange, from, to].into_iter().any(|name| !name.is_empty());
        let of_a_leg = named || category.is_some() || unit.is_some();
        let name = |name: &str| Name::new(view, name);
        Self {
            within: within(view, exchange),
            from: name(from),
            to: name(to),
            claimant: name(claimant),
            source: name(source),
            of_a_leg,
        }
    }

    fn is_met_by(&self, view: &View<'_>, query: &TransferQuery, row: &Row) -> bool {
        let Some(kind) = kind(&row.content) else { return false };
        (query.kinds.is_empty() || query.kinds.contains(&kind))
            && self.source.is(row.source)
            && self.is_claimed_by(view, row)
            && self.has_leg(view, query, row)
    }

    fn is_claimed_by(&self, view: &View<'_>, row: &Row) -> bool {
        let actor = view.vocabulary().actor_at(row.claimant);
        self.claimant.is_among(actor.into_iter().map(|actor| actor.party))
    }

    fn has_leg(&self, view: &View<'_>, query: &TransferQuery, row: &Row) -> bool {
        let Some(leg) = view.leg(row) else { return !self.of_a_leg };
        query.category.is_none_or(|category| category == leg.category)
            && query.unit.is_none_or(|unit| unit == leg.unit)
            && self.from.is_among(leg.from.iter())
            && self.to.is_among(leg.to.iter())
    }
}

/// The sort of claim; absent: it is none about a transfer.
fn kind(content: &Content) -> Option<TransferClaimKind> {
    if matches!(content, Content::RunningTotal(_)) {
        return Some(TransferClaimKind::Total);
    }
    sort(content).map(|(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto;
    use crate::projections::{
        claims::test_record::{Record, flow},
        walk::walked,
    };

    fn transfers(register: &Register, at: Position, query: &TransferQuery) -> Transfers {
        walked(TransferWalk::new(query.clone(), at, (0, usize::MAX), None), register)
    }

    fn leg(exchange: &str, from: &str, to: &str) -> Option<proto::Leg> {
        flow(exchange, from, to, None).message().leg
    }

    /// Claims 2 to 7; 1 reports that `inner`, dated, is a part of `outer`.
    fn assorted() -> Record {
        let mut record = Record::default();
        record.report("inner", "outer", "2024-08-01", "");
        record.completed(&flow("inner", "RU+BY", "DE", Some(13)));
        record.push(&proto::TransferAgreed { leg: leg("outer", "RU", "UA"), ..Default::default() });
        let remains = flow("outer", "RU", "UA", Some(5)).remains();
        record.completed(&remains.of(proto::Category::PrisonerOfWar));
        let leg = leg("other", "DE", "RU");
        record.push(&proto::TransferDeclined { leg: leg.clone(), ..Default::default() });
        let claimed_by = Some(proto::Actor { party: "TR".into(), ..Default::default() });
        let attribution =
            Some(proto::Attribution { source_id: "s".into(), claimed_by, ..Default::default() });
        record.push(&proto::TotalClaimed { leg, attribution, ..Default::default() });
        let (series, as_of) = ("UAE".into(), "2025-01-15".into());
        record.push(&proto::TotalClaimed { series, as_of, ..Default::default() });
        record
    }

    #[test]
    fn each_filter_leaves_out_what_does_not_meet_it() {
        let register = assorted().claims();
        let any = TransferQuery::default();
        let s = |text: &str| text.to_owned();
        let category = Some(proto::Category::PrisonerOfWar.into());
        for (query, expected) in [
            (any.clone(), vec![2, 3, 4, 5, 6, 7]),
            (TransferQuery { exchange: s("outer"), ..any.clone() }, vec![2, 3, 4]),
            (TransferQuery { exchange: s("inner"), ..any.clone() }, vec![2]),
            (TransferQuery { exchange: s("nowhere"), ..any.clone() }, vec![]),
            (TransferQuery { from: s("BY"), ..any.clone() }, vec![2]),
            (TransferQuery { from: s("RU"), ..any.clone() }, vec![2, 3, 4]),
            (TransferQuery { to: s("RU"), ..any.clone() }, vec![5, 6]),
            (TransferQuery { to: s("FR"), ..any.clone() }, vec![]),
            (TransferQuery { category, ..any.clone() }, vec![4]),
            (TransferQuery { unit: Some(proto::Unit::Remains.into()), ..any.clone() }, vec![4]),
            (TransferQuery { claimant: s("TR"), ..any.clone() }, vec![6]),
            (TransferQuery { source: s("s"), ..any.clone() }, vec![6]),
            (TransferQuery { kinds: vec![TransferClaimKind::Total], ..any.clone() }, vec![6, 7]),
            (
                TransferQuery {
                    kinds: vec![TransferClaimKind::Agreed, TransferClaimKind::Declined],
                    ..any.clone()
                },
                vec![3, 5],
            ),
        ] {
            assert_eq!(transfers(&register, 7, &query).claims, expected, "{query:?}");
        }
        assert_eq!(transfers(&register, 3, &any).claims, [2, 3], "as of before");
    }

    #[test]
    fn exchanges_are_selected_by_date_as_a_whole_and_undated_ones_are_counted_apart() {
        let register = assorted().claims();
        let on = |day: &str| {
            let occurred = Edtf::parse(day).ok();
            transfers(&register, 7, &TransferQuery { occurred, ..Default::default() })
        };
        // What is within the outer exchange goes by the date of its only dated part.
        assert_eq!(on("2024"), Transfers { claims: vec![2, 3, 4], undated: 1 });
        assert_eq!(on("2025"), Transfers { claims: vec![7], undated: 1 });
    }

    #[test]
    fn a_stretch_goes_on_after_a_claim_and_what_is_undated_is_counted_once() {
        let register = assorted().claims();
        let stretch = |occurred: &str, after, most, undated| {
            let query =
                TransferQuery { occurred: Edtf::parse(occurred).ok(), ..Default::default() };
            walked(TransferWalk::new(query, 7, (after, most), undated), &register)
        };
        let mut after = 0;
        for claims in [vec![2, 3], vec![4, 5], vec![6, 7], vec![]] {
            let found = stretch("", after, 2, None);
            after = found.claims.last().copied().unwrap_or_default();
            assert_eq!(found, Transfers { claims, undated: 0 });
        }
        let first = stretch("2024", 0, 2, None);
        assert_eq!(first, Transfers { claims: vec![2, 3], undated: 1 });
        let second = stretch("2024", 3, 2, Some(first.undated));
        assert_eq!(second, Transfers { claims: vec![4], undated: 1 });
    }

    #[test]
    fn a_claim_is_listed_by_how_it_reads_and_a_retracted_one_only_if_requested() {
        let mut record = Record::default();
        let claim = record.completed(&flow("x", "RU", "UA", Some(1)));
        let correction = record.correct(claim, &flow("x", "RU", "PL", Some(1)).message());
        let gone = record.retract(claim);
        let register = record.claims();
        let to = |at, party: &str, include_retracted| {
            let query = TransferQuery { to: party.into(), include_retracted, ..Default::default() };
            transfers(&register, at, &query).claims
        };
        assert_eq!((to(claim, "UA", false), to(claim, "PL", false)), (vec![claim], vec![]));
        assert_eq!((to(correction, "UA", true), to(correction, "PL", true)), (vec![], vec![claim]));
        assert_eq!((to(gone, "PL", false), to(gone, "PL", true)), (vec![], vec![claim]));
        assert_eq!(to(gone, "UA", true), [0; 0]);
    }
}
