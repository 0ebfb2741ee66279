//! A catch-up subscription: pages of the log up to the head, then the head's moves.
//!
//! There is one cursor and one source, the log, so catching up and following are the same act:
//! nothing is broadcast, so nothing can be skipped, and a slow subscriber holds nobody up.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

use crate::{
    domain::{
        event::{Direction, Micros, Position},
        filter::Filter,
    },
    engine::{
        Head, ReadError, Start,
        reader::{Reader, Span},
        streams::OpenStream,
    },
    log::Run,
};

/// How far a live subscriber may lag before it is told that it fell behind.
const FELL_BEHIND: u64 = 10_000;
/// How many events may pass without a match before a checkpoint is sent.
const CHECKPOINT_EVENTS: u64 = 10_000;
/// How long events may pass without a match before a checkpoint is sent.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);

/// A place in the log, told to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Everything up to here was sent or does not match.
    pub position: Position,
    /// When the event there was recorded; absent: before the first.
    pub recorded_at: Option<Micros>,
}

/// What a subscriber is sent.
#[derive(Clone, Debug)]
pub enum Frame {
    /// Events, in order.
    Events(Run),
    /// What follows is live.
    CaughtUp(Mark),
    /// Nothing matched for a while; resume after here.
    Checkpoint(Mark),
    /// No longer live.
    FellBehind(Mark),
}

/// One subscriber's place in the log.
#[derive(Debug)]
pub struct Subscription {
    reader: Reader,
    filter: Filter,
    head: watch::Receiver<Head>,
    /// Everything up to here was sent or does not match.
    cursor: Position,
    /// The last position that the subscriber was told of.
    told: Position,
    told_at: Instant,
    live: bool,
    stream: OpenStream,
}

impl Subscription {
    pub(super) async fn start(
        reader: Reader,
        filter: Filter,
        start: Start,
    ) -> Result<Self, ReadError> {
        let stream = reader.open_stream()?;
        let cursor = reader.resolve(start, &filter).await?;
        let head = reader.watch_head();
        let told_at = Instant::now();
        Ok(Self { reader, filter, head, cursor, told: cursor, told_at, live: false, stream })
    }

    /// The next frame. A subscription never ends by itself: a stop is an error, so that nobody
    /// takes it for the end of the log.
    ///
    /// Dropping the future loses nothing: the cursor moves only with a frame that is returned or
    /// over events that do not match.
    pub async fn next(&mut self) -> Result<Frame, ReadError> {
        let stopping = self.reader.stopping().clone();
        // Who asks for the next frame has taken the last.
        self.stream.hold(0);
        loop {
            if stopping.is_cancelled() {
                return Err(ReadError::Stopping);
            }
            // Marking the value as seen before reading means that no move after it is missed.
            let available = self.head.borrow_and_update().position;
            if let Some(frame) = self.step(available).await? {
                return Ok(frame);
            }
            let moved = tokio::select! {
                moved = self.head.changed() => moved.is_ok(),
                () = stopping.cancelled() => false,
                () = tokio::time::sleep_until(self.told_at + CHECKPOINT_INTERVAL),
                    if self.cursor > self.told => true,
            };
            if !moved {
                return Err(ReadError::Stopping);
            }
        }
    }

    /// What can be told now, given that everything up to `available` is durable.
    async fn step(&mut self, available: Position) -> Result<Option<Frame>, ReadError> {
        if self.live && available.saturating_sub(self.cursor) > FELL_BEHIND {
            let mark = self.mark().await?;
            self.live = false;
            self.note_told();
            return Ok(Some(Frame::FellBehind(mark)));
        }
        if self.cursor < available {
            let span = Span { cursor: self.cursor, end: available, direction: Direction::Forwards };
            if let Some(run) = self.reader.next(&self.filter, span, u64::MAX).await? {
                self.cursor = run.last;
                self.stream.hold(run.events.len());
                self.note_told();
                return Ok(Some(Frame::Events(run)));
            }
            self.cursor = available;
        }
        if self.cursor == available && !self.live {
            let mark = self.mark().await?;
            self.live = true;
            self.note_told();
            return Ok(Some(Frame::CaughtUp(mark)));
        }
        let passed = self.cursor - self.told;
        let due = passed > 0 && self.told_at.elapsed() >= CHECKPOINT_INTERVAL;
        if passed >= CHECKPOINT_EVENTS || due {
            let mark = self.mark().await?;
            self.note_told();
            return Ok(Some(Frame::Checkpoint(mark)));
        }
        Ok(None)
    }

    /// Notes that the subscriber learns of the cursor.
    fn note_told(&mut self) {
        self.told = self.cursor;
        self.told_at = Instant::now();
    }

    /// The cursor as the subscriber is told it.
    async fn mark(&self) -> Result<Mark, ReadError> {
        let head = self.reader.head();
        let recorded_at = if self.cursor == head.position {
            head.recorded_at
        } else {
            self.reader.recorded_at(self.cursor).await?
        };
        Ok(Mark { position: self.cursor, recorded_at })
    }
}
