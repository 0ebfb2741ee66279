//! Reads block after block: neighbours in the file together, each block once.

use std::{ops::RangeInclusive, sync::Arc};

use super::Volumes;
use crate::{
    domain::event::Position,
    log::{
        encoded_events::Chunk,
        volume::{Blocks, Pieces as _, SealedVolume, VolumeByOffset, VolumeError},
    },
};

/// A reader's place among the sealed volumes.
#[derive(Debug)]
pub(in crate::log) struct Cursor<'a> {
    volumes: &'a Volumes,
    /// The volume that was read last, with its offsets if they are known.
    volume: Option<(Arc<SealedVolume>, Option<Arc<VolumeByOffset>>)>,
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

impl Volumes {
    /// Reads in order; see [`Cursor::chunk_at`].
    pub(in crate::log) fn cursor(&self) -> Cursor<'_> {
        Cursor { volumes: self, volume: None, blocks: Blocks::default() }
    }

    /// The events that are kept together with the one at `position`, if they can be had without the
    /// disk: the volume is open, the operating system has them in memory, and nothing is wrong.
    pub(in crate::log) fn resident_chunk(&self, position: Position) -> Option<Chunk> {
        self.tables.get_open(&*self.volume(position)?)?.resident_chunk(position)
    }
}

impl Cursor<'_> {
    /// The events that are kept together with the one at `position`, if they were read along with
    /// what was read last.
    pub(in crate::log) fn held(&self, position: Position) -> Option<Chunk> {
        let (_, by_offset) = self.volume.as_ref().filter(|(it, _)| holds(it, position))?;
        // What is wrong with it is seen when it is read by itself.
        by_offset.as_ref()?.chunk_in(&self.blocks, position).ok().flatten()
    }

    /// The events that are kept together with the one at `position`; `None` if it is not sealed.
    /// What is wanted next, in either direction, is read along with it where it lies beside it.
    pub(in crate::log) fn chunk_at(
        &mut self,
        position: Position,
        ahead: &Ahead<'_>,
    ) -> Result<Option<Chunk>, VolumeError> {
        let Some(volume) = self.enter(position) else { return Ok(None) };
        let by_offset = self.volume.as_ref().and_then(|(_, by_offset)| by_offset.as_ref());
        if let Some(Ok(blocks)) = by_offset.map(|it| it.blocks(position, ahead.bytes, ahead.wants))
        {
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
        let by_offset = self.volumes.tables.get(&volume);
        self.blocks = Blocks::default();
        self.volume = Some((Arc::clone(&volume), by_offset));
        Some(volume)
    }
}

fn holds(volume: &SealedVolume, position: Position) -> bool {
    (volume.contents.first_position..=volume.contents.last_position).contains(&position)
}
