//! The table of `docs/SECURITY.md` against what the server does: each method by each caller.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use bytes::{Buf as _, BufMut as _};
use futures_util::{StreamExt as _, stream};
use handover::domain::{
    access::{RULES, Role},
    proto::{self, append_stream_response::Outcome},
};
use http::uri::PathAndQuery;
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use super::{Guarded, UNKNOWN, expired, secret, token};
use crate::support::{append, event, known};

const PAGE: &str = "docs/SECURITY.md";
/// How the table's header begins.
const HEADER: &str = "| method | needs |";
/// A category in which nothing that is requested here is.
const OTHER: &str = "elsewhere";
/// How a row ends that is for claims about claims, where a method takes other events too.
const OF_CLAIM: &str = "(claim about a claim)";

/// What no call here ends with, whichever caller sends it.
const BROKEN: [Code; 5] =
    [Code::Unimplemented, Code::Unavailable, Code::Unknown, Code::Internal, Code::Cancelled];

/// The callers, by the columns of the table; absent: without credentials.
fn callers() -> Vec<(&'static str, Option<u8>)> {
    let mut callers = vec![("public", None), ("none", None), ("wrong", Some(UNKNOWN))];
    callers.push(("expired", Some(0)));
    let named = ["reader", "recorder", "curator", "operator"];
    callers.extend(named.into_iter().zip(1..).map(|(name, number)| (name, Some(number))));
    let elsewhere = ["reader*", "recorder*", "curator*", "operator*"];
    callers.extend(elsewhere.into_iter().zip(5..).map(|(name, number)| (name, Some(number))));
    callers
}

fn guarded(public_read: bool) -> Guarded {
    let mut tokens = vec![expired(token(0, "expired", &Role::ALL, &[]))];
    for (number, role) in (1..).zip(Role::ALL) {
        tokens.push(token(number, role.name(), &[role], &[]));
        let name = format!("{} elsewhere", role.name());
        tokens.push(token(number + 4, &name, &[role], &[OTHER]));
    }
    Guarded::start(&format!("public-read = {public_read}"), tokens)
}

/// The table: for each method, what it answers each caller.
fn table() -> BTreeMap<String, BTreeMap<String, String>> {
    let page = fs::read_to_string(PAGE).expect(PAGE);
    let mut lines = page.lines().skip_while(|line| !line.starts_with(HEADER));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let columns = cells(lines.next().expect("the table's header"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(|line| {
        let cells = cells(line);
        assert_eq!(cells.len(), columns.len(), "{line}");
        let method = cells[0].replace('`', "");
        (method, columns.iter().cloned().zip(cells).skip(2).collect())
    });
    rows.collect()
}

/// Bytes as they are.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(bytes.to_vec()))
    }
}

/// What a method answers, in a word of the table.
async fn answered(
    channel: &Channel,
    (path, is_open): (&str, bool),
    request: Vec<u8>,
    token: Option<u8>,
) -> &'static str {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.expect("the connection stands");
    let requests = stream::iter([request]);
    let rest =
        if is_open { stream::pending().left_stream() } else { stream::empty().right_stream() };
    let mut request = Request::new(requests.chain(rest));
    if let Some(number) = token {
        let header = format!("Bearer {}", secret(number)).parse().expect("a header");
        request.metadata_mut().insert("authorization", header);
    }
    let path = PathAndQuery::try_from(format!("/{path}")).expect("a path");
    let is_pipeline = path.path().ends_with("/AppendStream");
    let code = match grpc.streaming(request, path, Raw).await {
        Err(status) => status.code(),
        Ok(answers) if is_pipeline => {
            let first = answers.into_inner().message().await.expect("an answer").expect("one");
            let answer = proto::AppendStreamResponse::decode(&*first).expect("its own type");
            match answer.outcome {
                Some(Outcome::Rejection(rejection)) => rejection.code.into(),
                Some(Outcome::Appended(_)) | None => Code::Ok,
            }
        }
        Ok(_) => Code::Ok,
    };
    if BROKEN.contains(&code) {
        return "broken";
    }
    let refused = [(Code::Unauthenticated, "login"), (Code::PermissionDenied, "no")];
    refused.into_iter().find(|(refusal, _)| *refusal == code).map_or("yes", |(_, word)| word)
}

/// The requests that are compared with categories, as JSON: each concerns categories that are not
/// [`OTHER`]. The others take any request. What else is wrong with them is found after that.
const REQUESTS: [(&str, &str); 18] = [
    ("EventStoreService/Read", r#"{"filter": {"items": [{"categories": ["exchange"]}]}}"#),
    ("EventStoreService/Subscribe", r#"{"filter": {"items": [{"streams": ["exchange/a"]}]}}"#),
    (
        "ConsumerGroupService/CreateGroup",
        r#"{"name": "matrix", "filter": {"items": [{"categories": ["exchange"]}]}}"#,
    ),
    ("ConsumerGroupService/Consume", r#"{"group": "matrix", "consumer": "one"}"#),
    ("SourceService/RegisterSource", r#"{"source": {"sourceId": "demo"}}"#),
    ("StatementService/RecordStatement", r#"{"statement": {"speaker": {"name": "Ana Demo"}}}"#),
    ("ExchangeService/ReportExchange", r#"{"report": {"exchangeId": "demo-1"}}"#),
    ("ExchangeService/AttributeRole", r#"{"attributed": {"exchangeId": "demo-1"}}"#),
    ("ExchangeService/ClaimSuperlative", r#"{"superlative": {"exchangeId": "demo-1"}}"#),
    ("ExchangeService/ReportDetention", r#"{"detention": {"detentionId": "demo-held"}}"#),
    ("TransferService/RecordTransfer", r#"{"completed": {"leg": {"exchangeId": "demo-1"}}}"#),
    ("TransferService/RecordTotal", r#"{"total": {"series": "Demo series"}}"#),
    ("ClaimService/CorrectClaim", r#"{"correction": {"claim": 1}}"#),
    ("ClaimService/RetractClaim", r#"{"retraction": {"claim": 1}}"#),
    ("ClaimService/DisputeClaim", r#"{"dispute": {"claim": 1}}"#),
    ("ClaimService/ConfirmClaim", r#"{"confirmation": {"claim": 1}}"#),
    ("ClaimService/PreferClaim", r#"{"preference": {"claim": 1}}"#),
    ("EventStoreService/GetHead", "{}"),
];

/// A request of the method that a row names.
fn request(method: &MethodDescriptor, row: &str) -> Vec<u8> {
    if method.name().starts_with("Append") {
        return appended(method, row.ends_with(OF_CLAIM));
    }
    let name = format!("{}/{}", method.parent_service().name(), method.name());
    let json = REQUESTS.iter().find(|(method, _)| *method == name).map_or("{}", |it| it.1);
    let mut json = serde_json::Deserializer::from_str(json);
    DynamicMessage::deserialize(method.input(), &mut json).expect(row).encode_to_vec()
}

/// The request of an append: of an event, or of a claim about a claim.
fn appended(method: &MethodDescriptor, of_claim: bool) -> Vec<u8> {
    let append = if of_claim {
        known("exchange/demo-1", &proto::ClaimConfirmed { claim: 1, ..Default::default() })
    } else {
        append("exchange/demo-1", vec![event("one", &[])])
    };
    match method.name() {
        "Append" => append.encode_to_vec(),
        _ => proto::AppendStreamRequest { append: Some(append) }.encode_to_vec(),
    }
}

#[tokio::test]
async fn every_method_answers_every_caller_as_the_page_says() {
    let table = table();
    let (open, closed) = (guarded(true), guarded(false));
    let connect = async |server: &Guarded| {
        let endpoint = Channel::from_shared(server.address.clone()).expect("an address");
        endpoint.connect().await.expect("the server can be reached")
    };
    let (public, private) = (connect(&open).await, connect(&closed).await);
    let pool = proto::descriptions();
    let create = "handover.v1.ConsumerGroupService/CreateGroup";
    let mut rows: Vec<_> = table.iter().collect();
    // The group has to be there before it is consumed.
    rows.sort_by_key(|(row, _)| *row != create);
    let mut wrong = Vec::new();
    for (row, cells) in rows {
        let (path, _) = row.split_once(' ').unwrap_or((row, ""));
        let (service, name) = path.split_once('/').expect("a method");
        let method = pool
            .get_service_by_name(service)
            .and_then(|it| it.methods().find(|it| it.name() == name));
        let body = method.as_ref().map(|method| request(method, row)).unwrap_or_default();
        let is_open = method.is_some_and(|method| method.is_client_streaming());
        for (caller, number) in callers() {
            let channel = if caller == "public" { &public } else { &private };
            let found = answered(channel, (path, is_open), body.clone(), number).await;
            if cells[caller] != found {
                wrong.push(format!("{row} by {caller}: {} in the page, {found}", cells[caller]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let tabled: BTreeSet<&str> = table.keys().filter_map(|row| row.split(' ').next()).collect();
    let ruled: BTreeSet<&str> = RULES.iter().map(|rule| rule.method).collect();
    assert_eq!(tabled, ruled, "the page has a row for each method");
}
