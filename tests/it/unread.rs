//! Answers of calls that are answered once, of which a client takes nothing.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use handover::{
    domain::proto::{
        Actor, Attribution, ListStatementsRequest, RecordStatementRequest, RecordStatementResponse,
        StatementMade, StatementMode,
    },
    grpc::client::Client,
};
use tonic::transport::Channel;

use crate::{
    rpc::Rpc,
    support::{Server, data_dir, new_id},
};

/// Statements that make an answer of a megabyte.
const STATEMENTS: u64 = 70;
/// Calls whose answers would take twice what they may.
const CALLS: usize = 130;

fn statement(number: u64) -> RecordStatementRequest {
    let statement = StatementMade {
        attribution: Some(Attribution { source_id: "demo".into(), ..<_>::default() }),
        speaker: Some(Actor { name: "Ana Demo".into(), ..<_>::default() }),
        mode: StatementMode::DirectQuote.into(),
        text: format!("{number} {}", "x".repeat(15_000)),
        occurred: "2024-08-01".into(),
        ..<_>::default()
    };
    RecordStatementRequest { request_id: new_id(), statement: Some(statement), ..<_>::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_takes_no_answer_is_refused_more_and_another_one_is_served() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (rpc, good) = (Rpc::connect(&server).await, server.client().await);
    let mut min_position = 0;
    for number in 0..STATEMENTS {
        let recorded: RecordStatementResponse =
            rpc.answer("StatementService/RecordStatement", statement(number)).await;
        min_position = recorded.receipt.expect("a receipt").position;
    }
    let list = ListStatementsRequest { page_size: 100, min_position, ..<_>::default() };
    good.statements(list.clone()).await.expect("a page");

    let channel = Channel::from_shared(server.address.clone()).expect("an address");
    let channel = channel.initial_stream_window_size(1).connect().await.expect("it is there");
    let greedy = Client::from_channel(channel);
    let mut unread: FuturesUnordered<_> =
        (0..CALLS).map(|_| greedy.statements(list.clone())).collect();
    // Byte by byte, no answer comes whole; a refusal needs no room.
    let first = tokio::time::timeout(Duration::from_mins(1), unread.next()).await;
    let refused = first.expect("a refusal").expect("a call").expect_err("too much is held");
    assert_eq!(refused.reason, "OVERLOADED", "{refused}");
    good.statements(list).await.expect("one that takes its answers is served");
}
