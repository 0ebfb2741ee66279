//! Attacks by streams that are opened and not read, or not acknowledged.

use futures_util::{
    StreamExt as _,
    future::{join_all, poll_immediate},
    stream,
};
use handover::{
    domain::{
        limits,
        proto::{ConsumeRequest, ConsumeResponse, CreateGroupRequest, SubscribeRequest},
    },
    grpc::client::{Answers, Client},
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::Target;
use crate::abuse::readers::unread_connection;

/// Subscribers that read nothing.
const SUBSCRIBERS: usize = 1_000;
/// Groups with consumers that acknowledge nothing.
const GROUPS: usize = 300;

/// Subscribers over connections that they share, and consumers.
pub(super) async fn unread(target: Target) -> usize {
    let client = Client::connect(&target.address).await.expect("the server can be reached");
    let mut streams: Vec<_> =
        (0..SUBSCRIBERS).map(|_| client.subscribe(SubscribeRequest::default())).collect();
    // A stream begins when it is polled; from then on nothing reads it.
    join_all(streams.iter_mut().map(|stream| poll_immediate(stream.next()))).await;
    // What is not read fills the connection: consumers have another one.
    let client = Client::connect(&target.address).await.expect("the server can be reached");
    let mut consumers = JoinSet::new();
    for number in 0..GROUPS {
        consumers.spawn(consume(client.clone(), format!("group-{number}"), target.until.clone()));
    }
    let consumers = consumers.join_all().await;
    let taken: usize = consumers.iter().map(|(taken, _)| taken).sum();
    println!("  all {GROUPS} groups together delivered {taken} events");
    target.until.cancelled().await;
    streams.len() + consumers.len()
}

/// Ten subscribers that read everything, and as many consumers as those of [`unread`], which
/// acknowledge as many events as an unread group may be given.
pub(super) async fn read(target: Target) -> usize {
    let client = Client::connect(&target.address).await.expect("the server can be reached");
    let mut readers = JoinSet::new();
    for _ in 0..10 {
        let (client, until) = (client.clone(), target.until.clone());
        readers.spawn(async move {
            let frames = client.subscribe(SubscribeRequest::default());
            frames.take_until(until.cancelled()).count().await
        });
    }
    let client = Client::connect(&target.address).await.expect("the server can be reached");
    let mut consumers = JoinSet::new();
    for number in 0..GROUPS {
        let (client, until) = (client.clone(), target.until.clone());
        consumers.spawn(acknowledge(client, format!("group-{number}"), until));
    }
    consumers.join_all().await.iter().sum::<usize>() + readers.join_all().await.len()
}

/// Acknowledges what it is given, until it had 10,000 events; how many these were.
async fn acknowledge(client: Client, group: String, until: CancellationToken) -> usize {
    let request = CreateGroupRequest { name: group.clone(), ..<_>::default() };
    client.create_group(request).await.expect("there may be so many groups");
    let (answer, answers) = mpsc::channel(16);
    let credit = limits::CONSUMER_CREDIT as u64;
    let first = ConsumeRequest { group, consumer: "one".into(), credit, ..<_>::default() };
    answer.send(first).await.expect("the call takes it");
    let mut given = client.consume(ReceiverStream::new(answers));
    let mut taken = 0;
    while taken < limits::CONSUMER_CREDIT {
        let Some(Some(Ok(some))) = until.run_until_cancelled(given.next()).await else { break };
        let first = some.first_delivery;
        let acks = (first..first + some.events.len() as u64).collect();
        taken += some.events.len();
        answer.send(ConsumeRequest { acks, ..<_>::default() }).await.expect("the call takes it");
    }
    until.cancelled().await;
    taken
}

/// Takes as many events as a consumer may have, and acknowledges none; how many these were, and the
/// call.
async fn consume(
    client: Client,
    group: String,
    until: CancellationToken,
) -> (usize, Answers<ConsumeResponse>) {
    let request = CreateGroupRequest { name: group.clone(), ..<_>::default() };
    client.create_group(request).await.expect("there may be so many groups");
    let credit = limits::CONSUMER_CREDIT as u64;
    let first = ConsumeRequest { group, consumer: "one".into(), credit, ..<_>::default() };
    let mut answers = client.consume(stream::iter([first]).chain(stream::pending()));
    let mut taken = 0;
    while taken < limits::CONSUMER_CREDIT {
        match until.run_until_cancelled(answers.next()).await {
            Some(Some(Ok(answer))) => taken += answer.events.len(),
            Some(other) => panic!("it ends: {other:?}"),
            None => break,
        }
    }
    (taken, answers)
}

/// Subscribers that have a connection each, and do not even read from the socket.
pub(super) async fn connections(target: Target) -> usize {
    let held = join_all((0..SUBSCRIBERS).map(|_| unread_connection(&target.address))).await;
    target.until.cancelled().await;
    held.len()
}

/// More streams than a connection carries.
pub(super) async fn crowd(target: Target) -> usize {
    let channel = Channel::from_shared(target.address.clone()).expect("an address");
    let channel = channel.connect().await.expect("it is accepted");
    let client = Client::from_channel(channel);
    let mut streams: Vec<_> =
        (0..3 * SUBSCRIBERS).map(|_| client.subscribe(SubscribeRequest::default())).collect();
    join_all(streams.iter_mut().map(|stream| poll_immediate(stream.next()))).await;
    target.until.cancelled().await;
    streams.len()
}
