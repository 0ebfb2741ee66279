//! Requests that are made to hurt: every message of every method, filled with as much as it can
//! carry, sent to a real server whose memory and processor time are looked at.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "figures are printed for who asks for them")]

mod caller;
mod hostile;
mod process;
mod readers;

use std::time::{Duration, Instant};

use handover::{
    domain::{limits, proto},
    grpc::client::Client,
};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use self::{
    caller::{Caller, Packing, Told},
    hostile::{Plan, plans},
    process::Process,
};
use crate::support::{Server, append, data_dir, event};

/// Bytes that no request may add to the server's memory.
const MEMORY: usize = 64 << 20;
/// Processor time that no request may take, in the release build.
const PROCESSOR: Duration = Duration::from_millis(100);
/// The same in the debug build, which only shows what takes seconds in any build.
const PROCESSOR_DEBUG: Duration = Duration::from_secs(3);

/// What a request cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    memory: usize,
    processor: Duration,
}

/// Sends what is planned and checks that it is refused as the sender's fault.
async fn refused(server: &Process, caller: &Caller, plan: &Plan, how: (usize, Packing)) -> Cost {
    let (bytes, packing) = how;
    let message = plan.message(bytes);
    let sent = caller::framed(&message, packing);
    drop(message);
    let before = (server.reset_peak(), server.processor());
    let told = caller.call(&plan.path, sent).await;
    let cost = Cost {
        memory: server.peak().saturating_sub(before.0),
        processor: server.processor().saturating_sub(before.1),
    };
    let Told { code, reason, fields, message } = told;
    if plan.is_swallowed() && code == Code::Ok {
        return cost;
    }
    assert_eq!(code, Code::InvalidArgument, "{plan}: {message}");
    assert!(reason == "LIMIT_EXCEEDED" || reason == "INVALID_FIELD", "{plan}: {reason}");
    assert!(!fields.is_empty() && fields.len() <= 32, "{plan}: {fields:?}");
    cost
}

#[tokio::test]
async fn no_message_of_any_method_costs_more_than_its_share() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (process, caller) = (Process(server.id()), Caller::connect(&server.address).await);
    let plans = plans(hostile::Depth::EachPartOnce);
    assert!(plans.len() > 150, "only {} were found", plans.len());
    for plan in &plans {
        // Fewer fields than the limit are no reason to refuse what holds nothing.
        let bytes = if plan.grows_nothing() { 1 << 20 } else { 1 << 18 };
        let cost = refused(&process, &caller, plan, (bytes, Packing::Gzip)).await;
        assert!(cost.memory < MEMORY, "{plan}: {} bytes", cost.memory);
        assert!(cost.processor < PROCESSOR_DEBUG, "{plan}: {:?}", cost.processor);
    }
    let largest = plans.iter().filter(|plan| plan.is_at_the_top());
    for plan in largest.step_by(20) {
        for packing in [Packing::Gzip, Packing::None] {
            let cost = refused(&process, &caller, plan, (limits::REQUEST_BYTES, packing)).await;
            assert!(cost.memory < MEMORY, "{plan}: {} bytes", cost.memory);
            assert!(cost.processor < PROCESSOR_DEBUG, "{plan}: {:?}", cost.processor);
        }
    }
    let answer = server.client().await.append(append("x/a", vec![event("noted", &[])])).await;
    assert_eq!(answer.expect("it goes on").first_position, 1);
}

#[tokio::test]
async fn what_cannot_be_decoded_is_the_senders_fault() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let caller = Caller::connect(&server.address).await;
    for plan in plans(hostile::Depth::Methods) {
        for (packing, flaw) in [
            (Packing::None, caller::framed(&[0x0a, 0x7f], Packing::None)),
            (Packing::Gzip, caller::marked_as_packed(b"this is no gzip stream, but long enough")),
            (Packing::None, caller::framed(&[0x0a, 0x01, b'a'], Packing::None)[..7].to_vec()),
        ] {
            let told = caller.call_with(&plan.path, flaw, packing).await;
            assert_eq!(told.code, Code::InvalidArgument, "{}: {told:?}", plan.path);
            assert_eq!(told.reason, "INVALID_FIELD", "{}: {told:?}", plan.path);
        }
    }
}

/// A pipeline goes on behind an append that is refused before it is decoded.
#[tokio::test]
async fn a_hostile_append_is_refused_in_its_place_of_a_pipeline() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let good = || append("x/a", vec![event("noted", &[])]);
    let bad = || append("x/a", vec![event("noted", &[]); limits::APPEND_EVENTS + 1]);
    let pipeline = client.append_stream(futures_util::stream::iter([good(), bad(), good()]));
    let answers: Vec<_> = futures_util::TryStreamExt::try_collect(pipeline).await.expect("answers");
    let [first, refused, last] = <[_; 3]>::try_from(answers).expect("one for each");
    assert_eq!(first.expect("recorded").first_position, 1);
    assert_eq!(last.expect("recorded").first_position, 2);
    let error = refused.expect_err("too many events");
    assert_eq!(error.reason, "LIMIT_EXCEEDED", "{error}");
    assert_eq!(error.fields[0].0, "writes");
}

/// Latencies of one who appends and asks for figures fifty times a second.
async fn good_caller(client: Client, until: CancellationToken) -> (Vec<Duration>, Vec<Duration>) {
    let (mut appends, mut counts) = (Vec::new(), Vec::new());
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while !until.is_cancelled() {
        beat.tick().await;
        let begun = Instant::now();
        client.append(append("x/good", vec![event("noted", &[])])).await.expect("an append");
        appends.push(begun.elapsed());
        let begun = Instant::now();
        client.country_counts(proto::GetCountryCountsRequest::default()).await.expect("counts");
        counts.push(begun.elapsed());
    }
    (appends, counts)
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p99 {:.1} ms", at(50), at(99))
}

/// Bytes in megabytes, rounded to a tenth.
fn megabytes(bytes: usize) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Prints what each request costs at most, and what a good caller sees meanwhile:
/// `cargo test --release --test it -- --ignored --nocapture abuse::figures`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures, for which the build has to be the released one"]
async fn figures() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let (process, caller) = (Process(server.id()), Caller::connect(&server.address).await);
    let mut worst: [(Cost, String); 2] = Default::default();
    let plans = plans(hostile::Depth::EachWay);
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
    at_the_limits(&process, &caller, &plans).await;
    beside_a_good_caller(&server, &process).await;
}

/// What lists cost at their limits, and at a thousand times as much.
async fn at_the_limits(process: &Process, caller: &Caller, plans: &[Plan]) {
    const TIMES: u32 = 50;
    let (mut at_most, mut beyond_most) = (Duration::ZERO, Duration::ZERO);
    for plan in plans.iter().filter(|plan| plan.is_list()) {
        let told = caller.call(&plan.path, caller::framed(&plan.message(1 << 18), Packing::None));
        let message = told.await.message;
        let limit = message.rsplit("the limit is ").next().expect("it names the limit");
        let limit: usize = limit.parse().unwrap_or_else(|_| panic!("{plan}: {message}"));
        let mut cost = [limit, 1_000 * limit].map(|count| (count, Duration::ZERO));
        for (count, cost) in &mut cost {
            let bytes = plan.bytes_of(*count).min(limits::REQUEST_BYTES);
            let sent = caller::framed(&plan.message(bytes), Packing::Gzip);
            let before = process.processor();
            for _ in 0..TIMES {
                caller.call(&plan.path, sent.clone()).await;
            }
            *cost = process.processor().saturating_sub(before) / TIMES;
        }
        at_most = at_most.max(cost[0].1);
        beyond_most = beyond_most.max(cost[1].1);
        println!("{plan}: {limit} {:?}, {} {:?}", cost[0].1, cost[1].0, cost[1].1);
    }
    println!("a list at its limit: {at_most:?} at most; a thousand times as long: {beyond_most:?}");
}

async fn beside_a_good_caller(server: &Server, process: &Process) {
    let fresh = process.reset_peak();
    for attackers in [0, 1, 4] {
        let until = CancellationToken::new();
        let good = tokio::spawn(good_caller(server.client().await, until.clone()));
        let attacks: Vec<_> = (0..attackers)
            .map(|_| tokio::spawn(attack(server.address.clone(), until.clone())))
            .collect();
        tokio::time::sleep(Duration::from_secs(10)).await;
        until.cancel();
        let mut sent = 0;
        for attack in attacks {
            sent += attack.await.expect("an attacker");
        }
        let (appends, counts) = good.await.expect("a good caller");
        let grown = megabytes(process.peak().saturating_sub(fresh));
        println!("{attackers} attackers, {sent} requests in 10 s: {grown} MB more at most");
        println!("  good caller: append {}", percentiles(appends));
        println!("  good caller: counts {}", percentiles(counts));
    }
}

/// Sends the request that is the dearest for its size, again and again.
async fn attack(address: String, until: CancellationToken) -> usize {
    let caller = Caller::connect(&address).await;
    let plans = plans(hostile::Depth::Methods);
    let plan = plans.iter().find(|plan| plan.path.ends_with("/GetCountryCounts")).expect("a plan");
    let sent = caller::framed(&plan.message(limits::REQUEST_BYTES), Packing::Gzip);
    let mut count = 0;
    while !until.is_cancelled() {
        let told = caller.call(&plan.path, sent.clone()).await;
        let expected = [Code::InvalidArgument, Code::ResourceExhausted];
        assert!(expected.contains(&told.code), "{told:?}");
        count += 1;
    }
    count
}
