//! Readers that take nothing, and consumers that acknowledge nothing: what they cost the server.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use handover::{
    domain::{
        limits,
        proto::{ConsumeRequest, ConsumeResponse, CreateGroupRequest},
    },
    grpc::client::{Answers, Client},
};
use http_body_util::Full;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tonic::{body::Body, transport::Channel};
use tower::{Service as _, ServiceExt as _};

use super::process::Process;
use crate::{
    frames::{PREFACE, SETTINGS, frame, opened},
    support::{Server, append, data_dir, event, new_id},
};

const SUBSCRIBE: &str = "/handover.v1.EventStoreService/Subscribe";
/// How long the memory is looked at until it changes no more.
const SETTLES: Duration = Duration::from_secs(30);
/// Streams of the log: a consumer is given 256 events of one stream at a time.
const STREAMS: usize = 200;

/// Appends so many thousand events with payloads of so many bytes.
async fn fill(client: &Client, thousands: usize, bytes: usize) {
    let payload = "x".repeat(bytes);
    let requests = (0..thousands * 10).map(move |number| {
        append(&format!("x/{}", number % STREAMS), vec![event(&payload, &[]); 100])
    });
    let answers = client.append_stream(stream::iter(requests));
    let answers: Vec<_> = answers.try_collect().await.expect("answers");
    assert!(answers.len() == thousands * 10 && answers.iter().all(Result::is_ok), "{answers:?}");
}

/// A connection that requests everything and reads nothing, not even from the socket.
pub(super) async fn unread_connection(address: &str) -> TcpStream {
    let most = 0x7fff_ffff_u32;
    let settings = [&[0, 4], most.to_be_bytes().as_slice()].concat();
    let window = (most - 65_535).to_be_bytes();
    let sent = [
        PREFACE.to_vec(),
        frame(SETTINGS, 0, 0, &settings),
        frame(8, 0, 0, &window),
        opened(1, SUBSCRIBE),
        frame(0, 1, 1, &[0; 5]),
    ];
    let address = address.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.expect("the server can be reached");
    connection.write_all(&sent.concat()).await.expect("it is taken");
    connection
}

/// Subscriptions over one connection, of which nothing is read but what the transport takes.
async fn unread_calls(server: &Server, count: usize) -> Vec<http::Response<Body>> {
    let endpoint = Channel::from_shared(server.address.clone()).expect("an address");
    let channel = endpoint.connect().await.expect("the server can be reached");
    let calls = (0..count).map(|_| {
        let mut channel = channel.clone();
        async move {
            let request = http::Request::post(SUBSCRIBE).header("content-type", "application/grpc");
            let body = Body::new(Full::new(Bytes::from_static(&[0; 5])));
            let request = request.header("te", "trailers").body(body).expect("a request");
            let channel = channel.ready().await.expect("the connection stands");
            channel.call(request).await.expect("an answer")
        }
    });
    future::join_all(calls).await
}

/// A consumer that takes so many events and answers none.
async fn consumer(client: Client, group: String, count: u64) -> Answers<ConsumeResponse> {
    let name = group.clone();
    let group_is = CreateGroupRequest { name, request_id: new_id(), ..Default::default() };
    client.create_group(group_is).await.expect("a group");
    let first =
        ConsumeRequest { group, consumer: "one".into(), credit: count, ..Default::default() };
    let said = stream::once(future::ready(first)).chain(stream::pending());
    let mut reported = client.consume(said);
    let mut taken = 0;
    while taken < count {
        taken += reported.next().await.expect("it goes on").expect("events").events.len() as u64;
    }
    reported
}

/// Waits until memory grows no more; what it was at most, in bytes beyond `fresh`.
async fn settled(process: Process, fresh: usize) -> usize {
    let (begun, mut peak, mut since) = (Instant::now(), 0, Instant::now());
    while begun.elapsed() < SETTLES && since.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if process.peak() > peak {
            (peak, since) = (process.peak(), Instant::now());
        }
    }
    peak.saturating_sub(fresh)
}

/// A server that has a log and was started over it.
async fn with_log(data: &Path, thousands: usize, bytes: usize) -> Server {
    let server = Server::start(data, &[]);
    fill(&server.client().await, thousands, bytes).await;
    server.terminate();
    assert!(server.wait(), "it stops");
    let server = Server::start(data, &[]);
    // What the first calls need once is no cost of the readers.
    super::caller::Caller::connect(&server.address).await;
    server
}

/// Bytes in megabytes.
fn megabytes(bytes: usize) -> usize {
    bytes / 1_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_takes_nothing_holds_no_memory() {
    const READERS: usize = 300;
    let (_dir, data) = data_dir();
    let server = with_log(&data, 30, 200).await;
    let process = Process(server.id());
    let fresh = process.reset_peak();
    let _calls = unread_calls(&server, READERS).await;
    let all = settled(process, fresh).await;
    assert!(all < MOST_OF_READERS, "{READERS} readers: {} MB", megabytes(all));
}

/// What readers may hold together, with what the allocator keeps.
const MOST_OF_READERS: usize = 100_000_000;
/// The same of groups, which also record how far they are.
const MOST_OF_GROUPS: usize = 300_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn groups_hold_no_payloads_of_what_they_have_delivered() {
    const GROUPS: usize = 60;
    const EVENTS: u64 = 2_000;
    let (_dir, data) = data_dir();
    let server = with_log(&data, 10, 2_000).await;
    let process = Process(server.id());
    let client = server.client().await;
    let fresh = process.reset_peak();
    let consumers =
        (0..GROUPS).map(|number| consumer(client.clone(), format!("g{number}"), EVENTS));
    let _consumers = future::join_all(consumers).await;
    let all = settled(process, fresh).await;
    assert!(all < MOST_OF_GROUPS, "{GROUPS} groups: {} MB", megabytes(all));
}

/// Bytes that an event may cost which a consumer has and does not answer.
const MOST_IN_FLIGHT: usize = 100;
/// What groups hold of pages, whatever they have delivered, and what their calls take.
const MOST_OF_PAGES: usize = 40_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_flight_takes_few_bytes() {
    // So many that the bytes of events outweigh what calls and pages take on a busy machine.
    const GROUPS: usize = 80;
    let events = limits::CONSUMER_CREDIT;
    let (_dir, data) = data_dir();
    let server = with_log(&data, 20, 20).await;
    let process = Process(server.id());
    let client = server.client().await;
    let fresh = process.reset_peak();
    let consumers =
        (0..GROUPS).map(|number| consumer(client.clone(), format!("g{number}"), events as u64));
    let _consumers = future::join_all(consumers).await;
    let all = settled(process, fresh).await;
    let most = MOST_OF_PAGES + GROUPS * events * MOST_IN_FLIGHT;
    assert!(all < most, "{GROUPS} groups: {} MB; limit {}", megabytes(all), megabytes(most));
}
