//! What figures of small records are made of.

use super::*;
use crate::domain::{leg::Direction, proto};
use crate::projections::{
    Projection as _,
    claims::test_record::{Record, flow},
    counts::{CountQuery, country_counts},
    walk::walked,
};

fn key(register: &Register, country: &str) -> FigureKey {
    (register.claims().vocabulary().find(country).unwrap(), 1, Direction::Received)
}

fn behind(register: &Register, key: FigureKey, at: Position) -> Provenance {
    let query = ProvenanceQuery { key, only: None, occurred: None };
    walked(ProvenanceWalk::new(query, at), register)
}

/// Leg uses of all exchanges behind a figure, with the numbers of their claims.
fn uses(register: &Register, country: &str) -> Vec<(String, LegUse, Option<u32>)> {
    let (key, at) = (key(register, country), register.position());
    let behind = behind(register, key, at);
    let explained =
        behind.exchanges.iter().map(|it| explain(register, &register.at(at), key, *it, false));
    let reported = explained.flat_map(|it| {
        let exchange = it.exchange;
        it.legs.into_iter().map(move |leg| {
            (exchange.clone(), leg.used, leg.leg.estimate.range.map(|(low, _)| low))
        })
    });
    reported.collect()
}

#[test]
fn each_leg_says_what_becomes_of_it() {
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(100)));
    record.completed(&flow("x", "RU", "UA", Some(30)).portion("first batch"));
    record.completed(&flow("x", "RU", "UA", None).of(proto::Category::CivilianDetainee));
    record.completed(&flow("x", "RU", "UA+BY", Some(7)));
    record.completed(&flow("x", "RU", "", Some(9)));
    record.completed(&flow("x", "UA", "RU", Some(50)));
    record.completed(&flow("y", "BY", "UA", Some(5)));
    let register = record.claims();
    let x = |used, number| ("x".to_owned(), used, number);
    let mut reported = uses(&register, "UA");
    let last = reported.pop();
    let expected = [
        x(LegUse::WholeOfParts, Some(100)),
        x(LegUse::PartOfAnother, Some(30)),
        x(LegUse::Unnumbered, None),
        x(LegUse::Joint, Some(7)),
        x(LegUse::SideUnsaid, Some(9)),
    ];
    assert_eq!(reported, expected);
    assert_eq!(last, Some(("y".to_owned(), LegUse::Counted, Some(5))));
}

#[test]
fn what_a_country_alone_stands_across_from_is_reported_only_where_it_bounds_what_is_open() {
    let mut record = Record::default();
    record.completed(&flow("x", "UA", "", Some(10)));
    record.completed(&flow("x", "DE", "", Some(19)));
    let x = |used, number| ("x".to_owned(), used, Some(number));
    assert_eq!(uses(&record.claims(), "UA"), [x(LegUse::SideUnsaid, 19)]);
    assert_eq!(uses(&record.claims(), "DE"), [x(LegUse::SideUnsaid, 10)]);
    // The 16 are among all 29, so that 13 are left, which is less than the 19.
    record.completed(&flow("x", "", "UA+BY", Some(16)));
    let all = [x(LegUse::SideUnsaid, 10), x(LegUse::SideUnsaid, 19), x(LegUse::Joint, 16)];
    assert_eq!(uses(&record.claims(), "UA"), all);
}

#[test]
fn a_part_names_the_nearest_whole() {
    let mut record = Record::default();
    record.report("inner", "outer", "", "");
    record.completed(&flow("outer", "", "UA", Some(100)));
    record.completed(&flow("inner", "", "UA", Some(40)));
    record.completed(&flow("inner", "", "UA", Some(10)).portion("p"));
    let register = record.claims();
    let (key, at) = (key(&register, "UA"), register.position());
    let outer = register.claims().vocabulary().find("outer").unwrap();
    let legs = explain(&register, &register.at(at), key, outer, false).legs;
    let part_of: Vec<&[u32]> = legs.iter().map(|leg| leg.part_of.as_slice()).collect();
    assert_eq!(part_of, [&[][..], &[0], &[1]]);
}

#[test]
fn the_preference_in_force_is_reported_and_the_past_only_if_requested() {
    let mut record = Record::default();
    let one = record.completed(&flow("x", "RU", "UA", Some(150)));
    let other = record.completed(&flow("x", "RU", "UA", Some(189)));
    let gone = record.completed(&flow("x", "RU", "UA", Some(7)));
    record.retract(gone);
    record.prefer(one, "UA");
    let preferred = record.prefer(other, "UA");
    let register = record.claims();
    let (key, at) = (key(&register, "UA"), register.position());
    let exchange = register.claims().vocabulary().find("x").unwrap();
    let explained = explain(&register, &register.at(at), key, exchange, false);
    let preference = explained.preference.unwrap();
    assert_eq!((preference.position, preference.claim, preference.value), (preferred, other, 189));
    assert_eq!(explained.legs[0].leg.claims.len(), 2);
    let past = explain(&register, &register.at(at), key, exchange, true);
    assert_eq!(past.legs[0].leg.claims.len(), 3);
    let before = explain(&register, &register.at(preferred - 2), key, exchange, false);
    assert_eq!(before.preference, None);
}

#[test]
fn what_the_exchanges_add_is_the_figure() {
    let mut record = Record::default();
    for (exchange, count) in [("x", Some(5)), ("y", None), ("z", Some(8))] {
        record.report(exchange, "", "2024-03", "");
        record.completed(&flow(exchange, "RU", "UA", count));
    }
    record.completed(&flow("z", "RU", "UA", Some(9)));
    let register = record.claims();
    let (key, at) = (key(&register, "UA"), register.position());
    let behind = behind(&register, key, at);
    let mut tally = Tally::default();
    for exchange in &behind.exchanges {
        tally.add(&explain(&register, &register.at(at), key, *exchange, false).share);
    }
    let figure = country_counts(&register, &CountQuery::default()).rows;
    let figure = figure.into_iter().find(|row| row.country == "UA").unwrap().received;
    assert_eq!(figure, Some(Figure::from(&tally)));
    assert_eq!(figure, behind.figure);
}
