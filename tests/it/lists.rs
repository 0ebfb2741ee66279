//! Lists of statements, sources and transfers: found, in order, page by page, and as of before.

use handover::domain::proto::{
    self, Actor, AsOf, Attribution, ClaimCorrected, CorrectClaimRequest, CorrectClaimResponse,
    CorrectedBy, Count, GetSourceRequest, GetSourceResponse, Leg, ListSourcesRequest,
    ListSourcesResponse, ListStatementsRequest, ListStatementsResponse, ListTransfersRequest,
    ListTransfersResponse, RecordStatementRequest, RecordStatementResponse, RecordTransferRequest,
    RecordTransferResponse, RegisterSourceRequest, RegisterSourceResponse, SourceKind,
    SourceRegistered, StatementMade, StatementMode, TransferClaimKind, TransferCompleted,
    as_of::Moment, record_transfer_request::Transfer,
};

use crate::{
    rpc::{Rpc, invalid, not_found, reported},
    support::{Server, data_dir},
};

const STATEMENTS: &str = "StatementService/ListStatements";
const TRANSFERS: &str = "TransferService/ListTransfers";
const SOURCES: &str = "SourceService/ListSources";

fn attribution() -> Attribution {
    Attribution { source_id: "demo".into(), ..Attribution::default() }
}

fn said(speaker: &str, text: &str, occurred: &str) -> StatementMade {
    StatementMade {
        attribution: Some(attribution()),
        speaker: Some(Actor { name: speaker.into(), ..Actor::default() }),
        mode: StatementMode::DirectQuote.into(),
        text: text.into(),
        occurred: occurred.into(),
        ..StatementMade::default()
    }
}

async fn say(rpc: &Rpc, statement: StatementMade) -> u64 {
    let statement = Some(statement);
    let request = RecordStatementRequest { statement, ..RecordStatementRequest::default() };
    let answer: RecordStatementResponse =
        rpc.answer("StatementService/RecordStatement", request).await;
    answer.receipt.expect("a receipt").position
}

async fn correct(rpc: &Rpc, claim: u64, replacement: &StatementMade) -> u64 {
    let correction = Some(ClaimCorrected {
        attribution: Some(attribution()),
        claim,
        replacement: Some(proto::Any::pack(replacement)),
        by: CorrectedBy::Claimant.into(),
        reason: String::new(),
    });
    let request = CorrectClaimRequest { correction, ..CorrectClaimRequest::default() };
    let answer: CorrectClaimResponse = rpc.answer("ClaimService/CorrectClaim", request).await;
    answer.receipt.expect("a receipt").position
}

async fn hand_over(rpc: &Rpc, exchange: &str, to: &str, occurred: &str) -> u64 {
    let transfer = Some(Transfer::Completed(TransferCompleted {
        attribution: Some(attribution()),
        leg: Some(Leg {
            exchange_id: exchange.into(),
            to: vec![to.into()],
            unit: proto::Unit::Person.into(),
            ..Leg::default()
        }),
        count: Some(Count { value: Some(3), ..Count::default() }),
        occurred: occurred.into(),
        ..TransferCompleted::default()
    }));
    let request = RecordTransferRequest { transfer, ..RecordTransferRequest::default() };
    let answer: RecordTransferResponse =
        rpc.answer("TransferService/RecordTransfer", request).await;
    answer.receipt.expect("a receipt").position
}

async fn register(rpc: &Rpc, source_id: &str, title: &str) -> u64 {
    let (source_id, title) = (source_id.into(), title.into());
    let kind = SourceKind::Outlet.into();
    let source = Some(SourceRegistered { source_id, title, kind, ..SourceRegistered::default() });
    let request = RegisterSourceRequest { source, ..RegisterSourceRequest::default() };
    let answer: RegisterSourceResponse = rpc.answer("SourceService/RegisterSource", request).await;
    answer.receipt.expect("a receipt").position
}

fn at(position: u64) -> AsOf {
    AsOf { moment: Some(Moment::Position(position)) }
}

fn claims(answer: &ListStatementsResponse) -> Vec<u64> {
    let record = |entry: &proto::StatementEntry| entry.record.as_ref().map_or(0, |it| it.position);
    answer.statements.iter().map(record).collect()
}

#[tokio::test]
async fn statements_are_found_by_words_without_their_marks_as_they_read_at_the_moment() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let text = "Twenty-six came to Ankara, said Mr Erdo\u{11f}an";
    let first = say(&rpc, said("\u{130}brahim Kal\u{131}n", text, "2024-08-01")).await;
    let second = say(&rpc, said("Ana Demo", "They came home.", "2024-08-02")).await;
    let text = "Twenty-four came to Ankara, said Mr Erdo\u{11f}an";
    let replacement = said("\u{130}brahim Kal\u{131}n", text, "2024-08-01");
    let corrected = correct(&rpc, first, &replacement).await;
    let find = async |words: &str, as_of| {
        let (words, min_position) = (words.into(), corrected);
        let request = ListStatementsRequest { words, as_of, min_position, ..Default::default() };
        rpc.answer::<_, ListStatementsResponse>(STATEMENTS, request).await
    };
    assert_eq!(claims(&find("came", None).await), [second, first], "the newest first");
    assert_eq!(claims(&find("ERDOGAN kalin", None).await), [first]);
    assert_eq!(claims(&find("six", None).await), [0; 0]);
    let then = find("six", Some(at(second))).await;
    assert_eq!((claims(&then), then.position), (vec![first], second));
    let [now] = find("four", None).await.statements.try_into().expect("one statement");
    assert_eq!(now.statement.expect("a statement"), replacement);
    let record = now.record.expect("a record");
    assert_eq!((record.position, record.corrected_by), (first, corrected));

    let undated = say(&rpc, said("Ben", "Nobody came", "")).await;
    let occurred = "2024-08-02".into();
    let request = ListStatementsRequest { occurred, min_position: undated, ..Default::default() };
    let dated: ListStatementsResponse = rpc.answer(STATEMENTS, request).await;
    assert_eq!((claims(&dated), dated.undated_statements), (vec![second], 1));
}

#[tokio::test]
async fn pages_of_statements_stay_as_they_were_while_statements_are_made_and_corrected() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let mut made = Vec::new();
    for day in 1..=7 {
        made.push(say(&rpc, said("Ana", "a word", &format!("2024-08-0{day}"))).await);
    }
    let mut request = ListStatementsRequest {
        words: "word".into(),
        page_size: 3,
        min_position: made[6],
        ..Default::default()
    };
    let mut seen = Vec::new();
    loop {
        let page: ListStatementsResponse = rpc.answer(STATEMENTS, request.clone()).await;
        assert_eq!(page.position, made[6]);
        seen.extend(claims(&page));
        // One more that would come first, and one less.
        say(&rpc, said("Ana", "a word", "2025-01-01")).await;
        let changed = correct(&rpc, made[0], &said("Ana", "another", "2024-08-01")).await;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        request.min_position = changed;
    }
    made.reverse();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_page_ends_before_it_is_too_large_for_a_client_and_the_next_goes_on_there() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let text = "word ".repeat(3_000);
    let mut made = Vec::new();
    for _ in 0..100 {
        made.push(say(&rpc, said("Ana", &text, "")).await);
    }
    let mut request =
        ListStatementsRequest { page_size: 1_000, min_position: made[99], ..Default::default() };
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page: ListStatementsResponse = rpc.answer(STATEMENTS, request.clone()).await;
        assert!(prost::Message::encoded_len(&page) < 2 << 20, "after {}", seen.len());
        seen.extend(claims(&page));
        pages += 1;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((seen, pages), (made, 2));
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_with_its_field() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let s = |text: &str| text.to_owned();
    let statements = ListStatementsRequest::default;
    for (request, field) in [
        (ListStatementsRequest { words: s("?!"), ..statements() }, "words"),
        (ListStatementsRequest { party: s("Turkey"), ..statements() }, "party"),
        (ListStatementsRequest { mode: 99, ..statements() }, "mode"),
        (ListStatementsRequest { order: 99, ..statements() }, "order"),
        (ListStatementsRequest { occurred: s("yesterday"), ..statements() }, "occurred"),
        (ListStatementsRequest { page_token: s("!"), ..statements() }, "page_token"),
        (ListStatementsRequest { as_of: Some(AsOf::default()), ..statements() }, "as_of"),
    ] {
        let refused = rpc.call(STATEMENTS, request).await;
        assert_eq!(reported::<ListStatementsResponse>(refused), invalid(field));
    }
    let transfers = ListTransfersRequest::default;
    for (request, field) in [
        (ListTransfersRequest { from: s("Russia"), ..transfers() }, "from"),
        (ListTransfersRequest { to: s("Ukraine"), ..transfers() }, "to"),
        (ListTransfersRequest { claimant: s("Turkey"), ..transfers() }, "claimant"),
        (ListTransfersRequest { kinds: vec![1, 0], ..transfers() }, "kinds[1]"),
        (ListTransfersRequest { kinds: vec![9], ..transfers() }, "kinds[0]"),
        (ListTransfersRequest { category: 99, ..transfers() }, "category"),
        (ListTransfersRequest { unit: 99, ..transfers() }, "unit"),
        (ListTransfersRequest { occurred: s("2024-13"), ..transfers() }, "occurred"),
        (ListTransfersRequest { page_token: s("AAAA"), ..transfers() }, "page_token"),
    ] {
        let refused = rpc.call(TRANSFERS, request).await;
        assert_eq!(reported::<ListTransfersResponse>(refused), invalid(field));
    }
    let sources = ListSourcesRequest::default;
    for (request, field) in [
        (ListSourcesRequest { words: s("..."), ..sources() }, "words"),
        (ListSourcesRequest { kind: 99, ..sources() }, "kind"),
        (ListSourcesRequest { page_token: s("AAAA"), ..sources() }, "page_token"),
    ] {
        let refused = rpc.call(SOURCES, request).await;
        assert_eq!(reported::<ListSourcesResponse>(refused), invalid(field));
    }
    let unnamed = rpc.call("SourceService/GetSource", GetSourceRequest::default()).await;
    assert_eq!(reported::<GetSourceResponse>(unnamed), invalid("source_id"));
}

#[tokio::test]
async fn a_page_token_outlives_a_restart_and_is_good_for_its_own_list_alone() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let mut made = Vec::new();
    for day in ["2024-08-01", "2024-08-02"] {
        made.push(say(&rpc, said("Ana", "a word", day)).await);
    }
    let first = ListStatementsRequest { page_size: 1, min_position: made[1], ..Default::default() };
    let page: ListStatementsResponse = rpc.answer(STATEMENTS, first.clone()).await;
    let token = page.next_page_token;
    drop(server);
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let next = ListStatementsRequest { page_token: token.clone(), ..first };
    let page: ListStatementsResponse = rpc.answer(STATEMENTS, next.clone()).await;
    assert_eq!((claims(&page), page.next_page_token), (vec![made[0]], String::new()));

    // One letter is another.
    let changed = if token.starts_with('A') { "B" } else { "A" }.to_owned() + &token[1..];
    let changed = ListStatementsRequest { page_token: changed, ..next.clone() };
    let refused = rpc.call(STATEMENTS, changed).await;
    assert_eq!(reported::<ListStatementsResponse>(refused), invalid("page_token"));
    let transfers = ListTransfersRequest { page_token: token.clone(), ..Default::default() };
    let refused = rpc.call(TRANSFERS, transfers).await;
    assert_eq!(reported::<ListTransfersResponse>(refused), invalid("page_token"));
    let sources = ListSourcesRequest { page_token: token, ..Default::default() };
    let refused = rpc.call(SOURCES, sources).await;
    assert_eq!(reported::<ListSourcesResponse>(refused), invalid("page_token"));
    let (_elsewhere, data) = data_dir();
    let other = Server::start(&data, &[]);
    let refused = Rpc::connect(&other).await.call(STATEMENTS, next).await;
    assert_eq!(reported::<ListStatementsResponse>(refused), invalid("page_token"));
}

#[tokio::test]
async fn transfers_are_listed_by_position_page_by_page_and_undated_exchanges_are_counted() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let first = hand_over(&rpc, "demo-1", "UA", "2024-08-01").await;
    let second = hand_over(&rpc, "demo-2", "UA", "").await;
    let third = hand_over(&rpc, "demo-3", "DE", "2024-09-01").await;
    let list = async |request| -> (Vec<u64>, ListTransfersResponse) {
        let answer: ListTransfersResponse = rpc.answer(TRANSFERS, request).await;
        let records = answer.transfers.iter().filter_map(|entry| entry.record.as_ref());
        (records.map(|record| record.position).collect(), answer)
    };
    let any = || ListTransfersRequest { min_position: third, ..Default::default() };
    assert_eq!(list(any()).await.0, [first, second, third]);
    let to = "UA".to_owned();
    let (found, answer) = list(ListTransfersRequest { to, occurred: "2024".into(), ..any() }).await;
    assert_eq!((found, answer.undated_exchanges), (vec![first], 1));
    let agreed = vec![TransferClaimKind::Agreed.into()];
    assert_eq!(list(ListTransfersRequest { kinds: agreed, ..any() }).await.0, [0; 0]);
    let unread = ListTransfersRequest { exchange_id: "demo-9".into(), ..any() };
    assert_eq!(list(unread).await.0, [0; 0]);
    assert_eq!(list(ListTransfersRequest { as_of: Some(at(first)), ..any() }).await.0, [first]);

    let (found, page) = list(ListTransfersRequest { page_size: 2, ..any() }).await;
    assert_eq!(found, [first, second]);
    let min_position = hand_over(&rpc, "demo-0", "UA", "").await;
    let page_token = page.next_page_token;
    let (found, page) = list(ListTransfersRequest { page_token, min_position, ..any() }).await;
    assert_eq!((found, page.next_page_token), (vec![third], String::new()));
}

#[tokio::test]
async fn sources_are_reported_with_the_claims_that_cite_them_registered_or_not() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let cited = say(&rpc, said("Ana", "a word", "")).await;
    let other = register(&rpc, "caf\u{e9}-1", "A swap in Z\u{fc}rich").await;
    let registered = register(&rpc, "demo", "The list").await;
    let get = async |source_id: &str, as_of| {
        let (source_id, min_position) = (source_id.into(), registered);
        let request = GetSourceRequest { source_id, as_of, min_position };
        rpc.call::<_, GetSourceResponse>("SourceService/GetSource", request).await
    };
    let now = get("demo", None).await.expect("it is there").source.expect("a source");
    assert_eq!((now.claims, now.source.map(|it| it.title)), (1, Some("The list".into())));
    assert_eq!(now.record.map(|it| it.position), Some(registered));
    let then = get("demo", Some(at(cited))).await.expect("it is cited").source.expect("a source");
    assert_eq!((then.claims, then.source, then.record), (1, None, None));
    assert_eq!(reported(get("demo", Some(at(0))).await), not_found());
    assert_eq!(reported(get("nowhere", None).await), not_found());

    let list = async |words: &str, as_of, page_token: String| {
        let (words, min_position) = (words.into(), registered);
        let kind = 0;
        let page_size = 1;
        let request =
            ListSourcesRequest { words, kind, as_of, min_position, page_size, page_token };
        rpc.answer::<_, ListSourcesResponse>(SOURCES, request).await
    };
    let ids = |answer: &ListSourcesResponse| {
        answer.sources.iter().map(|source| source.source_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&list("ZURICH swap", None, String::new()).await), ["caf\u{e9}-1"]);
    let first = list("", None, String::new()).await;
    register(&rpc, "a", "earlier by id").await;
    let second = list("", None, first.next_page_token.clone()).await;
    let pages = [ids(&first), ids(&second)].concat();
    assert_eq!(
        (pages, second.next_page_token),
        (vec!["caf\u{e9}-1".into(), "demo".into()], String::new())
    );
    assert_eq!(ids(&list("", Some(at(other - 1)), String::new()).await), ["demo"]);
}
