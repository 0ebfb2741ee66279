//! Questions about what the record says, now or as of a moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        event::{Micros, Position},
        limits,
        proto::RecordedEvent,
    },
    engine::{
        BeyondHead, End, ReadError, error::within, lanes::Lane, projector::Shared, reader::decoded,
    },
    projections::{register::Register, walk::Walk},
};

/// Bytes of events that are read at once for the entries of a list: more than an answer may have,
/// because an answer has only some of what its events say.
const AT_ONCE: usize = 4 * limits::ANSWER_BYTES;

/// The moment of the record that a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Now.
    Now,
    /// Just after this position.
    Position(Position),
    /// Just after everything recorded up to this time.
    Time(Micros),
}

/// Answers questions about what the record says.
#[derive(Clone, Debug)]
pub struct RecordReader(pub(super) Arc<Shared>);

impl RecordReader {
    /// Waits until the answers include `position`.
    pub async fn reached(&self, position: Position) -> Result<(), ReadError> {
        let mut progress = self.0.progress.subscribe();
        let reached = async {
            let reached = progress.wait_for(|it| it.position >= position || it.failed.is_some());
            reached.await.map(|progress| progress.failed.clone())
        };
        match self.0.reader.wait(reached).await? {
            Some(Ok(None)) => Ok(()),
            Some(Ok(Some(error))) => Err(error),
            Some(Err(_)) => Err(ReadError::Stopping),
            None => {
                let head = self.0.progress.borrow().position;
                Err(ReadError::NotReached { position, head })
            }
        }
    }

    /// The position that a moment stands for, once the answers include it. A moment that has not
    /// come yet is refused, by the clock where it is a time.
    pub async fn moment(&self, as_of: AsOf) -> Result<Position, ReadError> {
        self.moment_of(as_of, ["as_of.position", "as_of.recorded_time"]).await
    }

    /// The same for a moment that other fields of a request name: one for a position, one for a
    /// time.
    pub async fn moment_of(
        &self,
        as_of: AsOf,
        [by_position, by_time]: [&'static str; 2],
    ) -> Result<Position, ReadError> {
        let head = self.0.reader.head();
        let wanted = match as_of {
            AsOf::Now => 0,
            AsOf::Position(position) => within(by_position, position, head.position)?,
            AsOf::Time(time) => {
                // The log may be a little ahead of the clock, if that was set back.
                let now = (self.0.clock)().max(head.recorded_at.unwrap_or(Micros::MIN));
                BeyondHead::check(by_time, End::Time(time), End::Time(now))
                    .map_err(ReadError::BeyondHead)?;
                // The time may lie after what the answers include so far.
                head.position
            }
        };
        self.reached(wanted).await?;
        Ok(match as_of {
            AsOf::Now => self.0.progress.borrow().position,
            AsOf::Position(position) => position,
            AsOf::Time(time) => {
                let later = time.saturating_add(1);
                self.0.reader.position_at(later, head.position).await?.min(head.position)
            }
        })
    }

    /// Looks up what does not grow with the record; it waits for nothing that has to be worked out.
    pub async fn look_up<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Register) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        self.0.compute(Lane::LookUp, question).await
    }

    /// Puts a question about one thing to the register, beside the tasks that serve appends.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Register) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        self.0.compute(Lane::Piece, question).await
    }

    /// Works out what grows with the record, piece by piece; few such questions are under way.
    pub(super) async fn work_out<W: Walk>(&self, walk: W) -> Result<W::Answer, ReadError> {
        let _under_way = self.0.lanes.turn(Lane::Walk).await?;
        self.go_through(walk).await
    }

    /// Goes through the pieces of a question.
    ///
    /// If the caller no longer waits for the answer, no further piece is begun.
    pub(super) async fn go_through<W: Walk>(&self, mut walk: W) -> Result<W::Answer, ReadError> {
        loop {
            let went = self.0.compute(Lane::Piece, move |register| {
                let done = walk.go_on(register);
                (walk, done)
            });
            let (so_far, done) = went.await?;
            walk = so_far;
            if done {
                return self.0.blocking(|_| walk.answer()).await;
            }
        }
    }

    /// Reads events of the log: the texts that the register does not keep. Neighbours are read
    /// together, because each read of the journal's tail takes a frame of up to 4 MiB as a whole.
    pub async fn events(
        &self,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<BTreeMap<Position, RecordedEvent>, ReadError> {
        let mut rest: Vec<Position> = positions.into_iter().collect();
        rest.sort_unstable();
        rest.dedup();
        let mut events = BTreeMap::new();
        while !rest.is_empty() {
            let encoded = self.0.reader.page_of(rest.clone(), limits::ANSWER_BYTES).await?;
            let encoded = encoded.ok_or(ReadError::Stopping)?;
            rest.drain(..encoded.count.min(rest.len()));
            events
                .extend(decoded(encoded.events)?.into_iter().map(|event| (event.position, event)));
        }
        Ok(events)
    }

    /// Reads the events of the first entries of a list, which come in any order: those of as many
    /// entries as may fit an answer, and of one at least; answers how many
    /// that are. All of them are read at once, as neighbours.
    pub async fn events_of(
        &self,
        entries: &[Vec<Position>],
    ) -> Result<(BTreeMap<Position, RecordedEvent>, usize), ReadError> {
        let mut count = entries.len();
        loop {
            let positions = entries.iter().take(count).flatten().copied();
            if count <= 1 {
                return Ok((self.events(positions).await?, count));
            }
            let positions: BTreeSet<Position> = positions.collect();
            let wanted = positions.len();
            let positions = positions.into_iter().collect();
            let encoded = self.0.reader.page_of(positions, AT_ONCE).await?;
            let Some(encoded) = encoded else { return Ok((BTreeMap::new(), count)) };
            if encoded.count == wanted {
                let events =
                    decoded(encoded.events)?.into_iter().map(|event| (event.position, event));
                return Ok((events.collect(), count));
            }
            count = (count * encoded.count / wanted).clamp(1, count - 1);
        }
    }
}
