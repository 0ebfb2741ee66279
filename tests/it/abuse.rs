//! Requests that are made to hurt: every message of every method, filled with as much as it can
//! carry, sent to a real server while its memory and processor time are looked at.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

mod caller;
mod figures;
mod hostile;
mod process;
mod readers;

use std::time::Duration;

use handover::domain::limits;
use tonic::Code;

use self::{
    caller::{Caller, Packing, Reported},
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
    let reported = caller.call(&plan.path, sent).await;
    let cost = Cost {
        memory: server.peak().saturating_sub(before.0),
        processor: server.processor().saturating_sub(before.1),
    };
    let Reported { code, reason, fields, message } = reported;
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
            let reported = caller.call_with(&plan.path, flaw, packing).await;
            assert_eq!(reported.code, Code::InvalidArgument, "{}: {reported:?}", plan.path);
            assert_eq!(reported.reason, "INVALID_FIELD", "{}: {reported:?}", plan.path);
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
