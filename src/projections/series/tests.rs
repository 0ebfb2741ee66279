//! Steps of small series.

use super::*;
use crate::domain::proto;
use crate::projections::{
    Projection as _,
    claims::test_record::{Record, flow},
    walk::walked,
};

fn total(as_of: &str, value: u32, previous: Option<u32>, follows: &str) -> proto::TotalClaimed {
    proto::TotalClaimed {
        series: "mediated".into(),
        as_of: as_of.into(),
        count: Some(proto::Count { value: Some(value), ..Default::default() }),
        previous_total: previous,
        follows_exchange_id: follows.into(),
        ..Default::default()
    }
}

fn exchange(record: &mut Record, id: &str, occurred: &str, count: Option<u32>) {
    record.report(id, "", occurred, "");
    record.completed(&flow(id, "RU", "UA", count));
    record.completed(&flow(id, "UA", "RU", count));
}

fn steps_of(record: &Record, query: &SeriesQuery) -> Vec<SeriesStep> {
    let register = record.claims();
    let series = register.claims().vocabulary().find("mediated").unwrap();
    let compared = CompareWalk::new(vec![series], query.clone(), register.position());
    let compared = walked(compared, &register).unwrap();
    let most = compared.steps();
    walked(StepWalk::new(compared, 0, most), &register)
}

fn all() -> SeriesQuery {
    SeriesQuery { unit: 1, ..SeriesQuery::default() }
}

#[test]
fn the_residual_is_what_no_exchange_in_between_explains() {
    let mut record = Record::default();
    record.push(&total("2024-12-30", 2_484, None, ""));
    record.push(&total("2025-01-15", 2_583, Some(2_484), ""));
    exchange(&mut record, "at the base", "2024-12-30", Some(150));
    exchange(&mut record, "between", "2025-01-15", Some(25));
    exchange(&mut record, "after", "2025-02-05", Some(150));
    let [first, second] = steps_of(&record, &all()).try_into().unwrap();
    assert_eq!((first.base_from, first.step, first.residual), (Base::None, None, None));
    assert_eq!(second.base_from, Base::Previous(Some(1)));
    assert_eq!((second.step, second.sum), (Some((99, 99)), Some((50, 50))));
    assert_eq!(second.residual, Some((49, 49)));
    assert_eq!(second.exchanges, [("between".to_owned(), Some((50, 50)))]);
    let received = SeriesQuery { country: Some("UA".into()), ..all() };
    let received = SeriesQuery { direction: Some(Direction::Received), ..received };
    assert_eq!(steps_of(&record, &received)[1].sum, Some((25, 25)));
}

#[test]
fn an_exchange_without_a_number_or_a_day_is_missing_and_never_0() {
    let mut record = Record::default();
    record.push(&total("2025-01-01", 100, None, ""));
    record.push(&total("2025-03-01", 130, None, ""));
    exchange(&mut record, "unnumbered", "2025-02-01", None);
    let [_, step] = steps_of(&record, &all()).try_into().unwrap();
    assert_eq!((step.base_from, step.sum, step.residual), (Base::Earlier(1), None, None));
    exchange(&mut record, "coarse", "2025", Some(10));
    record.completed(&flow("undated", "RU", "UA", Some(1)));
    exchange(&mut record, "exact", "2025-02-02", Some(10));
    let [_, step] = steps_of(&record, &all()).try_into().unwrap();
    assert_eq!((step.sum, step.residual), (Some((20, 20)), Some((10, 10))));
    let missing: Vec<(&str, MissingReason)> =
        step.missing.iter().map(|it| (it.exchange.as_str(), it.reason)).collect();
    let expected = [
        ("coarse", MissingReason::Undated),
        ("undated", MissingReason::Undated),
        ("unnumbered", MissingReason::Unnumbered),
    ];
    assert_eq!(missing, expected);
}

#[test]
fn a_total_counts_up_to_the_exchange_that_it_follows() {
    let mut record = Record::default();
    record.push(&total("2024-09", 100, None, "first"));
    record.push(&total("2024-10", 120, None, "second"));
    exchange(&mut record, "first", "2024-09-14", Some(50));
    exchange(&mut record, "second", "2024-10-18", Some(10));
    let [_, step] = steps_of(&record, &all()).try_into().unwrap();
    assert_eq!(step.exchanges, [("second".to_owned(), Some((20, 20)))]);
    assert_eq!((step.residual, step.missing), (Some((0, 0)), vec![]));
}

#[test]
fn two_totals_of_one_day_stand_side_by_side_and_are_a_range_as_a_base() {
    let mut record = Record::default();
    record.push(&total("2023-05-25", 2_430, None, ""));
    record.push(&total("2023-05-25", 2_340, None, ""));
    record.push(&total("2024-06-25", 3_210, None, ""));
    let [one, other, step] = steps_of(&record, &all()).try_into().unwrap();
    assert_eq!((one.base_from, other.base_from), (Base::None, Base::None));
    assert_eq!((step.base, step.step), (Some((2_340, 2_430)), Some((780, 870))));
    assert_eq!((step.base_from, step.sum), (Base::Earlier(2), Some((0, 0))));
}

#[test]
fn totals_out_of_order_are_put_in_order_and_may_fall() {
    let mut record = Record::default();
    record.push(&total("2025-11-27", 6_266, None, ""));
    record.push(&total("2025-10-02", 7_000, None, ""));
    let [first, second] = steps_of(&record, &all()).try_into().unwrap();
    assert_eq!((first.status.claim, second.step), (2, Some((-734, -734))));
    let only = SeriesQuery { occurred: Some(Edtf::parse("2025-11").unwrap()), ..all() };
    assert_eq!(steps_of(&record, &only), [second]);
}
