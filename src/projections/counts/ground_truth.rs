//! True claims give true figures, however they are cut.

use proptest::{prelude::*, sample::select};

use super::{
    properties::{EXCHANGES, all, config, legs, of_flows},
    *,
};
use crate::domain::proto;
use crate::projections::claims::test_record::{Flow, flow};

/// One person handed over, as somebody who knew everything would describe it.
#[derive(Clone, Debug)]
struct Person {
    exchange: &'static str,
    portion: &'static str,
    from: &'static str,
    category: i32,
}

fn persons() -> impl Strategy<Value = Person> {
    let from = select(&["AA", "BB", "CC", "DD"][..]);
    let place = (select(&EXCHANGES[..3]), select(&["p", "q"][..]));
    (place, from, 1..3_i32).prop_map(|((exchange, portion), from, category)| Person {
        exchange,
        portion,
        from,
        category,
    })
}

fn speaks_of(leg: &Flow, person: &Person) -> bool {
    let depth = |exchange: &str| EXCHANGES.iter().position(|known| *known == exchange);
    let place = if leg.portion.is_empty() {
        depth(&leg.exchange) <= depth(person.exchange)
    } else {
        leg.exchange == person.exchange && leg.portion == person.portion
    };
    place
        && (leg.category == 0 || leg.category == person.category)
        && (leg.from.is_empty() || leg.from.split('+').any(|code| code == person.from))
}

fn received_by_all(legs: &[Flow], persons: &[Person]) -> Figure {
    let reported = legs.iter().map(|leg| {
        let count = persons.iter().filter(|person| speaks_of(leg, person)).count();
        let count = proto::Count { value: u32::try_from(count).ok(), ..Default::default() };
        Flow { count, ..leg.clone() }
    });
    let rows = all(&of_flows(&reported.collect::<Vec<_>>()));
    rows.into_iter().find(|row| row.country == "UA").and_then(|row| row.received).unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// If a whole were added to its parts, true claims would add up to more persons than were.
    #[test]
    fn true_claims_never_add_up_to_more_than_there_were(
        persons in prop::collection::vec(persons(), 0..20),
        legs in prop::collection::vec(legs(), 1..10),
    ) {
        let spoken_of = |person: &&Person| legs.iter().any(|leg| speaks_of(leg, person));
        let truth = u32::try_from(persons.iter().filter(spoken_of).count()).unwrap();
        let figure = received_by_all(&legs, &persons);
        prop_assert!(figure.low <= figure.high, "{:?}", figure);
        prop_assert!(figure.high <= Some(truth), "{}: {:?}", truth, figure);
    }

    #[test]
    fn true_claims_with_one_of_the_whole_give_the_truth(
        persons in prop::collection::vec(persons(), 0..20),
        mut legs in prop::collection::vec(legs(), 0..10),
    ) {
        legs.push(flow("outer", "", "UA", None));
        let figure = received_by_all(&legs, &persons);
        let truth = u32::try_from(persons.len()).ok();
        prop_assert_eq!((figure.low, figure.high, figure.preferred), (truth, truth, truth));
    }

    #[test]
    fn true_claims_that_leave_no_person_out_and_count_none_twice_give_the_truth(
        persons in prop::collection::vec(persons(), 0..20),
        by in 0..4,
    ) {
        let mut legs = Vec::new();
        for from in ["AA", "BB", "CC", "DD"] {
            for (exchange, portion) in
                EXCHANGES[..3].iter().flat_map(|exchange| [(exchange, "p"), (exchange, "q")])
            {
                for category in 1..3_i32 {
                    let finest = flow(exchange, from, "UA", None).portion(portion);
                    legs.push(match by {
                        0 => Flow { category, ..finest },
                        1 => Flow { from: String::new(), category, ..finest },
                        2 => Flow { from: String::new(), ..finest },
                        _ => Flow { portion: String::new(), exchange: "outer".into(), ..finest },
                    });
                }
            }
        }
        legs.sort_by_key(|leg| format!("{leg:?}"));
        legs.dedup_by_key(|leg| format!("{leg:?}"));
        let figure = received_by_all(&legs, &persons);
        let truth = u32::try_from(persons.len()).ok();
        prop_assert_eq!((figure.low, figure.high), (truth, truth));
    }
}
