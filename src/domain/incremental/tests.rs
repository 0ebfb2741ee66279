//! What is kept is what the rules make of the legs that are there. A failure prints the seed that
//! brings it back.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, sample::select};

use super::*;
use crate::domain::{
    attribution::{
        other_sides, routes, shares,
        tests::legs::{config, estimates, keys, nesting, side},
        total,
    },
    estimate::Estimate,
    leg::{Direction, LegKey, Side},
    share::{EstimatedLeg, Share, own},
    symbol::Symbol,
    work,
};

/// What becomes of a leg: another of those before it, or a new one.
type Step = (Option<prop::sample::Index>, LegKey, Option<Estimate>);

fn steps(fixed: bool) -> impl Strategy<Value = Vec<Step>> {
    let estimate = prop::option::weighted(0.8, estimates());
    let index = prop::option::weighted(0.4, any::<prop::sample::Index>());
    let keys =
        keys().prop_map(move |key| if fixed { LegKey { to: side([10]), ..key } } else { key });
    prop::collection::vec((index, keys, estimate), 1..60)
}

/// The legs after each step, and the one that it was about.
fn play(steps: Vec<Step>, mut look: impl FnMut(&BTreeMap<LegKey, Estimate>, &LegKey)) {
    let mut known: Vec<LegKey> = Vec::new();
    let mut legs: BTreeMap<LegKey, Estimate> = BTreeMap::new();
    for (index, key, estimate) in steps {
        let key = match index.filter(|_| !known.is_empty()) {
            Some(index) => index.get(&known).clone(),
            None => key,
        };
        known.push(key.clone());
        match estimate {
            Some(estimate) => drop(legs.insert(key.clone(), estimate)),
            None => drop(legs.remove(&key)),
        }
        look(&legs, &key);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_sum_that_is_kept_is_that_of_its_legs(steps in steps(false), sent in any::<bool>()) {
        check(steps, if sent { Direction::Sent } else { Direction::Received })?;
    }

    /// As the figure of a country is.
    #[test]
    fn a_sum_of_one_own_side_is_that_of_its_legs(steps in steps(true)) {
        check(steps, Direction::Received)?;
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_stands_beside_is_what_the_legs_leave(
        steps in prop_oneof![steps(false), steps_in_one_place()],
        sent in any::<bool>(),
        few in select(&[0, 2, 1_000][..]),
    ) {
        let direction = if sent { Direction::Sent } else { Direction::Received };
        let parties: BTreeSet<Symbol> = (10..18).map(Symbol::at).collect();
        let nesting = nesting();
        let mut flows = Flows::default();
        let mut kept: BTreeMap<LegId, Estimate> = BTreeMap::new();
        let mut remainders = Remainders::keeping(direction, few);
        let mut failed = Ok(());
        play(steps, |legs, key| {
            let leg_id = flows.id(key);
            let context = Context { flows: &flows, nesting: &nesting };
            let before = kept.remove(&leg_id);
            kept.extend(legs.get(key).map(|estimate| (leg_id, estimate.clone())));
            remainders.set(context, &kept, leg_id, before.as_ref());
            let all: Vec<_> = legs.iter().map(|(key, estimate)| (key, estimate.clone())).collect();
            let expected = shares(&all, &parties, &nesting, direction);
            remainders.settle_shared();
            let open = remainders.open(context, &kept);
            for party in &parties {
                let expected = expected.get(party).copied().unwrap_or_default();
                let reported = (remainders.shared().of(*party), open.to(*party));
                if failed.is_ok() && reported != (expected.shared, expected.open) {
                    failed = Err(format!("{party:?} {reported:?} {expected:?}"));
                }
            }
        });
        prop_assert_eq!(failed, Ok(()));
    }
}

/// All legs in one place, where fewer of them hang together than in several; of one category, or of
/// several.
fn steps_in_one_place() -> impl Strategy<Value = Vec<Step>> {
    (steps(false), any::<bool>()).prop_map(|(steps, one_category)| {
        let in_place = |key: LegKey| LegKey {
            exchange: Symbol::at(1),
            portion: Symbol::EMPTY,
            category: if one_category { 0 } else { key.category },
            ..key
        };
        let step = |(index, key, estimate)| (index, in_place(key), estimate);
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_sum_in_one_place_is_that_of_its_legs(
        steps in steps_in_one_place(),
        sent in any::<bool>(),
    ) {
        check(steps, if sent { Direction::Sent } else { Direction::Received })?;
    }
}

fn check(steps: Vec<Step>, direction: Direction) -> Result<(), TestCaseError> {
    let nesting = nesting();
    let mut flows = Flows::default();
    let mut sum = Sum::new(direction);
    let mut failed = Ok(());
    play(steps, |legs, key| {
        let leg_id = flows.id(key);
        let context = Context { flows: &flows, nesting: &nesting };
        sum.set(context, leg_id, legs.get(key).cloned());
        let all: Vec<_> = legs.iter().map(|(key, estimate)| (key, estimate.clone())).collect();
        let expected = own(&all.iter().collect::<Vec<_>>(), &nesting, direction);
        if failed.is_ok() && sum.share() != expected {
            failed = Err(TestCaseError::fail(format!("{:?} {expected:?}", sum.share())));
        }
    });
    failed
}

/// All numbers of some legs, as the rules make them.
fn from_scratch(
    legs: &BTreeMap<LegKey, Estimate>,
    parties: &BTreeSet<Symbol>,
    preferred: &[u32],
) -> BTreeMap<(Legs, Aggregate), Share> {
    let categories: BTreeSet<i32> = legs.keys().map(|key| key.category).collect();
    let of = |category: Option<i32>| -> Vec<EstimatedLeg<'_>> {
        let legs = legs.iter().filter(|(key, _)| category.is_none_or(|it| it == key.category));
        legs.map(|(key, estimate)| (key, estimate.clone())).collect()
    };
    let mut scopes: Vec<(Legs, Vec<EstimatedLeg<'_>>)> = Vec::new();
    match categories.first() {
        Some(first) if categories.len() == 1 => scopes.push((Legs::AllOf(*first), of(None))),
        Some(_) => scopes.push((Legs::All, of(None))),
        None => return BTreeMap::new(),
    }
    if categories.len() > 1 {
        scopes.extend(categories.iter().map(|it| (Legs::Of(*it), of(Some(*it)))));
    }
    let nesting = nesting();
    let mut found = BTreeMap::new();
    for (label, legs) in scopes {
        for direction in [Direction::Received, Direction::Sent] {
            let mut countries = shares(&legs, parties, &nesting, direction);
            if let Some(share) = countries.get_mut(&Symbol::at(10)) {
                share.prefer(preferred.iter().copied());
            }
            for (party, share) in &countries {
                let side = Aggregate::Side(direction, side([party.place()]));
                found.insert((label, side), *share);
            }
            for (side, share) in other_sides(&legs, &nesting, direction) {
                found.insert((label, Aggregate::Side(direction, side)), share);
            }
            let total = total(&legs, &nesting, direction, &countries);
            found.insert((label, Aggregate::Total(direction)), total);
        }
        for ((from, to), share) in routes(&legs, &nesting) {
            found.insert((label, Aggregate::Route(from, to)), share);
        }
    }
    found
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn numbers_that_are_kept_are_those_made_from_all_legs(
        steps in steps(false),
        others in prop::collection::vec((10..20_u32, prop::option::of(1..20_u32)), 60),
    ) {
        let nesting = nesting();
        let mut unit = Unit::default();
        let mut parties: BTreeSet<Symbol> = BTreeSet::new();
        let mut kept: BTreeMap<(Legs, Aggregate), Share> = BTreeMap::new();
        let mut failed = None;
        let mut others = others.into_iter();
        play(steps, |legs, key| {
            let mut changes = unit.set(&nesting, key, legs.get(key).cloned());
            let (party, value) = others.next().unwrap();
            parties.insert(Symbol::at(party));
            if value.is_none() {
                parties.remove(&Symbol::at(10));
            }
            let preferred: Vec<u32> = value.into_iter().collect();
            for party in (10..20).map(Symbol::at) {
                changes.extend(unit.set_party(&nesting, party, parties.contains(&party)));
            }
            for direction in [Direction::Received, Direction::Sent] {
                let country = (Symbol::at(10), direction);
                changes.extend(unit.prefer(&nesting, country, preferred.clone()));
            }
            for (cell, share) in changes {
                match share {
                    Some(share) => drop(kept.insert(cell, share)),
                    None => drop(kept.remove(&cell)),
                }
            }
            let expected = from_scratch(legs, &parties, &preferred);
            if failed.is_none() && kept != expected {
                failed = kept.iter().chain(&expected)
                    .find(|(cell, _)| kept.get(cell) != expected.get(cell))
                    .map(|(cell, _)| {
                        format!("{cell:?}: {:?}, not {:?}", kept.get(cell), expected.get(cell))
                    });
            }
        });
        prop_assert_eq!(failed, None);
    }
}

/// What is looked at for the last of so many legs.
fn last_of(legs: u32, key: impl Fn(u32) -> LegKey) -> u64 {
    let nesting = nesting();
    let mut unit = Unit::default();
    for party in [10, 11, 12].map(Symbol::at) {
        unit.set_party(&nesting, party, true);
    }
    let mut looked_at = 0;
    for number in 0..legs {
        let estimate = Estimate { range: Some((5, 5)), preferred: Some(5), ..Estimate::default() };
        let before = work::visited();
        let changes = unit.set(&nesting, &key(number), Some(estimate));
        looked_at = work::visited() - before + changes.len() as u64;
    }
    looked_at
}

#[test]
fn the_last_leg_costs_what_it_changes_however_many_there_are() {
    let leg = |from: Side, portion: u32, category| LegKey {
        exchange: Symbol::at(1),
        unit: 1,
        from,
        to: side([11]),
        category,
        portion: Symbol::at(portion),
    };
    let either = |odd: u32, even: Side| if odd.is_multiple_of(2) { even } else { side([10]) };
    let shapes: [(&str, &dyn Fn(u32) -> LegKey); 8] = [
        ("portions", &|it| leg(side([10]), 100 + it, 0)),
        ("portions of a whole", &|it| leg(side([10]), it.min(1) * (99 + it), 0)),
        ("portions of categories", &|it| leg(side([10]), 100 + it, i32::try_from(it % 3).unwrap())),
        ("portions by senders not said", &|it| leg(either(it, side([])), 100 + it / 2, 0)),
        ("portions by joint senders", &|it| leg(either(it, side([10, 12])), 100 + it / 2, 0)),
        ("senders", &|it| leg(side([100 + it]), 0, 0)),
        ("each jointly with one", &|it| leg(side([10, 100 + it]), 0, 0)),
        ("each jointly with the next", &|it| leg(side([100 + it, 101 + it]), 0, 0)),
    ];
    for (name, key) in shapes {
        let (few, many) = (last_of(100, key), last_of(1_000, key));
        assert!(many <= few + few / 10, "{name}: {few} for the 100th leg, {many} for the 1,000th");
    }
}

/// Each of these legs changes what is open for all parties, and each change is reported for every
/// party.
#[test]
fn a_leg_that_changes_what_is_open_for_all_costs_them_once() {
    let leg = |from: Side, to: Side, category| LegKey {
        exchange: Symbol::at(1),
        unit: 1,
        from,
        to,
        category,
        portion: Symbol::EMPTY,
    };
    let party = |number: u32| side([100 + number]);
    let turns = |number: u32, party: Side, category| {
        if number.is_multiple_of(2) {
            leg(party, side([]), category)
        } else {
            leg(side([]), party, category)
        }
    };
    let shapes: [(&str, &dyn Fn(u32) -> LegKey); 6] = [
        ("senders beside a whole", &|it| {
            leg(if it == 0 { side([]) } else { party(it) }, side([11]), 0)
        }),
        ("each by persons unsaid", &|it| leg(side([]), party(it), 0)),
        ("each to persons unsaid", &|it| leg(party(it), side([]), 0)),
        ("each to and by persons unsaid", &|it| turns(it, party(it / 2), 0)),
        ("one to and another by persons unsaid", &|it| turns(it, party(it), 0)),
        ("the same by category", &|it| turns(it, party(it), i32::try_from(it / 2 % 3).unwrap())),
    ];
    for (name, key) in shapes {
        let (few, many) = (last_of(40, key), last_of(120, key));
        assert!(many <= 4 * few, "{name}: {few} for the 40th leg, {many} for the 120th");
    }
}
