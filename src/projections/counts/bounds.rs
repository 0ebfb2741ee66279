//! Upper bounds hold: true claims never leave a country fewer persons than it can have had.
//!
//! The truth is counted person by person, without any rule of the figures.

use proptest::{prelude::*, sample::select};

use super::{properties::config, *};
use crate::domain::figure::Unattributed;
use crate::domain::proto;
use crate::projections::claims::test_record::{Flow, Record, flow};

/// Who gave up whom: some sides share a party without one including the other.
const SENDERS: [&str; 8] = ["", "AA+BB", "BB+CC", "AA+BB+CC", "AA", "BB", "CC", "DD"];
/// Of two, one includes the other or they share nobody, so that sums are exact.
const RECEIVERS: [&str; 5] = ["", "UA+RU", "UA", "RU", "TR"];

/// One person handed over, as somebody who knew everything would describe it.
#[derive(Clone, Debug)]
struct Person {
    from: &'static str,
    to: &'static str,
}

fn persons() -> impl Strategy<Value = Person> {
    (select(&["AA", "BB", "CC", "DD"][..]), select(&["UA", "RU", "TR"][..]))
        .prop_map(|(from, to)| Person { from, to })
}

fn legs() -> impl Strategy<Value = Flow> {
    (select(SENDERS.as_slice()), select(RECEIVERS.as_slice()))
        .prop_map(|(from, to)| flow("x", from, to, None))
}

fn on(side: &str, party: &str) -> bool {
    side.is_empty() || side.split('+').any(|code| code == party)
}

fn speaks_of(leg: &Flow, person: &Person) -> bool {
    on(&leg.from, person.from) && on(&leg.to, person.to)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_shared_or_open_is_never_less_than_there_is(
        persons in prop::collection::vec(persons(), 0..20),
        legs in prop::collection::btree_map(0..40_u8, legs(), 1..8),
    ) {
        let legs: Vec<Flow> = legs.into_values().collect();
        // A side not said stands for all who are named on that side, so nobody else is there.
        let named = |person: &&Person| {
            legs.iter().any(|leg| !leg.to.is_empty() && on(&leg.to, person.to))
                || legs.iter().all(|leg| leg.to.is_empty())
        };
        let persons: Vec<&Person> = persons.iter().filter(named).collect();
        let mut record = Record::default();
        for leg in &legs {
            let count = persons.iter().filter(|person| speaks_of(leg, person)).count();
            let count = proto::Count { value: u32::try_from(count).ok(), ..Default::default() };
            record.completed(&Flow { count, ..leg.clone() });
        }
        for row in country_counts(&record.claims(), &CountQuery::default()).rows {
            let figure = row.sent.unwrap_or_default();
            let is_own = |leg: &&Flow| leg.from == row.country;
            let is_joint = |leg: &&Flow| leg.from.contains('+') && on(&leg.from, &row.country);
            let is_open = |leg: &&Flow| leg.from.is_empty();
            let is_said = |leg: &&Flow| !leg.from.is_empty();
            let left = |of: &dyn Fn(&&Flow) -> bool, but: &dyn Fn(&&Flow) -> bool| {
                let spoken = |leg: &Flow, person: &Person| speaks_of(leg, person);
                let own = persons.iter().filter(|person| person.from == row.country);
                let left = own
                    .filter(|person| legs.iter().filter(of).any(|leg| spoken(leg, person)))
                    .filter(|person| !legs.iter().filter(but).any(|leg| spoken(leg, person)));
                u32::try_from(left.count()).unwrap()
            };
            let bound =
                |rest: Option<Unattributed>| rest.map_or(0, |rest| rest.at_most.unwrap());
            let (shared, open) = (left(&is_joint, &is_own), left(&is_open, &is_said));
            prop_assert!(bound(figure.shared) >= shared, "{}: {:?}", shared, figure);
            prop_assert!(bound(figure.open) >= open, "{}: {:?}", open, figure);
        }
    }
}

/// Parties that stand on both sides of an exchange. Sums of the sides made of them are exact.
const PARTIES: [&str; 3] = ["AA", "BB", "CC"];
const BOTH_SIDES: [&str; 5] = ["", "AA+BB", "AA", "BB", "CC"];
/// Who can hand over to whom: anybody to anybody else.
const PAIRS: [(&str, &str); 6] =
    [("AA", "BB"), ("AA", "CC"), ("BB", "AA"), ("BB", "CC"), ("CC", "AA"), ("CC", "BB")];
/// The most that one of them hands over to another.
const MOST: u32 = 2;
/// How many worlds there are then.
const WORLDS: u32 = (MOST + 1).pow(6);

/// How many persons each pair exchanged.
type World = [u32; PAIRS.len()];
/// Which pairs are meant.
type Pairs = [bool; PAIRS.len()];

fn world(number: u32) -> World {
    let digit = |place: usize| number / (MOST + 1).pow(u32::try_from(place).unwrap()) % (MOST + 1);
    std::array::from_fn(digit)
}

fn pairs(meant: impl Fn(&str, &str) -> bool) -> Pairs {
    PAIRS.map(|(from, to)| meant(from, to))
}

fn count(world: &World, meant: Pairs) -> u32 {
    world.iter().zip(meant).filter(|(_, meant)| *meant).map(|(count, _)| count).sum()
}

/// One side of a leg, and the pairs that the leg speaks of.
struct ClaimedLeg<'l> {
    own: &'l str,
    of: Pairs,
}

/// All legs, seen from one side.
struct Seen<'l> {
    direction: Direction,
    legs: Vec<ClaimedLeg<'l>>,
    /// Pairs of which one is outside of what is named across, though somebody else is named: a
    /// side not said stands for those who are named on it.
    outside: Pairs,
}

impl<'l> Seen<'l> {
    fn new(legs: &'l [Flow], direction: Direction) -> Self {
        let sent = direction == Direction::Sent;
        let claimed = |leg: &'l Flow| ClaimedLeg {
            own: if sent { &leg.from } else { &leg.to },
            of: pairs(|from, to| on(&leg.from, from) && on(&leg.to, to)),
        };
        let across = legs.iter().map(|leg| if sent { leg.to.as_str() } else { &leg.from });
        let across: Vec<&str> = across.filter(|side| !side.is_empty()).collect();
        let is_named = |party: &str| across.iter().any(|side| on(side, party));
        let outside = pairs(|from, to| {
            let (own, other) = if sent { (from, to) } else { (to, from) };
            let mut others = PARTIES.iter().filter(|party| **party != own);
            !is_named(other) && others.any(|party| is_named(party))
        });
        Self { direction, legs: legs.iter().map(claimed).collect(), outside }
    }

    /// The persons of a party on legs of one kind, beside those on legs of another kind.
    fn left(
        &self,
        world: &World,
        party: &str,
        of: fn(&str, &str) -> bool,
        but: fn(&str, &str) -> bool,
    ) -> u32 {
        let some = |kind: fn(&str, &str) -> bool, pair: usize| {
            self.legs.iter().any(|leg| kind(leg.own, party) && leg.of[pair])
        };
        let sent = self.direction == Direction::Sent;
        let is_own = |(from, to): (&str, &str)| party == if sent { from } else { to };
        let meant = |pair: usize| is_own(PAIRS[pair]) && some(of, pair) && !some(but, pair);
        count(world, std::array::from_fn(meant))
    }
}

proptest! {
    #![proptest_config(config())]

    /// Every world that the claims allow is tried.
    #[test]
    fn no_world_that_the_claims_allow_has_more_than_what_is_shared_or_open(
        truth in 0..WORLDS,
        legs in prop::collection::btree_set(
            (select(BOTH_SIDES.as_slice()), select(BOTH_SIDES.as_slice())), 1..8
        ),
    ) {
        let legs: Vec<Flow> = legs.iter().map(|(from, to)| flow("x", from, to, None)).collect();
        let views = [Direction::Sent, Direction::Received].map(|side| Seen::new(&legs, side));
        let claimed = |world: &World| -> Vec<u32> {
            views[0].legs.iter().map(|leg| count(world, leg.of)).collect()
        };
        let counts = claimed(&world(truth));
        let mut record = Record::default();
        record.report("x", "", "", &PARTIES.join("+"));
        for (leg, value) in legs.iter().zip(&counts) {
            let count = proto::Count { value: Some(*value), ..Default::default() };
            record.completed(&Flow { count, ..leg.clone() });
        }
        let rows = country_counts(&record.claims(), &CountQuery::default()).rows;
        let figure = |party: &str, direction| {
            let row = rows.iter().find(|row| row.country == party);
            let figure = row.and_then(|row| match direction {
                Direction::Sent => row.sent.clone(),
                Direction::Received => row.received.clone(),
            });
            figure.unwrap_or_default()
        };
        let bound = |rest: Option<Unattributed>| rest.map_or(0, |rest| rest.at_most.unwrap());
        for possible in (0..WORLDS).map(world).filter(|world| claimed(world) == counts) {
            for view in views.iter().filter(|view| count(&possible, view.outside) == 0) {
                for party in PARTIES {
                    let left = |of, but| view.left(&possible, party, of, but);
                    let shared = left(|own, _| own.contains('+'), |own, party| own == party);
                    let open = left(|own, _| own.is_empty(), |own, _| !own.is_empty());
                    let found = figure(party, view.direction);
                    prop_assert!(bound(found.shared) >= shared, "{party} {possible:?} {found:?}");
                    prop_assert!(bound(found.open) >= open, "{party} {possible:?} {found:?}");
                }
            }
        }
    }
}
