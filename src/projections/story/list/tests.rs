//! Which exchanges are found, and in which order.

use super::*;
use crate::domain::proto::{self, ExchangeKind, ExchangeStatus};
use crate::projections::{
    claims::test_record::{Record, codes, flow},
    walk::walked,
};

fn report(id: &str, title: &str, occurred: &str, parties: &str) -> proto::ExchangeReported {
    proto::ExchangeReported {
        exchange_id: id.into(),
        title: title.into(),
        occurred: occurred.into(),
        parties: codes(parties),
        status: ExchangeStatus::Completed.into(),
        ..Default::default()
    }
}

fn ids(record: &Record, at: Position, query: &ExchangeQuery) -> (Vec<String>, u32) {
    let register = record.claims();
    let listed = walked(ListWalk::new(query.clone(), at), &register);
    let vocabulary = register.claims().vocabulary();
    let ids = listed.exchanges.iter().map(|id| vocabulary.text(*id).to_owned());
    (ids.collect(), listed.undated)
}

fn found(record: &Record, query: &ExchangeQuery) -> Vec<String> {
    ids(record, record.head(), query).0
}

fn record() -> Record {
    let mut record = Record::default();
    record.push(&report("b", "Gr\u{f6}\u{df}ter Austausch", "2024-08-01", "RU+US"));
    record.push(&report("a", "Second exchange", "2024-08", "RU+UA"));
    record.push(&report("undated", "No date", "", ""));
    record.push(&proto::ExchangeReported {
        part_of: "a".into(),
        kind: ExchangeKind::Repatriation.into(),
        status: ExchangeStatus::Announced.into(),
        ..report("a-1", "", "2025-01-01", "x-icrc")
    });
    record
}

#[test]
fn the_order_is_by_date_or_by_first_position_and_what_has_no_date_comes_last() {
    let record = record();
    let order = |order| found(&record, &ExchangeQuery { order, ..ExchangeQuery::default() });
    // A month begins with its first day, so two begin on the same one.
    assert_eq!(order(ListOrder::Unspecified), ["a-1", "b", "a", "undated"]);
    assert_eq!(order(ListOrder::NewestFirst), ["a-1", "b", "a", "undated"]);
    assert_eq!(order(ListOrder::OldestFirst), ["b", "a", "a-1", "undated"]);
    assert_eq!(order(ListOrder::Position), ["b", "a", "undated", "a-1"]);
}

#[test]
fn every_condition_narrows_the_list() {
    let record = record();
    let all = ExchangeQuery { order: ListOrder::Position, ..ExchangeQuery::default() };
    let party = |code: &str| ExchangeQuery { party: Some(code.into()), ..all.clone() };
    assert_eq!(found(&record, &party("RU")), ["b", "a"]);
    assert_eq!(found(&record, &party("x-icrc")), ["a", "a-1"], "the parties of a portion are its");
    assert_eq!(found(&record, &party("TR")), Vec::<String>::new());
    let kind = Some(ExchangeKind::Repatriation.into());
    assert_eq!(found(&record, &ExchangeQuery { kind, ..all.clone() }), ["a-1"]);
    let status = Some(ExchangeStatus::Completed.into());
    assert_eq!(found(&record, &ExchangeQuery { status, ..all.clone() }), ["b", "a", "undated"]);
    let outermost_only = true;
    assert_eq!(
        found(&record, &ExchangeQuery { outermost_only, ..all.clone() }),
        ["b", "a", "undated"]
    );
    let words = |words: &str| ExchangeQuery { words: words.into(), ..all.clone() };
    assert_eq!(found(&record, &words("AUSTAUSCH grosster")), ["b"]);
    assert_eq!(found(&record, &words("exchange third")), Vec::<String>::new());
}

#[test]
fn what_has_no_date_is_counted_apart_only_where_everything_else_fits() {
    let record = record();
    let occurred = Some(Edtf::parse("2024-08").unwrap());
    let query = ExchangeQuery { occurred, order: ListOrder::Position, ..ExchangeQuery::default() };
    let all = |undated| (vec!["b".to_owned(), "a".to_owned()], undated);
    assert_eq!(ids(&record, record.head(), &query), all(1));
    let of_party = ExchangeQuery { party: Some("RU".into()), ..query };
    assert_eq!(ids(&record, record.head(), &of_party), all(0));
}

#[test]
fn a_mediator_is_found_by_code_or_name_and_one_that_is_denied_only_where_requested() {
    let mut record = record();
    let mut role = |exchange: &str, party: &str, name: &str, denied| {
        record.push(&proto::RoleAttributed {
            exchange_id: exchange.into(),
            actor: Some(proto::Actor { party: party.into(), name: name.into(), kind: 0 }),
            role: Role::Mediator.into(),
            denied,
            ..Default::default()
        });
    };
    role("a-1", "AE", "UAE foreign ministry", false);
    role("b", "AE", "AE", false);
    role("b", "AE", "AE", true);
    role("undated", "AE", "AE", true);
    let mediated = |actor: &str, even_if_denied| {
        let mediator = Some(Mediator { actor: actor.into(), even_if_denied });
        let order = ListOrder::Position;
        found(&record, &ExchangeQuery { mediator, order, ..ExchangeQuery::default() })
    };
    assert_eq!(mediated("AE", false), ["a", "a-1"]);
    assert_eq!(mediated("AE", true), ["b", "a", "a-1"], "nobody attributes it in the undated one");
    assert_eq!(mediated("UAE foreign ministry", false), ["a", "a-1"]);
    assert_eq!(mediated("SA", true), Vec::<String>::new());
}

#[test]
fn the_list_is_of_what_stood_then_and_a_larger_exchange_is_known_by_its_portions() {
    let mut record = Record::default();
    let day = record.report("day", "truce", "2024-08-01", "");
    let claim = record.completed(&flow("other", "RU", "UA", Some(1)));
    let gone = record.retract(claim);
    let at = |at| {
        let order = ListOrder::Position;
        ids(&record, at, &ExchangeQuery { order, ..ExchangeQuery::default() }).0
    };
    assert_eq!(at(0), Vec::<String>::new());
    assert_eq!(at(day), ["day", "truce"]);
    assert_eq!(at(claim), ["day", "truce", "other"]);
    assert_eq!(at(gone), ["day", "truce"]);
}

/// How often the claims of an exchange are gathered while something is worked out.
fn gathered<T>(work_out: impl FnOnce() -> T) -> (T, usize) {
    let before = extent::GATHERED.get();
    let worked_out = work_out();
    (worked_out, extent::GATHERED.get() - before)
}

#[test]
fn a_page_gathers_the_claims_of_its_own_exchanges_and_of_no_others() {
    let mut record = Record::default();
    for number in 0..1_200 {
        let id = format!("x-{number}");
        record.push(&report(&id, "Exchange", &format!("20{:02}", number % 30), "RU+UA"));
        record.completed(&flow(&id, "RU", "UA", Some(number)));
    }
    let (register, at) = (record.claims(), record.head());
    let kind = Some(ExchangeKind::Unspecified.into());
    let occurred = Some(Edtf::parse("2001/2029").unwrap());
    for query in [
        ExchangeQuery::default(),
        ExchangeQuery { order: ListOrder::Position, outermost_only: true, ..<_>::default() },
        ExchangeQuery { occurred, ..ExchangeQuery::default() },
        ExchangeQuery { kind, words: "exchange".into(), ..ExchangeQuery::default() },
    ] {
        let walk = ListWalk::new(query.clone(), at);
        let (listed, while_listing) = gathered(|| Arc::new(walked(walk, &register)));
        assert!(listed.exchanges.len() >= 1_160, "{query:?}");
        let page = SummaryWalk::new((Arc::clone(&listed), at), (100, 25), usize::MAX);
        let (reported, while_reporting) = gathered(|| walked(page, &register));
        let ids = listed.exchanges[100..125].iter();
        let ids: Vec<_> = ids.map(|id| register.claims().vocabulary().text(*id)).collect();
        assert_eq!(reported.iter().map(|it| it.exchange_id.as_str()).collect::<Vec<_>>(), ids);
        assert_eq!((while_listing, while_reporting), (0, 25), "{query:?}");
    }
}
