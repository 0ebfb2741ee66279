//! The appends that are made, one after the other, and what must be found of them.
//!
//! Each append is known by its number, so whatever is found can be named. It must be the first so
//! many appends, whole and in order, at least the acknowledged ones and at most those sent.

use std::{collections::BTreeMap, ops::Range, sync::Mutex};

use handover::{
    domain::proto::{
        Any, AppendRequest, Attribution, Count, GetCountryCountsRequest, GetHeadRequest, Leg,
        NewEvent, ReadRequest, RecordedEvent, StreamWrite, TransferCompleted, Unit,
    },
    grpc::client::{Client, ClientError, ClientErrorKind},
};

use super::{
    process::Process,
    shim::{Errno, World},
};
use crate::support::{event, read, read_all, tagged};

/// Bytes of events after which a volume is sealed; see the settings of the processes.
const VOLUME_BYTES: usize = 1 << 20;
/// Events are somewhat larger when they are stored; no volume ends so near to its limit.
const STORED_MORE: usize = 20 << 10;

/// Tags that distinguish the events.
pub(super) const TAGS: [&str; 4] = ["part:0", "part:1", "part:2", "part:3"];

/// The append with this number.
pub(super) fn request(number: u64) -> AppendRequest {
    static MADE: Mutex<BTreeMap<u64, AppendRequest>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().expect("no panic");
    made.entry(number).or_insert_with(|| make(number)).clone()
}

fn make(number: u64) -> AppendRequest {
    let noted = |size: usize, part: u64| {
        event(&filler(size, number * 100 + part), &[&format!("part:{}", number % 4)])
    };
    let write = |stream: &str, events: Vec<NewEvent>| StreamWrite {
        stream: stream.to_owned(),
        expected_revision: None,
        events,
    };
    let writes = match number % 4 {
        0 => vec![write("story/large", vec![noted(450 << 10, 0)])],
        1 => vec![
            write("story/a", vec![noted(9, 0), noted(900, 1)]),
            write("story/b", vec![noted(1, 2)]),
        ],
        2 => vec![
            write(&format!("exchange/demo-{number}"), vec![transfer(number)]),
            write("story/b", vec![noted(300 << 10, 0)]),
        ],
        _ => {
            let sizes = (0..20).map(|part| (3 << 10) + 300 * part);
            vec![write("story/a", (0..).zip(sizes).map(|(part, size)| noted(size, part)).collect())]
        }
    };
    let request_id = uuid::Uuid::from_u128((0x5707 << 64) + u128::from(number)).to_string();
    AppendRequest { request_id, writes, ..AppendRequest::default() }
}

fn transfer(number: u64) -> NewEvent {
    let message = TransferCompleted {
        attribution: Some(Attribution {
            source_id: "demo-source".into(),
            ..Attribution::default()
        }),
        leg: Some(Leg {
            exchange_id: format!("demo-{number}"),
            to: vec!["DE".into()],
            unit: Unit::Person.into(),
            ..Leg::default()
        }),
        count: Some(Count { value: Some(handed_over(number)), ..Count::default() }),
        ..TransferCompleted::default()
    };
    NewEvent { payload: Some(Any::pack(&message)), ..NewEvent::default() }
}

/// How many were handed over, by the claim in the append with this number.
fn handed_over(number: u64) -> u32 {
    1 + u32::try_from(number).expect("few appends")
}

/// Text of this size that is not like that of another seed.
fn filler(size: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state % 26).expect("a letter"))
    };
    (0..size).map(letter).collect()
}

/// How many events the append with this number has.
pub(super) fn events(number: u64) -> usize {
    payloads(number).len()
}

/// How many volumes are sealed once the first `appends` are in the log.
pub(super) fn sealed(appends: u64) -> usize {
    let mut sealed = 0;
    let mut bytes = 0;
    for number in 0..appends {
        bytes += payloads(number).iter().map(|(_, payload)| payload.value.len()).sum::<usize>();
        assert!(!(VOLUME_BYTES - STORED_MORE..VOLUME_BYTES).contains(&bytes), "too near");
        if bytes >= VOLUME_BYTES {
            sealed += 1;
            bytes = 0;
        }
    }
    sealed
}

fn payloads(number: u64) -> Vec<(String, Any)> {
    let of = |write: StreamWrite| {
        let stream = write.stream;
        write.events.into_iter().map(move |event| (stream.clone(), event.payload.expect("one")))
    };
    request(number).writes.into_iter().flat_map(of).collect()
}

/// What the answers said to a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Reported {
    /// For each acknowledged append, how long the record of steps was when the answer came.
    pub(super) acknowledged: Vec<u64>,
    /// Why the last append was not acknowledged.
    pub(super) refused: Option<ClientError>,
    /// Whether that one may be in the log all the same.
    pub(super) unknown: bool,
}

impl Reported {
    /// That the first so many appends are in the log.
    pub(super) fn of(appends: u64) -> Self {
        Self { acknowledged: (0..appends).map(|_| 0).collect(), ..Self::default() }
    }

    /// How many appends are acknowledged.
    pub(super) fn count(&self) -> u64 {
        self.acknowledged.len() as u64
    }

    /// How many were when the record of steps was so long.
    pub(super) fn by(&self, end: u64) -> u64 {
        self.acknowledged.iter().filter(|reported| **reported <= end).count() as u64
    }

    /// How many appends may be found.
    pub(super) fn bounds(&self) -> (u64, u64) {
        (self.count(), self.count() + u64::from(self.unknown))
    }
}

/// Makes the appends that come next, up to number `until`, or until one is not acknowledged.
pub(super) async fn append(world: &World, client: &Client, reported: &mut Reported, until: u64) {
    for number in reported.count()..until {
        match client.append(request(number)).await {
            Ok(_) => reported.acknowledged.push(world.now()),
            Err(error) => {
                // Only what is known not to have happened cannot be found.
                reported.unknown |= error.reason != "STORE_FAILED" && error.reason != "NOT_READY";
                reported.refused = Some(error);
                return;
            }
        }
    }
}

/// Waits until all volumes are sealed that the acknowledged appends fill.
pub(super) async fn until_sealed(process: &Process, reported: &Reported, before: u64) {
    let volumes = sealed(reported.count()) - sealed(before);
    let what = format!("seals {volumes} volumes");
    process.until(&what, |said| said.count("volume sealed") >= volumes).await;
}

/// Reads everything in several ways, and checks that it is the first so many appends, where so
/// many must lie within the bounds.
pub(super) async fn check(client: &Client, bounds: (u64, u64)) -> Vec<RecordedEvent> {
    let found = check_events(client, bounds).await;
    figures(client, 0..recognise(&found)).await.expect("the figures can be asked for");
    found
}

/// The same without asking for figures.
pub(super) async fn check_events(client: &Client, bounds: (u64, u64)) -> Vec<RecordedEvent> {
    let found = read_all(client).await;
    let appends = recognise(&found);
    assert!((bounds.0..=bounds.1).contains(&appends), "{appends} appends, not {bounds:?}");
    for tag in TAGS {
        let request = ReadRequest { filter: Some(tagged(&[tag])), ..ReadRequest::default() };
        let tagged: Vec<_> =
            found.iter().filter(|event| event.tags.contains(&tag.into())).collect();
        assert!(read(client, request).await.iter().eq(tagged), "the events with {tag}");
    }
    found
}

/// Of how many appends these are the events.
pub(super) fn recognise(found: &[RecordedEvent]) -> u64 {
    let mut rest = found;
    let mut number = 0;
    while !rest.is_empty() {
        let expected = payloads(number);
        assert!(rest.len() >= expected.len(), "append {number} is torn");
        let (events, more) = rest.split_at(expected.len());
        for (event, (stream, payload)) in events.iter().zip(&expected) {
            let same = event.stream == *stream && event.payload.as_ref() == Some(payload);
            assert!(same, "at {} is not what append {number} holds", event.position);
        }
        rest = more;
        number += 1;
    }
    number
}

/// Asks for figures, which must be right if there is an answer.
pub(super) async fn figures(client: &Client, appends: Range<u64>) -> Result<(), ClientError> {
    let claimed = appends.clone().filter(|number| number % 4 == 2).map(handed_over).sum::<u32>();
    let head = client.get_head(GetHeadRequest::default()).await?.position;
    let request = GetCountryCountsRequest { min_position: head, ..Default::default() };
    let answer = client.country_counts(request).await?;
    let received = answer.counts.iter().find(|count| count.country == "DE");
    let preferred = received.and_then(|count| count.received.as_ref()?.preferred).unwrap_or(0);
    assert_eq!(preferred, claimed, "received by DE after {appends:?}");
    Ok(())
}

/// After whatever happened, the store goes on: what had no answer is settled by repeating it, and
/// new appends are taken.
pub(super) async fn go_on(client: &Client, found: u64) {
    if let Some(last) = found.checked_sub(1) {
        let answer = client.append(request(last)).await.expect("a repeat is answered");
        assert!(answer.duplicate, "append {last} was repeated");
    }
    let answer = client.append(request(found)).await.expect("the store takes appends");
    assert!(!answer.duplicate, "append {found} is new");
}

/// Checks how an append was refused: the server says that it is its own trouble, and which.
pub(super) fn check_refusal(error: &ClientError, cause: Errno) {
    assert_eq!(error.kind, ClientErrorKind::Unavailable, "{error:?}");
    let known = ["STORE_FAILED", "OUTCOME_UNKNOWN", "NOT_READY", "STORE_FULL"];
    assert!(known.contains(&error.reason.as_str()), "{error:?}");
    assert!(cause.is_named_in(&error.message), "it does not say {cause:?}: {error:?}");
}
