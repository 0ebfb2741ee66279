//! Bodies as the codec gets them, from bodies as they come.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use zlib_rs::{Deflate, DeflateFlush};

use super::*;
use crate::{
    domain::{limits, proto},
    engine::LARGE,
};

const READ: &str = "/handover.v1.EventStoreService/Read";
const APPEND_STREAM: &str = "/handover.v1.EventStoreService/AppendStream";

/// A message as it is framed, compressed or not.
fn framed(flag: u8, content: &[u8]) -> Vec<u8> {
    let mut framed = framing::header(content.len()).to_vec();
    framed[0] = flag;
    framed.extend(content);
    framed
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = vec![0; content.len() + content.len() / 8 + 1_024];
    let mut deflate = Deflate::new(6, true, 16 + 15);
    let status = deflate.compress(content, &mut packed, DeflateFlush::Finish);
    assert_eq!(status, Ok(zlib_rs::Status::StreamEnd));
    packed.truncate(usize::try_from(deflate.total_out()).unwrap());
    packed
}

/// What the codec gets of a body that comes in these parts.
async fn taken(path: &str, parts: Vec<Vec<u8>>) -> Result<Vec<u8>, Status> {
    let request = http::Request::builder().uri(path).header("grpc-encoding", "gzip");
    let parts = parts.into_iter().map(|part| Ok::<_, Status>(Frame::data(Bytes::from(part))));
    let inner = Body::new(StreamBody::new(stream::iter(parts)));
    let account = Account::open(&Arc::default());
    let request = request.body(()).expect("a request");
    let method = methods::of(path);
    let intake = Intake::new(method, &request, account.share(), Unpacker::default());
    Ok(intake.over(inner).collect().await?.to_bytes().to_vec())
}

#[tokio::test]
async fn messages_are_unpacked_in_their_places_small_or_large() {
    let large = vec![7; 3 * LARGE];
    let messages: [(u8, &[u8]); 5] =
        [(0, b"plain"), (1, b"packed"), (1, &large), (0, b"plain again"), (1, b"")];
    let sent = messages.iter().flat_map(|(flag, content)| match flag {
        0 => framed(0, content),
        _ => framed(1, &gzip(content)),
    });
    let sent: Vec<u8> = sent.collect();
    let expected: Vec<u8> = messages.iter().flat_map(|(_, content)| framed(0, content)).collect();
    for size in [1, 7, 100, sent.len()] {
        let parts = sent.chunks(size).map(<[u8]>::to_vec).collect();
        assert_eq!(taken(APPEND_STREAM, parts).await.unwrap(), expected, "in parts of {size}");
    }
}

/// The error for a request that is refused.
async fn refused(path: &str, sent: Vec<u8>) -> (Code, String) {
    let status = taken(path, vec![sent]).await.expect_err("it is refused");
    let fields = status.get_details_bad_request().map(|it| it.field_violations).unwrap_or_default();
    assert!(fields.iter().all(|it| it.field == "request"), "{fields:?}");
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn what_cannot_be_read_is_an_invalid_argument_that_says_why() {
    let packed = gzip(&[7; 1_000]);
    let mut other_size = packed.clone();
    *other_size.last_mut().unwrap() = 1;
    let mut damaged = packed.clone();
    damaged[12] ^= 0xff;
    let message = framed(0, &proto::ReadRequest::default().encode_to_vec());
    for (sent, problem) in [
        (vec![], "is missing"),
        ([message.clone(), message].concat(), "another message"),
        (framed(0, b"cut short")[..9].to_vec(), "at least 5 bytes are missing"),
        (vec![0, 0, 0], "at least 2 bytes are missing"),
        (vec![0x1f, 0, 0, 0, 0], "begins with 31"),
        (framed(1, b"no gzip"), "not a whole gzip stream"),
        (framed(1, &packed[..packed.len() - 9]), "gzip stream"),
        (framed(1, &[packed.as_slice(), &packed].concat()), "another length"),
        (framed(1, &other_size), "not a whole gzip stream"),
        (framed(1, &gzip(&vec![0; 9 << 20])), "to unpack to 9437184 bytes; the limit is 8388608"),
        (framed(1, &damaged), "gzip stream"),
    ] {
        let (code, message) = refused(READ, sent).await;
        assert_eq!(code, Code::InvalidArgument, "{message}");
        assert!(message.contains(problem), "{message:?} does not say {problem:?}");
    }
}

#[tokio::test]
async fn a_message_of_many_elements_is_not_even_handed_to_the_codec() {
    let items = [0x0a, 0x00].repeat(1 << 20);
    let mut filter = vec![0x0a];
    prost::encoding::encode_varint(items.len() as u64, &mut filter);
    filter.extend(items);
    let status = taken(READ, vec![framed(1, &gzip(&filter))]).await.expect_err("too many");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "filter.items: has 1048576 terms; the limit is 64");
}

#[tokio::test]
async fn blocks_that_hold_nothing_are_not_unpacked_for_long() {
    // Stored blocks without content, and one with a byte at the end.
    let mut packed = gzip(b"")[..10].to_vec();
    packed.extend([0, 0, 0, 0xff, 0xff].repeat(1 << 20));
    packed.extend([1, 1, 0, 0xfe, 0xff, b'a']);
    packed.extend(crc_of_a());
    packed.extend(1u32.to_le_bytes());
    let (code, message) = refused(READ, framed(1, &packed)).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(message.contains("many blocks"), "{message}");
}

/// The checksum that gzip has of this text.
fn crc_of_a() -> [u8; 4] {
    let packed = gzip(b"a");
    *packed[..packed.len() - 4].last_chunk().expect("it stands before the length")
}

#[tokio::test]
async fn a_message_that_is_begun_and_left_does_not_keep_others_out() {
    let budget = Arc::default();
    let start = |length: usize| {
        let account = Account::open(&budget);
        let (sender, parts) = tokio::sync::mpsc::channel::<Result<_, Status>>(8);
        let parts = ReceiverStream::new(parts);
        let method = methods::of(APPEND_STREAM);
        let request = http::Request::new(());
        let mut intake = Intake::new(method, &request, account.share(), Unpacker::default());
        intake.keep(account);
        let mut first = framing::header(limits::REQUEST_BYTES).to_vec();
        first.resize(length, 0);
        sender.try_send(Ok(Frame::data(Bytes::from(first)))).unwrap();
        (sender, intake.over(Body::new(StreamBody::new(parts))))
    };
    let most = limits::HELD_BYTES / limits::REQUEST_BYTES;
    let mut begun: Vec<_> = (0..=most).map(|_| start(limits::REQUEST_BYTES)).collect();
    let mut waiting = Vec::new();
    for (_, body) in &mut begun {
        let frame = body.frame().await.expect("a frame").expect("there is room");
        waiting.push(frame.into_data().expect("data").len());
    }
    assert_eq!(waiting, vec![limits::REQUEST_BYTES; most + 1]);
    let cut = begun[0].1.frame().await.expect("an end").expect_err("it was begun first");
    assert_eq!(cut.code(), Code::ResourceExhausted);
    assert!(cut.get_details_retry_info().is_some());
    let (sender, mut body) = begun.pop().expect("the last");
    sender.try_send(Ok(Frame::data(Bytes::from(vec![0; 5])))).unwrap();
    assert!(body.frame().await.expect("a frame").is_ok(), "it goes on");
}

#[tokio::test]
async fn a_call_that_is_opened_and_left_gives_up_its_place_and_one_that_has_sent_keeps_it() {
    let budget = Arc::default();
    let open = |path: &str, header: usize| {
        let account = Account::open(&budget);
        let (sender, parts) = tokio::sync::mpsc::channel::<Result<_, Status>>(8);
        let request = http::Request::builder().header("x-a", "a".repeat(header)).body(());
        let request = request.expect("a request");
        let method = methods::of(path);
        let mut intake = Intake::new(method, &request, account.share(), Unpacker::default());
        intake.keep(account);
        (sender, intake.over(Body::new(StreamBody::new(ReceiverStream::new(parts)))))
    };
    // A pipeline that has sent a message and waits for more.
    let (pipeline, mut pipelined) = open(APPEND_STREAM, 10);
    pipeline.try_send(Ok(Frame::data(framed(0, b"first").into()))).unwrap();
    pipelined.frame().await.expect("a frame").expect("it is taken");
    let (_first, mut oldest) = open(READ, 15_000);
    let each = 3 * 15_000;
    let opened: Vec<_> = (0..limits::HELD_BYTES / each).map(|_| open(READ, 15_000)).collect();
    let ended = tokio::time::timeout(Duration::from_secs(30), oldest.frame()).await;
    let cut = ended.expect("it ends").expect("an end").expect_err("it was opened first");
    assert_eq!(cut.code(), Code::ResourceExhausted);
    let (sender, mut newest) = opened.into_iter().next_back().expect("the last");
    sender.try_send(Ok(Frame::data(framed(0, b"").into()))).unwrap();
    assert!(newest.frame().await.expect("a frame").is_ok(), "others are not kept out");
    pipeline.try_send(Ok(Frame::data(framed(0, b"second").into()))).unwrap();
    assert!(pipelined.frame().await.expect("a frame").is_ok(), "it goes on");
}

/// A body of a method with one answer, and what its message and its end come by.
fn unary(
    budget: &Arc<IntakeBudget>,
    waiting: Option<WaitingCall>,
) -> (tokio::sync::mpsc::Sender<Result<Frame<Bytes>, Status>>, body::Watched) {
    let account = Account::open(budget);
    let (sender, parts) = tokio::sync::mpsc::channel(8);
    let request = http::Request::builder().header("x-a", "a".repeat(15_000)).body(());
    let request = request.expect("a request");
    let method = methods::of("/handover.v1.EventStoreService/GetHead");
    let mut intake = Intake::new(method, &request, account.share(), Unpacker::default());
    intake.keep(account);
    intake.waiting = waiting.map(Arc::new);
    sender.try_send(Ok(Frame::data(framed(0, b"").into()))).expect("room for a frame");
    (sender, intake.over(Body::new(StreamBody::new(ReceiverStream::new(parts)))))
}

#[tokio::test]
async fn a_call_that_never_ends_its_request_gives_up_its_place_and_one_that_has_ended_it_keeps_it()
{
    let budget = Arc::default();
    let (ended, mut whole) = unary(&budget, None);
    drop(ended);
    while let Some(frame) = whole.frame().await {
        frame.expect("it is taken");
    }
    let (_left, mut oldest) = unary(&budget, None);
    oldest.frame().await.expect("a frame").expect("its message is taken");
    let _open: Vec<_> =
        (0..limits::HELD_BYTES / (3 * 15_000)).map(|_| unary(&budget, None)).collect();
    let cut = tokio::time::timeout(Duration::from_secs(30), oldest.frame()).await;
    let cut = cut.expect("it ends").expect("an end").expect_err("its request has not ended");
    assert_eq!(cut.code(), Code::ResourceExhausted);
    assert!(whole.frame().await.is_none(), "what has ended is not cut");
}

#[tokio::test]
async fn a_request_waits_with_its_headers_and_is_refused_where_its_connection_has_its_share() {
    let (budget, sums) = (Arc::default(), Sums::default());
    let mut kept = Vec::new();
    let refused = loop {
        let (ended, mut body) = unary(&budget, Some(WaitingCall::new(sums.clone())));
        drop(ended);
        body.frame().await.expect("a frame").expect("its message is taken");
        if let Some(end) = body.frame().await {
            break end.expect_err("nothing more comes");
        }
        kept.push(body);
        assert!(kept.len() < 10_000, "each holds its headers");
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.get_details_retry_info().is_some(), "it may be sent again");
    let headers = 3 * 15_000;
    assert!(kept.len() < (64 << 20) / headers, "{} calls wait", kept.len());
    drop(kept);
    let (ended, mut body) = unary(&budget, Some(WaitingCall::new(sums)));
    drop(ended);
    body.frame().await.expect("a frame").expect("its message is taken");
    assert!(body.frame().await.is_none(), "there is room again");
}
