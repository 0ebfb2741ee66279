//! Watches an answer of the projection: looks at it again when the projection has moved, and
//! reports it when it differs.
//!
//! A watch remembers a position and no answer, because what the record said there can be looked up
//! again. So a watcher that stops reading costs nothing but its question. When it goes on, one
//! change reports all that happened meanwhile. A watch can resume after any position.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::{
    domain::event::Position,
    engine::{
        ReadError, RecordReader,
        error::within,
        lanes::Lane,
        projector::{Progress, Shared},
        streams::OpenStream,
    },
    projections::{Projection as _, register::Register},
};

/// How long a watcher rests between two looks, or as long as the last look took if that was more:
/// a burst of events is looked at a few times, and never by all processors.
const REST: Duration = Duration::from_millis(50);

/// A question with an answer that can be watched.
pub trait Watched: Clone + Send + 'static {
    /// What a watch reports when the answer differs.
    type Change: Send + 'static;

    /// What differs between the answer just after `since` and a later one. Nothing can be applied
    /// during a look, so it covers a bounded number of events.
    fn look(&self, register: &Register, since: Position) -> Look<Self::Change>;
}

/// What a look has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look<C> {
    /// What differs, in the order in which it is reported.
    pub changes: Vec<C>,
    /// Where the look ended, which the changes are true for; absent: with the last event.
    pub up_to: Option<Position>,
}

/// A change with its place among the changes of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<C> {
    /// What differs.
    pub change: C,
    /// The position that it is true for.
    pub position: Position,
    /// More changes are true for the same position, and come next. A watch that resumes after the
    /// position does not bring them.
    pub more: bool,
}

/// A watch on an answer.
#[derive(Debug)]
pub struct Watch<Q: Watched> {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    question: Q,
    /// What was reported last is true for this position.
    position: Position,
    changes: VecDeque<Q::Change>,
    /// When the next look may be taken.
    rested: Instant,
    _open: OpenStream,
}

impl RecordReader {
    /// Resumes after a position. The projection need not have reached it yet.
    pub fn watch_after<Q: Watched>(
        &self,
        question: Q,
        after: Position,
    ) -> Result<Watch<Q>, ReadError> {
        let after = within("after_position", after, self.0.reader.head().position)?;
        self.watch_from(question, after)
    }

    /// Watches from a position on that the projection has reached.
    pub(super) fn watch_from<Q: Watched>(
        &self,
        question: Q,
        position: Position,
    ) -> Result<Watch<Q>, ReadError> {
        Ok(Watch {
            shared: Arc::clone(&self.0),
            progress: self.0.progress.subscribe(),
            question,
            position,
            changes: VecDeque::new(),
            rested: Instant::now(),
            _open: self.0.reader.streams().open()?,
        })
    }
}

impl<Q: Watched> Watch<Q> {
    /// The next change. A watch never ends by itself: a stop is an error.
    ///
    /// Changes that follow each other quickly are reported as one, with all the events that caused
    /// it.
    pub async fn next(&mut self) -> Result<Changed<Q::Change>, ReadError> {
        let stopping = self.shared.reader.stopping().clone();
        loop {
            if let Some(change) = self.changes.pop_front() {
                let more = !self.changes.is_empty();
                return Ok(Changed { change, position: self.position, more });
            }
            let progress = self.progress.borrow_and_update().clone();
            if let Some(error) = progress.failed {
                return Err(error);
            }
            let waiting = progress.position > self.position;
            if waiting && Instant::now() >= self.rested {
                self.look(progress.position).await?;
                continue;
            }
            let moved = tokio::select! {
                moved = self.progress.changed(), if !waiting => moved.is_ok(),
                () = tokio::time::sleep_until(self.rested), if waiting => true,
                () = stopping.cancelled() => false,
            };
            if !moved {
                return Err(ReadError::Stopping);
            }
        }
    }

    /// Finds what differs between what was reported and the answer now; the projection had come to
    /// `reached` before.
    async fn look(&mut self, reached: Position) -> Result<(), ReadError> {
        let (question, since) = (self.question.clone(), self.position);
        let begun = Instant::now();
        let looked = self.shared.compute(Lane::Piece, move |register| {
            // Otherwise all that came is about other things.
            let look = (register.last_change() > since).then(|| question.look(register, since));
            (register.position(), look)
        });
        let (seen, look) = looked.await?;
        let Look { changes, up_to } = look.unwrap_or(Look { changes: Vec::new(), up_to: None });
        self.changes.extend(changes);
        // The projection does not apply events of other types, but it has passed them.
        self.position = up_to.unwrap_or(seen.max(reached));
        self.rested = Instant::now() + begun.elapsed().max(REST);
        Ok(())
    }
}
