//! Reads pages of the log, on the blocking pool, never beyond the durable head.

mod matches;
mod starting;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        event::{Direction, Micros, Position, Remembered},
        filter::Filter,
        known::Known,
        limits,
        proto::RecordedEvent,
        recorded::decode_events,
        violation::Violations,
    },
    engine::{
        AppendError, Appended, Head, ReadError, Start,
        bounds::{HEARTBEAT, REACH_TIMEOUT},
        checkpoint_ticker::CheckpointTicker,
        streams::{OpenStream, Streams},
        subscribers::Subscribers,
    },
    log::{
        EncodedEvents, Log, LogError,
        index::{self, Blocking, IndexError, Interest, OnMatch},
    },
};

/// Pages that one sort of readers may read from disk at once. A permit is held for a page, never
/// for a stream, so that any number of idle streams costs nothing.
const CONCURRENT_PAGES: u32 = 8;
/// Matches that are looked up at once.
const MATCHES: usize = 1_024;

/// Reads the log for all parts of the engine.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    log: Arc<Log>,
    head: watch::Receiver<Head>,
    indexed: watch::Receiver<Position>,
    /// Where the log ended when it was opened.
    opened_at: Position,
    permits: Arc<Semaphore>,
    streams: Streams,
    subscribers: Subscribers,
    ticker: CheckpointTicker,
    heartbeat: Duration,
    stopping: CancellationToken,
}

/// What a read is to yield.
#[derive(Clone, Debug)]
pub struct ReadSpec {
    /// Which events.
    pub filter: Filter,
    /// Where it starts.
    pub start: Start,
    /// Which way it goes.
    pub direction: Direction,
    /// At most so many events; absent: all.
    pub limit: Option<u64>,
}

/// What remains to be read: forwards `cursor + 1 ..= end`, backwards `cursor - 1` down to `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) cursor: Position,
    pub(super) end: Position,
    pub(super) direction: Direction,
}

impl Span {
    fn is_empty(&self) -> bool {
        match self.direction {
            Direction::Forwards => self.cursor >= self.end,
            Direction::Backwards => self.cursor <= self.end,
        }
    }

    /// The lowest and the highest position that remain.
    fn bounds(&self) -> (Position, Position) {
        match self.direction {
            Direction::Forwards => (self.cursor + 1, self.end),
            Direction::Backwards => (self.end, self.cursor - 1),
        }
    }
}

impl Reader {
    pub(super) fn new(
        log: Arc<Log>,
        head: watch::Receiver<Head>,
        indexed: watch::Receiver<Position>,
        stopping: CancellationToken,
    ) -> Self {
        let opened_at = head.borrow().position;
        let permits = Arc::new(Semaphore::new(CONCURRENT_PAGES as usize));
        let (streams, ticker) =
            (Streams::default(), CheckpointTicker::start(head.clone(), stopping.clone()));
        let heartbeat = HEARTBEAT;
        let subscribers = Subscribers::default();
        Self {
            log,
            head,
            indexed,
            opened_at,
            permits,
            streams,
            subscribers,
            ticker,
            heartbeat,
            stopping,
        }
    }

    /// The same reader with another time after which a silent stream gets a heartbeat.
    pub(super) fn with_heartbeat(self, heartbeat: Duration) -> Self {
        Self { heartbeat, ..self }
    }

    /// The same reader with turns of its own at the disk, which no other reader can take up.
    pub(super) fn with_own_turns(&self) -> Self {
        Self { permits: Arc::new(Semaphore::new(CONCURRENT_PAGES as usize)), ..self.clone() }
    }

    /// The same reader with a budget of its own for what is held of its pages.
    pub(super) fn with_own_budget(&self) -> Self {
        Self { streams: self.streams.with_own_budget(), ..self.clone() }
    }

    /// The open reads and subscriptions, and what they hold.
    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Where the open subscriptions are.
    pub(super) fn subscribers(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Takes up all turns.
    #[cfg(test)]
    pub(super) async fn hold_turns(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.permits.acquire_many(CONCURRENT_PAGES).await.expect("the engine runs")
    }

    /// Is cancelled when the engine begins to stop.
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Waits for something that a stop would leave waiting, and not for ever; `None`: in vain.
    pub(super) async fn wait<T>(
        &self,
        event: impl Future<Output = T>,
    ) -> Result<Option<T>, ReadError> {
        tokio::select! {
            // What is there already is returned even while the engine stops.
            biased;
            waited = tokio::time::timeout(REACH_TIMEOUT, event) => Ok(waited.ok()),
            () = self.stopping.cancelled() => Err(ReadError::Stopping),
        }
    }

    /// Where the log ended when it was opened: the writer knows by itself what came after.
    pub(super) fn opened_at(&self) -> Position {
        self.opened_at
    }

    /// Everything up to here is indexed.
    pub(super) fn watermark(&self) -> Position {
        self.log.index().watermark()
    }

    pub(super) fn head(&self) -> Head {
        *self.head.borrow()
    }

    pub(super) fn watch_head(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }

    /// How long a stream may be silent before it is sent a heartbeat.
    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// Ticks when a follower without new events should get a checkpoint.
    pub(super) fn checkpoint_ticks(&self) -> watch::Receiver<()> {
        self.ticker.subscribe()
    }

    /// Tells of matching events that are indexed from now on.
    pub(super) fn interest(&self, filter: &Filter, on_match: OnMatch) -> Interest {
        self.log.index().interest(filter, on_match)
    }

    /// Tells when the index knows more, or is whole again where it was damaged.
    pub(super) fn watch_index(&self) -> watch::Receiver<Position> {
        self.indexed.clone()
    }

    /// Waits until everything up to `position` is indexed. The index lies behind the head by a
    /// moment; while it is being rebuilt, by much, and then the wait has an end.
    pub(super) async fn indexed(&self, position: Position) -> Result<(), ReadError> {
        if *self.indexed.borrow() >= position {
            return Ok(());
        }
        let _waiting = self.log.index().wait();
        let mut indexed = self.indexed.clone();
        let reached = async { indexed.wait_for(|indexed| *indexed >= position).await.is_ok() };
        match self.wait(reached).await? {
            Some(true) => Ok(()),
            Some(false) => Err(ReadError::Stopping),
            None => Err(ReadError::Indexing { position, indexed: *self.indexed.borrow() }),
        }
    }

    /// Puts a question to the index: in the caller's task if the answer is in memory, and on the
    /// blocking pool if it is not.
    pub(super) async fn look_up<T: Send + 'static>(
        &self,
        question: impl Fn(&Log, Blocking) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, ReadError> {
        match question(&self.log, Blocking::Never) {
            Err(LogError::Index(IndexError::WouldBlock)) => {
                self.blocking(move |log| question(log, Blocking::Allowed)).await
            }
            answer => Ok(answer?),
        }
    }

    /// When the event at `position` was recorded, which must be durable; `None`: before the first.
    /// The index knows; if it does not, because it is being rebuilt, the event does.
    pub(super) async fn recorded_at(
        &self,
        position: Position,
    ) -> Result<Option<Micros>, ReadError> {
        if position == 0 {
            return Ok(None);
        }
        let indexed = self.look_up(move |log, blocking| {
            Ok(log.index().lookup(blocking).recorded_at(position)?)
        });
        match indexed.await {
            Ok(Some(time)) => Ok(Some(time)),
            Ok(None) | Err(_) => {
                self.blocking(move |log| log.recorded_at(position)).await.map(Some)
            }
        }
    }

    /// One event.
    pub(super) async fn event(&self, position: Position) -> Result<RecordedEvent, ReadError> {
        let encoded = self.blocking(move |log| log.page(position, position, 1)).await?;
        decoded(encoded.events)?.pop().ok_or(ReadError::Stopping)
    }

    /// The events at these positions, which rise, as many from the first on as make a page.
    pub(super) async fn events_at(
        &self,
        positions: Vec<Position>,
    ) -> Result<EncodedEvents, ReadError> {
        let page_bytes = self.streams.page_bytes();
        self.held_page_of(positions, page_bytes).await?.ok_or(ReadError::Stopping)
    }

    /// What was answered to an append that is durable, and those of its events that are known.
    pub(super) async fn recall(
        &self,
        earlier: Remembered,
    ) -> Result<(Appended, Vec<(Position, Known)>), AppendError> {
        let (first_position, count) = (earlier.first_position, u64::from(earlier.count));
        let last_position = first_position + count - 1;
        let mut revisions = std::collections::BTreeMap::new();
        let mut known = Vec::new();
        let mut next = first_position;
        while next <= last_position {
            let page = move |log: &Log| log.page(next, last_position, limits::PAGE_BYTES);
            let encoded = self.blocking(page).await?;
            for event in decoded(encoded.events)? {
                let payload = event.payload.unwrap_or_default();
                let decoded = Known::read(payload.type_name(), &payload.value);
                known.extend(decoded.and_then(Result::ok).map(|it| (event.position, it)));
                revisions.insert(event.stream, event.revision);
            }
            next = encoded.last + 1;
        }
        let (duplicate, undone) = (true, Vec::new());
        Ok((Appended { first_position, last_position, revisions, duplicate, undone }, known))
    }

    /// The next events in the direction after `cursor`, up to `end` inclusive; `None`: none match.
    ///
    /// The positions up to `end` must be durable.
    pub(super) async fn next(
        &self,
        filter: &Filter,
        span: Span,
        most: u64,
    ) -> Result<Option<EncodedEvents>, ReadError> {
        if most == 0 || span.is_empty() {
            return Ok(None);
        }
        let most = usize::try_from(most).unwrap_or(MATCHES).min(MATCHES);
        if filter.is_all() && span.direction == Direction::Forwards {
            let last = span.end.min(span.cursor.saturating_add(most as u64));
            let streams = self.streams.clone();
            // Its size is decided when its turn has come, and not with all others that wait.
            let page = move |log: &Log| {
                let encoded = log.page(span.cursor + 1, last, streams.page_bytes())?;
                Ok(EncodedEvents { events: streams.hold(encoded.events), ..encoded })
            };
            return self.blocking(page).await.map(Some);
        }
        let positions = if filter.is_all() {
            let last = span.end.max(span.cursor.saturating_sub(most as u64));
            (last..span.cursor).rev().collect()
        } else {
            let (low, high) = span.bounds();
            let found = index::Span { after: low - 1, up_to: high };
            self.matches(filter, found, span.direction, most).await?
        };
        if positions.is_empty() {
            return Ok(None);
        }
        self.held_page_of(positions, self.streams.page_bytes()).await
    }

    async fn held_page_of(
        &self,
        positions: Vec<Position>,
        page_bytes: usize,
    ) -> Result<Option<EncodedEvents>, ReadError> {
        let encoded = self.page_of(positions, page_bytes).await?;
        Ok(encoded
            .map(|encoded| EncodedEvents { events: self.streams.hold(encoded.events), ..encoded }))
    }

    /// The first positions of the span, in the order of the direction, at which events match; at
    /// most so many.
    pub(super) async fn matches(
        &self,
        filter: &Filter,
        span: index::Span,
        direction: Direction,
        most: usize,
    ) -> Result<Vec<Position>, ReadError> {
        self.indexed(span.up_to).await?;
        let filter = filter.clone();
        let matches = move |log: &Log, blocking| {
            Ok(log.index().lookup(blocking).matches(&filter, span, direction, most)?)
        };
        self.look_up(matches).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Log) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let _permit = self.permits.acquire().await.map_err(|_| ReadError::Stopping)?;
        let log = Arc::clone(&self.log);
        let result = tokio::task::spawn_blocking(move || read(&log)).await;
        Ok(result.map_err(|_| ReadError::Stopping)??)
    }
}

/// A read of what was in the log when it started.
#[derive(Debug)]
pub struct Scan {
    reader: Reader,
    filter: Filter,
    span: Span,
    remaining: u64,
    head: Position,
    _open: OpenStream,
}

impl Scan {
    pub(super) async fn start(reader: Reader, spec: ReadSpec) -> Result<Self, ReadError> {
        let open = reader.streams.open()?;
        let head = reader.head().position;
        if spec.limit == Some(0) {
            let mut violations = Violations::default();
            violations.add("limit", "is 0; give at least 1, or leave it out to read everything");
            return Err(ReadError::Invalid(violations));
        }
        let span = match spec.direction {
            Direction::Forwards => {
                let cursor = reader.resolve(spec.start, &spec.filter).await?;
                Span { cursor, end: head, direction: Direction::Forwards }
            }
            Direction::Backwards => {
                let cursor = reader.resolve_backwards(spec.start, &spec.filter, head).await?;
                Span { cursor, end: 1, direction: Direction::Backwards }
            }
        };
        let remaining = spec.limit.unwrap_or(u64::MAX);
        Ok(Self { reader, filter: spec.filter, span, remaining, head, _open: open })
    }

    /// The head that the read is true for.
    pub fn head(&self) -> Position {
        self.head
    }

    /// The next batch; `None`: that was all.
    pub async fn next(&mut self) -> Result<Option<EncodedEvents>, ReadError> {
        let encoded = self.reader.next(&self.filter, self.span, self.remaining).await?;
        if let Some(encoded) = &encoded {
            self.span.cursor = encoded.last;
            self.remaining -= encoded.count as u64;
        }
        Ok(encoded)
    }
}

pub(super) fn decoded(encoded: Bytes) -> Result<Vec<RecordedEvent>, ReadError> {
    // The log has checked the bytes' sums, so what cannot be decoded was written so.
    decode_events(encoded).map_err(|error| ReadError::Undecodable(error.to_string().into()))
}
