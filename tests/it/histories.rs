//! Histories: concurrent clients of the real binary, which is killed under them again and again.
//! What each client sent and got is recorded, and then checked against the log and a model.
//!
//! `FAULT_HISTORIES` is the number of histories; each prints its seed.

pub(crate) mod check;
pub(crate) mod client;
mod model;

use std::{path::Path, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use self::{
    check::check,
    client::{Follower, Run, Writer},
};
use crate::support::{Server, data_dir, read_all};

/// Clients that append and read.
const WRITERS: u64 = 8;
/// Clients that follow everything.
const FOLLOWERS: usize = 2;
/// Kills in one history.
const KILLS: usize = 3;
/// Small files, so that journals rotate and volumes are sealed meanwhile.
const SMALL: [&str; 4] = ["--journal-file-mib", "1", "--volume-mib", "1"];
/// How long one history may take; it takes a few seconds.
const PATIENCE: Duration = Duration::from_mins(2);

#[expect(clippy::print_stdout, reason = "how large the history was")]
async fn history(data: &Path, seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut server = Server::start(data, &SMALL);
    let address = server.address.strip_prefix("http://").expect("an address").to_owned();
    let run = Run::default();
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let chance = StdRng::seed_from_u64(chance.random());
        let writer = Writer::new(number, server.client().await, chance);
        writers.push(tokio::spawn(writer.work(run.clone())));
    }
    let mut followers = Vec::new();
    for _ in 0..FOLLOWERS {
        let chance = StdRng::seed_from_u64(chance.random());
        let follower = Follower::new(server.client().await, chance);
        followers.push(tokio::spawn(follower.work(run.clone())));
    }
    for _ in 0..KILLS {
        run.acknowledged(chance.random_range(60..200)).await;
        server.kill();
        server = Server::start_at(data, &address, &SMALL);
        run.started_again();
    }
    run.acknowledged(50).await;
    run.end();
    let mut operations = Vec::new();
    for writer in writers {
        operations.extend(writer.await.expect("a writer ends"));
    }
    let log = read_all(&server.client().await).await;
    for follower in followers {
        let events = follower.await.expect("a follower ends");
        assert_eq!(events, log[..events.len()], "a follower sees the log, once each and in order");
    }
    let sealed = std::fs::read_dir(data.join("volumes")).expect("volumes").count();
    println!("{} operations, {} events, {sealed} volumes", operations.len(), log.len());
    check(&operations, &log);
    server.terminate();
    assert!(server.wait(), "it stops cleanly");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_history_is_that_of_one_log_though_the_server_is_killed() {
    let count = std::env::var("FAULT_HISTORIES").ok().and_then(|count| count.parse().ok());
    let first = crate::support::seed();
    for number in 0..count.unwrap_or(2) {
        let seed = first.wrapping_add(number);
        println!("history with HANDOVER_SEED={seed}");
        let (_dir, data) = data_dir();
        let ran = tokio::time::timeout(PATIENCE, history(&data, seed)).await;
        ran.expect("a history comes to its end");
    }
}
