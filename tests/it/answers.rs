//! How large answers become: every answer with a list in it, at any depth, ends after 1 MiB with
//! what is needed to go on, and its pages put behind each other are the whole.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

mod bounds;
mod record;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use handover::domain::{
    limits::{ANSWER_BYTES, EVENT_BYTES},
    proto::{self, Dimension, Direction, Unit, watch_country_counts_response::Update},
};
use prost::Message;

use crate::{
    rpc::Rpc,
    support::{BINARY, Server, append, data_dir, event},
};
use record::Recorder;

/// A store, and the methods that were called so far.
struct Probe {
    rpc: Rpc,
    probed: BTreeSet<String>,
}

impl Probe {
    /// Asks for page after page. Each is small enough for any client, and there are several.
    async fn pages<Q, A>(
        &mut self,
        method: &str,
        request: Q,
        next: fn(&A) -> &str,
        go_on: fn(&mut Q, String),
    ) -> Vec<A>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let mut pages = Vec::new();
        let mut request = request;
        loop {
            let page: A = self.rpc.answer(method, request.clone()).await;
            let bytes = page.encoded_len();
            assert!(
                bytes <= ANSWER_BYTES + EVENT_BYTES,
                "{method}: page {} of {bytes}",
                pages.len()
            );
            let token = next(&page).to_owned();
            pages.push(page);
            if token.is_empty() {
                break;
            }
            go_on(&mut request, token);
            assert!(pages.len() < 500, "{method} does not end");
        }
        assert!(pages.len() > 1, "{method} fits one answer of {}", pages[0].encoded_len());
        self.probed.insert(method.to_owned());
        pages
    }
}

macro_rules! pages {
    ($probe:expr, $method:literal, $request:expr, $answer:ident) => {
        $probe
            .pages::<_, proto::$answer>(
                $method,
                $request,
                |page| &page.next_page_token,
                |request, token| request.page_token = token,
            )
            .await
    };
}

async fn recorded() -> (tempfile::TempDir, Server, Probe, BTreeMap<&'static str, u64>) {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let mut recorder = Recorder::new(&client);
    let mut positions = BTreeMap::new();
    positions.insert("transfer", recorder.story().await);
    positions.insert("preferred", recorder.preferred().await);
    recorder.board().await;
    recorder.small().await;
    recorder.joint().await;
    recorder.portions().await;
    recorder.sources().await;
    recorder.totals().await;
    recorder.groups().await;
    parked(&client).await;
    positions.insert("head", recorder.head);
    let probe = Probe { rpc: Rpc::connect(&server).await, probed: BTreeSet::new() };
    (dir, server, probe, positions)
}

/// Has a group park large events.
async fn parked(client: &handover::grpc::client::Client) {
    let items = vec![proto::FilterItem { categories: vec!["large".into()], ..<_>::default() }];
    let request = proto::CreateGroupRequest {
        name: "parking".into(),
        filter: Some(proto::Filter { items }),
        ..proto::CreateGroupRequest::default()
    };
    client.create_group(request).await.expect("a group");
    for number in 0..record::CLAIMS {
        let stream = format!("large/{number}");
        let request = append(&stream, vec![event(&"x".repeat(200_000), &[])]);
        client.append(request).await.expect("it is appended");
    }
    let nack = |delivery| proto::Nack { delivery, action: 2, reason: "r".repeat(1_000) };
    let deliveries = 1..=record::CLAIMS as u64;
    let first = proto::ConsumeRequest {
        group: "parking".into(),
        consumer: "parker".into(),
        credit: record::CLAIMS as u64,
        ..proto::ConsumeRequest::default()
    };
    let (say, said) = tokio::sync::mpsc::channel(8);
    say.send(first).await.expect("the call begins");
    let said = stream::unfold(said, |mut said| async { Some((said.recv().await?, said)) });
    let mut reported = client.consume(said);
    let mut came = 0;
    while came < record::CLAIMS {
        came += reported.next().await.expect("the call goes on").expect("events").events.len();
    }
    let nacks = deliveries.map(nack).collect();
    let answer = proto::ConsumeRequest { nacks, ..proto::ConsumeRequest::default() };
    say.send(answer).await.expect("the call goes on");
    drop(say);
    while let Some(reported) = reported.next().await {
        reported.expect("it may leave");
    }
}

/// A bound on all of it.
const ENOUGH: Duration = Duration::from_mins(10);

#[tokio::test]
async fn no_answer_is_larger_than_clients_take_and_its_pages_are_the_whole() {
    let probe = tokio::time::timeout(ENOUGH, probe_all()).await.expect("it comes to an end");
    let bounded = bounds::METHODS.iter().map(|(method, _)| (*method).to_owned());
    let known: BTreeSet<String> = probe.into_iter().chain(bounded).collect();
    let with_lists = bounds::methods_with_lists();
    assert_eq!(known, with_lists, "each answer with a list is asked for here, or bounded");
}

/// Asks for everything that there is; answers with the methods.
async fn probe_all() -> BTreeSet<String> {
    let (_dir, server, mut probe, positions) = recorded().await;
    let head = positions["head"];
    let warm = proto::GetCountryCountsRequest { min_position: head, ..Default::default() };
    let _: proto::GetCountryCountsResponse =
        probe.rpc.answer("CountService/GetCountryCounts", warm).await;
    story(&mut probe).await;
    watches(&mut probe, &server).await;
    claims(&mut probe, positions["preferred"]).await;
    lists(&mut probe).await;
    figures(&mut probe).await;
    series(&mut probe).await;
    groups(&mut probe).await;
    commands(&server);
    probe.probed
}

/// The command line follows the tokens, and prints everything.
fn commands(server: &Server) {
    let printed = |arguments: &[&str], output: &str| {
        let mut command = std::process::Command::new(BINARY);
        command.args(arguments).args(["--output", output, "--server", &server.address]);
        let done = command.output().expect("the binary can be run");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    };
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&printed(arguments, "json")).expect("an answer in JSON")
    };
    let count = |value: &serde_json::Value| value.as_array().map_or(0, Vec::len);
    let story = json(&["exchange", record::STORY]);
    assert_eq!(count(&story["statements"]), record::STATEMENTS);
    assert_eq!(count(&story["legs"]), 1 + record::CLAIMS);
    assert_eq!(count(&story["legs"][0]["claims"]), record::CLAIMS);
    assert_eq!(count(&story["roles"]), 1);
    assert_eq!(count(&story["roles"][0]["deniedBy"]), record::CLAIMS);
    for more in ["moreStatements", "moreLegs", "nextPageToken"] {
        assert_eq!(story.get(more), None, "{more}");
    }
    let explained = json(&["explain", "UA", "--exchange", record::STORY]);
    assert_eq!(count(&explained["exchanges"]), 1);
    assert_eq!(count(&explained["exchanges"][0]["legs"]), 1 + record::CLAIMS);
    let one = json(&["explain", "UA", "--limit", "1"]);
    assert_eq!(one["exchanges"][0].get("moreLegs"), None);
    let board = json(&["reconcile", record::BOARD]);
    assert_eq!(count(&board["cells"]), record::CLAIMANTS);
    let series = json(&["reconcile", "--series", "handed over"]);
    assert_eq!(count(&series["steps"]), record::TOTALS);
    assert_eq!(count(&json(&["groups", "list"])["groups"]), record::GROUPS + 1);
    // One line for each event, below the header.
    let parked = ["groups", "parked", "parking", "--limit", "3"];
    assert_eq!(printed(&parked[..3], "csv").lines().count(), 1 + record::CLAIMS);
    assert_eq!(printed(&parked, "csv").lines().count(), 1 + 3);
    assert!(count(&json(&["counts"])["counts"]) > record::SMALL);
}

async fn story(probe: &mut Probe) {
    let request =
        proto::GetExchangeRequest { exchange_id: record::STORY.into(), ..Default::default() };
    let pages = pages!(probe, "ExchangeService/GetExchange", request, GetExchangeResponse);
    let sum = |of: fn(&proto::GetExchangeResponse) -> usize| pages.iter().map(of).sum::<usize>();
    let claims =
        |legs: &[proto::LegEstimate]| legs.iter().map(|leg| leg.claims.len()).sum::<usize>();
    assert_eq!(pages.iter().map(|it| claims(&it.legs)).sum::<usize>(), 2 * record::CLAIMS);
    assert_eq!(pages.iter().map(|it| claims(&it.agreed)).sum::<usize>(), record::CLAIMS);
    assert_eq!(sum(|it| it.declined.len()), record::CLAIMS);
    assert_eq!(sum(|it| it.status_history.len()), record::CLAIMS);
    assert_eq!(sum(|it| it.totals.len()), record::CLAIMS);
    assert_eq!(sum(|it| it.superlatives.len()), record::CLAIMS);
    assert_eq!(sum(|it| it.statements.len()), record::STATEMENTS);
    assert_eq!(sum(|it| it.counts.len()), 2);
    let of_roles = |role: &proto::RoleEntry| (role.attributed_by.len(), role.denied_by.len());
    let roles = pages.iter().flat_map(|it| it.roles.iter().map(of_roles));
    let roles = roles.fold((0, 0), |sum, (yes, no)| (sum.0 + yes, sum.1 + no));
    assert_eq!(roles, (record::CLAIMS, record::CLAIMS));
    // What the first page says of the rest is what the others have.
    let first = &pages[0];
    let rest = |of: fn(&proto::GetExchangeResponse) -> usize| {
        u32::try_from(pages[1..].iter().map(of).sum::<usize>()).expect("a number")
    };
    assert_eq!(first.more_statements, rest(|it| it.statements.len()));
    assert_eq!(first.more_reports, rest(|it| it.status_history.len()));
    assert_eq!(first.more_totals, rest(|it| it.totals.len()));
    assert_eq!(first.more_superlatives, rest(|it| it.superlatives.len()));
    let begun = |legs: &[proto::LegEstimate]| legs.iter().filter(|leg| !leg.continues).count();
    let begun_later: usize = pages[1..].iter().map(|it| begun(&it.legs)).sum();
    assert_eq!(first.more_legs as usize, begun_later);
    assert_eq!(pages.iter().map(|it| begun(&it.legs)).sum::<usize>(), 1 + record::CLAIMS);
    let cut = first.legs.last().expect("a leg");
    assert!(cut.more_claims > 0 || first.more_legs > 0);

    let exchange_id = record::BOARD.to_owned();
    let request = proto::ReconcileExchangeRequest { exchange_id, ..Default::default() };
    let method = "ExchangeService/ReconcileExchange";
    let pages = probe
        .pages::<_, proto::ReconcileExchangeResponse>(
            method,
            request,
            |page| &page.next_page_token,
            |request, token| request.page_token = token,
        )
        .await;
    let (mut legs, mut claimants, mut cells) = (0, 0, 0);
    for page in &pages {
        (legs, claimants) = (legs + page.legs.len(), claimants + page.claimants.len());
        cells += page.cells.len();
        for cell in &page.cells {
            assert!((cell.leg as usize) < legs && (cell.claimant as usize) < claimants);
        }
    }
    assert_eq!((legs, claimants, cells), (1, record::CLAIMANTS, record::CLAIMANTS));
    let [line] = &pages.iter().flat_map(|it| it.lines.clone()).collect::<Vec<_>>()[..] else {
        panic!("one line")
    };
    let one = line.one.as_ref().expect("a side");
    assert_eq!(
        (one.positions.len(), one.more_positions as usize),
        (1_000, record::CLAIMANTS / 2 - 1_000)
    );
    assert!(line.reasons[0].more_scopes > 0 && line.reasons[0].more_positions > 0);
}

/// A watch begins with a page of the story, and its token gets the rest.
async fn watches(probe: &mut Probe, server: &Server) {
    let client = server.client().await;
    let exchange_id = record::STORY.to_owned();
    let request = proto::WatchExchangeRequest { exchange_id, ..Default::default() };
    let first = client.watch_exchange(request).next().await.expect("an answer").expect("a story");
    assert!(first.encoded_len() <= ANSWER_BYTES + EVENT_BYTES);
    let story = first.story.expect("a story");
    let (mut statements, mut page_token) = (story.statements.len(), story.next_page_token);
    while !page_token.is_empty() {
        let exchange_id = record::STORY.to_owned();
        let request = proto::GetExchangeRequest { exchange_id, page_token, ..Default::default() };
        let page: proto::GetExchangeResponse =
            probe.rpc.answer("ExchangeService/GetExchange", request).await;
        assert_eq!(page.position, story.position);
        statements += page.statements.len();
        page_token = page.next_page_token;
    }
    assert_eq!(statements, record::STATEMENTS);
    probe.probed.insert("ExchangeService/WatchExchange".into());

    let mut updates = client.watch_country_counts(proto::WatchCountryCountsRequest::default());
    let (mut rows, mut messages) = (0, 0);
    loop {
        let reported = updates.next().await.expect("an answer").expect("figures");
        assert!(reported.encoded_len() <= ANSWER_BYTES + EVENT_BYTES);
        let Some(Update::Snapshot(snapshot)) = reported.update else { panic!("a snapshot") };
        (rows, messages) = (rows + snapshot.counts.len(), messages + 1);
        if !reported.more {
            break;
        }
    }
    assert!(rows > record::SMALL && messages > 1, "{rows} in {messages}");
    probe.probed.insert("CountService/WatchCountryCounts".into());
}

async fn claims(probe: &mut Probe, claim: u64) {
    let request = proto::GetClaimRequest { claim, page_size: 1_000, ..Default::default() };
    let pages = pages!(probe, "ClaimService/GetClaim", request, GetClaimResponse);
    let history: usize = pages.iter().map(|it| it.history.len()).sum();
    assert_eq!(history, 2 * record::CLAIMS);
    let reported = pages[0].preferences.len() + pages[0].more_preferences as usize;
    assert!(reported == record::CLAIMS && pages[0].more_preferences > 0, "{reported}");
}

async fn lists(probe: &mut Probe) {
    let page_size = 1_000;
    let request = proto::ListExchangesRequest { page_size, ..Default::default() };
    let pages = pages!(probe, "ExchangeService/ListExchanges", request, ListExchangesResponse);
    assert!(pages[0].exchanges.len() < record::JOINT, "{}", pages[0].exchanges.len());
    let all = pages.iter().flat_map(|page| &page.exchanges);
    let whole = all.clone().find(|it| it.exchange_id == record::WHOLE).expect("the whole");
    let named = (whole.portions.len(), whole.more_portions as usize);
    assert_eq!(named, (256, record::PORTIONS - 256));
    assert_eq!((whole.parties.len(), whole.more_parties as usize), named);
    assert_eq!(all.count(), record::SMALL + record::JOINT + record::PORTIONS + 4);

    let request = proto::ListStatementsRequest { page_size, ..Default::default() };
    let pages = pages!(probe, "StatementService/ListStatements", request, ListStatementsResponse);
    assert_eq!(pages.iter().map(|it| it.statements.len()).sum::<usize>(), record::STATEMENTS);

    let exchange_id = record::STORY.to_owned();
    let request = proto::ListTransfersRequest { page_size, exchange_id, ..Default::default() };
    let pages = pages!(probe, "TransferService/ListTransfers", request, ListTransfersResponse);
    assert_eq!(pages.iter().map(|it| it.transfers.len()).sum::<usize>(), 5 * record::CLAIMS);

    let request = proto::ListSourcesRequest { page_size, ..Default::default() };
    let pages = pages!(probe, "SourceService/ListSources", request, ListSourcesResponse);
    let registered = pages.iter().flat_map(|it| &it.sources).filter(|it| it.source.is_some());
    assert_eq!(registered.count(), record::SOURCES);
}

async fn figures(probe: &mut Probe) {
    let request = proto::GetCountryCountsRequest::default();
    let pages = pages!(probe, "CountService/GetCountryCounts", request, GetCountryCountsResponse);
    let countries: Vec<_> = pages.iter().flat_map(|it| &it.counts).map(|it| &it.country).collect();
    assert!(countries.is_sorted() && countries.len() > record::SMALL, "{}", countries.len());

    let group_by = [Dimension::From, Dimension::To, Dimension::Route].map(i32::from).to_vec();
    let request = proto::CountTransfersRequest { group_by, ..Default::default() };
    let pages = pages!(probe, "CountService/CountTransfers", request, CountTransfersResponse);
    let groups: usize = pages.iter().map(|it| it.groups.len()).sum();
    assert!(groups >= record::SMALL + record::JOINT, "{groups}");

    let figure = |country: &str, direction: Direction| proto::ExplainCountRequest {
        country: country.into(),
        unit: Unit::Person.into(),
        direction: direction.into(),
        page_size: 1_000,
        ..Default::default()
    };
    let request = proto::ExplainCountRequest {
        exchange_id: record::STORY.into(),
        ..figure("UA", Direction::Received)
    };
    let pages = pages!(probe, "CountService/ExplainCount", request, ExplainCountResponse);
    let exchanges = pages.iter().flat_map(|it| &it.exchanges);
    assert_eq!(exchanges.clone().filter(|it| !it.continues).count(), 1);
    let legs = exchanges.flat_map(|it| &it.legs).filter_map(|leg| leg.leg.as_ref());
    assert_eq!(legs.clone().filter(|leg| !leg.continues).count(), 1 + record::CLAIMS);
    assert_eq!(legs.map(|leg| leg.claims.len()).sum::<usize>(), 2 * record::CLAIMS);
    let request = figure(record::SENDER, Direction::Sent);
    let pages = pages!(probe, "CountService/ExplainCount", request, ExplainCountResponse);
    assert_eq!(pages.iter().map(|it| it.exchanges.len()).sum::<usize>(), record::SMALL);

    let request = proto::GetCountHistoryRequest {
        country: record::SENDER.into(),
        unit: Unit::Person.into(),
        direction: Direction::Sent.into(),
        page_size: 1_000,
        ..Default::default()
    };
    let method = "CountService/GetCountHistory";
    let mut request = request;
    let mut moves = 0;
    loop {
        let page: proto::GetCountHistoryResponse = probe.rpc.answer(method, request.clone()).await;
        assert!(page.encoded_len() <= ANSWER_BYTES, "{}", page.encoded_len());
        moves += page.entries.len();
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(moves, record::SMALL);
    probe.probed.insert(method.into());
}

async fn series(probe: &mut Probe) {
    let series = "handed over".to_owned();
    let request = proto::ReconcileSeriesRequest { series, page_size: 1_000, ..Default::default() };
    let pages = pages!(probe, "CountService/ReconcileSeries", request, ReconcileSeriesResponse);
    let steps = pages.iter().flat_map(|it| &it.steps);
    assert_eq!(steps.clone().filter(|it| !it.continues).count(), record::TOTALS);
    assert!(steps.clone().any(|step| step.continues), "a step is cut");
    let between: usize = steps.clone().map(|step| step.exchanges.len()).sum();
    // Between the first two totals lie the dated ones, and those between many parties later.
    assert_eq!(between, record::SMALL / 2 + record::JOINT);
    let missing: usize = steps.map(|step| step.missing.len()).sum();
    assert!(missing >= (record::TOTALS - 1) * record::SMALL / 2, "{missing}");
}

async fn groups(probe: &mut Probe) {
    let request = proto::ListGroupsRequest::default();
    let pages = pages!(probe, "ConsumerGroupService/ListGroups", request, ListGroupsResponse);
    let names: Vec<_> = pages.iter().flat_map(|it| &it.groups).map(|it| &it.name).collect();
    assert!(names.is_sorted());
    assert_eq!(names.len(), record::GROUPS + 1);
    let request = proto::ListGroupsRequest { page_size: 7, ..Default::default() };
    let page: proto::ListGroupsResponse =
        probe.rpc.answer("ConsumerGroupService/ListGroups", request).await;
    assert!(page.groups.len() == 7 && !page.next_page_token.is_empty());

    let method = "ConsumerGroupService/ListParked";
    let (mut parked, mut pages, mut after_position) = (0, 0, 0);
    loop {
        let (group, limit) = ("parking".into(), 1_000);
        let request = proto::ListParkedRequest { group, after_position, limit };
        let page: proto::ListParkedResponse = probe.rpc.answer(method, request).await;
        assert!(page.encoded_len() <= ANSWER_BYTES + EVENT_BYTES, "{}", page.encoded_len());
        (parked, pages) = (parked + page.parked.len(), pages + 1);
        after_position = page.next_after_position;
        if after_position == 0 {
            break;
        }
    }
    assert!(parked == record::CLAIMS && pages > 1, "{parked} in {pages}");
    probe.probed.insert(method.into());
}
