//! An appender: the real client, which repeats what has no answer. What each call sent, what came
//! and when is written down for the check.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use handover::{
    client::{Append, CallError, Client, ClientErrorKind, Event, Retry},
    domain::proto::{
        AppendCondition, AppendRequest, NewEvent, ReadRequest, StreamWrite, read_request::Start,
    },
};
use rand::{Rng as _, rngs::StdRng};
use tokio::time::sleep;
use uuid::Uuid;

use super::{network::client, worker::POISON};
use crate::{
    histories::client::{Answer, Operation, What},
    support::{event, tagged},
};

/// Appends of each appender.
const APPENDS: usize = 10;
/// Streams that all appenders share.
const STREAMS: [&str; 4] = ["note/a", "note/b", "note/c", "memo/a"];
/// Seats of which each can be taken once.
const SEATS: usize = 12;

/// What the appenders of a schedule did.
#[derive(Default)]
pub(super) struct Notes {
    /// Moments, in the order in which they were taken.
    moments: AtomicU64,
    operations: Mutex<Vec<Operation>>,
}

impl Notes {
    fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&self, begun: u64, what: What) {
        let operation = Operation { begun, ended: self.moment(), what };
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }

    /// Everything that was done.
    pub(super) fn take(&self) -> Vec<Operation> {
        std::mem::take(&mut self.operations.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One appender.
pub(super) struct Appender {
    number: usize,
    notes: Arc<Notes>,
    chance: StdRng,
    /// Revisions as it knows them.
    revisions: HashMap<String, u64>,
    /// The last position that it knows of.
    head: u64,
}

impl Appender {
    pub(super) fn new(number: usize, notes: Arc<Notes>, chance: StdRng) -> Self {
        Self { number, notes, chance, revisions: HashMap::new(), head: 0 }
    }

    /// What runs on its host: it ends when each of its appends has an answer.
    pub(super) async fn work(mut self) -> turmoil::Result {
        let client = client();
        for number in 0..APPENDS {
            sleep(self.millis(0..2_000)).await;
            let request = self.request(number);
            self.append(&client, &request).await;
            if self.chance.random_bool(0.2) {
                self.append(&client, &request).await;
            }
            if self.chance.random_bool(0.3) {
                self.read(&client).await;
            }
        }
        Ok(())
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.chance.random_range(range))
    }

    fn request(&mut self, number: usize) -> AppendRequest {
        let request_id = Uuid::from_u128(self.chance.random()).to_string();
        if self.number == 0 && number % 6 == 3 {
            let events = vec![event(&format!("poison {number}"), &[])];
            let write = StreamWrite { stream: POISON.into(), expected_revision: None, events };
            return AppendRequest { request_id, writes: vec![write], ..AppendRequest::default() };
        }
        let seat = format!("seat:{}", self.chance.random_range(0..SEATS));
        let first = self.chance.random_range(0..STREAMS.len());
        let writes = (0..self.chance.random_range(1..=2))
            .map(|write| {
                let stream = STREAMS[(first + write) % STREAMS.len()];
                self.write(stream, &format!("{}/{number}/{write}", self.number), &seat)
            })
            .collect();
        let condition = self
            .chance
            .random_bool(0.15)
            .then(|| AppendCondition { fail_if_match: Some(tagged(&[&seat])), after_position: 0 });
        AppendRequest { request_id, writes, condition, ..AppendRequest::default() }
    }

    fn write(&mut self, stream: &str, name: &str, seat: &str) -> StreamWrite {
        let known = self.revisions.get(stream).copied().unwrap_or(0);
        let expected_revision = match self.chance.random_range(0..10) {
            0..5 => None,
            5..9 => Some(known),
            _ => Some(self.chance.random_range(0..=known + 2)),
        };
        let padding = "x".repeat(self.chance.random_range(1..3_000));
        let mut part = |part: usize| {
            let mut tags = vec![seat];
            tags.extend(self.chance.random::<bool>().then_some("desk:one"));
            event(&format!("{name}/{part}/{padding}"), &tags)
        };
        let events = (0..3).map(&mut part).collect::<Vec<NewEvent>>();
        let count = self.chance.random_range(1..=events.len());
        let events = events.into_iter().take(count).collect();
        StreamWrite { stream: stream.into(), expected_revision, events }
    }

    /// Appends, and calls again until the server has decided.
    async fn append(&mut self, client: &Client, request: &AppendRequest) {
        loop {
            let within = self.millis(500..20_000);
            let retry = Retry::default().within(within).longest_pause(Duration::from_secs(2));
            let patient = client.clone().with_retry(retry);
            let begun = self.notes.moment();
            let outcome = patient.append(append_of(request)).await;
            let answer = match outcome {
                Ok(answer) => {
                    self.revisions.extend(answer.revisions.clone());
                    self.head = self.head.max(answer.last_position);
                    Answer::Acknowledged(answer)
                }
                Err(error) if error.error.kind == ClientErrorKind::Conflict => Answer::Refused,
                Err(error) => {
                    assert_passes(&error);
                    Answer::Unknown
                }
            };
            let decided = !matches!(answer, Answer::Unknown);
            if matches!(answer, Answer::Refused) {
                // What it knew was old.
                self.revisions.clear();
            }
            self.notes.note(begun, What::Append(request.clone(), answer));
            if decided {
                return;
            }
        }
    }

    /// Reads on from somewhere.
    async fn read(&mut self, client: &Client) {
        let after = self.head.saturating_sub(self.chance.random_range(0..20));
        let start = Some(Start::AfterPosition(after));
        let begun = self.notes.moment();
        match client.read_all(ReadRequest { start, ..ReadRequest::default() }).await {
            Ok(seen) => {
                for event in &seen {
                    self.revisions.insert(event.stream.clone(), event.revision);
                    self.head = self.head.max(event.position);
                }
                self.notes.note(begun, What::Read(after, seen, true));
            }
            Err(error) => assert_passes(&error),
        }
    }
}

/// Fails unless a later call may have an answer.
fn assert_passes(error: &CallError) {
    let passes = [ClientErrorKind::Unavailable, ClientErrorKind::Deadline];
    assert!(passes.contains(&error.error.kind), "a call failed for good: {error:?}");
}

/// The append that the client makes this request of.
fn append_of(request: &AppendRequest) -> Append {
    let id = Uuid::parse_str(&request.request_id).expect("a UUID");
    let mut append = Append::new().request_id(id);
    for write in &request.writes {
        for event in &write.events {
            let packed = Event::packed(event.payload.clone().expect("a payload"));
            let tagged = event.tags.iter().fold(packed, Event::tag);
            append = append.event_in(&write.stream, tagged);
        }
        if let Some(revision) = write.expected_revision {
            append = append.expect(&write.stream, revision);
        }
    }
    if let Some(condition) = &request.condition {
        let filter = condition.fail_if_match.clone().unwrap_or_default();
        append = append.unless(filter, condition.after_position);
    }
    append
}
