//! Feeds the index, and keeps its files.

use std::{sync::Arc, time::Duration};

use super::{
    feed::{Feed, Stop, report},
    hooks::Follower,
    shared::{FRAME_TIMEOUT, Shared},
};
use crate::log::{
    error::LogError,
    index::Maintenance,
    journal::{JournalError, Tip},
    volume::ContentsTally,
    volumes::Volumes,
};

/// How long indexing rests when it has caught up and no reader waits for it. It is short, because
/// filtered subscriptions wait for the index.
const REST: Duration = Duration::from_millis(1);

/// Feeds the index.
#[derive(Debug)]
pub(super) struct IndexFeed {
    shared: Arc<Shared>,
    /// The last frame that is indexed.
    tip: Tip,
    /// What is in the table that grows: it becomes the contents of a volume.
    tally: ContentsTally,
}

impl IndexFeed {
    /// Begins with the first frame after `tip`, once the index has all before it.
    pub(super) fn new(shared: Arc<Shared>, tip: Tip) -> Self {
        Self { shared, tip, tally: ContentsTally::new(tip.position + 1) }
    }

    fn begin_after(&mut self, tip: Tip) {
        self.tip = tip;
        self.tally = ContentsTally::new(tip.position + 1);
    }

    /// Ends the table that grows if it has all of a volume; false if that has to wait.
    fn end_full(&mut self) -> bool {
        if !self.tally.fills(self.shared.size) {
            return true;
        }
        let contents = self.tally.clone().finish();
        let ended = self.shared.index.rotate(&contents, self.tip, FRAME_TIMEOUT);
        if ended {
            self.begin_after(self.tip);
        }
        ended
    }
}

impl Feed for IndexFeed {
    fn step(&mut self, _stop: &Stop) -> Result<(), LogError> {
        if self.shared.frames.has_ended(self.tip)? {
            self.shared.index.rest(REST);
        }
        let Some(begin) = self.shared.index.begin(FRAME_TIMEOUT) else { return Ok(()) };
        if begin.index > self.tip.index {
            self.begin_after(begin);
        }
        let frames = match self.shared.frames.next(self.tip) {
            Err(JournalError::Released { .. }) => {
                // The volumes were faster. The index takes what it missed from there.
                self.shared.index.stall();
                return Ok(());
            }
            frames => frames?,
        };
        for frame in frames {
            if !self.end_full() {
                return Ok(());
            }
            self.shared.index.apply(&frame)?;
            self.tally.frame(&frame);
            self.tip = frame.tip();
            (self.shared.hooks.on_indexed)(self.tip.position);
            (self.shared.hooks.on_done)(Follower::Index);
        }
        self.end_full();
        Ok(())
    }

    fn follower(&self) -> Follower {
        Follower::Index
    }
}

/// Keeps the files of the index.
#[derive(Debug)]
pub(super) struct MaintenanceFeed {
    shared: Arc<Shared>,
    maintenance: Maintenance,
    /// The failure that was logged last.
    logged: Option<String>,
}

impl MaintenanceFeed {
    /// Keeps the files of the index of these volumes.
    pub(super) fn new(shared: Arc<Shared>, volumes: Arc<Volumes>) -> Self {
        let maintenance = Maintenance::new(Arc::clone(&shared.index), volumes);
        Self { shared, maintenance, logged: None }
    }
}

impl Feed for MaintenanceFeed {
    fn step(&mut self, stop: &Stop) -> Result<(), LogError> {
        match self.maintenance.step(&|| !stop.is_set(), FRAME_TIMEOUT) {
            // Called even if the index knows no more: something damaged may be whole again.
            Ok(true) => {
                (self.shared.hooks.on_indexed)(self.shared.index.watermark());
                (self.shared.hooks.on_done)(Follower::IndexFiles);
            }
            Ok(false) => {}
            // It chooses by itself when to try again, and does other things meanwhile.
            Err(error) => report(self.follower(), &error, &self.shared.hooks, &mut self.logged),
        }
        Ok(())
    }

    fn follower(&self) -> Follower {
        Follower::IndexFiles
    }
}
