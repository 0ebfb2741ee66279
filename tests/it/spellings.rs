//! One id, portion, series or claimant, typed on several machines: it counts once, whichever way it
//! comes in and whichever spelling a request has.

use std::fs;

use futures_util::{TryStreamExt as _, stream};
use handover::{
    domain::proto::{
        self, Actor, Any, Attribution, Count, Leg, NewEvent, ReadRequest, Receipt, RoleAttributed,
        StatementMade, TotalClaimed, TransferCompleted, record_transfer_request::Transfer,
    },
    grpc::client::{Client, ClientErrorKind},
};
use prost_reflect::{DynamicMessage, Kind, MethodDescriptor, ServiceDescriptor, Value as Field};
use serde_json::json;

use crate::{
    rpc::Rpc,
    support::{BINARY, Server, append, data_dir, known, new_id, read, read_all, tagged},
};

/// Spellings of one id, one portion and one claimant.
const IDS: [&str; 4] = [
    "\u{e9}change-1",
    "e\u{301}change-1",
    "\u{e9}change-1\u{200b}",
    " \u{feff}\u{e9}change\u{ad}-1",
];
const PORTIONS: [&str; 4] =
    ["first batch", "first\u{a0}batch", "first  batch ", "fi\u{200d}rst \u{2003}batch"];
const CLAIMANTS: [&str; 4] = [
    "D\u{e9}mo Ministry",
    "De\u{301}mo Ministry",
    "D\u{e9}mo\u{a0}Ministry",
    "D\u{e9}mo \u{200e}Ministry\n",
];

fn actor(name: &str) -> Actor {
    Actor { name: name.into(), ..Actor::default() }
}

fn attribution(claimant: &str) -> Attribution {
    let claimed_by = (!claimant.is_empty()).then(|| actor(claimant));
    Attribution { source_id: "demo-source".into(), claimed_by, ..Attribution::default() }
}

/// Ten persons whom DE received, in the spelling of this machine.
fn transfer(machine: usize) -> TransferCompleted {
    TransferCompleted {
        attribution: Some(attribution(CLAIMANTS[machine])),
        leg: Some(Leg {
            exchange_id: IDS[machine].into(),
            to: vec![["DE", "DE\u{200b}", " DE", "\u{feff}DE"][machine].into()],
            unit: proto::Unit::Person.into(),
            portion: PORTIONS[machine].into(),
            ..Leg::default()
        }),
        count: Some(Count { value: Some(10), ..Count::default() }),
        ..TransferCompleted::default()
    }
}

/// Records a transfer from each machine, each of them on another way.
async fn record(server: &Server, client: &Client) {
    client.append(known("exchange/\u{e9}change-1", &transfer(0))).await.expect("recorded");
    let typed = known("exchange/e\u{301}change-1\u{200b}", &transfer(1));
    let revisions = client.append(typed).await.expect("recorded").revisions;
    assert_eq!(revisions, [("exchange/\u{e9}change-1".to_owned(), 2)].into());
    let rpc = Rpc::connect(server).await;
    let request = proto::RecordTransferRequest {
        transfer: Some(Transfer::Completed(transfer(2))),
        ..Default::default()
    };
    let answer: proto::RecordTransferResponse =
        rpc.answer("TransferService/RecordTransfer", request).await;
    let receipt = answer.receipt.expect("a receipt");
    let Receipt { stream: recorded, revision, .. } = receipt;
    assert_eq!((recorded.as_str(), revision), ("exchange/\u{e9}change-1", 3));
    let pipelined = known("exchange/\u{200e}\u{e9}change-1", &transfer(3));
    let mut answers = client.append_stream(stream::iter([pipelined]));
    let answer = answers.try_next().await.expect("the stream stands").expect("an answer");
    assert_eq!(answer.expect("recorded").last_position, 4);
}

/// What the record says of it, requested in each spelling.
async fn assert_one(server: &Server, client: &Client) {
    let rpc = Rpc::connect(server).await;
    for id in IDS {
        let request = proto::GetExchangeRequest { exchange_id: id.into(), ..Default::default() };
        let story: proto::GetExchangeResponse =
            rpc.answer("ExchangeService/GetExchange", request).await;
        assert_eq!(story.exchange.expect("a summary").exchange_id, IDS[0]);
        assert_eq!(story.legs.len(), 1, "one leg: {:?}", story.legs);
        let leg = &story.legs[0];
        assert_eq!(leg.leg.as_ref().expect("a leg").portion, "first batch");
        assert_eq!(leg.estimate.as_ref().expect("an estimate").preferred, Some(10));
        let request =
            proto::ReconcileExchangeRequest { exchange_id: id.into(), ..Default::default() };
        let board: proto::ReconcileExchangeResponse =
            rpc.answer("ExchangeService/ReconcileExchange", request).await;
        assert_eq!(board.claimants, [actor("D\u{e9}mo Ministry")], "one claimant");
        assert_eq!(board.lines, []);
        let request = proto::ExplainCountRequest {
            country: "\u{200b}DE".into(),
            unit: proto::Unit::Person.into(),
            direction: proto::Direction::Received.into(),
            exchange_id: id.into(),
            ..Default::default()
        };
        let explained: proto::ExplainCountResponse =
            rpc.answer("CountService/ExplainCount", request).await;
        assert_eq!(explained.figure.expect("a figure").preferred, Some(10));
    }
    let counts = client.country_counts(proto::GetCountryCountsRequest::default()).await;
    let counts = counts.expect("figures").counts;
    let received = counts[0].received.as_ref().expect("a figure");
    assert_eq!((counts.len(), counts[0].country.as_str()), (1, "DE"));
    assert_eq!((received.low, received.high, received.preferred), (Some(10), Some(10), Some(10)));
    assert_eq!(received.exchanges, 1);
    for tag in ["exchange:\u{e9}change-1", "exchange:e\u{301}change-1\u{200b}"] {
        let filter = Some(tagged(&[tag, "to:\u{feff}DE", "claimant:demo-ministry"]));
        let found = read(client, ReadRequest { filter, ..Default::default() }).await;
        assert_eq!(found.len(), 4, "{tag}");
    }
}

#[tokio::test]
async fn what_several_machines_type_is_one_and_counts_once() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    record(&server, &client).await;
    let events = read_all(&client).await;
    assert_eq!(events.len(), 4);
    let first = events[0].payload.clone().expect("a payload");
    for event in &events {
        assert_eq!(event.stream, "exchange/\u{e9}change-1");
        assert_eq!(event.payload, Some(first.clone()), "recorded alike");
    }
    assert_one(&server, &client).await;
}

#[tokio::test]
async fn an_import_counts_each_spelling_once_and_adds_nothing_twice() {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let lines: Vec<String> = (0..IDS.len())
        .map(|machine| {
            json!({"payload": {
                "@type": "handover.v1.TransferCompleted",
                "attribution": {
                    "sourceId": "demo-source",
                    "claimedBy": {"name": CLAIMANTS[machine]},
                },
                "leg": {
                    "exchangeId": IDS[machine],
                    "to": ["DE"],
                    "unit": "UNIT_PERSON",
                    "portion": PORTIONS[machine],
                },
                "count": {"value": 10},
            }})
            .to_string()
        })
        .collect();
    let path = dir.path().join("typed.jsonl");
    fs::write(&path, lines.join("\n")).expect("written");
    for expected in ["4 added, 0 already", "0 added, 4 already"] {
        let mut command = std::process::Command::new(BINARY);
        let command = command.arg("import").arg(&path).args(["--server", &server.address]);
        let output = command.output().expect("the binary can be run");
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && out.contains(expected), "{out}");
    }
    assert_one(&server, &server.client().await).await;
}

#[tokio::test]
async fn a_table_counts_each_spelling_once() {
    const HEADER: &str = "exchange,part_of,title,occurred,place,parties,kind,record,from,to,unit,\
        category,portion,count,approximate,reason,scope,claimed_by,source";
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let mut rows = vec![HEADER.to_owned()];
    for (machine, id) in IDS.iter().enumerate() {
        let portion = PORTIONS[machine];
        let claimant =
            ["TR D\u{e9}mo", "TR\u{a0}De\u{301}mo", "TR\u{200b} D\u{e9}mo", " TR  D\u{e9}mo"]
                [machine];
        let source =
            ["caf\u{e9} paper", "cafe\u{301} paper", "caf\u{e9}\u{a0}paper", "caf\u{e9}  paper"]
                [machine];
        rows.push(format!("{id},,,,,,,completed,,DE,person,,{portion},10,,,,{claimant},{source}"));
    }
    let path = dir.path().join("typed.csv");
    fs::write(&path, rows.join("\n")).expect("written");
    let mut command = std::process::Command::new(BINARY);
    let command = command.arg("import").arg(&path).args(["--server", &server.address]);
    let output = command.output().expect("the binary can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let client = server.client().await;
    let counts = client.country_counts(proto::GetCountryCountsRequest::default()).await;
    let received = counts.expect("figures").counts[0].received.clone().expect("a figure");
    assert_eq!((received.preferred, received.exchanges), (Some(10), 1));
    let rpc = Rpc::connect(&server).await;
    let request =
        proto::ReconcileExchangeRequest { exchange_id: IDS[2].into(), ..Default::default() };
    let board: proto::ReconcileExchangeResponse =
        rpc.answer("ExchangeService/ReconcileExchange", request).await;
    let claimant = Actor { party: "TR".into(), ..actor("TR D\u{e9}mo") };
    assert_eq!(board.claimants, [claimant]);
    assert_eq!((board.legs.len(), board.cells.len()), (1, 1));
    assert_eq!(board.cells[0].source_ids.len(), 1, "one source");
    let sources: proto::ListSourcesResponse =
        rpc.answer("SourceService/ListSources", proto::ListSourcesRequest::default()).await;
    assert_eq!(sources.sources.len(), 1);
}

/// Records a transfer, totals, a mediator and a statement from several machines; the statement.
async fn record_others(client: &Client) -> StatementMade {
    client.append(known("exchange/\u{e9}change-1", &transfer(0))).await.expect("recorded");
    for (name, as_of, value) in
        [("D\u{e9}mo totals", "2024-01-01", 10), ("De\u{301}mo\u{a0}totals", "2024-01-02", 12)]
    {
        let total = TotalClaimed {
            attribution: Some(attribution("")),
            series: name.into(),
            as_of: as_of.into(),
            count: Some(Count { value: Some(value), ..Count::default() }),
            ..TotalClaimed::default()
        };
        client.append(known("series/demo-totals", &total)).await.expect("recorded");
    }
    let role = RoleAttributed {
        attribution: Some(attribution("")),
        exchange_id: IDS[1].into(),
        actor: Some(actor("An\u{e1} Demo")),
        role: proto::Role::Mediator.into(),
        denied: false,
    };
    client.append(known("exchange/e\u{301}change-1", &role)).await.expect("recorded");
    let statement = StatementMade {
        attribution: Some(attribution("")),
        speaker: Some(actor("Ana\u{301}\u{a0}Demo")),
        mode: proto::StatementMode::Written.into(),
        text: "Za\u{200c}d: as\u{a0}typed".into(),
        topics: vec!["prisoner\u{a0}list".into()],
        exchange_id: IDS[2].into(),
        ..StatementMade::default()
    };
    client.append(known("statement/ana-demo", &statement)).await.expect("recorded");
    statement
}

#[tokio::test]
async fn series_speakers_mediators_and_topics_are_found_in_every_spelling() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let statement = record_others(&client).await;

    let rpc = Rpc::connect(&server).await;
    let series = |series: &str| proto::ReconcileSeriesRequest {
        series: series.into(),
        mediator: "Ana\u{301}  Demo".into(),
        ..Default::default()
    };
    let all: proto::ReconcileSeriesResponse =
        rpc.answer("CountService/ReconcileSeries", series("")).await;
    assert_eq!(all.series, ["D\u{e9}mo totals"]);
    for name in ["D\u{e9}mo totals", "De\u{301}mo\u{2003}totals"] {
        let found: proto::ReconcileSeriesResponse =
            rpc.answer("CountService/ReconcileSeries", series(name)).await;
        assert_eq!(found.steps.len(), 2, "{name:?}");
    }
    for mediator in ["An\u{e1} Demo", "Ana\u{301}\u{a0}Demo"] {
        let mediator = mediator.to_owned();
        let request =
            proto::CountTransfersRequest { mediator: mediator.clone(), ..Default::default() };
        let counted: proto::CountTransfersResponse =
            rpc.answer("CountService/CountTransfers", request).await;
        assert_eq!(counted.total.expect("a figure").preferred, Some(10));
        let request = proto::ListExchangesRequest { mediator, ..Default::default() };
        let listed: proto::ListExchangesResponse =
            rpc.answer("ExchangeService/ListExchanges", request).await;
        assert_eq!(listed.exchanges.len(), 1);
    }
    let list =
        |speaker: &str, topic: &str, source: &str, exchange: &str| proto::ListStatementsRequest {
            speaker: speaker.into(),
            topic: topic.into(),
            source_id: source.into(),
            exchange_id: exchange.into(),
            ..Default::default()
        };
    for requested in [
        list("An\u{e1} Demo", "", "", ""),
        list("", "prisoner  list", "", ""),
        list("", "", "demo-\u{200b}source", ""),
        list("", "", "", IDS[3]),
    ] {
        let found: proto::ListStatementsResponse =
            rpc.answer("StatementService/ListStatements", requested.clone()).await;
        let [entry] = found.statements.as_slice() else { panic!("{requested:?}: {found:?}") };
        let said = entry.statement.as_ref().expect("a statement");
        assert_eq!(said.text, statement.text, "what was said stays as it was typed");
        assert_eq!(said.speaker, Some(actor("An\u{e1} Demo")));
    }
}

#[tokio::test]
async fn what_cannot_be_folded_is_refused_with_the_character_and_its_place() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let with = |change: fn(&mut Leg)| {
        let mut transfer = transfer(0);
        change(transfer.leg.as_mut().expect("a leg"));
        transfer
    };
    for (typed, field, expected) in [
        (
            with(|leg| leg.exchange_id = "a\u{a0}b".into()),
            "leg.exchange_id",
            "U+00A0 (white space) as character 2",
        ),
        (with(|leg| leg.exchange_id = "\u{200b}".into()), "leg.exchange_id", "is required"),
        (
            with(|leg| leg.portion = "first\u{7}".into()),
            "leg.portion",
            "U+0007 (a control character) as character 6",
        ),
        (
            with(|leg| leg.to = vec!["D\u{415}".into()]),
            "leg.to[0]",
            "U+0415 (\u{415}) as character 2",
        ),
        (with(|leg| leg.to = vec!["DE".into(), "DE\u{200b}".into()]), "leg.to[1]", "again"),
    ] {
        let error = client.append(known("exchange/a", &typed)).await.expect_err(field);
        assert_eq!(error.kind, ClientErrorKind::Invalid);
        let path = format!("writes[0].events[0].payload.{field}");
        let found = error.fields.iter().find(|(name, _)| *name == path);
        let (_, problem) = found.unwrap_or_else(|| panic!("{error:?}"));
        assert!(problem.contains(expected), "{problem}");
        let request = proto::RecordTransferRequest {
            transfer: Some(Transfer::Completed(typed)),
            ..Default::default()
        };
        let rpc = Rpc::connect(&server).await;
        let refused: Result<proto::RecordTransferResponse, _> =
            rpc.call("TransferService/RecordTransfer", request).await;
        let error = refused.expect_err(field);
        let path = format!("completed.{field}");
        assert!(
            error.fields.iter().any(|(name, it)| *name == path && it.contains(expected)),
            "{error:?}"
        );
    }
    let twice = append("exchange/a", vec![event(&transfer(0))]);
    let mut both = twice.clone();
    both.writes.push(append("exchange/a\u{200b}", vec![event(&transfer(1))]).writes.remove(0));
    let error = client.append(both).await.expect_err("one stream, named twice");
    assert!(error.fields.iter().any(|(name, _)| name == "writes[1].stream"), "{error:?}");
    assert_eq!(read_all(&client).await, []);
}

fn event(transfer: &TransferCompleted) -> NewEvent {
    NewEvent { payload: Some(Any::pack(transfer)), ..NewEvent::default() }
}

#[tokio::test]
async fn a_request_is_known_again_by_what_was_typed() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let request = proto::AppendRequest {
        request_id: new_id(),
        ..known("exchange/e\u{301}change-1", &transfer(1))
    };
    let first = client.append(request.clone()).await.expect("recorded");
    let again = client.append(request.clone()).await.expect("known");
    assert!(again.duplicate && again.revisions == first.revisions);
    let other = proto::AppendRequest {
        request_id: request.request_id,
        ..known("exchange/\u{e9}change-1", &transfer(0))
    };
    let error = client.append(other).await.expect_err("other content");
    assert_eq!(error.reason, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_tag_or_a_stream_that_hides_something_is_refused_with_the_character() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let noted = |stream: &str, tag: &str| append(stream, vec![crate::support::event("x", &[tag])]);
    for (stream, tag, field, expected) in [
        ("desk/a\u{200b}", "desk:a", "writes[0].stream", "U+200B as character 7"),
        ("desk/e\u{301}", "desk:a", "writes[0].stream", "normalization form C"),
        ("desk/a", "desk:a\u{ad}b", "writes[0].events[0].tags[0]", "U+00AD as character 7"),
        ("desk/a", "desk:e\u{301}", "writes[0].events[0].tags[0]", "write \"desk:\u{e9}\""),
    ] {
        let error = client.append(noted(stream, tag)).await.expect_err(field);
        let named =
            |(name, problem): &(String, String)| name == field && problem.contains(expected);
        assert!(error.fields.iter().any(named), "{error:?}");
    }
    assert_eq!(read_all(&client).await, []);
    client.append(noted("desk/\u{e9}", "desk:\u{e9}")).await.expect("other letters are taken");
}

/// Whether a method answers questions with one message.
fn reads(method: &MethodDescriptor) -> bool {
    let verbs = ["Get", "List", "Count", "Explain", "Reconcile"];
    !method.is_server_streaming() && verbs.iter().any(|verb| method.name().starts_with(verb))
}

#[tokio::test]
async fn a_text_that_shows_nothing_selects_nothing() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    record(&server, &server.client().await).await;
    let rpc = Rpc::connect(&server).await;
    let mut fields = 0;
    let own = |service: &ServiceDescriptor| service.package_name() == "handover.v1";
    for service in proto::descriptions().services().filter(own) {
        for method in service.methods().filter(reads) {
            let input = method.input();
            let texts = input.fields().filter(|field| field.kind() == Kind::String);
            // A store's name is compared before anything else is looked at.
            for field in texts.filter(|field| field.name() != "store") {
                for text in [" ", "\u{200b}", "\u{a0}\t"] {
                    let text = Field::String(text.to_owned());
                    let value = if field.is_list() { Field::List(vec![text]) } else { text };
                    let mut request = DynamicMessage::new(input.clone());
                    request.set_field(&field, value);
                    let name = format!("{}/{}", service.name(), method.name());
                    let error = rpc.call::<_, ()>(&name, request).await.expect_err(&name);
                    // Of a group, nothing has such a name.
                    let named = error.fields.iter().any(|(it, _)| it.starts_with(field.name()))
                        || error.kind == ClientErrorKind::NotFound;
                    assert!(named, "{name} does not name {}: {error:?}", field.name());
                }
                fields += 1;
            }
        }
    }
    assert!(fields > 30, "only {fields} fields were tried");
}
