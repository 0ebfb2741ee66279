//! Attacks by calls that are dear, refused, given up or never listened to.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    future::{join_all, poll_immediate, ready},
    stream,
};
use handover::{
    domain::{
        limits,
        proto::{
            AppendRequest, CountTransfersRequest, Dimension, GetCountryCountsRequest,
            GetExchangeRequest, ListExchangesRequest, StreamWrite,
        },
    },
    grpc::client::Client,
};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::task::JoinSet;
use tonic::{Code, Status, body::Body, transport::Channel};
use tower::ServiceExt as _;

use super::Target;
use crate::{
    abuse::{
        caller::{Caller, Packing, framed},
        figures::stores,
        hostile::{Depth, plans},
    },
    support::{append, event, new_id},
};

/// Answers of a pipeline that may be unread: as many appends an unread one takes.
const PIPELINED: usize = 256;

async fn connect(target: &Target) -> Client {
    Client::connect(&target.address).await.expect("the server can be reached")
}

/// Sends the request that is the dearest for its size, again and again.
pub(super) async fn hostile(target: Target) -> usize {
    let caller = Caller::connect(&target.address).await;
    let plans = plans(Depth::Methods);
    let plan = plans.iter().find(|plan| plan.path.ends_with("/GetCountryCounts")).expect("a plan");
    let sent = framed(&plan.message(limits::REQUEST_BYTES), Packing::Gzip);
    let mut count = 0;
    while !target.until.is_cancelled() {
        let reported = caller.call(&plan.path, sent.clone()).await;
        let expected = [Code::InvalidArgument, Code::ResourceExhausted];
        assert!(expected.contains(&reported.code), "{reported:?}");
        count += 1;
    }
    count
}

/// Goes through the whole list, and asks for figures that all exchanges have a part in.
pub(super) async fn lists(target: Target) -> usize {
    let client = connect(&target).await;
    let mut request = ListExchangesRequest::default();
    let by = [Dimension::From, Dimension::To, Dimension::Year].map(i32::from).to_vec();
    let figures = CountTransfersRequest { group_by: by, ..<_>::default() };
    let mut count = 0;
    while !target.until.is_cancelled() {
        // A page may be turned away while too many are under way: it is requested again.
        if let Ok(page) = client.exchanges(request.clone()).await {
            request.page_token = page.next_page_token;
            count += 1;
        }
        if count % 20 == 0 {
            count += usize::from(client.count_transfers(figures.clone()).await.is_ok());
        }
    }
    count
}

/// Sends appends for as long as there is room, and reads no answer.
pub(super) async fn pipeline(target: Target) -> usize {
    let channel = Channel::from_shared(target.address.clone()).expect("an address");
    let channel = channel.initial_stream_window_size(1).connect().await.expect("it is there");
    let text = "x".repeat(64 << 10);
    let requests = stream::repeat_with(move || append("x/never", vec![event(&text, &[])]));
    let mut answers = Client::from_channel(channel).append_stream(requests);
    // The appends are sent once the answers are polled; from then on nothing reads them.
    for _ in 0..20 {
        assert!(poll_immediate(answers.next()).await.is_none(), "an answer has many bytes");
        tokio::task::yield_now().await;
    }
    target.until.cancelled().await;
    1
}

/// Sends as many appends as [`pipeline`] does, and reads each answer.
pub(super) async fn read_pipeline(target: Target) -> usize {
    let text = "x".repeat(64 << 10);
    let requests = (0..PIPELINED).map(move |_| append("x/read", vec![event(&text, &[])]));
    let answers = connect(&target).await.append_stream(stream::iter(requests));
    let answered = answers.filter(|answer| ready(answer.is_ok())).count().await;
    target.until.cancelled().await;
    answered
}

/// Begins a hundred calls and gives them up.
pub(super) async fn cancelled(target: Target) -> usize {
    let client = connect(&target).await;
    let mut count = 0;
    while !target.until.is_cancelled() {
        let mut calls = JoinSet::new();
        for _ in 0..100 {
            let client = client.clone();
            calls.spawn(async move {
                client.country_counts(GetCountryCountsRequest::default()).await.is_ok()
            });
        }
        // As long as it takes to send them, and less than it takes to answer them.
        tokio::time::sleep(Duration::from_micros(300)).await;
        calls.shutdown().await;
        count += 100;
    }
    count
}

/// Opens a thousand calls, and sends no message.
pub(super) async fn opened(target: Target) -> usize {
    let channel = Channel::from_shared(target.address.clone()).expect("an address");
    let channel = channel.connect().await.expect("it is there");
    let calls = (0..1_000).map(|_| {
        let mut request = http::Request::post("/handover.v1.EventStoreService/GetHead");
        let headers = request.headers_mut().expect("a request");
        headers.insert("content-type", "application/grpc".parse().expect("a value"));
        headers.insert("x-a", "a".repeat(15_000).parse().expect("a value"));
        let body = stream::pending::<Result<Frame<Bytes>, Status>>();
        let request = request.body(Body::new(StreamBody::new(body))).expect("a request");
        channel.clone().oneshot(request)
    });
    let calls = join_all(calls);
    target.until.run_until_cancelled(calls).await.map_or(1_000, |calls| calls.len())
}

/// Asks for pages of a list, and reads none.
pub(super) async fn unread_lists(target: Target) -> usize {
    let channel = Channel::from_shared(target.address.clone()).expect("an address");
    let channel = channel.initial_stream_window_size(1).connect().await.expect("it is there");
    let client = Client::from_channel(channel);
    let request = ListExchangesRequest { page_size: 1_000, ..<_>::default() };
    let mut calls: Vec<_> = (0..500).map(|_| Box::pin(client.exchanges(request.clone()))).collect();
    // A call is sent when it is polled; from then on nothing reads its answer.
    join_all(calls.iter_mut().map(poll_immediate)).await;
    target.until.cancelled().await;
    calls.len()
}

/// Expects of many streams what is not so.
pub(super) async fn conflicts(target: Target) -> usize {
    let client = connect(&target).await;
    let write = |number: usize| StreamWrite {
        stream: format!("x/{}{number}", "\u{4ea4}\u{63db}".repeat(40)),
        expected_revision: Some(5),
        events: vec![event("noted", &[])],
    };
    let writes: Vec<_> = (0..64).map(write).collect();
    let mut count = 0;
    while !target.until.is_cancelled() {
        let request_id = new_id();
        let request = AppendRequest { request_id, writes: writes.clone(), ..<_>::default() };
        client.append(request).await.expect_err("no stream has five events");
        count += 1;
    }
    count
}

/// Reads all that is said of an exchange.
pub(super) async fn long_answers(target: Target) -> usize {
    let client = connect(&target).await;
    let first = GetExchangeRequest { exchange_id: stores::LONG.into(), ..<_>::default() };
    let mut request = first.clone();
    let mut count = 0;
    while !target.until.is_cancelled() {
        match client.exchange(request.clone()).await {
            Ok(page) => request.page_token = page.next_page_token,
            Err(_) => request = first.clone(),
        }
        count += 1;
    }
    count
}
