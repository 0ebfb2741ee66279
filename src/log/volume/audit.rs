//! Reads a volume through and compares it with what it should hold, piece by piece.

use std::path::Path;

use super::{
    VolumeError,
    contents::{Contents, ContentsTally},
    reader::Pieces,
};
use crate::{
    domain::event::Position,
    log::{encoded_events::Chunk, frame::AppendEntry},
};

/// A reading through that is under way: events in order, then the append table.
#[derive(Debug)]
pub struct Audit {
    tally: ContentsTally,
    contents: Contents,
    page: Option<Position>,
}

/// What came next of a volume that is read through.
#[derive(Debug)]
pub enum Piece {
    /// Events that follow those before.
    Events(Chunk),
    /// Entries of the append table that follow those before.
    Appends(Vec<AppendEntry>),
}

impl Audit {
    /// Begins with the first event of a volume that should hold this.
    pub fn new(contents: Contents) -> Self {
        Self { tally: ContentsTally::new(contents.first_position), contents, page: None }
    }

    /// Position of the event that comes next; `None` once only the append table is left.
    pub fn next_position(&self) -> Option<Position> {
        let next = self.tally.next_position();
        (next <= self.contents.last_position).then_some(next)
    }

    /// Reads the next piece; `None`: that was all, and all of it is what it should be.
    pub fn step(
        &mut self,
        volume: &Path,
        pieces: &dyn Pieces,
    ) -> Result<Option<Piece>, VolumeError> {
        if let Some(next) = self.next_position() {
            let chunk = pieces.chunk_at(next)?;
            if chunk.first() != next {
                let what = format!("its block begins at {}", chunk.first());
                return Err(VolumeError::damaged(volume, Some(next), what));
            }
            self.tally.events(chunk.events(), chunk.last() - chunk.first() + 1);
            return Ok(Some(Piece::Events(chunk)));
        }
        if let Some((position, page)) = pieces.page_after(self.page)? {
            self.page = Some(position);
            for entry in &page {
                self.tally.append(entry);
            }
            return Ok(Some(Piece::Appends(page)));
        }
        let found = self.tally.clone().finish();
        if found != self.contents {
            let what = format!("it holds {found:?} instead of {:?}", self.contents);
            return Err(VolumeError::damaged(volume, None, what));
        }
        Ok(None)
    }
}
