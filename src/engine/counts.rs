//! Questions about figures: now, as of a moment, and watched.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::{
    domain::event::Position,
    engine::{
        AsOf, ReadError, RecordReader,
        projector::{Progress, Shared},
    },
    projections::{
        Projection as _,
        counts::{Change, CountAnswer, CountQuery, CountRow, changes, country_counts},
    },
};

/// How long a watcher rests between two looks at the figures, or as long as the last look took if
/// that was more: a burst of events is looked at a few times, and never by all processors.
const REST: Duration = Duration::from_millis(50);

impl RecordReader {
    /// The figures as of a moment; a moment that has not come yet is refused, by the clock where it
    /// is a time.
    pub async fn get(&self, query: CountQuery, as_of: AsOf) -> Result<CountAnswer, ReadError> {
        let at = self.moment(as_of).await?;
        let query = CountQuery { as_of: Some(at), ..query };
        let answer = self.ask(move |register| country_counts(register, &query)).await?;
        Ok(CountAnswer { position: at, ..answer })
    }

    /// The figures now, and then every change of them.
    pub async fn watch(&self, query: CountQuery) -> Result<(CountAnswer, CountsWatch), ReadError> {
        let progress = self.0.progress.subscribe();
        let first = self.get(query.clone(), AsOf::Now).await?;
        let watch = CountsWatch {
            shared: Arc::clone(&self.0),
            progress,
            query,
            position: first.position,
            shown: Arc::new(first.rows.clone()),
            changes: VecDeque::new(),
            rested: Instant::now(),
        };
        Ok((first, watch))
    }
}

/// Somebody who watches figures: what was shown last, and changes that are still to be told.
#[derive(Debug)]
pub struct CountsWatch {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    query: CountQuery,
    shown: Arc<Vec<CountRow>>,
    /// The position that `shown` is true for.
    position: Position,
    changes: VecDeque<Change>,
    /// When the figures may be computed again.
    rested: Instant,
}

impl CountsWatch {
    /// The next change with the position that it is true for. A watch never ends by itself: a stop
    /// is an error.
    ///
    /// Changes that follow each other quickly are told as one, with all the events that caused it.
    pub async fn next(&mut self) -> Result<(Change, Position), ReadError> {
        let stopping = self.shared.reader.stopping().clone();
        loop {
            if let Some(change) = self.changes.pop_front() {
                return Ok((change, self.position));
            }
            let progress = self.progress.borrow_and_update().clone();
            if let Some(error) = progress.failed {
                return Err(error);
            }
            let waiting = progress.position > self.position;
            if waiting && Instant::now() >= self.rested {
                self.compare(progress.position).await?;
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

    /// Finds what differs between what was shown and the figures now.
    async fn compare(&mut self, position: Position) -> Result<(), ReadError> {
        let (shown, since) = (Arc::clone(&self.shown), self.position);
        let query = self.query.clone();
        let begun = Instant::now();
        let compared = self.shared.compute(move |claims| {
            // Otherwise all that came is about other things.
            let compare = || changes(claims, &shown, since, &query);
            (claims.position(), (claims.last_change() > since).then(compare))
        });
        let (seen, compared) = compared.await?;
        if let Some((changes, answer)) = compared {
            self.changes.extend(changes);
            self.shown = Arc::new(answer.rows);
        }
        self.position = seen.max(position);
        self.rested = Instant::now() + begun.elapsed().max(REST);
        Ok(())
    }
}
