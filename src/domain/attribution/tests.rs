//! What indexes find is what looking at all legs for each leg finds, and costs much less. A failure
//! prints the seed that brings it back.

mod beside;
pub(in crate::domain) mod legs;
mod sums;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use self::{
    beside::Plain,
    legs::{config, legs, nesting, side},
};
use super::{routes, shares, total};
use crate::domain::{
    estimate::Estimate,
    leg::{Direction, LegKey, Side},
    nesting::Nesting,
    share::{EstimatedLeg, Share, own},
    symbol::Symbol,
    work,
};

const DIRECTIONS: [Direction; 2] = [Direction::Received, Direction::Sent];

/// What the sums can be compared by.
fn sums(share: &Share) -> (Option<crate::domain::amount::Amount>, u32) {
    (share.amount, share.unnumbered)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn figures_are_those_of_looking_at_all_legs_for_each_leg(
        legs in prop_oneof![3 => legs(0..40), 1 => legs(60..100)],
    ) {
        let legs: Vec<EstimatedLeg<'_>> =
            legs.iter().map(|(key, estimate)| (key, estimate.clone())).collect();
        let parties: BTreeSet<Symbol> = (10..20).map(Symbol::at).collect();
        let nesting = nesting();
        for direction in DIRECTIONS {
            let found = shares(&legs, &parties, &nesting, direction);
            let plain = Plain::new(&legs, &nesting, direction);
            let (shared, open) = (beside::shared(&plain), beside::open(&plain, &parties));
            for party in &parties {
                let share = found.get(party).copied().unwrap_or_default();
                let alone = plain.sides.iter().find(|own| own.side.alone() == Some(*party));
                let expected = alone.map(|own| own.share).unwrap_or_default();
                prop_assert_eq!(sums(&share), sums(&expected));
                prop_assert_eq!(share.shared, shared.get(party).copied());
                prop_assert_eq!(share.open, open.get(party).copied());
            }
            let all = total(&legs, &nesting, direction, &BTreeMap::new());
            let expected = beside::share(&legs.iter().collect::<Vec<_>>(), &nesting, direction);
            if legs.iter().any(|(key, _)| key.own(direction).alone().is_none()) {
                prop_assert_eq!(sums(&all), sums(&expected));
            }
            prop_assert_eq!(all.unnumbered, expected.unnumbered);
        }
    }
}

/// What is looked at for the figures of so many legs.
fn looked_at(legs: u32, key: impl Fn(u32) -> LegKey) -> u64 {
    let estimate = Estimate { range: Some((5, 5)), preferred: Some(5), ..Estimate::default() };
    let keys: Vec<LegKey> = (0..legs).map(key).collect();
    let legs: Vec<EstimatedLeg<'_>> = keys.iter().map(|key| (key, estimate.clone())).collect();
    let parties: BTreeSet<Symbol> = (10..20).map(Symbol::at).collect();
    let before = work::visited();
    for direction in DIRECTIONS {
        let countries = shares(&legs, &parties, &nesting(), direction);
        total(&legs, &nesting(), direction, &countries);
    }
    routes(&legs, &nesting());
    work::visited() - before
}

#[test]
fn ten_times_the_legs_cost_about_ten_times_as_much() {
    let leg = |from: Side, to: Side, portion, category| LegKey {
        exchange: Symbol::at(1),
        unit: 1,
        from,
        to,
        category,
        portion: Symbol::at(portion),
    };
    let none = || side([]);
    let alone = |number| side([100 + number]);
    let shapes: [(&str, &dyn Fn(u32) -> LegKey); 8] = [
        ("portions", &|it| leg(side([10]), side([11]), 100 + it, 0)),
        ("portions of a whole", &|it| leg(side([10]), side([11]), it.min(1) * (99 + it), 0)),
        ("portions by senders not said", &|it| {
            leg(if it % 2 == 0 { none() } else { side([10]) }, side([11]), 100 + it / 2, 0)
        }),
        ("portions by joint senders", &|it| {
            leg(
                side(if it % 2 == 0 { vec![10, 12] } else { vec![10] }),
                side([11]),
                100 + it / 2,
                0,
            )
        }),
        ("senders", &|it| leg(alone(it), side([11]), 0, 0)),
        ("senders of a whole", &|it| {
            leg(if it == 0 { none() } else { alone(it) }, side([11]), 0, 0)
        }),
        ("senders of wholes and categories", &|it| {
            leg(alone(it / 2), side([11]), 0, i32::try_from(it % 2).unwrap())
        }),
        ("joint senders", &|it| leg(side([10, 100 + it]), side([11]), 0, 0)),
    ];
    for (name, key) in shapes {
        let (few, many) = (looked_at(100, key), looked_at(1_000, key));
        assert!(many < 15 * few, "{name}: {few} for 100 legs, {many} for 1,000");
    }
}

#[test]
fn a_chain_of_exchanges_costs_ten_times_as_much_where_it_is_ten_times_as_long() {
    let chain = |exchanges: u32| {
        let nesting = Nesting::new((1..exchanges).map(|it| (Symbol::at(it), Symbol::at(it + 1))));
        let key = |exchange| LegKey {
            exchange: Symbol::at(exchange),
            unit: 1,
            from: side([10]),
            to: side([11]),
            category: 0,
            portion: Symbol::EMPTY,
        };
        let keys: Vec<LegKey> = (1..=exchanges).map(key).collect();
        let estimate = Estimate { range: Some((5, 5)), ..Estimate::default() };
        let legs: Vec<_> = keys.iter().map(|key| (key, estimate.clone())).collect();
        let before = work::visited();
        let all: Vec<_> = legs.iter().collect();
        assert!(own(&all, &nesting, Direction::Sent).amount.is_some());
        work::visited() - before
    };
    let (few, many) = (chain(50), chain(500));
    assert!(many < 15 * few, "{few} for 50 exchanges, {many} for 500");
}
