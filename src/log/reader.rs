//! Reads by position, wherever the events are: the tail in memory, sealed volumes, the journal.
//!
//! A volume that is not sealed is never read.

use std::sync::Arc;

use crate::{
    domain::event::Position,
    log::{
        error::LogError,
        feeder::Source,
        journal::JournalError,
        run::{Chunk, Run, RunBuilder},
        volumes::Volumes,
    },
};

/// How often a read looks again for events that move from the journal into a volume meanwhile.
/// They move once: they are in the volume before they leave the journal.
const ATTEMPTS: usize = 2;

/// Reads the durable log.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) source: Source,
    pub(super) volumes: Arc<Volumes>,
}

impl Reader {
    /// See [`super::Log::page`].
    pub(super) fn page(
        &self,
        from: Position,
        up_to: Position,
        max_bytes: usize,
    ) -> Result<Run, LogError> {
        let mut run = RunBuilder::new(max_bytes);
        let mut next = from;
        while next <= up_to {
            let Some(chunk) = self.chunk_for(next, &run)? else { break };
            let Some(last) = run.extend(&chunk, next, up_to) else { break };
            next = last + 1;
        }
        run.finish().ok_or(LogError::OutOfRange { position: from, last: up_to })
    }

    /// See [`super::Log::page_back`] and [`super::Log::events_at`].
    pub(super) fn events(
        &self,
        positions: impl Iterator<Item = Position>,
        max_bytes: usize,
    ) -> Result<Option<Run>, LogError> {
        let mut run = RunBuilder::new(max_bytes);
        let mut last: Option<Arc<Chunk>> = None;
        for position in positions {
            let chunk = match last.take().filter(|chunk| chunk.holds(position)) {
                Some(chunk) => chunk,
                None => match self.chunk_for(position, &run)? {
                    Some(chunk) => chunk,
                    None => break,
                },
            };
            if !run.push(&chunk, position) {
                break;
            }
            last = Some(chunk);
        }
        Ok(run.finish())
    }

    /// The chunk with `position`; `None` if it fails but `run` has something already. That is
    /// delivered, and the reader meets the failure at the position that has it.
    fn chunk_for(
        &self,
        position: Position,
        run: &RunBuilder,
    ) -> Result<Option<Arc<Chunk>>, LogError> {
        match self.chunk_at(position) {
            Err(_) if !run.is_empty() => Ok(None),
            chunk => chunk.map(Some),
        }
    }

    fn chunk_at(&self, position: Position) -> Result<Arc<Chunk>, LogError> {
        for _ in 0..ATTEMPTS {
            if let Some(chunk) = self.source.tail.chunk_at(position) {
                return Ok(chunk);
            }
            if let Some(chunk) = self.volumes.chunk_at(position)? {
                return Ok(Arc::new(chunk));
            }
            if let Some(chunk) = self.journal_chunk(position)? {
                return Ok(Arc::new(chunk));
            }
        }
        let last = self.source.journal.tip()?.position;
        Err(LogError::OutOfRange { position, last })
    }

    /// The frame that holds `position`, read from the journal; `None` if it is not there (any
    /// more).
    fn journal_chunk(&self, position: Position) -> Result<Option<Chunk>, LogError> {
        let Some(before) = self.source.journal.locate(position) else {
            return Ok(None);
        };
        let frame = match self.source.journal.read(before, 1) {
            Err(JournalError::Released { .. }) => return Ok(None),
            frames => frames?.into_iter().next(),
        };
        let chunk = frame.map(|frame| Chunk::parse(frame.first_position, frame.events));
        Ok(chunk.transpose().ok().flatten().filter(|chunk| chunk.holds(position)))
    }
}
