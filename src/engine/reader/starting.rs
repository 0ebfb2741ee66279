//! The position that the start of a read stands for.

use super::Reader;
use crate::{
    domain::{
        event::{Micros, Position, Revision},
        filter::Filter,
        name::StreamName,
        violation::Violations,
    },
    engine::{Head, ReadError, Start, error::within},
    log::{LogError, index::Lookup},
};

impl Reader {
    /// The position after which a subscription or a group from `start` begins. With it the time
    /// before which it is sent nothing, if that time has not come yet.
    ///
    /// The clock decides whether the time has come. The last event may be long ago, and a
    /// subscription from a time after it is to learn at once that it has caught up.
    pub(in crate::engine) async fn begin(
        &self,
        start: Start,
        filter: &Filter,
        now: Micros,
    ) -> Result<(Position, Option<Micros>), ReadError> {
        let head = self.head();
        if let Start::RecordedFrom(time) = start
            && head.recorded_at.is_none_or(|last| last < time)
            && now < time
        {
            return Ok((head.position, Some(time)));
        }
        Ok((self.resolve(start, filter).await?, None))
    }

    /// The number of events recorded before `time` in a log that ends at `end`. The head may lie
    /// beyond `end` already.
    pub(in crate::engine) async fn recorded_before(
        &self,
        time: Micros,
        end: Position,
    ) -> Result<Position, ReadError> {
        // What is recorded never goes back, so this needs no look at the index.
        let Head { recorded_at, .. } = self.head();
        if recorded_at.is_none_or(|last| last < time) {
            return Ok(end);
        }
        Ok(self.position_at(time, end).await?.min(end))
    }

    /// The position after which a forward read from `start` begins.
    pub(in crate::engine) async fn resolve(
        &self,
        start: Start,
        filter: &Filter,
    ) -> Result<Position, ReadError> {
        let head = self.head().position;
        match start {
            Start::Unset => Ok(0),
            Start::FromNow => Ok(head),
            Start::After(position) => {
                let skipped = Position::from(planted!("resume-one-later"));
                Ok(within("after_position", position, head)? + skipped)
            }
            Start::RecordedFrom(time) => Ok(self.position_at(time, head).await?.min(head)),
            Start::AfterRevision(revision) => self.after_revision(revision, filter, head).await,
        }
    }

    /// The position below which a backward read from `start` begins.
    pub(in crate::engine) async fn resolve_backwards(
        &self,
        start: Start,
        filter: &Filter,
        head: Position,
    ) -> Result<Position, ReadError> {
        match start {
            Start::Unset | Start::FromNow => Ok(head + 1),
            Start::After(position) => within("after_position", position, head + 1),
            Start::RecordedFrom(time) => {
                let later = time.saturating_add(1);
                Ok(self.position_at(later, head).await?.min(head) + 1)
            }
            Start::AfterRevision(revision) => self.after_revision(revision, filter, head).await,
        }
    }

    /// The number of events recorded before `time`, true for a log that ends at `head`: what the
    /// index does not know yet would count as later.
    pub(in crate::engine) async fn position_at(
        &self,
        time: Micros,
        head: Position,
    ) -> Result<Position, ReadError> {
        self.indexed(head).await?;
        self.look_up(move |log, blocking| Ok(log.index().lookup(blocking).position_at(time)?)).await
    }

    /// Where a stream has a revision; `None`: it ends before.
    pub(in crate::engine) async fn position_of_revision(
        &self,
        stream: &StreamName,
        revision: Revision,
    ) -> Result<Option<Position>, ReadError> {
        self.indexed(self.head().position).await?;
        let stream = stream.clone();
        let found = self.look_up(move |log, blocking| {
            let lookup = log.index().lookup(blocking);
            let (stream, _) = spelled(&lookup, &stream)?;
            Ok(lookup.position_of_revision(&stream, revision)?)
        });
        found.await
    }

    async fn after_revision(
        &self,
        revision: Revision,
        filter: &Filter,
        head: Position,
    ) -> Result<Position, ReadError> {
        let Some(stream) = filter.single_stream().cloned() else {
            let mut violations = Violations::default();
            violations
                .add("after_revision", "needs a filter of exactly one stream and nothing else");
            return Err(ReadError::Invalid(violations));
        };
        self.indexed(head).await?;
        let found = self.look_up(move |log, blocking| {
            let lookup = log.index().lookup(blocking);
            let (stream, last) = spelled(&lookup, &stream)?;
            Ok((last, lookup.position_of_revision(&stream, revision)?))
        });
        let (last, position) = found.await?;
        within("after_revision", revision, last)?;
        Ok(position.unwrap_or(0))
    }
}

/// A stream by the name under which it is recorded, and its last revision. However its name is
/// spelled, what is recorded today is in the folded one.
fn spelled(lookup: &Lookup<'_>, stream: &StreamName) -> Result<(StreamName, Revision), LogError> {
    Ok(match lookup.revision(stream)? {
        0 => (stream.folded(), lookup.revision(&stream.folded())?),
        last => (stream.clone(), last),
    })
}
