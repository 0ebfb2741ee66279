//! The sum of the legs of one outermost exchange and unit, seen from one side.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::{
    Flows, LegId,
    components::{Component, FlowComponents},
    subtotal::{Leg, MEASURES, Subtotal, Total, measure},
};
use crate::domain::{
    amount::{Amount, Part},
    estimate::Estimate,
    leg::Direction,
    multiset::Multiset,
    nesting::Nesting,
    of_which::OfWhich,
    share::{Share, disputed},
    symbol::Symbol,
    tally::AmountTally,
    whole::{Among, FlowId, of_exchange, of_place},
    work,
};

/// What a sum needs beside its legs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    /// The flows of the exchange.
    pub(super) flows: &'a Flows,
    /// Which exchange is a portion of which.
    pub(super) nesting: &'a Nesting,
}

/// The sum of some legs, which changes with each of them.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    direction: Direction,
    legs: BTreeMap<LegId, Estimate>,
    components: FlowComponents,
    /// Of each exchange, what its portions and the exchanges within it say.
    parts: HashMap<Symbol, Subtotal>,
    /// How many legs are in each exchange.
    exchanges: Multiset<Symbol>,
    total: Total,
}

impl Sum {
    /// The sum of no legs.
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            legs: BTreeMap::new(),
            components: FlowComponents::new(direction),
            parts: HashMap::new(),
            exchanges: Multiset::default(),
            total: Total::default(),
        }
    }

    /// The legs.
    pub(super) fn legs(&self) -> &BTreeMap<LegId, Estimate> {
        &self.legs
    }

    /// Sets what the claims on a leg amount to; absent: there are none. Answers whether it was
    /// something else.
    pub(super) fn set(
        &mut self,
        context: Context<'_>,
        leg_id: LegId,
        estimate: Option<Estimate>,
    ) -> bool {
        let before = self.legs.get(&leg_id);
        let is_new = before.is_none();
        if before == estimate.as_ref() {
            return false;
        }
        if is_new {
            self.components.add(leg_id, context.flows);
            self.exchanges.add(leg_id.exchange);
        }
        let gone = estimate.is_none();
        self.replace(context, leg_id, estimate);
        if gone {
            self.components.remove(leg_id, context.flows);
            self.exchanges.remove(&leg_id.exchange);
        }
        true
    }

    /// Works out what changes, from the leg up to the outermost exchange.
    fn replace(&mut self, context: Context<'_>, leg_id: LegId, estimate: Option<Estimate>) {
        let component = self.components.component(leg_id.flow, context.flows);
        let LegId { exchange, portion, .. } = leg_id;
        let within = |sum: &Self| {
            (!portion.is_empty()).then(|| sum.said(context, (exchange, portion), &component))
        };
        let whole = |sum: &Self, exchange| sum.said(context, (exchange, Symbol::EMPTY), &component);
        let before_within = within(self);
        let path: Vec<(Symbol, Subtotal)> =
            context.nesting.path(exchange).map(|it| (it, whole(self, it))).collect();
        match estimate {
            Some(estimate) => drop(self.legs.insert(leg_id, estimate)),
            None => drop(self.legs.remove(&leg_id)),
        }
        if let Some((before, after)) = before_within.zip(within(self)) {
            self.replace_part(exchange, &before, &after);
        }
        for (place, (exchange, before)) in path.iter().enumerate() {
            let after = whole(self, *exchange);
            if after == *before {
                return;
            }
            match path.get(place + 1) {
                Some((larger, _)) => self.replace_part(*larger, before, &after),
                None => self.total.replace(before, &after),
            }
        }
    }

    fn replace_part(&mut self, exchange: Symbol, before: &Subtotal, after: &Subtotal) {
        let parts = self.parts.entry(exchange).or_default();
        parts.replace(before, after);
        if *parts == Subtotal::default() {
            self.parts.remove(&exchange);
        }
    }

    /// What is said of a portion or, without one, of an exchange with all that is within it; of
    /// the flows of a component.
    fn said(
        &self,
        context: Context<'_>,
        place: (Symbol, Symbol),
        component: &Component,
    ) -> Subtotal {
        let legs = self.legs_at(context, place, component);
        let parts = if place.1.is_empty() { self.parts.get(&place.0) } else { None };
        let mut said = Subtotal::default();
        for number in 0..MEASURES {
            let numbered = legs.iter().filter_map(|(flow, it)| Some((*flow, measure(it, number)?)));
            let wholes = of_place(numbered.collect());
            let parts =
                parts.map(|it| it.items(number, component, (context.flows, self.direction)));
            let parts = parts.unwrap_or_default();
            if !wholes.is_empty() || !parts.is_empty() {
                said.add_items(number, &of_exchange(wholes, parts));
            }
        }
        self.note_unknown(context, &mut said, &legs, parts.map(|it| it.unknown(component)));
        said
    }

    fn legs_at<'s>(
        &'s self,
        context: Context<'s>,
        (exchange, portion): (Symbol, Symbol),
        component: &Component,
    ) -> Vec<Leg<'s>> {
        let leg_id = |flow: FlowId| LegId { exchange, portion, flow };
        let shown = |(leg_id, estimate): (&LegId, &'s Estimate)| {
            Some((context.flows.seen(leg_id.flow, self.direction)?, estimate))
        };
        let legs: Vec<_> = match component {
            Component::All => {
                self.legs.range(leg_id(0)..=leg_id(FlowId::MAX)).filter_map(shown).collect()
            }
            Component::Of(flows) => {
                let legs = flows.iter().filter_map(|flow| self.legs.get_key_value(&leg_id(*flow)));
                legs.filter_map(shown).collect()
            }
        };
        work::visit(legs.len());
        legs
    }

    /// Notes the legs without a known number: no leg around them has one.
    fn note_unknown(
        &self,
        context: Context<'_>,
        said: &mut Subtotal,
        legs: &[Leg<'_>],
        within: Option<Vec<(FlowId, u64)>>,
    ) {
        let within = within.unwrap_or_default();
        let mut without = legs.iter().filter(|(_, it)| it.range.is_none()).peekable();
        if without.peek().is_none() && within.is_empty() {
            return;
        }
        let numbered = legs.iter().filter(|(_, it)| it.range.is_some()).map(|(flow, _)| *flow);
        let numbered = Among::new(numbered.collect());
        for (part, _) in without {
            if !numbered.any(part, |whole| whole.holds(part)) {
                said.add_unknown(part.id, 1);
            }
        }
        for (id, legs) in within {
            let Some(part) = context.flows.seen(id, self.direction) else { continue };
            if !numbered.any(&part, |whole| whole.meets(&part)) {
                said.add_unknown(id, legs);
            }
        }
    }

    /// The number of all persons, and how many legs have no known number.
    pub(super) fn total(&self) -> (AmountTally, u64) {
        let Total { amounts: [amount, ..], unknown } = self.total;
        (amount, unknown)
    }

    /// The flows that hang together with that of a leg.
    pub(super) fn component(&self, context: Context<'_>, leg_id: LegId) -> Component {
        self.components.component(leg_id.flow, context.flows)
    }

    /// The sum, as that of the legs of one own side.
    pub(super) fn share(&self) -> Share {
        let [amount, minors, women, civilians, wounded] =
            &self.total.amounts.map(|tally| tally.amount());
        let part = |amount: &Option<Amount>| amount.map(Part::from);
        let counted = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Share {
            amount: *amount,
            disputed: disputed(amount.as_ref()),
            of_which: OfWhich {
                minors: part(minors),
                women: part(women),
                civilians: part(civilians),
                wounded: part(wounded),
            },
            exchanges: counted(self.exchanges.len() as u64),
            unnumbered: counted(self.total.unknown),
            shared: None,
            open: None,
        }
    }
}
