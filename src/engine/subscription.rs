//! A catch-up subscription: pages of the log up to the head, then the head's moves.
//!
//! A subscription has one cursor and one source, the log, so catching up and following are the same
//! act. Nothing is broadcast, so nothing can be skipped, and a slow subscriber does not hold up
//! others.
//!
//! The head wakes a subscription to everything. The index wakes a subscription with a filter, and
//! only for what matches. Either then reads on from its cursor, because a wake-up does not contain
//! events.

use std::sync::Arc;

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    domain::{
        event::{Direction, Micros, Position},
        filter::Filter,
    },
    engine::{
        Head, ReadError, Start,
        reader::{Reader, Span},
        streams::OpenStream,
        subscribers::Subscriber,
    },
    log::{EncodedEvents, index::Interest},
};

/// How many events a live subscriber may lag before a frame says that it fell behind.
const FELL_BEHIND: u64 = 10_000;

/// A place in the log, sent to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Everything up to here was sent or does not match.
    pub position: Position,
    /// When the event there was recorded; absent: before the first.
    pub recorded_at: Option<Micros>,
}

/// What a subscriber is sent.
#[derive(Clone, Debug)]
pub enum SubscriptionItem {
    /// Events, in order.
    Events(EncodedEvents),
    /// What follows is live.
    CaughtUp(Mark),
    /// Nothing matched for a while; resume after here.
    Checkpoint(Mark),
    /// No longer live.
    FellBehind(Mark),
    /// No place in the log can be sent yet. Where one can, a checkpoint is the heartbeat.
    Heartbeat,
}

/// One subscriber's place in the log.
#[derive(Debug)]
pub struct Subscription {
    reader: Reader,
    filter: Filter,
    head: watch::Receiver<Head>,
    /// Everything up to here was sent or does not match.
    cursor: Position,
    /// The last position that the subscriber knows of.
    reported: Position,
    live: bool,
    /// The subscription starts at this time, which has not come yet. Until then it sends neither
    /// events nor marks: a client that resumed after a mark would get events from before the time.
    held: Option<Micros>,
    /// A checkpoint is due, which says how far the log has come. Events do not say that: what
    /// follows them may match nothing, and then no other moment would come.
    due: bool,
    ticks: watch::Receiver<()>,
    /// When a heartbeat is due, if nothing else is sent before.
    silent_until: Instant,
    /// What wakes it, of one with a filter that has nothing left to read.
    woken: Option<(Arc<Notify>, Interest)>,
    subscriber: Subscriber,
    _open: OpenStream,
}

impl Subscription {
    pub(super) async fn start(
        reader: Reader,
        filter: Filter,
        start: Start,
        now: Micros,
    ) -> Result<Self, ReadError> {
        let open = reader.streams().open()?;
        let (cursor, held) = reader.begin(start, &filter, now).await?;
        let (moves, ticks) = (reader.watch_head(), reader.checkpoint_ticks());
        let subscriber = reader.subscribers().open(cursor);
        Ok(Self {
            silent_until: Instant::now() + reader.heartbeat(),
            reader,
            filter,
            head: moves,
            cursor,
            reported: cursor,
            live: false,
            held,
            due: false,
            ticks,
            woken: None,
            subscriber,
            _open: open,
        })
    }

    /// The next frame. A subscription never ends by itself: a stop is an error, so that no client
    /// takes it for the end of the log.
    ///
    /// Dropping the future loses nothing: the cursor moves only with a frame that is returned or
    /// over events that do not match.
    pub async fn next(&mut self) -> Result<SubscriptionItem, ReadError> {
        let stopping = self.reader.stopping().clone();
        loop {
            if stopping.is_cancelled() {
                return Err(ReadError::Stopping);
            }
            // Marking the value as seen before reading means that no move after it is missed.
            let available = self.head.borrow_and_update().position;
            if let Some(frame) = self.step(available).await? {
                self.silent_until = Instant::now() + self.reader.heartbeat();
                self.subscriber.is_at(self.cursor);
                return Ok(frame);
            }
            self.subscriber.has_caught_up();
            let moved = tokio::time::timeout_at(self.silent_until, self.wait()).await;
            if moved == Ok(false) {
                return Err(ReadError::Stopping);
            }
        }
    }

    /// Nothing was sent for so long that what lies on the way may take the stream for dead.
    fn is_silent(&self) -> bool {
        self.silent_until <= Instant::now()
    }

    /// Waits until there may be something to deliver; false: the engine stops.
    async fn wait(&mut self) -> bool {
        let stopping = self.reader.stopping();
        if self.filter.is_all() {
            return tokio::select! {
                moved = self.head.changed() => moved.is_ok(),
                () = stopping.cancelled() => false,
            };
        }
        let Some((woken, _)) = &self.woken else {
            // It looks once more: the interest does not report what was indexed before.
            let woken = Arc::new(Notify::new());
            let wake = Arc::clone(&woken);
            let interest = self.reader.interest(&self.filter, Box::new(move || wake.notify_one()));
            self.woken = Some((woken, interest));
            return true;
        };
        // The index can be a moment ahead of the head. Then it has reported what could not be seen
        // yet, and will not report it again. But the head moves, or has moved since the cursor
        // followed.
        let ahead = self.reader.watermark() > self.cursor;
        tokio::select! {
            () = woken.notified() => true,
            moved = self.head.changed(), if ahead => moved.is_ok(),
            ticked = self.ticks.changed() => {
                self.due = true;
                ticked.is_ok()
            }
            () = stopping.cancelled() => false,
        }
    }

    /// What can be sent now, given that everything up to `available` is durable.
    async fn step(&mut self, available: Position) -> Result<Option<SubscriptionItem>, ReadError> {
        if let Some(time) = self.held {
            self.cursor = self.reader.recorded_before(time, available).await?;
            (self.reported, self.due) = (self.cursor, false);
            if self.cursor == available {
                return Ok(self.is_silent().then_some(SubscriptionItem::Heartbeat));
            }
            self.held = None;
        }
        if self.cursor < available {
            let span = Span { cursor: self.cursor, end: available, direction: Direction::Forwards };
            if let Some(encoded) = self.reader.next(&self.filter, span, u64::MAX).await? {
                if self.live && available - encoded.first >= FELL_BEHIND {
                    // What was just read is read again; that is seldom.
                    self.cursor = encoded.first - 1;
                    let mark = self.report_cursor().await?;
                    self.live = false;
                    return Ok(Some(SubscriptionItem::FellBehind(mark)));
                }
                self.cursor = encoded.last;
                self.reported = self.cursor;
                return Ok(Some(SubscriptionItem::Events(encoded)));
            }
            let moved = planted!("skip-at-the-boundary");
            self.cursor = if moved { self.reader.head().position } else { available };
        }
        if self.cursor == available && !self.live {
            let mark = self.report_cursor().await?;
            self.live = true;
            return Ok(Some(SubscriptionItem::CaughtUp(mark)));
        }
        if self.is_silent() || self.due && self.cursor > self.reported {
            return Ok(Some(SubscriptionItem::Checkpoint(self.report_cursor().await?)));
        }
        self.due = false;
        Ok(None)
    }

    /// The cursor as the subscriber gets it.
    async fn report_cursor(&mut self) -> Result<Mark, ReadError> {
        let head = self.reader.head();
        let recorded_at = if self.cursor == head.position {
            head.recorded_at
        } else {
            self.reader.recorded_at(self.cursor).await?
        };
        (self.reported, self.due) = (self.cursor, false);
        Ok(Mark { position: self.cursor, recorded_at })
    }
}
