//! Groups of small records.

use super::*;
use crate::domain::{
    leg::{Direction, UnitCode},
    period::Fineness,
    proto,
};
use crate::projections::{
    Projection as _,
    claims::test_record::{Record, ankara_article, flow},
    counts::{CountQuery, country_counts},
    walk::walked,
};

const PERSON: UnitCode = 1;

fn groups(register: &Register, query: GroupedQuery) -> GroupedCounts {
    walked(GroupedWalk::new(query, register.position()), register)
}

/// `parts low..high preferred` of each group.
fn as_text(record: &Record, query: &GroupedQuery) -> Vec<String> {
    let register = record.claims();
    let number = |number: Option<u32>| number.map_or("?".to_owned(), |number| number.to_string());
    let answer = groups(&register, query.clone());
    let line = |(key, figure): &(GroupKey, Figure)| {
        let (low, high) = (number(figure.low), number(figure.high));
        format!("{:?} {low}..{high} {}", key.parts, number(figure.preferred))
    };
    answer.groups.iter().map(line).collect()
}

fn by(dimensions: &[Dimension]) -> GroupedQuery {
    GroupedQuery { dimensions: dimensions.to_vec(), unit: Some(PERSON), ..GroupedQuery::default() }
}

#[test]
fn without_a_side_the_larger_of_the_two_sums_is_given_and_never_both() {
    let mut record = Record::default();
    record.completed(&flow("switch", "", "KP", Some(5_640)));
    record.completed(&flow("switch", "", "CN", Some(1_030)));
    record.completed(&flow("switch", "x-unc", "", Some(6_670)));
    assert_eq!(as_text(&record, &by(&[])), ["[] 6670..6670 6670"]);
    record.completed(&flow("switch", "", "CN", Some(1_031)));
    assert_eq!(as_text(&record, &by(&[])), ["[] 6670..6671 ?"]);
}

#[test]
fn a_joint_side_is_a_group_of_its_own_and_the_whole_of_its_members() {
    let record = ankara_article();
    let by_sender = as_text(&record, &by(&[Dimension::From]));
    let joint = r#"[From(["BY", "DE", "NO", "PL", "RU", "SI", "US"])] 26..26 26"#;
    assert!(by_sender.iter().any(|group| group == joint), "{by_sender:?}");
    assert_eq!(by_sender.len(), 8, "and each member, without a number of its own");
    let mut record = record;
    record.completed(&flow("ankara-2024-08-01", "RU", "", Some(16)));
    let all: Vec<String> = as_text(&record, &by(&[Dimension::Exchange]));
    assert_eq!(all, [r#"[Exchange("ankara-2024-08-01")] 26..26 26"#]);
}

#[test]
fn routes_and_filters_by_side_take_what_is_attributed_to_exactly_these() {
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(189)));
    record.completed(&flow("x", "UA", "RU", Some(150)));
    record.completed(&flow("y", "BY", "UA", Some(7)));
    let routes = as_text(&record, &by(&[Dimension::Route]));
    assert_eq!(routes.len(), 3);
    assert_eq!(routes[1], r#"[Route(["RU"], ["UA"])] 189..189 189"#);
    let to_ua = GroupedQuery { receivers: ["UA".to_owned()].into(), ..by(&[Dimension::From]) };
    let expected = [r#"[From(["BY"])] 7..7 7"#, r#"[From(["RU"])] 189..189 189"#];
    assert_eq!(as_text(&record, &to_ua), expected);
    let from_ua = GroupedQuery { senders: ["UA".to_owned()].into(), ..by(&[]) };
    assert_eq!(as_text(&record, &from_ua), ["[] 150..150 150"]);
    let unnamed = GroupedQuery { senders: ["SE".to_owned()].into(), ..by(&[]) };
    assert!(as_text(&record, &unnamed).is_empty());
}

#[test]
fn categories_overlap_so_they_have_no_total() {
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(12)));
    record.completed(&flow("x", "RU", "UA", Some(5)).of(proto::Category::PrisonerOfWar));
    let by_category = by(&[Dimension::Category]);
    let expected = ["[Category(0)] 12..12 12", "[Category(1)] 5..5 5"];
    assert_eq!(as_text(&record, &by_category), expected);
    let register = record.claims();
    assert_eq!(groups(&register, by_category).total, None);
    let total = groups(&register, by(&[Dimension::Exchange])).total;
    assert_eq!(total.and_then(|figure| figure.low), Some(12));
}

#[test]
fn years_kinds_and_mediators_are_those_of_the_outermost_exchange() {
    let mut record = Record::default();
    record.report("outer", "", "2024-12-30/2025-01-02", "");
    record.report("inner", "outer", "2025-01-01", "");
    record.completed(&flow("inner", "RU", "UA", Some(9)));
    record.completed(&flow("undated", "RU", "UA", Some(1)));
    for (name, denied) in [("AE", false), ("SA", false), ("SA", true)] {
        let actor = Some(proto::Actor { party: name.into(), ..Default::default() });
        record.push(&proto::RoleAttributed {
            exchange_id: "outer".into(),
            actor,
            role: proto::Role::Mediator.into(),
            denied,
            ..Default::default()
        });
    }
    let years = as_text(&record, &by(&[Dimension::Year]));
    assert_eq!(years, ["[Year(None)] 1..1 1", "[Year(Some(2024))] 9..9 9"]);
    let mediated = by(&[Dimension::Mediator]);
    let expected = [r#"[Mediator("")] 1..1 1"#, r#"[Mediator("AE")] 9..9 9"#];
    assert_eq!(as_text(&record, &mediated), expected);
    let with_denied = GroupedQuery { include_denied: true, ..mediated };
    assert_eq!(as_text(&record, &with_denied).len(), 3);
    let of_sa = GroupedQuery { mediator: Some("SA".into()), ..by(&[]) };
    assert!(as_text(&record, &of_sa).is_empty());
}

#[test]
fn an_exchange_is_in_one_month_or_in_the_period_of_its_coarse_date() {
    let mut record = Record::default();
    for (exchange, occurred, number) in [
        ("day", "2024-08-01", 1),
        ("month", "2024-08", 2),
        ("year", "2024", 4),
        ("span", "2024-08-31/2024-09-01", 8),
        ("next", "2024-09-02", 16),
        ("undated", "", 32),
    ] {
        record.report(exchange, "", occurred, "");
        record.completed(&flow(exchange, "RU", "UA", Some(number)));
    }
    let register = record.claims();
    let sums = |dimension, fineness| {
        let answer = groups(&register, by(&[dimension]));
        let total = answer.total.and_then(|figure| figure.low);
        assert_eq!(total, Some(63), "each exchange once");
        let sum = |(key, figure): &(GroupKey, Figure)| {
            let [Part::Month(period) | Part::Quarter(period)] = key.parts.as_slice() else {
                unreachable!("{key:?}")
            };
            (period.map(|it| it.name(fineness)).unwrap_or_default(), figure.low.unwrap_or(0))
        };
        answer.groups.iter().map(sum).collect::<Vec<_>>()
    };
    let named = |sums: &[(&str, u32)]| -> Vec<(String, u32)> {
        sums.iter().map(|(name, sum)| ((*name).to_owned(), *sum)).collect()
    };
    let months = [("", 32), ("2024", 4), ("2024-08", 3), ("2024-08/2024-09", 8), ("2024-09", 16)];
    assert_eq!(sums(Dimension::Month, Fineness::Month), named(&months));
    let quarters = [("", 32), ("2024", 4), ("2024-Q3", 27)];
    assert_eq!(sums(Dimension::Quarter, Fineness::Quarter), named(&quarters));
}

#[test]
fn an_exchange_that_is_a_portion_is_counted_by_itself() {
    let mut record = Record::default();
    record.report("inner", "outer", "", "");
    record.completed(&flow("inner", "RU", "UA", Some(9)));
    record.completed(&flow("outer", "RU", "UA", Some(20)));
    let of = |exchange: &str| GroupedQuery { exchange: Some(exchange.into()), ..by(&[]) };
    assert_eq!(as_text(&record, &of("inner")), ["[] 9..9 9"]);
    assert_eq!(as_text(&record, &of("outer")), ["[] 20..20 20"]);
}

#[test]
fn groups_by_receiver_are_the_figures_of_the_countries() {
    let record = ankara_article();
    let register = record.claims();
    let rows = country_counts(&register, &CountQuery::default()).rows;
    let by_receiver = groups(&register, by(&[Dimension::To])).groups;
    for (key, figure) in by_receiver {
        let [Part::To(parties)] = key.parts.as_slice() else { unreachable!("{key:?}") };
        let row = rows.iter().find(|row| [row.country.clone()] == parties.as_slice()).unwrap();
        assert_eq!(row.received.as_ref(), Some(&figure), "{:?}", Direction::Received);
    }
}
