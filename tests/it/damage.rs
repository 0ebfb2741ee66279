//! A damaged volume as clients see it: what lies before the damage is delivered, the damage is
//! named, and everything else goes on.

use std::{fs, path::Path};

use futures_util::{Stream, StreamExt as _};
use handover::{
    domain::proto::{
        self, Attribution, Count, GetCountryCountsRequest, GetHeadRequest, Leg, ReadDirection,
        ReadRequest, SubscribeRequest, TransferCompleted, read_request, subscribe_request::Start,
        subscribe_response::Frame,
    },
    grpc::client::{Client, ClientError, ClientErrorKind},
};

use crate::support::{Server, append, data_dir, event, known, tagged};

/// Small volumes, and no scrub: only reads can find the damage.
const SETTINGS: [&str; 6] = ["--journal-file-mib", "1", "--volume-mib", "1", "--scrub", "false"];
/// The volume that is damaged: the oldest.
const VOLUME: &str = "00000000000000000001";
/// The event with the bytes that are changed.
const DAMAGED: u64 = 401;
/// Events of about a KiB that a block can hold.
const BLOCK: u64 = 4;
/// The exchange that the damaged event is about, and nothing else.
const EXCHANGE: &str = "demo-damaged-exchange";

async fn notes(client: &Client, count: usize) {
    let padding = "x".repeat(1_000);
    let notes = (0..count).map(|_| event(&padding, &["desk:all"])).collect();
    client.append(append("x/a", notes)).await.expect("it is appended");
}

fn transfer() -> TransferCompleted {
    let source_id = "demo-source".into();
    TransferCompleted {
        attribution: Some(Attribution { source_id, ..Attribution::default() }),
        leg: Some(Leg {
            exchange_id: EXCHANGE.into(),
            to: vec!["DE".into()],
            unit: proto::Unit::Person.into(),
            ..Leg::default()
        }),
        count: Some(Count { value: Some(3), ..Count::default() }),
        ..TransferCompleted::default()
    }
}

/// A store with several sealed volumes, closed; it tells the last position.
async fn filled(data: &Path) -> u64 {
    let server = Server::start(data, &SETTINGS);
    let client = server.client().await;
    for _ in 0..4 {
        notes(&client, 100).await;
    }
    let stream = format!("exchange/{EXCHANGE}");
    let answer = client.append(known(&stream, &transfer())).await.expect("it is appended");
    assert_eq!(answer.first_position, DAMAGED);
    let manifest = || fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    for _ in 0..1_000 {
        if manifest().matches("\"directory\"").count() >= 3 {
            break;
        }
        notes(&client, 100).await;
    }
    assert!(manifest().matches("\"directory\"").count() >= 3, "volumes are not sealed");
    let head = client.get_head(GetHeadRequest::default()).await.expect("a head");
    server.terminate();
    assert!(server.wait());
    head.position
}

/// Changes the event wherever it lies in its volume's file, and has the figures begin anew.
fn damage(data: &Path) {
    let db = data.join("volumes").join(VOLUME).join("db");
    let mut bytes = fs::read(&db).expect("the volume's file");
    let found: Vec<usize> = memchr::memmem::find_iter(&bytes, EXCHANGE).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at] ^= 0x40;
    }
    fs::write(db, bytes).expect("it can be changed");
    fs::remove_dir_all(data.join("projections")).expect("it can be removed");
}

/// The positions that a stream of answers brings, and the error that ends it.
async fn until_error<T>(
    mut answers: impl Stream<Item = Result<T, ClientError>> + Unpin,
    positions: impl Fn(T) -> Vec<u64>,
) -> (Vec<u64>, Option<ClientError>) {
    let mut seen = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => seen.extend(positions(answer)),
            Err(error) => {
                assert!(answers.next().await.is_none(), "it goes on after {error}");
                return (seen, Some(error));
            }
        }
    }
    (seen, None)
}

async fn read(client: &Client, request: ReadRequest) -> (Vec<u64>, Option<ClientError>) {
    let positions = |answer: proto::ReadResponse| {
        answer.events.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    until_error(client.read(request), positions).await
}

/// Follows until everything up to the head was sent, or an error comes.
async fn follow(client: &Client, after: u64) -> (Vec<u64>, Option<ClientError>) {
    let start = Some(Start::AfterPosition(after));
    let frames = client.subscribe(SubscribeRequest { start, ..SubscribeRequest::default() });
    let caught_up = |frame: &Result<proto::SubscribeResponse, ClientError>| matches!(frame, Ok(answer) if matches!(answer.frame, Some(Frame::CaughtUp(_))));
    let frames = frames.take_while(|frame| std::future::ready(!caught_up(frame))).boxed();
    let positions = |answer: proto::SubscribeResponse| {
        let Some(Frame::Events(batch)) = answer.frame else { return Vec::new() };
        batch.events.iter().map(|event| event.position).collect()
    };
    until_error(frames, positions).await
}

/// The position that is named; the error must be that of a damaged volume.
fn named(error: Option<ClientError>) -> u64 {
    let error = error.expect("it meets the damage");
    assert_eq!(error.kind, ClientErrorKind::DataLoss, "{error}");
    assert_eq!(error.reason, "DATA_DAMAGED");
    assert!(error.message.contains(VOLUME), "{error}");
    let (_, rest) = error.message.split_once("at position ").expect("it names a position");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a position")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_before_damage_is_delivered_the_damage_is_named_and_all_else_goes_on() {
    let (_dir, data) = data_dir();
    let head = filled(&data).await;
    damage(&data);
    let server = Server::start(&data, &SETTINGS);
    let client = server.client().await;

    let (seen, error) = read(&client, ReadRequest::default()).await;
    let first_lost = named(error);
    assert!((DAMAGED - BLOCK..=DAMAGED).contains(&first_lost), "{first_lost} is named");
    assert_eq!(seen, (1..first_lost).collect::<Vec<_>>());
    let (seen, error) = follow(&client, 0).await;
    assert_eq!((seen.len() as u64, named(error)), (first_lost - 1, first_lost));
    let filter = Some(tagged(&["desk:all"]));
    let (seen, error) = read(&client, ReadRequest { filter, ..ReadRequest::default() }).await;
    let lost = named(error);
    assert!(lost.abs_diff(DAMAGED) <= BLOCK, "{lost} is named");
    assert_eq!(seen, (1..first_lost).collect::<Vec<_>>());

    let backwards =
        ReadRequest { direction: ReadDirection::Backwards.into(), ..ReadRequest::default() };
    let (seen, error) = read(&client, backwards).await;
    let last_lost = named(error);
    assert!((DAMAGED..=DAMAGED + BLOCK).contains(&last_lost), "{last_lost} is named");
    assert_eq!(seen, (last_lost + 1..=head).rev().collect::<Vec<_>>());

    let start = Some(read_request::Start::AfterPosition(last_lost));
    let (seen, error) = read(&client, ReadRequest { start, ..ReadRequest::default() }).await;
    assert_eq!((seen, error), ((last_lost + 1..=head).collect(), None));
    let (seen, error) = follow(&client, last_lost).await;
    assert_eq!((seen, error), ((last_lost + 1..=head).collect(), None));

    notes(&client, 1).await;
    let request = GetCountryCountsRequest { min_position: head, ..Default::default() };
    let error = client.country_counts(request).await.expect_err("the figures need that event");
    assert!(named(Some(error)).abs_diff(DAMAGED) <= BLOCK);
}
