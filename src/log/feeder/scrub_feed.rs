//! Keeps the sealed volumes: reads them through, slowly, and finds offsets that are not known.

use std::{sync::Arc, time::Instant};

use super::{
    feed::{Feed, Stop},
    hooks::Follower,
    shared::Shared,
};
use crate::{
    domain::event::Position,
    log::{error::LogError, volumes::Scrubber},
};

/// Keeps the sealed volumes.
#[derive(Debug)]
pub(super) struct ScrubFeed {
    shared: Arc<Shared>,
    scrubber: Scrubber,
    /// The last position of the log when it was last looked at.
    seen: Position,
}

impl ScrubFeed {
    /// Begins to keep them.
    pub(super) fn new(shared: Arc<Shared>, scrubber: Scrubber) -> Self {
        Self { shared, scrubber, seen: 0 }
    }
}

impl Feed for ScrubFeed {
    fn step(&mut self, stop: &Stop) -> Result<(), LogError> {
        let last = self.shared.frames.journal.tip()?.position;
        let busy = std::mem::replace(&mut self.seen, last) != last;
        let pause = self.scrubber.step(Instant::now(), busy, &|| !stop.is_set())?;
        stop.wait(pause);
        Ok(())
    }

    fn follower(&self) -> Follower {
        Follower::Scrub
    }
}
