//! Clients that do what chance says, and write down what they sent, what they got and when.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt as _;
use handover::{
    domain::proto::{
        AppendCondition, AppendRequest, AppendResponse, ReadRequest, RecordedEvent, StreamWrite,
        SubscribeRequest, read_request, subscribe_request, subscribe_response::Frame,
    },
    grpc::client::{Client, ClientErrorKind},
};
use rand::{Rng as _, rngs::StdRng};
use tokio::sync::watch;

use crate::support::{event, new_id, tagged};

/// Streams that all writers share.
const STREAMS: usize = 4;
/// Seats of which each can be taken once.
const SEATS: usize = 400;
/// How long a client waits for a server that was killed.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the clients of one history share.
#[derive(Clone, Debug, Default)]
pub(super) struct Run(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Moments, in the order in which they were taken.
    moments: AtomicU64,
    ended: AtomicBool,
    /// How often the server was started again.
    starts: watch::Sender<u64>,
    acknowledged: watch::Sender<u64>,
}

/// An operation of one client.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Before it was sent.
    pub(crate) begun: u64,
    /// After its answer.
    pub(crate) ended: u64,
    pub(crate) what: What,
}

/// What was sent, and what came.
#[derive(Debug)]
pub(crate) enum What {
    Append(AppendRequest, Answer),
    /// A read after a position, what it gave, and whether it came to its end.
    Read(u64, Vec<RecordedEvent>, bool),
}

/// The answer to an append.
#[derive(Debug)]
pub(crate) enum Answer {
    Acknowledged(AppendResponse),
    /// Others wrote first, and nothing was appended.
    Refused,
    /// It may have been appended.
    Unknown,
}

impl Run {
    fn moment(&self) -> u64 {
        self.0.moments.fetch_add(1, Ordering::SeqCst)
    }

    fn goes_on(&self) -> bool {
        !self.0.ended.load(Ordering::SeqCst)
    }

    /// Has all clients end.
    pub(super) fn end(&self) {
        self.0.ended.store(true, Ordering::SeqCst);
        self.started_again();
    }

    /// The server serves again.
    pub(super) fn started_again(&self) {
        self.0.starts.send_modify(|starts| *starts += 1);
    }

    /// Waits until so many appends more are acknowledged.
    pub(super) async fn acknowledged(&self, more: u64) {
        let mut watched = self.0.acknowledged.subscribe();
        let enough = *watched.borrow() + more;
        watched.wait_for(|count| *count >= enough).await.expect("the sender is here");
    }

    /// Waits until the server was started again since `before`, or all is to end.
    async fn until_started(&self, before: u64) {
        let mut watched = self.0.starts.subscribe();
        let started = watched.wait_for(|starts| *starts > before);
        let waited = tokio::time::timeout(PATIENCE, started).await;
        waited.expect("the server is started again").expect("the sender is here");
    }

    fn starts(&self) -> u64 {
        *self.0.starts.borrow()
    }
}

/// A client that appends and reads.
#[derive(Debug)]
pub(super) struct Writer {
    number: u64,
    client: Client,
    chance: StdRng,
    /// Revisions as it knows them.
    revisions: HashMap<String, u64>,
    appends: u64,
    /// The last position that it knows of.
    head: u64,
    /// Its last append, if that was not refused.
    last: Option<AppendRequest>,
    operations: Vec<Operation>,
}

impl Writer {
    pub(super) fn new(number: u64, client: Client, chance: StdRng) -> Self {
        let (revisions, operations) = (HashMap::new(), Vec::new());
        Self { number, client, chance, revisions, appends: 0, head: 0, last: None, operations }
    }

    /// Works until all is to end; what it did.
    pub(super) async fn work(mut self, run: Run) -> Vec<Operation> {
        while run.goes_on() {
            let starts = run.starts();
            let answered = match self.chance.random_range(0..100) {
                0..70 => {
                    let request = self.request();
                    self.append(&run, request).await
                }
                70..80 => match self.last.clone() {
                    Some(request) => self.append(&run, request).await,
                    None => true,
                },
                _ => self.read(&run).await,
            };
            if !answered {
                run.until_started(starts).await;
                // What has no answer is settled by a repetition, which may be cut off too.
                if let Some(request) = self.last.clone() {
                    self.append(&run, request).await;
                }
            }
        }
        self.operations
    }

    fn request(&mut self) -> AppendRequest {
        self.appends += 1;
        let seat = format!("seat:{}", self.chance.random_range(0..SEATS));
        let first = self.chance.random_range(0..STREAMS);
        let mut writes = Vec::new();
        for write in 0..self.chance.random_range(1..=2) {
            let stream = format!("history/{}", (first + write) % STREAMS);
            let known = self.revisions.get(&stream).copied().unwrap_or(0);
            let expected_revision = match self.chance.random_range(0..10) {
                0..5 => None,
                5..9 => Some(known),
                _ => Some(self.chance.random_range(0..=known + 2)),
            };
            let padding = "x".repeat(self.chance.random_range(1..3_000));
            let part = |part: usize| {
                let text = format!("{}/{}/{write}/{part}/{padding}", self.number, self.appends);
                event(&text, &[seat.as_str()])
            };
            let events = (0..self.chance.random_range(1..=3)).map(part).collect();
            writes.push(StreamWrite { stream, expected_revision, events });
        }
        let condition = self
            .chance
            .random_bool(0.2)
            .then(|| AppendCondition { fail_if_match: Some(tagged(&[&seat])), after_position: 0 });
        AppendRequest { request_id: new_id(), writes, condition, ..AppendRequest::default() }
    }

    /// Appends; false if there was no answer.
    async fn append(&mut self, run: &Run, request: AppendRequest) -> bool {
        let begun = run.moment();
        let result = self.client.append(request.clone()).await;
        let ended = run.moment();
        let answer = match result {
            Ok(answer) => {
                self.revisions.extend(answer.revisions.clone());
                self.head = self.head.max(answer.last_position);
                run.0.acknowledged.send_modify(|count| *count += 1);
                Answer::Acknowledged(answer)
            }
            Err(error) if error.kind == ClientErrorKind::Conflict => Answer::Refused,
            Err(_) => Answer::Unknown,
        };
        let answered = !matches!(answer, Answer::Unknown);
        let refused = matches!(answer, Answer::Refused);
        if refused {
            // What it knew was old.
            self.revisions.clear();
        }
        self.last = (!refused).then(|| request.clone());
        self.operations.push(Operation { begun, ended, what: What::Append(request, answer) });
        answered
    }

    /// Reads on from somewhere; false if it did not come to its end.
    async fn read(&mut self, run: &Run) -> bool {
        let back = self.chance.random_range(0..50);
        let after = if self.chance.random_bool(0.02) { 0 } else { self.head.saturating_sub(back) };
        let begun = run.moment();
        let start = Some(read_request::Start::AfterPosition(after));
        let mut answers = self.client.read(ReadRequest { start, ..ReadRequest::default() });
        let (mut seen, mut whole) = (Vec::new(), true);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(answer) => seen.extend(answer.events),
                Err(_) => whole = false,
            }
        }
        let ended = run.moment();
        for event in &seen {
            self.revisions.insert(event.stream.clone(), event.revision);
            self.head = self.head.max(event.position);
        }
        self.operations.push(Operation { begun, ended, what: What::Read(after, seen, whole) });
        whole
    }
}

/// A client that follows everything, and resumes where it was.
#[derive(Debug)]
pub(super) struct Follower {
    client: Client,
    chance: StdRng,
}

impl Follower {
    pub(super) fn new(client: Client, chance: StdRng) -> Self {
        Self { client, chance }
    }

    /// Follows until all is to end; what it got.
    pub(super) async fn work(mut self, run: Run) -> Vec<RecordedEvent> {
        let mut seen: Vec<RecordedEvent> = Vec::new();
        while run.goes_on() {
            let starts = run.starts();
            let after = seen.last().map_or(0, |last| last.position);
            let start = Some(subscribe_request::Start::AfterPosition(after));
            let request = SubscribeRequest { start, ..SubscribeRequest::default() };
            let mut frames = self.client.subscribe(request);
            let mut most = self.chance.random_range(1..200);
            let cut = loop {
                let ended = run.until_started(starts);
                let frame = tokio::select! {
                    frame = frames.next() => frame,
                    () = ended => break false,
                };
                let Some(Ok(answer)) = frame else { break true };
                if let Some(Frame::Events(batch)) = answer.frame {
                    seen.extend(batch.events);
                    most -= 1;
                }
                if most == 0 {
                    break false;
                }
            };
            if cut {
                run.until_started(starts).await;
            }
        }
        seen
    }
}
