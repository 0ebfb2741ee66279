//! Reads a sealed volume through in order, and goes on behind what cannot be read.

use std::ops::RangeInclusive;

use crate::{
    domain::event::Position,
    log::{
        encoded_events::Chunk,
        frame::AppendEntry,
        volume::{Blocks, Pieces, SealedVolume, VolumeByOffset, VolumeError},
    },
};

/// Bytes of neighbouring blocks that are read together.
const AT_ONCE: usize = 256 << 10;

/// Takes what a volume holds, in order.
pub(super) trait Reading {
    /// The next events; whether to go on.
    fn events(&mut self, chunk: &Chunk) -> bool;

    /// The next entries of the append table; whether to go on.
    fn appends(&mut self, entries: &[AppendEntry]) -> bool;
}

/// Where the pieces of a volume come from.
#[derive(Clone, Copy)]
pub(super) struct Ways<'a> {
    /// At the offsets of a table, if there is a good one.
    pub(super) by_offset: Option<&'a VolumeByOffset>,
    /// Through sled, for what the first way does not give.
    pub(super) sled: Option<&'a dyn Pieces>,
}

/// What became of reading a volume.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Positions that could not be read, and why the first of them could not. Neighbours are one.
    pub(super) bad: Vec<(RangeInclusive<Position>, String)>,
    /// What is wrong with the append table.
    pub(super) bad_appends: Option<(Option<Position>, String)>,
    /// Something lay elsewhere than the table of offsets says.
    pub(super) misplaced: bool,
    /// All of it was read, good or bad.
    pub(super) ended: bool,
}

impl Walked {
    /// Whether everything could be read.
    pub(super) fn is_good(&self) -> bool {
        self.bad.is_empty() && self.bad_appends.is_none()
    }

    fn note(&mut self, positions: RangeInclusive<Position>, what: String) {
        if let Some((last, _)) = self.bad.last_mut()
            && last.end() + 1 == *positions.start()
        {
            *last = *last.start()..=*positions.end();
            return;
        }
        self.bad.push((positions, what));
    }
}

/// Reads `volume`. An error is one of the operating system's that may pass.
pub(super) fn walk(
    volume: &SealedVolume,
    ways: Ways<'_>,
    reading: &mut dyn Reading,
) -> Result<Walked, VolumeError> {
    let mut walked = Walked::default();
    let (mut next, last) = (volume.contents.first_position, volume.contents.last_position);
    let mut blocks = Blocks::default();
    while next <= last {
        match ways.chunk(next, &mut blocks, &mut walked.misplaced)? {
            Ok(chunk) => {
                next = chunk.last() + 1;
                if !reading.events(&chunk) {
                    return Ok(walked);
                }
            }
            Err(what) => {
                let after = ways.by_offset.and_then(|it| it.block_after(next)).unwrap_or(last + 1);
                walked.note(next..=after - 1, what);
                next = after;
            }
        }
    }
    let mut page = None;
    loop {
        match ways.page_after(page, &mut walked.misplaced)? {
            Ok(None) => break,
            Ok(Some((position, entries))) => {
                page = Some(position);
                if !reading.appends(&entries) {
                    return Ok(walked);
                }
            }
            Err((position, what)) => {
                walked.bad_appends = Some((position, what));
                break;
            }
        }
    }
    walked.ended = true;
    Ok(walked)
}

/// A page of append entries, and the position that the next page comes after.
type Page = (Position, Vec<AppendEntry>);

/// What could be read, or why it could not.
type Found<T, E = String> = Result<Result<T, E>, VolumeError>;

impl Ways<'_> {
    /// The events that begin at a position.
    fn chunk(&self, next: Position, blocks: &mut Blocks, misplaced: &mut bool) -> Found<Chunk> {
        let mut failure = "there is no table of its offsets".to_owned();
        if let Some(by_offset) = self.by_offset {
            match damage(next_chunk(by_offset, next, blocks))? {
                Ok(chunk) => return Ok(Ok(chunk)),
                Err((_, what)) => failure = what,
            }
        }
        let Some(sled) = self.sled else { return Ok(Err(failure)) };
        Ok(match damage(sled.chunk_at(next))? {
            Ok(chunk) if chunk.first() == next => {
                *misplaced = true;
                Ok(chunk)
            }
            Ok(chunk) => Err(format!("its block begins at {}", chunk.first())),
            Err((_, what)) => Err(what),
        })
    }

    fn page_after(
        &self,
        after: Option<Position>,
        misplaced: &mut bool,
    ) -> Found<Option<Page>, (Option<Position>, String)> {
        let mut failure = None;
        if let Some(by_offset) = self.by_offset {
            match damage(by_offset.pieces().page_after(after))? {
                Ok(page) => return Ok(Ok(page)),
                Err(what) => failure = Some(what),
            }
        }
        match (self.sled, failure) {
            (Some(sled), _) => {
                *misplaced = true;
                damage(sled.page_after(after))
            }
            (None, Some(failure)) => Ok(Err(failure)),
            (None, None) => Ok(Ok(None)),
        }
    }
}

fn next_chunk(
    by_offset: &VolumeByOffset,
    next: Position,
    blocks: &mut Blocks,
) -> Result<Chunk, VolumeError> {
    if let Some(chunk) = by_offset.chunk_in(blocks, next)? {
        return by_offset.beginning_at(next, chunk);
    }
    *blocks = by_offset.blocks(next, AT_ONCE, &|_| true)?;
    let chunk = by_offset.chunk_in(blocks, next)?;
    chunk.map_or_else(|| by_offset.missing(next), |chunk| by_offset.beginning_at(next, chunk))
}

/// Takes damage for an answer; what may pass stays an error.
fn damage<T>(read: Result<T, VolumeError>) -> Found<T, (Option<Position>, String)> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(VolumeError::Damaged { position, what, .. }) => Ok(Err((position, what))),
        Err(error) => Err(error),
    }
}
