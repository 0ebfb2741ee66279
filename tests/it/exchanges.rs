//! Exchanges: shown, listed and reconciled over the wire.

use std::{fs, process::Command};

use handover::{
    domain::proto::{
        self, Actor, AsOf, Attribution, ClaimDisputed, ClaimRetracted, ClaimUse, Count,
        DifferenceKind, DifferenceReason, ExchangeFlag, ExchangeReported, ExchangeStatus,
        GetExchangeRequest, GetExchangeResponse, GetHeadRequest, Leg, ListExchangesRequest,
        ListExchangesResponse, ReconcileExchangeRequest, ReconcileExchangeResponse, Role,
        RoleAttributed, SourceRegistered, StatementMade, StatementMode, SuperlativeClaimed,
        TotalClaimed, TransferAgreed, TransferCompleted, TransferDeclined, as_of::Moment,
    },
    grpc::client::Client,
};

use crate::{
    rpc::{Rpc, invalid, not_found, reported},
    support::{BINARY, Server, data_dir, known},
};

const GET: &str = "ExchangeService/GetExchange";
const LIST: &str = "ExchangeService/ListExchanges";
const RECONCILE: &str = "ExchangeService/ReconcileExchange";

fn by(name: &str) -> Attribution {
    let claimed_by = Some(Actor { name: name.into(), ..Actor::default() });
    let (source_id, locator) = ("mfa".into(), "sentence 1".into());
    Attribution { source_id, locator, claimed_by, ..Attribution::default() }
}

fn leg(from: &str, to: &str) -> Leg {
    let side = |code: &str| code.split_whitespace().map(str::to_owned).collect();
    let (from, to, unit) = (side(from), side(to), proto::Unit::Person.into());
    Leg { exchange_id: "x".into(), from, to, unit, ..Leg::default() }
}

fn count(value: u32) -> Count {
    Count { value: Some(value), ..Count::default() }
}

fn completed(value: u32, name: &str) -> TransferCompleted {
    let (attribution, leg, count) = (Some(by(name)), Some(leg("RU", "UA")), Some(count(value)));
    TransferCompleted { attribution, leg, count, ..TransferCompleted::default() }
}

fn report(id: &str, title: &str, occurred: &str) -> ExchangeReported {
    ExchangeReported {
        attribution: Some(by("ministry")),
        exchange_id: id.into(),
        title: title.into(),
        occurred: occurred.into(),
        status: ExchangeStatus::Completed.into(),
        ..ExchangeReported::default()
    }
}

fn mediated(denied: bool, name: &str) -> RoleAttributed {
    let actor = Some(Actor { party: "AE".into(), name: "AE".into(), ..Actor::default() });
    let (attribution, exchange_id) = (Some(by(name)), "x".into());
    RoleAttributed { attribution, exchange_id, actor, role: Role::Mediator.into(), denied }
}

async fn record<M: prost::Message + prost::Name>(client: &Client, stream: &str, event: &M) -> u64 {
    client.append(known(stream, event)).await.expect("an append").first_position
}

fn at(position: u64) -> AsOf {
    AsOf { moment: Some(Moment::Position(position)) }
}

fn get(id: &str, min_position: u64) -> GetExchangeRequest {
    let exchange_id = id.into();
    GetExchangeRequest { exchange_id, min_position, ..GetExchangeRequest::default() }
}

/// Records one exchange of which everything is said; answers with its position.
async fn everything(client: &Client) -> u64 {
    let url = "https://example.org/155".into();
    let source = SourceRegistered { source_id: "mfa".into(), url, ..SourceRegistered::default() };
    record(client, "source/mfa", &source).await;
    let exchange = "exchange/x";
    record(client, exchange, &report("x", "Exchange x", "2024-12-30")).await;
    let claim = record(client, exchange, &completed(150, "ministry")).await;
    record(client, exchange, &completed(189, "president")).await;
    let (leg, attribution) = (Some(leg("RU", "UA")), Some(by("press")));
    let agreed = TransferAgreed {
        attribution: attribution.clone(),
        leg: leg.clone(),
        count: Some(count(200)),
    };
    record(client, exchange, &agreed).await;
    let reason = proto::DeclineReason::Refused.into();
    let count = Some(count(11));
    let declined =
        TransferDeclined { attribution: attribution.clone(), leg: leg.clone(), count, reason };
    record(client, exchange, &declined).await;
    let count = Some(self::count(190));
    let total = TotalClaimed { attribution: attribution.clone(), leg, count, ..Default::default() };
    record(client, exchange, &total).await;
    record(client, exchange, &mediated(false, "ministry")).await;
    record(client, exchange, &mediated(true, "press")).await;
    let (exchange_id, text) = ("x".into(), "the largest".into());
    let superlative = SuperlativeClaimed {
        attribution: attribution.clone(),
        exchange_id,
        text,
        ..Default::default()
    };
    record(client, exchange, &superlative).await;
    let statement = StatementMade {
        attribution: attribution.clone(),
        speaker: Some(Actor { name: "Ana Demo".into(), ..Actor::default() }),
        mode: StatementMode::DirectQuote.into(),
        text: "They are home.".into(),
        exchange_id: "x".into(),
        ..StatementMade::default()
    };
    record(client, "statement/ana-demo", &statement).await;
    let dispute = ClaimDisputed { attribution, claim, ..ClaimDisputed::default() };
    record(client, exchange, &dispute).await
}

#[tokio::test]
async fn the_story_of_an_exchange_says_who_said_what_and_where_it_can_be_read() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (client, rpc) = (server.client().await, Rpc::connect(&server).await);
    let last = everything(&client).await;
    let story: GetExchangeResponse = rpc.answer(GET, get("x", last)).await;
    assert_eq!(story.position, last);
    let summary = story.exchange.expect("a summary");
    assert_eq!((summary.title.as_str(), summary.occurred.as_str()), ("Exchange x", "2024-12-30"));
    let flags: Vec<_> = summary.flags().collect();
    let expected = [
        ExchangeFlag::TotalDiffersFromSum,
        ExchangeFlag::Disputed,
        ExchangeFlag::RoleDisputed,
        ExchangeFlag::ClaimDisputed,
        ExchangeFlag::CompletedDiffersFromAgreed,
    ];
    assert_eq!(flags, expected);
    let [reported] = &story.status_history[..] else { panic!("one report") };
    assert_eq!(reported.attribution, Some(by("ministry")));
    let [leg] = &story.legs[..] else { panic!("one leg") };
    let estimate = leg.estimate.as_ref().expect("an estimate");
    assert_eq!((estimate.low, estimate.high, estimate.preferred), (Some(150), Some(189), None));
    let first = &leg.claims[0];
    assert_eq!(
        (first.source_url.as_str(), first.locator.as_str()),
        ("https://example.org/155", "sentence 1")
    );
    assert_eq!((first.r#use(), first.count.clone()), (ClaimUse::Entered, Some(count(150))));
    assert_eq!(first.claimant.as_ref().map(|it| it.name.as_str()), Some("ministry"));
    let of_first = first.record.as_ref().expect("a record");
    assert_eq!((of_first.position, of_first.disputes), (3, 1));
    assert!(of_first.recorded_at.is_some());
    assert_eq!((story.agreed.len(), story.declined.len()), (1, 1));
    let sum = story.totals[0].sum.as_ref().expect("a sum");
    assert_eq!((sum.low, sum.high), (Some(150), Some(189)));
    assert_eq!(story.totals[0].total.as_ref().and_then(|it| it.count.clone()), Some(count(190)));
    let [role] = &story.roles[..] else { panic!("one role") };
    assert_eq!(role.attributed_by[0].attribution, Some(by("ministry")));
    assert_eq!(role.denied_by[0].attribution, Some(by("press")));
    let statement = story.statements[0].statement.as_ref().expect("a statement");
    assert_eq!((statement.text.as_str(), story.more_statements), ("They are home.", 0));
    let superlative = story.superlatives[0].superlative.as_ref().expect("a superlative");
    assert_eq!(superlative.text, "the largest");
    let countries: Vec<_> = story.counts.iter().map(|it| it.country.as_str()).collect();
    assert_eq!(countries, ["RU", "UA"]);
}

#[tokio::test]
async fn an_exchange_is_reported_as_of_before_and_with_what_was_withdrawn() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (client, rpc) = (server.client().await, Rpc::connect(&server).await);
    let last = everything(&client).await;
    let (attribution, claim) = (Some(by("ministry")), 4);
    let retraction = ClaimRetracted { attribution, claim, ..ClaimRetracted::default() };
    let gone = record(&client, "exchange/x", &retraction).await;
    let range = async |request: GetExchangeRequest| {
        let story: GetExchangeResponse = rpc.answer(GET, request).await;
        let leg = &story.legs[0];
        let estimate = leg.estimate.as_ref().expect("an estimate");
        (estimate.low, estimate.high, leg.claims.len(), story.position)
    };
    assert_eq!(range(get("x", gone)).await, (Some(150), Some(150), 1, gone));
    let before = GetExchangeRequest { as_of: Some(at(last)), ..get("x", gone) };
    assert_eq!(range(before).await, (Some(150), Some(189), 2, last));
    let with_past = GetExchangeRequest { include_past: true, ..get("x", gone) };
    let story: GetExchangeResponse = rpc.answer(GET, with_past).await;
    let withdrawn = &story.legs[0].claims[1];
    assert_eq!((withdrawn.r#use(), withdrawn.read_until), (ClaimUse::Retracted, gone));
    assert_eq!(withdrawn.record.as_ref().map(|it| it.retracted_by), Some(gone));
}

#[tokio::test]
async fn an_exchange_that_is_not_recorded_or_not_named_is_refused() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (client, rpc) = (server.client().await, Rpc::connect(&server).await);
    let last = everything(&client).await;
    let story = async |request| reported(rpc.call::<_, GetExchangeResponse>(GET, request).await);
    assert_eq!(story(get("y", last)).await, not_found());
    assert_eq!(story(get("", last)).await, invalid("exchange_id"));
    let before = GetExchangeRequest { as_of: Some(at(1)), ..get("x", last) };
    assert_eq!(story(before).await, not_found(), "it was reported later");
    let beyond = GetExchangeRequest { as_of: Some(at(last + 1)), ..get("x", last) };
    assert_eq!(story(beyond).await.1, "BEYOND_HEAD");
    let reconcile = async |exchange_id: &str| {
        let exchange_id = exchange_id.into();
        let request = ReconcileExchangeRequest { exchange_id, ..Default::default() };
        reported(rpc.call::<_, ReconcileExchangeResponse>(RECONCILE, request).await)
    };
    assert_eq!(reconcile("y").await, not_found());
    assert_eq!(reconcile("").await, invalid("exchange_id"));
}

fn ids(answer: &ListExchangesResponse) -> Vec<&str> {
    answer.exchanges.iter().map(|it| it.exchange_id.as_str()).collect()
}

#[tokio::test]
async fn pages_of_exchanges_stay_as_they_were_while_exchanges_are_reported() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (client, rpc) = (server.client().await, Rpc::connect(&server).await);
    let mut last = 0;
    for day in 1..=5 {
        let id = format!("day-{day}");
        let report = report(&id, "Austausch in Gro\u{df}dorf", &format!("2024-08-0{day}"));
        last = record(&client, &format!("exchange/{id}"), &report).await;
    }
    let words = "GROSSDORF".into();
    let request =
        ListExchangesRequest { page_size: 2, words, min_position: last, ..Default::default() };
    let first: ListExchangesResponse = rpc.answer(LIST, request.clone()).await;
    assert_eq!((ids(&first), first.position), (vec!["day-5", "day-4"], last));
    record(&client, "exchange/day-6", &report("day-6", "in Gro\u{df}dorf", "2024-08-06")).await;
    let next = |token: &str| ListExchangesRequest { page_token: token.into(), ..request.clone() };
    let second: ListExchangesResponse = rpc.answer(LIST, next(&first.next_page_token)).await;
    assert_eq!((ids(&second), second.position), (vec!["day-3", "day-2"], last));
    let third: ListExchangesResponse = rpc.answer(LIST, next(&second.next_page_token)).await;
    assert_eq!((ids(&third), third.next_page_token.as_str()), (vec!["day-1"], ""));

    let refused =
        async |request| reported(rpc.call::<_, ListExchangesResponse>(LIST, request).await);
    assert_eq!(refused(next("nonsense")).await, invalid("page_token"));
    let other = ListExchangesRequest { outermost_only: true, ..next(&first.next_page_token) };
    assert_eq!(refused(other).await, invalid("page_token"));
    let party = ListExchangesRequest { party: "nowhere".into(), ..Default::default() };
    assert_eq!(refused(party).await, invalid("party"));
    let before = ListExchangesRequest { as_of: Some(at(2)), ..Default::default() };
    assert_eq!(ids(&rpc.answer(LIST, before).await), ["day-2", "day-1"]);
    let occurred = "2024-08-03/..".into();
    let since = ListExchangesRequest { occurred, min_position: last + 1, ..Default::default() };
    let since: ListExchangesResponse = rpc.answer(LIST, since).await;
    assert_eq!((ids(&since).len(), since.undated_exchanges), (4, 0));
}

/// Claims of December 2017 as their sources give them.
const DONBAS: &str = "\
exchange,part_of,title,occurred,place,parties,kind,record,from,to,unit,category,portion,count,\
approximate,reason,scope,claimed_by,source
D,,,2017-12-27,,UA,exchange,agreed,UA,x-dpr-lpr,person,,,306,,,,agreement,https://example.org/rt
D,,,2017-12-27,,UA,exchange,completed,UA,x-dpr-lpr,person,,,233,,,,Hromadske; AP,https://example.org/h
D,,,2017-12-27,,UA,exchange,completed,UA,x-dpr-lpr,person,,,237,,,,Kyiv Post,https://example.org/k
D,,,2017-12-27,,UA,exchange,declined,UA,,person,,,29,,refused,,Kyiv Post,https://example.org/k
D,,,2017-12-27,,UA,exchange,declined,UA,,person,,,40,yes,no_show,,Kyiv Post,https://example.org/k
";

#[tokio::test]
async fn what_was_imported_is_reconciled_with_the_reasons_that_the_record_holds() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let rpc = Rpc::connect(&server).await;
    let file = dir.path().join("donbas.csv");
    fs::write(&file, DONBAS).expect("a file");
    let mut import = Command::new(BINARY);
    import.args(["import", "--server", &server.address]).arg(&file);
    let done = import.output().expect("the binary can be run");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let client = server.client().await;
    let head = client.get_head(GetHeadRequest::default()).await.expect("a head");
    let (exchange_id, min_position) = ("D".into(), head.position);
    let request = ReconcileExchangeRequest { exchange_id, min_position, ..Default::default() };
    let answer: ReconcileExchangeResponse = rpc.answer(RECONCILE, request).await;
    let claimants: Vec<_> = answer.claimants.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(claimants, ["agreement", "Hromadske; AP", "Kyiv Post"]);
    assert_eq!((answer.legs.len(), answer.cells.len()), (2, 5));
    let kinds: Vec<_> = answer.lines.iter().map(proto::Difference::kind).collect();
    assert_eq!(kinds, [DifferenceKind::ClaimantsDiffer, DifferenceKind::AgreedVsCompleted]);
    let agreed = &answer.lines[1];
    assert_eq!((agreed.difference_low, agreed.difference_high), (Some(-73), Some(-69)));
    let reasons: Vec<_> = agreed.reasons.iter().map(|it| (it.reason(), it.low, it.high)).collect();
    let expected = [
        (DifferenceReason::Declined, Some(29), Some(29)),
        (DifferenceReason::NoShow, Some(40), Some(40)),
        (DifferenceReason::Unexplained, Some(0), Some(4)),
    ];
    assert_eq!(reasons, expected);
}
