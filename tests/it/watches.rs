//! Watches over the wire: an exchange that is announced, claimed, contested and withdrawn.

use futures_util::StreamExt as _;
use handover::{
    domain::proto::{
        Actor, AsOf, Attribution, ClaimDisputed, ClaimRetracted, Count, ExchangeReported,
        ExchangeStatus, GetExchangeRequest, Leg, StatementMade, StatementMode, TransferCompleted,
        Unit, WatchExchangeRequest, WatchExchangeResponse, as_of::Moment,
    },
    grpc::client::{Answers, Client},
};

use crate::support::{Server, append, data_dir, event, known};

fn by(name: &str) -> Attribution {
    let claimed_by = Some(Actor { name: name.into(), ..Actor::default() });
    let (source_id, locator) = ("mfa".into(), "sentence 1".into());
    Attribution { source_id, locator, claimed_by, ..Attribution::default() }
}

fn completed(exchange: &str, value: u32) -> TransferCompleted {
    let leg = Leg {
        exchange_id: exchange.into(),
        from: vec!["RU".into()],
        to: vec!["UA".into()],
        unit: Unit::Person.into(),
        ..Leg::default()
    };
    let count = Some(Count { value: Some(value), ..Count::default() });
    TransferCompleted {
        attribution: Some(by("agency")),
        leg: Some(leg),
        count,
        ..Default::default()
    }
}

fn report(exchange: &str, part_of: &str) -> ExchangeReported {
    ExchangeReported {
        attribution: Some(by("ministry")),
        exchange_id: exchange.into(),
        part_of: part_of.into(),
        status: ExchangeStatus::Announced.into(),
        ..ExchangeReported::default()
    }
}

async fn record<M: prost::Message + prost::Name>(client: &Client, stream: &str, event: &M) -> u64 {
    client.append(known(stream, event)).await.expect("an append").first_position
}

fn watch(client: &Client) -> Answers<WatchExchangeResponse> {
    client.watch_exchange(WatchExchangeRequest { exchange_id: "x".into(), ..Default::default() })
}

/// The next answer of a watch, which is what is answered to a question as of then.
async fn next_update(
    client: &Client,
    watch: &mut Answers<WatchExchangeResponse>,
) -> WatchExchangeResponse {
    let next_update = watch.next().await.expect("a watch does not end").expect("an answer");
    let as_of = Some(AsOf { moment: Some(Moment::Position(next_update.position)) });
    let question = GetExchangeRequest { exchange_id: "x".into(), as_of, ..Default::default() };
    match client.exchange(question).await {
        Ok(answer) => assert_eq!(next_update.story.as_ref(), Some(&answer)),
        Err(error) => assert_eq!((error.reason.as_str(), &next_update.story), ("NOT_FOUND", &None)),
    }
    next_update
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_exchange_is_waited_for_and_each_change_is_reported_with_its_cause() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let mut watch = watch(&client);
    let first = next_update(&client, &mut watch).await;
    assert_eq!((first.story, first.caused_by, first.position), (None, vec![], 0));

    // Events of another exchange, or of no effect, come in between; the watch reports none of them.
    record(&client, "exchange/y", &report("y", "")).await;
    client.append(append("notes/1", vec![event("of no effect", &[])])).await.expect("an append");
    let reported = record(&client, "exchange/x", &report("x", "")).await;
    let mut causes = vec![next_update(&client, &mut watch).await.caused_by];
    let claim = record(&client, "exchange/x", &completed("x", 150)).await;
    causes.push(next_update(&client, &mut watch).await.caused_by);
    record(&client, "exchange/y", &completed("y", 9)).await;
    let statement = StatementMade {
        attribution: Some(by("agency")),
        speaker: Some(Actor { name: "A. Speaker".into(), ..Actor::default() }),
        mode: StatementMode::DirectQuote.into(),
        text: "They are home.".into(),
        exchange_id: "x".into(),
        ..StatementMade::default()
    };
    let said = record(&client, "statement/a-speaker", &statement).await;
    causes.push(next_update(&client, &mut watch).await.caused_by);
    let contested =
        ClaimDisputed { attribution: Some(by("ministry")), claim, grounds: "189".into() };
    let disputed = record(&client, "exchange/x", &contested).await;
    causes.push(next_update(&client, &mut watch).await.caused_by);
    let portion = record(&client, "exchange/y", &report("y", "x")).await;
    let joined = next_update(&client, &mut watch).await;
    assert_eq!(joined.story.expect("a story").exchange.expect("a summary").portions, ["y"]);
    causes.push(joined.caused_by);
    let retraction =
        ClaimRetracted { attribution: Some(by("agency")), claim, reason: "wrong".into() };
    let retracted = record(&client, "exchange/x", &retraction).await;
    let gone = next_update(&client, &mut watch).await;
    assert!(gone.story.expect("a story").legs.is_empty());
    causes.push(gone.caused_by);
    assert_eq!(causes, [reported, claim, said, disputed, portion, retracted].map(|it| vec![it]));

    server.terminate();
    let end = watch.next().await.expect("a stop is told").expect_err("as an error");
    assert_eq!(end.reason, "NOT_READY", "{end}");
    assert!(server.wait());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_nothing_is_refused() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let mut watch = server.client().await.watch_exchange(WatchExchangeRequest::default());
    let error = watch.next().await.expect("an answer").expect_err("a refusal");
    assert!(error.to_string().contains("exchange_id"), "{error}");
}
