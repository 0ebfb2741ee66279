//! What the threads of the feeder share: the frames in order, the index, and what keeps volumes.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::hooks::Hooks;
use crate::log::{
    files::Files,
    frame::Frame,
    index::Index,
    journal::{Journal, JournalError, Tip},
    tail::Tail,
    volume::{Marker, VolumeSize},
    volumes::Volumes,
};

/// How long a thread waits for frames before it looks whether it should stop.
pub(super) const FRAME_TIMEOUT: Duration = Duration::from_millis(100);
/// Bytes of frames that are read from the journal at once.
const READ_BYTES: usize = 4 << 20;

/// Reads frames in order: from the tail while it has them, else from the journal.
#[derive(Clone, Debug)]
pub(in crate::log) struct FrameReader {
    pub(in crate::log) journal: Arc<dyn Journal>,
    pub(in crate::log) tail: Arc<Tail>,
}

impl FrameReader {
    /// The frames after `after`; none if none came in time.
    pub(super) fn next(&self, after: Tip) -> Result<Vec<Arc<Frame>>, JournalError> {
        let in_memory = || self.tail.frame(after.index + 1).map(|frame| vec![frame]);
        if let Some(frame) = in_memory() {
            return Ok(frame);
        }
        if self.journal.wait(after, FRAME_TIMEOUT)?.index <= after.index {
            return Ok(Vec::new());
        }
        // A frame that was waited for is in the tail.
        match in_memory() {
            Some(frame) => Ok(frame),
            None => Ok(self.journal.read(after, READ_BYTES)?.into_iter().map(Arc::new).collect()),
        }
    }

    /// Whether there is nothing after `after` yet.
    pub(super) fn has_ended(&self, after: Tip) -> Result<bool, JournalError> {
        Ok(self.journal.tip()?.index <= after.index)
    }
}

/// What all threads need.
#[derive(Debug)]
pub(in crate::log) struct Shared {
    pub(in crate::log) frames: FrameReader,
    pub(in crate::log) index: Arc<Index>,
    pub(in crate::log) hooks: Arc<Hooks>,
    /// When a volume is full. Index and volumes go by it alike, so that a table of the index and a
    /// volume end with the same frame.
    pub(in crate::log) size: VolumeSize,
}

/// What is needed to keep volumes.
#[derive(Debug)]
pub(in crate::log) struct Keeper {
    pub(in crate::log) files: Arc<dyn Files>,
    pub(in crate::log) volumes: Arc<Volumes>,
    pub(in crate::log) manifest_path: PathBuf,
    /// What the values of new volumes begin with.
    pub(in crate::log) marker: Marker,
}
