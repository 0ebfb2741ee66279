//! What a group's task records: how far the group is, what is parked, what is put back.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    error::GroupError,
    recording::{GroupRequest, Recording, event},
    saved::streams_of,
};
use crate::{
    domain::{
        event::Position,
        group::{GroupName, Moment, Park, Work},
        limits,
        proto::{EventParked, GroupDeleted, ParkedReplayed},
    },
    engine::{AppendError, Appended, reader::Reader, retries::Retries},
};

/// Parked events that are recorded at once; the rest of an append is for how far the group is.
const PARKED_AT_ONCE: usize = limits::APPEND_EVENTS - 100;
/// How long changes may stay unrecorded.
const RECORD_WITHIN: Duration = Duration::from_secs(1);
/// How long nothing is recorded after that has failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What is recorded of a group, and what has to be.
pub(super) struct GroupRecorder {
    recording: Recording,
    /// Parked events, and where it is recorded that they are.
    parked: BTreeMap<Position, Position>,
    /// When changes have to be recorded.
    record_by: Option<Instant>,
    /// Nothing is recorded before, because that failed.
    refused_until: Option<Instant>,
    failures: Retries,
}

/// Which parked events a request puts back.
pub(super) struct ReplayRequest {
    /// Where they are; none: all.
    pub(super) positions: Vec<Position>,
    /// How the request is recorded.
    pub(super) request: GroupRequest,
}

impl GroupRecorder {
    /// Goes on in a stream in which these events are parked.
    pub(super) fn new(recording: Recording, parked: BTreeMap<Position, Position>) -> Self {
        let failures = Retries::default();
        Self { recording, parked, record_by: None, refused_until: None, failures }
    }

    /// The group's name.
    pub(super) fn name(&self) -> &GroupName {
        &self.recording.name
    }

    /// How many events are parked.
    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Events that are parked after a position, at most so many, and where that is recorded.
    pub(super) fn parked_after(&self, after: Position, limit: usize) -> Vec<(Position, Position)> {
        let parked = self.parked.range(after.saturating_add(1)..).take(limit);
        parked.map(|(event, record)| (*event, *record)).collect()
    }

    /// When something has to be recorded.
    pub(super) fn due(&self) -> Option<Instant> {
        self.record_by
    }

    /// Records what has changed, if it is time: soon after a change, and at once what is to be
    /// parked.
    pub(super) async fn record_if_due(&mut self, work: &mut Work) {
        if !work.changed() {
            self.record_by = None;
            return;
        }
        let now = Instant::now();
        let by = *self.record_by.get_or_insert(now + RECORD_WITHIN);
        let refused = self.refused_until.is_some_and(|until| until > now);
        if by <= now || !(work.parks().is_empty() || refused) {
            self.record(work).await;
        }
    }

    /// Records how far the group is, and what is parked. What fails is tried again later.
    pub(super) async fn record(&mut self, work: &mut Work) {
        let count = work.parks().len().min(PARKED_AT_ONCE);
        let parks = work.parks().iter().take(count);
        let positions: Vec<_> = parks.clone().map(|park| park.position).collect();
        let recorded = count * usize::from(!planted!("park-unrecorded"));
        let parks = parks.take(recorded).cloned();
        let parked = parks.map(|park| event(&EventParked::from(park))).collect();
        match self
            .recording
            .checkpoint(parked, work.checkpoint(count), GroupRequest::default())
            .await
        {
            Ok(appended) => {
                self.failures.succeeded();
                work.recorded(count);
                self.parked.extend(positions.into_iter().zip(appended.first_position..));
                self.record_by = None;
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &AppendError) {
        let group = self.recording.name.as_str();
        if self.failures.failed(error.cause()) {
            tracing::warn!(group, %error, "how far a consumer group is could not be recorded");
        }
        self.record_by = Some(Instant::now() + TRY_AGAIN);
        self.refused_until = self.record_by;
    }

    /// Puts parked events back. What was recorded, if anything, and how many were put back.
    pub(super) async fn replay(
        &mut self,
        work: &mut Work,
        reader: &Reader,
        ReplayRequest { positions, request }: ReplayRequest,
        now: Moment,
    ) -> Result<(Option<Appended>, usize), GroupError> {
        let positions = self.to_replay(positions)?;
        if positions.is_empty() {
            return Ok((None, 0));
        }
        let streams = streams_of(reader, &positions).await?;
        let mut checkpoint = work.checkpoint(0);
        for position in &positions {
            checkpoint.unfinished.insert(*position, 0);
        }
        let count = positions.len();
        // Together, so that they are neither parked nor unfinished at no moment; and whole, because
        // an older program, which reads nothing else, must not lose them.
        self.recording.begin_anew();
        let replayed = vec![event(&ParkedReplayed { positions })];
        let appended = self.recording.checkpoint(replayed, checkpoint, request).await?;
        if appended.duplicate {
            return Ok((Some(appended), count));
        }
        for (position, stream) in streams {
            self.parked.remove(&position);
            work.put(&stream, position, 0, now);
        }
        Ok((Some(appended), count))
    }

    /// The events that a request to put back means, in order.
    fn to_replay(&self, mut positions: Vec<Position>) -> Result<Vec<Position>, GroupError> {
        if positions.is_empty() {
            return Ok(self.parked.keys().copied().take(limits::PARKED_REPLAYED).collect());
        }
        positions.sort_unstable();
        positions.dedup();
        let unknown = positions.iter().find(|position| !self.parked.contains_key(position));
        if let Some(&position) = unknown {
            let name = self.name().to_string();
            return Err(GroupError::NotParked { name, position });
        }
        Ok(positions)
    }

    /// Records that the group is deleted.
    pub(super) async fn delete(&self, request: GroupRequest) -> Result<Appended, GroupError> {
        let deleted = vec![event(&GroupDeleted {})];
        Ok(self.recording.record(deleted, request, None).await?)
    }
}

impl From<Park> for EventParked {
    fn from(park: Park) -> Self {
        let Park { position, attempts, reason, consumer } = park;
        Self { position, attempts, reason, consumer }
    }
}
