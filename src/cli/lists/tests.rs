use crate::{
    cli::output::Query,
    domain::proto::{
        Actor, Attribution, ClaimRecord, Count, DeclineReason, ExchangeFlag, ExchangeStatus,
        ExchangeSummary, Leg, ListExchangesRequest, ListExchangesResponse, ListSourcesRequest,
        ListSourcesResponse, ListStatementsRequest, ListStatementsResponse, ListTransfersRequest,
        ListTransfersResponse, SourceEntry, SourceRegistered, StatementEntry, StatementMade,
        StatementMode, TotalClaimed, TransferDeclined, TransferEntry, Unit, transfer_entry::Claim,
    },
};

fn record(position: u64) -> ClaimRecord {
    ClaimRecord { position, ..Default::default() }
}

fn said() -> Attribution {
    let claimed_by = Some(Actor { name: "UA HQ".to_owned(), ..Default::default() });
    Attribution { source_id: "demo".to_owned(), claimed_by, ..Default::default() }
}

/// The rows of a list, each with a field for every column.
fn rows<Q: Query>(query: &Q, response: &Q::Response) -> Vec<Vec<String>> {
    let (columns, rows) = (query.columns(), query.rows(response));
    assert!(rows.iter().all(|row| row.len() == columns.len()), "{columns:?}: {rows:?}");
    rows
}

#[test]
fn exchanges_are_listed_with_what_stands_out() {
    let named = ExchangeSummary { exchange_id: "demo-2".to_owned(), ..ExchangeSummary::default() };
    let known = ExchangeSummary {
        exchange_id: "demo-1".to_owned(),
        title: "A demonstration".to_owned(),
        occurred: "2024-08".to_owned(),
        parties: vec!["RU".to_owned(), "UA".to_owned()],
        status: ExchangeStatus::Completed.into(),
        flags: vec![ExchangeFlag::Undated.into()],
        ..Default::default()
    };
    let query = ListExchangesRequest::default();
    let mut list = ListExchangesResponse {
        exchanges: vec![known, named],
        position: 9,
        undated_exchanges: 2,
        next_page_token: "more".to_owned(),
    };
    let expected = [
        " when    | exchange | title           | parties | status     | stands out",
        "---------+----------+-----------------+---------+------------+------------",
        " 2024-08 | demo-1   | A demonstration | RU, UA  | completed  | undated",
        " no date | demo-2   |                 |         | only named |",
        "left out because undated: 2 exchanges",
        "there are more: raise --limit",
        "(as of position 9)",
        "",
    ];
    assert_eq!(query.table(&list), expected.join("\n"));
    assert_eq!(rows(&query, &list).len(), 2);
    assert_eq!(query.entries(&list).unwrap().len(), 2);
    list.exchanges.clear();
    assert!(query.table(&list).starts_with("no exchanges\n"));
}

#[test]
fn statements_are_paragraphs_and_declining_is_no_text() {
    let spoke = |mode: StatementMode, text: &str| StatementEntry {
        record: Some(record(7)),
        statement: Some(StatementMade {
            attribution: Some(said()),
            speaker: Some(Actor { party: "RU".into(), name: "Anna Demo".into(), kind: 0 }),
            mode: mode.into(),
            text: text.to_owned(),
            topics: vec!["exchange".to_owned()],
            exchange_id: "demo-1".to_owned(),
            ..Default::default()
        }),
    };
    let long = "word ".repeat(30);
    let statements =
        vec![spoke(StatementMode::DirectQuote, &long), spoke(StatementMode::Declined, "")];
    let query = ListStatementsRequest::default();
    let list = ListStatementsResponse { statements, position: 9, ..Default::default() };
    let expected = format!(
        "Anna Demo (RU), no date (direct quote) (claim 7)\n    {}\n    {}\n    \
         [on exchange; exchange demo-1; source demo]\n\n\
         Anna Demo (RU), no date (declined) (claim 7)\n    declined to comment\n    \
         [on exchange; exchange demo-1; source demo]\n\n(as of position 9)\n",
        "word ".repeat(19).trim_end(),
        "word ".repeat(11).trim_end(),
    );
    assert_eq!(query.table(&list), expected);
    assert_eq!(rows(&query, &list).len(), 2);
}

#[test]
fn transfers_of_every_sort_stand_in_one_table() {
    let leg = Leg {
        exchange_id: "demo-1".to_owned(),
        to: vec!["UA".to_owned()],
        unit: Unit::Person.into(),
        ..Default::default()
    };
    let declined = TransferDeclined {
        attribution: Some(said()),
        leg: Some(leg),
        count: Some(Count { value: Some(40), approximate: true, ..Default::default() }),
        reason: DeclineReason::NoShow.into(),
    };
    let total = TotalClaimed {
        attribution: Some(said()),
        series: "UA HQ".to_owned(),
        as_of: "2024-08-24".to_owned(),
        count: Some(Count::default()),
        ..Default::default()
    };
    let entry =
        |position, claim| TransferEntry { record: Some(record(position)), claim: Some(claim) };
    let transfers = vec![entry(5, Claim::Declined(declined)), entry(6, Claim::Total(total))];
    let query = ListTransfersRequest::default();
    let list = ListTransfersResponse { transfers, position: 9, ..Default::default() };
    let expected = [
        " claim | of     | record             | leg              | number           | according to",
        "-------+--------+--------------------+------------------+---\
         ---------------+--------------",
        " 5     | demo-1 | declined (no show) | ? -> UA          | about 40         | UA HQ",
        " 6     | UA HQ  | total              | up to 2024-08-24 | number not given | UA HQ",
        "(as of position 9)",
        "",
    ];
    assert_eq!(query.table(&list), expected.join("\n"));
    assert_eq!(
        rows(&query, &list)[1][4..10],
        ["", "", "", "", "", ""],
        "no leg, no unit, no number"
    );
}

#[test]
fn a_source_that_is_only_cited_is_listed_as_such() {
    let source = SourceRegistered {
        source_id: "mfa".to_owned(),
        publisher: "TR MFA".to_owned(),
        title: "No. 155".to_owned(),
        url: "https://example.org/1".to_owned(),
        ..Default::default()
    };
    let sources = vec![
        SourceEntry {
            source_id: "mfa".to_owned(),
            record: Some(record(1)),
            source: Some(source),
            claims: 12,
        },
        SourceEntry { source_id: "other".to_owned(), claims: 1, ..Default::default() },
    ];
    let query = ListSourcesRequest::default();
    let list = ListSourcesResponse { sources, position: 9, ..Default::default() };
    let expected = "\
mfa: TR MFA; No. 155; cited by 12 claims
    https://example.org/1
other: not registered; cited by 1 claim
(as of position 9)
";
    assert_eq!(query.table(&list), expected);
    assert_eq!(rows(&query, &list).len(), 2);
}
