//! What the rules make of the claims about one outermost exchange.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cell::{Aggregate, Cell, FigureKey, Legs},
    traits::{Reported, Traits},
};
use crate::domain::{
    attribution,
    date::Edtf,
    estimate::Estimate,
    event::Position,
    leg::{CategoryCode, Direction, UnitCode},
    nesting::Nesting,
    proto,
    share::{EstimatedLeg, Share},
    symbol::Symbol,
    work,
};
use crate::projections::claims::{Content, Preference, Row, Transfer, View};

/// What the record says of one outermost exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it is grouped and selected by; absent: no claim about it stands.
    pub traits: Option<Traits>,
    /// Its numbers; a cell that is not there has nothing, which is not zero.
    pub cells: Vec<(Cell, Share)>,
}

impl Outcome {
    /// What the record says of `outermost` and the exchanges within it; of one that is a portion of
    /// another, nothing.
    pub fn of(view: &View<'_>, outermost: Symbol) -> Self {
        if view.nesting().larger(outermost).is_some() {
            return Self::default();
        }
        Self::within(view, outermost)
    }

    /// What the record says of an exchange and those within it, as if it were no portion itself.
    pub fn within(view: &View<'_>, outermost: Symbol) -> Self {
        let within = view.nesting().within(outermost);
        let mut rows: Vec<&Row> =
            within.iter().flat_map(|exchange| view.figures(*exchange)).collect();
        if view.nesting().larger(outermost).is_some() {
            // A number preferred for a country is one for the outermost exchange.
            rows.retain(|row| !matches!(row.content, Content::Preference(it) if it.side.is_some()));
        }
        if rows.is_empty() {
            return Self::default();
        }
        let claimed = ClaimedLegs::new(view, &rows);
        let parties = view.parties(&rows);
        work::visit(rows.len());
        let preferred = |key| claimed.preferred_for(key).collect();
        let rules = Rules { preferred: &preferred, parties: &parties, nesting: view.nesting() };
        let mut outcome = Self { traits: Some(traits(view, outermost, &rows)), cells: Vec::new() };
        for (unit, legs) in claimed.estimates(view) {
            outcome.cells.extend(rules.of_unit(unit, &legs));
        }
        outcome
    }
}

/// What the rules need beside the legs.
#[expect(missing_debug_implementations, reason = "a question to the preferences has none")]
pub struct Rules<'g> {
    /// The values preferred for a figure, the latest first.
    pub preferred: &'g dyn Fn(FigureKey) -> Vec<u32>,
    /// The parties of the outermost exchange.
    pub parties: &'g BTreeSet<Symbol>,
    /// Which exchange is a portion of which.
    pub nesting: &'g Nesting,
}

impl Rules<'_> {
    /// What the legs of one unit say: all of them, and those of each category.
    pub fn of_unit(&self, unit: UnitCode, legs: &[EstimatedLeg<'_>]) -> Vec<(Cell, Share)> {
        let cells = |legs: Legs, found: Vec<(Aggregate, Share)>| {
            found.into_iter().map(move |(aggregate, share)| (Cell { aggregate, unit, legs }, share))
        };
        let all = self.of_legs(unit, legs);
        let categories: BTreeSet<CategoryCode> = legs.iter().map(|(leg, _)| leg.category).collect();
        if let (1, Some(category)) = (categories.len(), categories.first()) {
            return cells(Legs::AllOf(*category), all).collect();
        }
        let mut found: Vec<_> = cells(Legs::All, all).collect();
        for category in categories {
            let of_category = legs.iter().filter(|(leg, _)| leg.category == category);
            let of_category = self.of_legs(unit, &of_category.cloned().collect::<Vec<_>>());
            found.extend(cells(Legs::Of(category), of_category));
        }
        found
    }

    fn of_legs(&self, unit: UnitCode, legs: &[EstimatedLeg<'_>]) -> Vec<(Aggregate, Share)> {
        let mut found = Vec::new();
        for direction in [Direction::Received, Direction::Sent] {
            let mut countries = attribution::shares(legs, self.parties, self.nesting, direction);
            for (country, share) in &mut countries {
                share.prefer((self.preferred)((*country, unit, direction)));
            }
            let side = |party: Symbol| Aggregate::Side(direction, [party].into_iter().collect());
            found.extend(countries.iter().map(|(country, share)| (side(*country), *share)));
            let others = attribution::other_sides(legs, self.nesting, direction).into_iter();
            found.extend(others.map(|(side, share)| (Aggregate::Side(direction, side), share)));
            let total = attribution::total(legs, self.nesting, direction, &countries);
            found.push((Aggregate::Total(direction), total));
        }
        let routes = attribution::routes(legs, self.nesting).into_iter();
        found.extend(routes.map(|((from, to), share)| (Aggregate::Route(from, to), share)));
        found
    }
}

/// The claims on each leg, and the values that are preferred, the latest first.
#[derive(Debug)]
pub struct ClaimedLegs<'a> {
    /// Of each leg, by its place in the table, the rows of its completed transfers.
    pub legs: BTreeMap<u32, Vec<(&'a Row, &'a Transfer)>>,
    /// With the numbers of the claims that they name.
    for_legs: BTreeMap<u32, Vec<(&'a Row, &'a Preference, u32)>>,
    for_sides: BTreeMap<FigureKey, Vec<u32>>,
    /// The preferences that hold, the latest first.
    pub preferences: Vec<(&'a Row, &'a Preference)>,
}

impl<'a> ClaimedLegs<'a> {
    /// Sorts the rows of one outermost exchange.
    pub fn new(view: &View<'a>, rows: &[&'a Row]) -> Self {
        let mut legs: BTreeMap<u32, Vec<(&'a Row, &'a Transfer)>> = BTreeMap::new();
        let mut transfers: BTreeMap<Position, &'a Transfer> = BTreeMap::new();
        let mut preferences: Vec<(&'a Row, &'a Preference)> = Vec::new();
        for row in rows {
            if let Some(transfer) = row.content.transfer() {
                legs.entry(transfer.counted.leg).or_default().push((row, transfer));
                transfers.insert(row.claim, transfer);
            } else if let Content::Preference(preference) = &row.content {
                preferences.push((row, preference));
            }
        }
        preferences.sort_unstable_by_key(|(row, _)| std::cmp::Reverse(row.claim));
        let (for_legs, for_sides) = (BTreeMap::new(), BTreeMap::new());
        let mut claimed = Self { legs, for_legs, for_sides, preferences };
        // A preference ends with its claim: it then finds none.
        claimed.preferences.retain(|(_, preference)| transfers.contains_key(&preference.claim));
        for (row, preference) in &claimed.preferences {
            let Some(transfer) = transfers.get(&preference.claim) else { continue };
            let Some(value) = transfer.counted.number.value() else { continue };
            let leg = transfer.counted.leg;
            match preference.side {
                Some((country, direction)) => {
                    let unit = view.vocabulary().leg(leg).map_or(0, |leg| leg.unit);
                    claimed.for_sides.entry((country, unit, direction)).or_default().push(value);
                }
                None => claimed.for_legs.entry(leg).or_default().push((row, preference, value)),
            }
        }
        claimed
    }

    /// What the claims on each leg amount to, by unit.
    pub fn estimates(&self, view: &View<'a>) -> BTreeMap<UnitCode, Vec<EstimatedLeg<'a>>> {
        let mut units: BTreeMap<UnitCode, Vec<EstimatedLeg<'a>>> = BTreeMap::new();
        for place in self.legs.keys() {
            if let Some(leg) = view.vocabulary().leg(*place) {
                units.entry(leg.unit).or_default().push((leg, self.estimate(view, *place)));
            }
        }
        units
    }

    /// What the claims on one leg amount to.
    pub fn estimate(&self, view: &View<'_>, leg: u32) -> Estimate {
        let claims: Vec<_> = self
            .legs
            .get(&leg)
            .into_iter()
            .flatten()
            .map(|(_, it)| (it.counted.number, view.vocabulary().parts(it.of_which)))
            .collect();
        let preferred = self.for_leg(leg).iter().map(|(.., value)| *value);
        work::visit(claims.len());
        Estimate::of(claims.iter().map(|(number, parts)| (number, parts)), preferred)
    }

    /// The preferences for a leg, the latest first, with the numbers of the claims that they name.
    pub fn for_leg(&self, leg: u32) -> &[(&'a Row, &'a Preference, u32)] {
        self.for_legs.get(&leg).map(Vec::as_slice).unwrap_or_default()
    }

    fn preferred_for(&self, key: FigureKey) -> impl Iterator<Item = u32> + '_ {
        self.for_sides.get(&key).into_iter().flatten().copied()
    }
}

/// The latest date that was reported of the outermost exchange itself; without one, every date
/// that a claim about it or about an exchange within it gives. And its kind and mediators.
pub fn traits(view: &View<'_>, outermost: Symbol, rows: &[&Row]) -> Traits {
    let days = |date: Symbol| Edtf::parse(view.vocabulary().text(date)).ok().map(|it| it.days());
    let own = rows.iter().filter(|row| row.subject == outermost);
    let reported = own.filter_map(|row| Some((row.claim, row.content.report()?)));
    let mut dated = None;
    let mut kinds = None;
    for (claim, report) in reported {
        if let Some(days) = days(report.occurred) {
            dated = dated.max(Some((claim, days)));
        }
        if report.kind != 0 {
            kinds = kinds.max(Some((claim, report.kind)));
        }
    }
    let date = dated.map(|(_, days)| days);
    let reported = Reported { date, kind: kinds.map_or(0, |(_, kind)| kind) };
    let mut claimed: Vec<_> = rows.iter().filter_map(|row| days(row.content.occurred()?)).collect();
    claimed.sort_unstable();
    claimed.dedup();
    Traits { reported, claimed, mediators: mediators(view, rows) }
}

fn mediators(view: &View<'_>, rows: &[&Row]) -> Vec<(Symbol, bool)> {
    let mut roles: BTreeMap<Symbol, (bool, bool)> = BTreeMap::new();
    for row in rows {
        if let Content::Role(role) = &row.content
            && role.role == i32::from(proto::Role::Mediator)
            && let Some(actor) = view.vocabulary().actor_at(role.actor)
        {
            let (attributed, denied) = roles.entry(actor.label()).or_default();
            *(if role.denied { denied } else { attributed }) = true;
        }
    }
    let attributed = roles.into_iter().filter(|(_, (attributed, _))| *attributed);
    attributed.map(|(mediator, (_, denied))| (mediator, denied)).collect()
}
