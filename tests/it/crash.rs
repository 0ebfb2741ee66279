//! `kill -9` of the real binary: under load from 32 callers, and while it opens.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use handover::{domain::proto::AppendRequest, grpc::client::Client};
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Notify;

use crate::support::{Server, append, data_dir, event, read_all, spawn, text};

const CALLERS: usize = 32;
const KILLS: usize = 5;
/// Acknowledged appends after which the server is killed; the moment itself is chance.
const ACKS_PER_ROUND: usize = 600;
/// Small files, so that journals rotate and volumes are sealed while it is killed.
const SMALL: [&str; 4] = ["--journal-file-mib", "1", "--volume-mib", "1"];

/// What the callers know when the server is gone.
#[derive(Default)]
struct Known {
    /// Payload of each acknowledged event, by position.
    acknowledged: Mutex<HashMap<u64, String>>,
    /// Appends that were sent and not answered.
    unanswered: Mutex<Vec<AppendRequest>>,
    acks: AtomicUsize,
    enough: Notify,
}

async fn call(client: Client, known: Arc<Known>, round: usize, caller: usize) {
    for number in 0.. {
        // Some appends are of several events: they must not tear. Padding makes files fill up.
        let padding = "x".repeat(1 + number % 7 * 300);
        let payloads: Vec<String> = (0..=number % 3)
            .map(|part| format!("{round}/{caller}/{number}/{part}/{padding}"))
            .collect();
        let events = payloads.iter().map(|payload| event(payload, &["desk:crash"])).collect();
        let request = append(&format!("crash/{}", caller % 8), events);
        let Ok(answer) = client.append(request.clone()).await else {
            known.unanswered.lock().expect("no panic").push(request);
            return;
        };
        let mut acknowledged = known.acknowledged.lock().expect("no panic");
        acknowledged.extend((answer.first_position..).zip(payloads));
        drop(acknowledged);
        if known.acks.fetch_add(1, Ordering::Relaxed) + 1 == ACKS_PER_ROUND {
            known.enough.notify_one();
        }
    }
}

async fn load_and_kill(data: &Path, known: &Arc<Known>, round: usize) {
    let server = Server::start(data, &SMALL);
    known.acks.store(0, Ordering::Relaxed);
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        // Eight connections, four callers on each.
        let client = server.client().await;
        callers.push(tokio::spawn(call(client, Arc::clone(known), round, caller)));
    }
    known.enough.notified().await;
    server.kill();
    for caller in callers {
        caller.await.expect("a caller ends when the server is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_kills_under_load_from_32_callers_lose_nothing_acknowledged() {
    let (_dir, data) = data_dir();
    let known = Arc::new(Known::default());
    for round in 0..KILLS {
        load_and_kill(&data, &known, round).await;
        let server = Server::start(&data, &SMALL);
        let client = server.client().await;
        let events = read_all(&client).await;
        let acknowledged = known.acknowledged.lock().expect("no panic").clone();
        for (position, payload) in &acknowledged {
            let found = usize::try_from(*position).ok().and_then(|at| events.get(at - 1));
            let found = found.map(text);
            assert_eq!(found.as_deref(), Some(payload.as_str()), "at {position}");
        }
        let distinct: HashSet<String> = events.iter().map(text).collect();
        assert_eq!(distinct.len(), events.len(), "no event is there twice");

        // Whatever had no answer is settled by asking again with the same request id.
        let unanswered = std::mem::take(&mut *known.unanswered.lock().expect("no panic"));
        assert!(!unanswered.is_empty(), "the kill came while callers were waiting");
        for request in unanswered {
            let payload = |number: usize| {
                let payload = request.writes[0].events[number].payload.as_ref();
                String::from_utf8_lossy(&payload.expect("a payload").value).into_owned()
            };
            let was_there = distinct.contains(&payload(0));
            for number in 1..request.writes[0].events.len() {
                assert_eq!(distinct.contains(&payload(number)), was_there, "an append tore");
            }
            let answer = client.append(request.clone()).await.expect("it can be repeated");
            assert_eq!(answer.duplicate, was_there, "a repeat adds nothing that is there");
            let payloads = (0..request.writes[0].events.len()).map(payload);
            let mut acknowledged = known.acknowledged.lock().expect("no panic");
            acknowledged.extend((answer.first_position..).zip(payloads));
        }
        server.kill();
    }
    let sealed = std::fs::read_dir(data.join("volumes")).expect("volumes").count();
    assert!(sealed >= 1, "the load was large enough to seal volumes");
}

#[tokio::test]
async fn kills_while_it_opens_lose_nothing() {
    let seed = crate::support::seed();
    let mut chance = rand::rngs::StdRng::seed_from_u64(seed);
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    for number in 0..1_500 {
        let payload = format!("{number}/{}", "x".repeat(2_000));
        let request = append("crash/open", vec![event(&payload, &[])]);
        client.append(request).await.expect("it is acknowledged");
    }
    let before = read_all(&client).await;
    server.kill();
    for _ in 0..20 {
        let mut child = spawn(&data, &SMALL);
        // Chance decides how far it gets; there is no event to wait for.
        let moment = Duration::from_micros(chance.random_range(0..60_000));
        let ended = tokio::task::spawn_blocking(move || {
            let (stop, stopped) = std::sync::mpsc::channel::<()>();
            let _ = stopped.recv_timeout(moment);
            drop(stop);
            child.kill().expect("it can be killed");
            child.wait().expect("it has ended")
        });
        ended.await.expect("the child was waited for");
    }
    let server = Server::start(&data, &SMALL);
    assert_eq!(read_all(&server.client().await).await, before);
}
