//! What attacks and refusals cost, and what a good caller sees meanwhile. `tests/abuse` prints it;
//! the figures of a release build are in docs/FIGURES.md.

#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

mod attacks;
mod good;
mod refusals;
mod stores;

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use handover::domain::{limits, proto::GetCountryCountsRequest};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::{
    attacks::{ATTACKS, Attack, Target},
    good::{GoodCaller, Seen},
    stores::Store,
};
use super::{
    Cost, MEMORY, PROCESSOR,
    caller::{Caller, Packing},
    hostile, refused,
};
use crate::{
    abuse::process::Process,
    support::{BINARY, Server, append, data_dir, event},
};

/// How long the good caller is watched before an attack.
const BEFORE: Duration = Duration::from_secs(5);
/// When nothing of an attack may be left.
const AFTER: Duration = Duration::from_secs(20);
/// Bytes that an attack may add to a fresh start.
const GROWTH: usize = 300 << 20;
/// How much longer the slowest hundredth of a good caller's calls may take, and what is short
/// enough in any case, in ms.
const SLOWER: f64 = 3.0;
const SHORT: f64 = 20.0;
/// Bytes that may be left when nothing of it may be: what a server keeps for its next calls.
const LEFT: usize = 50 << 20;
/// How long it may take until a write is possible again.
const RECOVERS: Duration = Duration::from_secs(5);

/// What an attack did.
#[derive(Debug)]
struct Outcome {
    times: usize,
    memory: usize,
    left: usize,
    processor: Duration,
    before: Seen,
    during: Seen,
    recovered: Duration,
}

impl Outcome {
    /// What was wanted and is not so.
    fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.memory > GROWTH {
            missed.push("memory".to_owned());
        }
        if self.left > LEFT {
            missed.push("what is left".to_owned());
        }
        if self.during.failed > 0 {
            missed.push(format!("{} calls of the good caller", self.during.failed));
        }
        if self.recovered > RECOVERS {
            missed.push("recovery".to_owned());
        }
        let calls = [("append", &self.before.appends, &self.during.appends)];
        let calls = calls.into_iter().chain([("counts", &self.before.counts, &self.during.counts)]);
        for (name, before, during) in calls {
            let wanted = (SLOWER * before.percentile(99)).max(SHORT);
            if during.percentile(99) > wanted {
                missed.push(format!("p99 of {name}"));
            }
        }
        missed
    }

    fn row(&self, name: &str) -> String {
        format!(
            "| {name} | {} | {} MB | {} MB | {:.1} s | {} | {} | {} | {} | {} | {} ms | {} |",
            self.times,
            megabytes(self.memory),
            megabytes(self.left),
            self.processor.as_secs_f64(),
            self.before.appends,
            self.during.appends,
            self.before.counts,
            self.during.counts,
            self.during.failed,
            self.recovered.as_millis(),
            self.missed().join(", "),
        )
    }
}

/// Bytes in megabytes, rounded.
fn megabytes(bytes: usize) -> usize {
    (bytes + 500_000) / 1_000_000
}

/// Attacks with each, or with those that have `ABUSE_ONLY` in their names.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes and prints figures, for which the build has to be the released one"]
async fn attacks() {
    let only = std::env::var("ABUSE_ONLY").unwrap_or_default();
    println!(
        "| attack | done | memory more at most | 20 s after | processor | append p50 / p99, ms, \
         before | during | counts before | during | failed | a write again | missed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let chosen: Vec<_> = ATTACKS.iter().filter(|attack| attack.name.contains(&only)).collect();
    assert!(!chosen.is_empty(), "no attack has {only:?} in its name");
    let mut missed = Vec::new();
    for attack in chosen {
        let outcome = measure(attack).await;
        println!("{}", outcome.row(attack.name));
        missed.extend(outcome.missed().into_iter().map(|what| format!("{}: {what}", attack.name)));
    }
    assert!(cfg!(debug_assertions) || missed.is_empty(), "missed: {missed:#?}");
}

async fn measure(attack: &Attack) -> Outcome {
    let (_dir, data) = data_dir();
    if attack.store != Store::Empty {
        let server = Server::start(&data, &[]);
        attack.store.fill(&server.client().await).await;
        server.terminate();
        assert!(server.wait(), "it stops well");
    }
    let server = start(&data, attack.descriptors);
    let client = server.client().await;
    // A fresh start ends when it can answer.
    let answered = client.country_counts(GetCountryCountsRequest::default()).await;
    answered.expect("figures");
    let process = Process(server.id());
    let fresh = process.reset_peak();
    let good = GoodCaller::start(&server.address).await;
    tokio::time::sleep(BEFORE).await;
    let before = good.end();
    let used = process.processor();
    let good = GoodCaller::start(&server.address).await;
    let until = CancellationToken::new();
    let target = Target { address: server.address.clone(), until: until.clone() };
    // Attackers have a runtime of their own, because a client library may keep a connection for as
    // long as the body of one of its requests waits to be sent.
    let apart = tokio::runtime::Runtime::new().expect("a runtime");
    let running: Vec<_> =
        (0..attack.attackers).map(|_| apart.spawn((attack.run)(target.clone()))).collect();
    tokio::time::sleep(Duration::from_secs(attack.seconds)).await;
    until.cancel();
    let mut times = 0;
    for attacker in running {
        times += attacker.await.expect("an attacker");
    }
    apart.shutdown_background();
    let gone = Instant::now();
    let during = good.end();
    let processor = process.processor().saturating_sub(used);
    let written = async {
        while client.append(append("x/after", vec![event("noted", &[])])).await.is_err() {}
    };
    // Much later is as bad as never.
    let _ = timeout(10 * RECOVERS, written).await;
    let recovered = gone.elapsed();
    let memory = process.peak().saturating_sub(fresh);
    tokio::time::sleep(AFTER.saturating_sub(gone.elapsed())).await;
    let left = process.reset_peak().saturating_sub(fresh);
    Outcome { times, memory, left, processor, before, during, recovered }
}

fn start(data: &Path, descriptors: Option<u32>) -> Server {
    let Some(descriptors) = descriptors else { return Server::start(data, &[]) };
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {descriptors} && exec \"$@\"");
    command.args(["-c", &script, "sh", BINARY, "serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(data).stdout(Stdio::piped()).stderr(Stdio::piped());
    Server::announced(command.spawn().expect("a shell")).expect("it starts")
}

/// Prints what single requests of 8 MiB cost at most, each compressed and not.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures, for which the build has to be the released one"]
async fn requests() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (process, caller) = (Process(server.id()), Caller::connect(&server.address).await);
    let mut worst: [(Cost, String); 2] = Default::default();
    let plans = hostile::plans(hostile::Depth::EachWay);
    for plan in &plans {
        for packing in [Packing::Gzip, Packing::None] {
            let cost = refused(&process, &caller, plan, (limits::REQUEST_BYTES, packing)).await;
            if cost.memory > worst[0].0.memory {
                worst[0] = (cost, format!("{plan}, {packing:?}"));
            }
            if cost.processor > worst[1].0.processor {
                worst[1] = (cost, format!("{plan}, {packing:?}"));
            }
        }
    }
    println!("{} requests of 8 MiB, each compressed and not", plans.len());
    println!("most memory: {} MB ({})", megabytes(worst[0].0.memory), worst[0].1);
    println!("most processor time: {:?} ({})", worst[1].0.processor, worst[1].1);
    assert!(worst[0].0.memory < MEMORY, "memory");
    assert!(cfg!(debug_assertions) || worst[1].0.processor <= PROCESSOR, "processor time");
}
