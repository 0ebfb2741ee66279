//! What a refusal costs beside what it refuses: for each limit, a request at it, one beyond it, and
//! one of a thousand times as much, or as much of that as a request can hold.

use std::time::Duration;

use handover::domain::{
    limits,
    proto::{
        Actor, Attribution, Count, CreateGroupRequest, Filter, FilterItem, GetCountryCountsRequest,
        Leg, ReadRequest, RecordTransferRequest, RegisterSourceRequest, SourceKind,
        SourceRegistered, TransferCompleted, Unit, record_transfer_request::Transfer,
    },
};
use prost::Message as _;
use tonic::Code;

use super::{
    super::{
        caller::{Caller, Packing, framed},
        hostile::{Depth, Plan, plans},
        process::Process,
    },
    Server, append, data_dir, event,
};

/// Calls of each sort; processor time is known to 10 ms.
const TIMES: u32 = 100;
/// So the mean of one is known to this.
const KNOWN_TO: Duration = Duration::from_micros(100);
/// What the parts of a request around what grows may take.
const AROUND: usize = 16 << 10;

const APPEND: &str = "EventStoreService/Append";
const READ: &str = "EventStoreService/Read";
const TRANSFER: &str = "TransferService/RecordTransfer";
const SOURCE: &str = "SourceService/RegisterSource";

/// A limit, and a request that has so much of what it limits.
struct Limit {
    name: &'static str,
    most: usize,
    /// Bytes that one of them takes in a request.
    each: usize,
    method: &'static str,
    request: fn(usize) -> Vec<u8>,
}

const fn limit(
    name: &'static str,
    most: usize,
    each: usize,
    method: &'static str,
    request: fn(usize) -> Vec<u8>,
) -> Limit {
    Limit { name, most, each, method, request }
}

/// Each limit that a single request can go beyond. Those of events within an append are tried by
/// one event.
const LIMITS: [Limit; 18] = [
    limit("bytes of an event", limits::EVENT_BYTES, 1, APPEND, |bytes| {
        append("x/a", vec![event(&text(bytes), &[])]).encode_to_vec()
    }),
    limit("bytes of an append", limits::APPEND_BYTES, 1, APPEND, |bytes| {
        append("x/a", vec![event(&text(bytes / 8), &[]); 8]).encode_to_vec()
    }),
    limit("events of an append", limits::APPEND_EVENTS, 64, APPEND, |count| {
        append("x/a", vec![event("noted", &[]); count]).encode_to_vec()
    }),
    limit("bytes of a stream's name", limits::STREAM_NAME_BYTES, 1, APPEND, |bytes| {
        append(&format!("x/{}", text(bytes - 2)), vec![event("noted", &[])]).encode_to_vec()
    }),
    limit("bytes of a tag", limits::TAG_BYTES, 1, APPEND, |bytes| {
        let tag = format!("my:{}", text(bytes - 3));
        append("x/a", vec![event("noted", &[&tag])]).encode_to_vec()
    }),
    limit("tags of an event", limits::TAGS_PER_EVENT, 16, APPEND, |count| {
        let tags: Vec<String> = (0..count).map(|number| format!("my:{number}")).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        append("x/a", vec![event("noted", &tags)]).encode_to_vec()
    }),
    limit("bytes of metadata", limits::METADATA_BYTES, 1, APPEND, |bytes| {
        let mut event = event("noted", &[]);
        event.metadata.insert("key".into(), text(bytes - 3));
        append("x/a", vec![event]).encode_to_vec()
    }),
    limit("bytes of a type's name", limits::TYPE_NAME_BYTES, 1, APPEND, |bytes| {
        let mut event = event("noted", &[]);
        if let Some(payload) = &mut event.payload {
            payload.type_url = format!("type.googleapis.com/demo.{}", text(bytes - 5));
        }
        append("x/a", vec![event]).encode_to_vec()
    }),
    limit("terms of a filter", limits::FILTER_TERMS, 16, READ, |count| {
        let tags = (0..count).map(|number| format!("my:{number}")).collect();
        let items = vec![FilterItem { tags, ..<_>::default() }];
        ReadRequest { filter: Some(Filter { items }), ..<_>::default() }.encode_to_vec()
    }),
    limit("countries", limits::LIST_ENTRIES, 16, "CountService/GetCountryCounts", |count| {
        let countries = (0..count).map(|number| format!("x-{number}")).collect();
        GetCountryCountsRequest { countries, ..<_>::default() }.encode_to_vec()
    }),
    limit("parties of a side", limits::PARTIES, 16, TRANSFER, |count| {
        transfer("demo", (0..count).map(|number| format!("x-{number}")).collect(), "")
    }),
    limit("bytes of a party's code", limits::PARTY_BYTES, 1, TRANSFER, |bytes| {
        transfer("demo", vec![format!("x-{}", text(bytes - 2))], "")
    }),
    limit("bytes of an id", limits::ID_BYTES, 1, TRANSFER, |bytes| {
        transfer(&text(bytes), vec!["UA".into()], "")
    }),
    limit("bytes of a long text", limits::LONG_TEXT_BYTES, 1, TRANSFER, |bytes| {
        transfer("demo", vec!["UA".into()], &text(bytes))
    }),
    limit("bytes of a short text", limits::SHORT_TEXT_BYTES, 1, SOURCE, |bytes| {
        source(&text(bytes), "", "")
    }),
    limit("bytes of an address", limits::URL_BYTES, 1, SOURCE, |bytes| {
        source("demo", &format!("https://demo.example/{}", text(bytes - 21)), "")
    }),
    limit("bytes of a language", limits::LANGUAGE_BYTES, 1, SOURCE, |bytes| {
        source(
            "demo",
            "",
            &"de-12345".chars().chain("-abcdefgh".chars().cycle()).take(bytes).collect::<String>(),
        )
    }),
    limit(
        "bytes of a group's name",
        limits::GROUP_NAME_BYTES,
        1,
        "ConsumerGroupService/CreateGroup",
        |bytes| CreateGroupRequest { name: text(bytes), ..<_>::default() }.encode_to_vec(),
    ),
];

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn transfer(exchange: &str, from: Vec<String>, note: &str) -> Vec<u8> {
    let attribution = Attribution {
        source_id: "demo".into(),
        claimed_by: Some(Actor { name: "Demo".into(), ..<_>::default() }),
        note: note.into(),
        ..<_>::default()
    };
    let (exchange_id, to, unit) = (exchange.into(), vec!["RU".into()], Unit::Person.into());
    let completed = TransferCompleted {
        attribution: Some(attribution),
        leg: Some(Leg { exchange_id, from, to, unit, ..<_>::default() }),
        count: Some(Count { value: Some(3), ..<_>::default() }),
        occurred: "2024".into(),
        ..<_>::default()
    };
    let transfer = Some(Transfer::Completed(completed));
    RecordTransferRequest { transfer, ..<_>::default() }.encode_to_vec()
}

fn source(title: &str, url: &str, language: &str) -> Vec<u8> {
    let (title, url, language) = (title.into(), url.into(), language.into());
    let (source_id, kind) = ("demo".into(), SourceKind::Outlet.into());
    let source = SourceRegistered { source_id, kind, title, url, language, ..<_>::default() };
    RegisterSourceRequest { source: Some(source), ..<_>::default() }.encode_to_vec()
}

/// A server and a caller, to look at what the calls cost the server.
struct Costs {
    process: Process,
    caller: Caller,
}

impl Costs {
    /// What a call costs in the mean, and how it ends.
    async fn of(&self, path: &str, message: &[u8], packing: Packing) -> (Duration, Code) {
        let sent = framed(message, packing);
        let code = self.caller.call(path, sent.clone()).await.code;
        let before = self.process.processor();
        for _ in 0..TIMES {
            self.caller.call(path, sent.clone()).await;
        }
        (self.process.processor().saturating_sub(before) / TIMES, code)
    }
}

/// Prints what requests cost at each limit and beyond.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures, for which the build has to be the released one"]
async fn refusals() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let caller = Caller::connect(&server.address).await;
    let costs = Costs { process: Process(server.id()), caller };
    let mut dearer = Vec::new();
    println!("| limit | | at it | one more | a thousand times | of these sent |");
    println!("|---|---|---|---|---|---|");
    for it in &LIMITS {
        let path = format!("/handover.v1.{}", it.method);
        let most = (1_000 * it.most).min((limits::REQUEST_BYTES - AROUND) / it.each);
        // An event has more than its payload, and bytes of an append are divided by eight.
        let (around, more) = if it.most >= limits::EVENT_BYTES { (4_096, 8) } else { (0, 1) };
        let message = (it.request)(it.most - around);
        let (at, code) = costs.of(&path, &message, Packing::None).await;
        let accepted = [Code::Ok, Code::AlreadyExists].contains(&code);
        assert!(accepted, "{} at the limit: {code:?}", it.name);
        let (one, code) = costs.of(&path, &(it.request)(it.most + more), Packing::None).await;
        assert_eq!(code, Code::InvalidArgument, "{} beyond the limit", it.name);
        let (thousand, code) = costs.of(&path, &(it.request)(most), Packing::Gzip).await;
        assert_eq!(code, Code::InvalidArgument, "{} far beyond the limit", it.name);
        println!("| {} | {} | {at:?} | {one:?} | {thousand:?} | {most} |", it.name, it.most);
        let share = u32::try_from(most / it.most).unwrap_or(1).max(1);
        if one > at + 2 * KNOWN_TO || thousand > (at + KNOWN_TO) * share {
            dearer.push(it.name);
        }
    }
    lists(&costs, &plans(Depth::EachWay)).await;
    assert!(cfg!(debug_assertions) || dearer.is_empty(), "refusals that cost more: {dearer:?}");
}

/// What lists of empty parts cost at their limits, and at a thousand times as much.
async fn lists(costs: &Costs, plans: &[Plan]) {
    let (mut at_most, mut beyond_most) = (Duration::ZERO, Duration::ZERO);
    let mut tried = 0;
    for plan in plans.iter().filter(|plan| plan.is_list()) {
        let sent = framed(&plan.message(1 << 18), Packing::None);
        let message = costs.caller.call(&plan.path, sent).await.message;
        let limit = message.rsplit("the limit is ").next().expect("it names the limit");
        let limit: usize = limit.parse().unwrap_or_else(|_| panic!("{plan}: {message}"));
        for (count, most) in [(limit, &mut at_most), (1_000 * limit, &mut beyond_most)] {
            let bytes = plan.bytes_of(count).min(limits::REQUEST_BYTES);
            let (cost, _) = costs.of(&plan.path, &plan.message(bytes), Packing::Gzip).await;
            *most = cost.max(*most);
        }
        tried += 1;
    }
    println!(
        "{tried} lists of empty parts, of all methods: at the limit {at_most:?} at most, a thousand \
         times as long {beyond_most:?}"
    );
}
