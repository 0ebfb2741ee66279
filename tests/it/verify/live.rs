//! A running server is verified while it works.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use futures_util::StreamExt as _;
use handover::{
    domain::proto::VerifyRequest,
    grpc::client::{Client, ClientError},
};

use super::{
    DAMAGED, DONE, run,
    store::{SETTINGS, fill, healthy},
};
use crate::support::{Server, data_dir};

/// Appends beside which a store is verified: enough for two more volumes.
const LOAD: u64 = 20;
/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_store_has_no_finding_while_events_are_appended_and_volumes_are_sealed() {
    let (_dir, data) = data_dir();
    healthy().await.write(&data);
    let server = Server::start(&data, &SETTINGS);
    let client = server.client().await;
    let (done, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let load = async {
        // It ends, so that the last verification need not rest.
        while !done.load(Ordering::Relaxed) && rounds.load(Ordering::Relaxed) < LOAD {
            fill(&client, 1_000 + rounds.fetch_add(1, Ordering::Relaxed)).await;
        }
    };
    let verifying = async {
        for _ in 0..2 {
            let address = server.address.clone();
            let verified = tokio::task::spawn_blocking(move || run(&["--server", &address])).await;
            let verified = verified.expect("it ends");
            assert_eq!(verified.code, DONE, "{verified:#?}");
            assert_eq!(verified.count("damaged") + verified.count("wrong"), 0, "{verified:#?}");
            assert_eq!(verified.count("events"), verified.count("position"), "{verified:#?}");
        }
        done.store(true, Ordering::Relaxed);
    };
    let both = async { tokio::join!(load, verifying) };
    tokio::time::timeout(4 * PATIENCE, both).await.expect("it ends");
    assert!(rounds.load(Ordering::Relaxed) > 0, "nothing was appended meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_no_read_has_met_is_found_and_named() {
    let (_dir, data) = data_dir();
    healthy().await.write(&data);
    let db = data.join("volumes/00000000000000000001/db");
    let mut bytes = std::fs::read(&db).expect("a volume");
    let found: Vec<_> = memchr::memmem::find_iter(&bytes, "note 0 7").collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at] ^= 1;
    }
    std::fs::write(&db, bytes).expect("it can be changed");
    let server = Server::start(&data, &SETTINGS);
    let address = server.address.clone();
    let verified = tokio::task::spawn_blocking(move || run(&["--server", &address])).await;
    let verified = verified.expect("it ends");
    assert_eq!(verified.code, DAMAGED, "{verified:#?}");
    let damaged = verified.about("/volumes/00000000000000000001");
    assert_eq!(damaged, ["FINDING_SEVERITY_DAMAGED"], "{verified:#?}");
}

async fn first(client: &Client) -> Option<ClientError> {
    let mut answers = client.verify(VerifyRequest {});
    match tokio::time::timeout(PATIENCE, answers.next()).await.expect("it answers") {
        Some(Err(error)) => Some(error),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_is_verified_once_at_a_time_and_not_for_a_caller_that_has_left() {
    let (_dir, data) = data_dir();
    healthy().await.write(&data);
    let server = Server::start(&data, &SETTINGS);
    let client = server.client().await;
    let load = async {
        loop {
            fill(&client, 2_000).await;
        }
    };
    let checked = async {
        // While events are appended it rests, and lasts for a while.
        let mut answers = client.verify(VerifyRequest {});
        let progress = tokio::time::timeout(PATIENCE, answers.next()).await.expect("it answers");
        let progress = progress.expect("an answer").expect("it is under way");
        if progress.report.is_some() {
            return;
        }
        let refused = first(&client).await.expect("a second one is refused");
        assert!(refused.message.contains("another verification"), "{refused}");
        assert_eq!(refused.reason, "OVERLOADED", "{refused}");
        drop(answers);
        while let Some(refused) = first(&client).await {
            assert!(refused.message.contains("another verification"), "{refused}");
        }
    };
    tokio::select! {
        () = load => {}
        checked = tokio::time::timeout(2 * PATIENCE, checked) => checked.expect("it begins again"),
    }
}
