//! Reads block after block: neighbours in the file together, each block once.

use std::{ops::RangeInclusive, sync::Arc};

use super::Volumes;
use crate::{
    domain::event::Position,
    log::{
        run::Chunk,
        volume::{Blocks, Pieces as _, PlacedVolume, SealedVolume, VolumeError},
    },
};

/// A reader's place among the sealed volumes.
#[derive(Debug)]
pub(in crate::log) struct Cursor<'a> {
    volumes: &'a Volumes,
    /// The volume that was read last, with its places if they are known.
    volume: Option<(Arc<SealedVolume>, Option<Arc<PlacedVolume>>)>,
    /// Its blocks that were read last.
    blocks: Blocks,
}

/// What a reader wants besides the event that it asks for.
pub(in crate::log) struct Ahead<'a> {
    /// About how many bytes.
    pub(in crate::log) bytes: usize,
    /// Whether it wants anything of a range of positions.
    pub(in crate::log) wants: &'a dyn Fn(RangeInclusive<Position>) -> bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(volumes: &'a Volumes) -> Self {
        Self { volumes, volume: None, blocks: Blocks::default() }
    }

    /// The events that are kept together with the one at `position`, if they were read along with
    /// what was read last.
    pub(in crate::log) fn held(&self, position: Position) -> Option<Chunk> {
        let (_, placed) = self.volume.as_ref().filter(|(it, _)| holds(it, position))?;
        // What is wrong with it is seen when it is read by itself.
        placed.as_ref()?.chunk_in(&self.blocks, position).ok().flatten()
    }

    /// The events that are kept together with the one at `position`; `None` if it is not sealed.
    /// What is wanted next, in either direction, is read along with it where it lies beside it.
    pub(in crate::log) fn chunk_at(
        &mut self,
        position: Position,
        ahead: &Ahead<'_>,
    ) -> Result<Option<Chunk>, VolumeError> {
        let Some(volume) = self.enter(position) else { return Ok(None) };
        let placed = self.volume.as_ref().and_then(|(_, placed)| placed.as_ref());
        if let Some(Ok(blocks)) = placed.map(|it| it.blocks(position, ahead.bytes, ahead.wants)) {
            self.blocks = blocks;
            if let Some(chunk) = self.held(position) {
                return Ok(Some(chunk));
            }
        }
        // Also where its neighbours could not be read with it.
        self.blocks = Blocks::default();
        self.volumes.whole(&volume).chunk_at(position).map(Some)
    }

    /// Goes to the volume that holds `position`.
    fn enter(&mut self, position: Position) -> Option<Arc<SealedVolume>> {
        if let Some((volume, _)) = self.volume.as_ref().filter(|(it, _)| holds(it, position)) {
            return Some(Arc::clone(volume));
        }
        let volume = self.volumes.volume(position)?;
        let placed = self.volumes.tables.get(&volume);
        self.blocks = Blocks::default();
        self.volume = Some((Arc::clone(&volume), placed));
        Some(volume)
    }
}

fn holds(volume: &SealedVolume, position: Position) -> bool {
    (volume.contents.first_position..=volume.contents.last_position).contains(&position)
}
