//! Upper bounds hold: true claims never leave a country fewer persons than it can have had.

use proptest::{prelude::*, sample::select};

use super::{properties::config, *};
use crate::domain::figure::Unattributed;
use crate::domain::proto;
use crate::projections::claims::samples::{Flow, Record, flow};

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
