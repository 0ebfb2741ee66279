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
    claims::{Row, Said, View},
    counts::{When, when},
    fate::shown,
    register::Register,
};

/// Which claims are asked for. Empty or absent: whatever it is.
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

/// The claims that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// The claims, by position.
    pub claims: Vec<Position>,
    /// How many outermost exchanges with such claims have no date, which was asked for.
    pub undated: u32,
}

/// Lists claims about transfers as the record said just after `at`.
pub fn transfers(register: &Register, at: Position, query: &TransferQuery) -> Transfers {
    let view = register.at(at);
    let wanted = Wanted::new(&view, query);
    let mut dated = Dated { register, view: &view, outermost: HashMap::new() };
    let mut claims = Vec::new();
    let mut undated = BTreeSet::new();
    for row in candidates(&view, wanted.within.as_ref()) {
        if row.from > at || !wanted.is_met_by(row) {
            continue;
        }
        let reads = shown(&view, row.claim)
            .filter(|(_, retracted)| query.include_retracted || retracted.is_none());
        if reads.is_none_or(|(reads, _)| reads.from != row.from) {
            continue;
        }
        match query.occurred.as_ref().map_or(When::Within, |occurred| dated.when(row, occurred)) {
            When::Within => claims.push(row.claim),
            When::Elsewhere => {}
            When::Unknown => undated.extend([view.nesting().outermost(row.subject)]),
        }
    }
    claims.sort_unstable();
    Transfers { claims, undated: u32::try_from(undated.len()).unwrap_or(u32::MAX) }
}

fn candidates<'a>(view: &View<'a>, within: Option<&BTreeSet<Symbol>>) -> Vec<&'a Row> {
    let claims = view.claims();
    match within {
        Some(exchanges) => exchanges
            .iter()
            .flat_map(|it| claims.figure_rows(*it).chain(claims.other_rows(*it)))
            .collect(),
        None => claims.rows().iter().collect(),
    }
}

/// A query in the symbols of the record.
struct Wanted<'q> {
    view: &'q View<'q>,
    query: &'q TransferQuery,
    within: Option<BTreeSet<Symbol>>,
    from: Name,
    to: Name,
    claimant: Name,
    source: Name,
    /// Something is asked of the leg, which a total of a series does not have.
    of_a_leg: bool,
}

impl<'q> Wanted<'q> {
    fn new(view: &'q View<'q>, query: &'q TransferQuery) -> Self {
        let TransferQuery { exchange, from, to, category, unit, claimant, source, .. } = query;
        let named = [exchange, from, to].into_iter().any(|name| !name.is_empty());
        let of_a_leg = named || category.is_some() || unit.is_some();
        let name = |name: &str| Name::new(view, name);
        Self {
            view,
            query,
            within: within(view, exchange),
            from: name(from),
            to: name(to),
            claimant: name(claimant),
            source: name(source),
            of_a_leg,
        }
    }

    fn is_met_by(&self, row: &Row) -> bool {
        let Some(kind) = kind(&row.said) else { return false };
        (self.query.kinds.is_empty() || self.query.kinds.contains(&kind))
            && self.source.is(row.source)
            && self.is_claimed_by(row)
            && self.has_leg(row)
    }

    fn is_claimed_by(&self, row: &Row) -> bool {
        let actor = self.view.vocabulary().actor_at(row.claimant);
        self.claimant.is_among(actor.into_iter().map(|actor| actor.party))
    }

    fn has_leg(&self, row: &Row) -> bool {
        let Some(leg) = self.view.leg(row) else { return !self.of_a_leg };
        let Self { query, from, to, .. } = self;
        query.category.is_none_or(|category| category == leg.category)
            && query.unit.is_none_or(|unit| unit == leg.unit)
            && from.is_among(leg.from.iter())
            && to.is_among(leg.to.iter())
    }
}

/// The sort of claim; absent: it is none about a transfer.
fn kind(said: &Said) -> Option<TransferClaimKind> {
    match said {
        Said::Completed(_) => Some(TransferClaimKind::Completed),
        Said::Agreed(_) => Some(TransferClaimKind::Agreed),
        Said::Declined(..) => Some(TransferClaimKind::Declined),
        Said::Total(..) | Said::RunningTotal(_) => Some(TransferClaimKind::Total),
        Said::Exchange(_)
        | Said::Role(_)
        | Said::Superlative
        | Said::Statement(_)
        | Said::Detention
        | Said::Source(_)
        | Said::Preference(_)
        | Said::Confirmed(_)
        | Said::Disputed(_) => None,
    }
}

/// When outermost exchanges occurred, each looked up once.
struct Dated<'r> {
    register: &'r Register,
    view: &'r View<'r>,
    outermost: HashMap<Symbol, When>,
}

impl Dated<'_> {
    fn when(&mut self, row: &Row, occurred: &Edtf) -> When {
        if let Said::RunningTotal(total) = &row.said {
            let within = |days| occurred.overlaps_days(days);
            let within = days(self.view, total.as_of).is_some_and(within);
            return if within { When::Within } else { When::Elsewhere };
        }
        let Self { register, view, outermost } = self;
        let exchange = view.nesting().outermost(row.subject);
        *outermost.entry(exchange).or_insert_with(|| {
            let standing = register.ledger().exchange(exchange, view.at());
            standing.map_or(When::Unknown, |standing| when(standing.traits, occurred))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto;
    use crate::projections::claims::samples::{Record, flow};

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
    fn a_claim_is_listed_by_how_it_reads_and_a_retracted_one_only_if_asked_for() {
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
