//! Every number that some legs of one unit give: of each side, each route and in total.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::{Context, LegId, Open, Remainders, Sum};
use crate::domain::{
    estimate::Estimate,
    leg::{Direction, Side},
    share::{Share, disputed},
    symbol::Symbol,
    tally::AmountTally,
    way::Way,
};

/// What a number belongs to. A side is one party, several jointly, or not said.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Aggregate {
    /// What one side received or sent.
    Side(Direction, Side),
    /// What went from one side to another.
    Route(Side, Side),
    /// All that was handed over, summed up by one side.
    Total(Direction),
}

/// Numbers that may have changed; absent: there is none any longer.
pub(super) type Changed = Vec<(Aggregate, Option<Share>)>;

/// The values preferred for a country in one direction, the latest first.
pub(super) type Preferred = BTreeMap<(Symbol, Direction), Vec<u32>>;

/// What numbers depend on beside legs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// The flows and the exchanges.
    pub(super) context: Context<'a>,
    /// The parties of the exchange; a side not said is open to them.
    pub(super) parties: &'a BTreeSet<Symbol>,
    /// What is preferred for countries.
    pub(super) preferred: &'a Preferred,
}

/// The numbers of some legs.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    legs: BTreeMap<LegId, Estimate>,
    by_side: [BySide; 2],
    routes: HashMap<(Side, Side), Sum>,
}

/// The numbers by one side.
#[derive(Clone, Debug)]
struct BySide {
    direction: Direction,
    sides: BTreeMap<Side, Sum>,
    total: Sum,
    /// Legs that name no single country on this side.
    apart: usize,
    /// The sum of the countries, with what is preferred.
    countries: AmountTally,
    remainders: Remainders,
    open: Open,
}

impl Cells {
    /// The legs.
    pub(super) fn legs(&self) -> &BTreeMap<LegId, Estimate> {
        &self.legs
    }

    /// Sets what the claims on a leg amount to; absent: there are none.
    pub(super) fn set(
        &mut self,
        terms: Terms<'_>,
        leg_id: LegId,
        estimate: Option<Estimate>,
    ) -> Changed {
        let before = match &estimate {
            Some(estimate) => self.legs.insert(leg_id, estimate.clone()),
            None => self.legs.remove(&leg_id),
        };
        if before == estimate {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for by_side in &mut self.by_side {
            changed.extend(by_side.set(terms, &self.legs, leg_id, before.as_ref()));
        }
        if let Some(flow) = terms.context.flows.seen(leg_id.flow, Direction::Received) {
            let route = (flow.other.clone(), flow.own.clone());
            let sum = self.routes.entry(route.clone());
            let sum = sum.or_insert_with(|| Sum::new(Direction::Received));
            sum.set(terms.context, leg_id, estimate);
            let share = (!sum.legs().is_empty()).then(|| sum.share());
            if share.is_none() {
                self.routes.remove(&route);
            }
            changed.push((Aggregate::Route(route.0, route.1), share));
        }
        changed
    }

    /// The numbers that depend on what is preferred for a country; before, it was something else.
    pub(super) fn prefer(
        &mut self,
        terms: Terms<'_>,
        country: (Symbol, Direction),
        before: &[u32],
    ) -> Changed {
        let (party, direction) = country;
        let by_side = self.by_side.iter_mut().find(|by_side| by_side.direction == direction);
        by_side.map_or_else(Vec::new, |by_side| by_side.prefer(terms, party, before))
    }

    /// The numbers of a party.
    pub(super) fn of_party(&self, terms: Terms<'_>, party: Symbol) -> Changed {
        self.by_side.iter().map(|by_side| by_side.cell(terms, party)).collect()
    }

    /// All numbers.
    pub(super) fn all(&self, terms: Terms<'_>) -> Vec<(Aggregate, Share)> {
        let mut all = Vec::new();
        for by_side in &self.by_side {
            by_side.all(terms, &mut all);
        }
        let routes = self.routes.iter();
        all.extend(
            routes
                .map(|((from, to), sum)| (Aggregate::Route(from.clone(), to.clone()), sum.share())),
        );
        all
    }
}

impl Default for Cells {
    fn default() -> Self {
        let by_side = [Direction::Received, Direction::Sent].map(BySide::new);
        Self { legs: BTreeMap::new(), by_side, routes: HashMap::new() }
    }
}

impl BySide {
    fn new(direction: Direction) -> Self {
        Self {
            direction,
            sides: BTreeMap::new(),
            total: Sum::new(direction),
            apart: 0,
            countries: AmountTally::default(),
            remainders: Remainders::new(direction),
            open: Open::default(),
        }
    }

    fn set(
        &mut self,
        terms: Terms<'_>,
        legs: &BTreeMap<LegId, Estimate>,
        leg_id: LegId,
        before: Option<&Estimate>,
    ) -> Changed {
        let context = terms.context;
        let mut changed = Vec::new();
        let Some(flow) = context.flows.seen(leg_id.flow, self.direction) else { return changed };
        let after = legs.get(&leg_id);
        let own = flow.own;
        let country = self.of_country(terms, own);
        let sum = self.sides.entry(own.clone()).or_insert_with(|| Sum::new(self.direction));
        sum.set(context, leg_id, after.cloned());
        if sum.legs().is_empty() {
            self.sides.remove(own);
        }
        self.total.set(context, leg_id, after.cloned());
        self.replace_country(country, self.of_country(terms, own));
        let mut parties: BTreeSet<Symbol> = BTreeSet::new();
        if let Some(party) = own.alone() {
            parties.insert(party);
        } else {
            self.apart = (self.apart + usize::from(before.is_none() && after.is_some()))
                .saturating_sub(usize::from(before.is_some() && after.is_none()));
            let share = self.sides.get(own).map(Sum::share);
            changed.push((Aggregate::Side(self.direction, own.clone()), share));
        }
        self.remainders.set(context, legs, leg_id, before);
        self.note_remainders(terms, legs, &mut parties);
        changed.extend(parties.into_iter().map(|party| self.cell(terms, party)));
        changed.push((Aggregate::Total(self.direction), self.total()));
        changed
    }

    /// Notes what stands beside the figures now, and the parties for which that may have changed.
    fn note_remainders(
        &mut self,
        terms: Terms<'_>,
        legs: &BTreeMap<LegId, Estimate>,
        parties: &mut BTreeSet<Symbol>,
    ) {
        parties.extend(self.remainders.settle_shared());
        let now = self.remainders.open(terms.context, legs);
        let open = std::mem::replace(&mut self.open, now);
        if open.all != self.open.all {
            parties.extend(terms.parties);
        } else if open.of != self.open.of {
            let parties_of = open.of.keys().chain(self.open.of.keys());
            parties.extend(parties_of.filter(|it| open.to(**it) != self.open.to(**it)));
        }
    }

    fn prefer(&mut self, terms: Terms<'_>, party: Symbol, before: &[u32]) -> Changed {
        let side: Side = [party].into_iter().collect();
        if !self.sides.contains_key(&side) {
            return Vec::new();
        }
        self.replace_country(self.of_side(&side, before), self.of_country(terms, &side));
        vec![self.cell(terms, party), (Aggregate::Total(self.direction), self.total())]
    }

    /// The number of a country, with what is preferred for it.
    fn of_country(&self, terms: Terms<'_>, own: &Side) -> Option<Share> {
        let values = terms.preferred.get(&(own.alone()?, self.direction));
        self.of_side(own, values.map_or(&[], Vec::as_slice))
    }

    fn of_side(&self, own: &Side, preferred: &[u32]) -> Option<Share> {
        let mut share = self.sides.get(own)?.share();
        share.prefer(preferred.iter().copied());
        Some(share)
    }

    fn replace_country(&mut self, before: Option<Share>, after: Option<Share>) {
        for (share, way) in [(before, Way::Out), (after, Way::In)] {
            if let Some(amount) = share.and_then(|share| share.amount) {
                self.countries.change(&(&amount).into(), way);
            }
        }
    }

    /// What the figures say of a party.
    fn cell(&self, terms: Terms<'_>, party: Symbol) -> (Aggregate, Option<Share>) {
        let side: Side = [party].into_iter().collect();
        let own = self.of_country(terms, &side);
        let shared = self.remainders.shared().of(party);
        let open = self.open.to(party).filter(|_| terms.parties.contains(&party));
        let any = own.is_some() || shared.is_some() || open.is_some();
        let share = any.then(|| Share { shared, open, ..own.unwrap_or_default() });
        (Aggregate::Side(self.direction, side), share)
    }

    /// How many were handed over at all. Where every leg names one country on this side, that is
    /// the sum of the countries, with what is preferred for them.
    fn total(&self) -> Option<Share> {
        let mut share = (!self.total.legs().is_empty()).then(|| self.total.share())?;
        if self.apart == 0 {
            share.amount = self.countries.amount();
            share.disputed = disputed(share.amount.as_ref());
        }
        Some(share)
    }

    fn all(&self, terms: Terms<'_>, all: &mut Vec<(Aggregate, Share)>) {
        let of_country = self.sides.keys().filter_map(Side::alone);
        let mut parties: BTreeSet<Symbol> = of_country.collect();
        parties.extend(self.remainders.shared().iter());
        parties.extend(terms.parties);
        let cells = parties.into_iter().map(|party| self.cell(terms, party));
        all.extend(cells.filter_map(|(aggregate, share)| Some((aggregate, share?))));
        for (side, sum) in self.sides.iter().filter(|(side, _)| side.alone().is_none()) {
            all.push((Aggregate::Side(self.direction, side.clone()), sum.share()));
        }
        all.extend(self.total().map(|share| (Aggregate::Total(self.direction), share)));
    }
}
