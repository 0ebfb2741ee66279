//! Checks what is in no sealed volume yet: the frames of the journal.

use std::{path::PathBuf, sync::Arc};

use super::{
    events::{Shared, sum},
    finding::Part,
    found::found,
};
use crate::{
    domain::event::Position,
    log::{Log, LogError, encoded_events::Chunk, file_journal::InspectedJournal, index::Summing},
};

/// Bytes of an open log that are read at once.
const AT_ONCE: usize = 1 << 20;

/// Where the events come from that are in no sealed volume.
#[derive(Debug)]
pub(super) enum Unsealed {
    /// From the files of a stopped store.
    Files(PathBuf, InspectedJournal),
    /// From an open log: after a position, up to another.
    Open(Arc<Log>, Position, Position),
    /// It cannot be read, which was reported.
    Unknown,
}

impl Unsealed {
    /// Bytes to read, as far as that is known.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Files(_, journal) => journal.bytes(),
            Self::Open(..) | Self::Unknown => 0,
        }
    }

    /// Reads the events in order until `on_chunk` says no.
    pub(super) fn read(&self, on_chunk: &mut dyn FnMut(&Chunk) -> bool) -> Result<(), LogError> {
        match self {
            Self::Files(_, journal) => {
                let mut goes_on = true;
                let frames = journal.frames(&mut |frame| {
                    goes_on = goes_on && on_chunk(frame.chunk());
                });
                Ok(frames?)
            }
            Self::Open(log, after, up_to) => {
                let mut next = after + 1;
                while next <= *up_to {
                    let events = log.page(next, *up_to, AT_ONCE)?;
                    next = events.last + 1;
                    let chunk = Chunk::parse(events.first, events.events);
                    let malformed = |error: crate::log::ends::MalformedFrame| {
                        LogError::damaged(std::path::Path::new("journal"), error.to_string())
                    };
                    if !on_chunk(&chunk.map_err(malformed)?) {
                        return Ok(());
                    }
                }
                Ok(())
            }
            Self::Unknown => Ok(()),
        }
    }

    /// Checks the events; whether some are of a wanted type.
    pub(super) fn check(&self, store_id: [u8; 16], shared: Shared<'_>) -> Result<bool, LogError> {
        let (mut summing, mut is_wanted) = (Summing::new(store_id), false);
        let place = || match self {
            Self::Files(dir, _) => dir.clone(),
            Self::Open(..) | Self::Unknown => PathBuf::from("journal"),
        };
        let read = self.read(&mut |chunk| {
            sum(&mut summing, chunk, shared, &mut is_wanted, &place);
            shared.progress.done_events(chunk.last() - chunk.first() + 1);
            shared.progress.done(chunk.events().len() as u64)
        });
        found(read, Part::Journal, shared.findings)?;
        Ok(is_wanted)
    }
}
