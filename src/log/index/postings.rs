//! The positions that one term occurs at, in memory.

use super::{IndexError, walk::List};
use crate::domain::event::{Direction, Position, Revision};

/// Rising offsets of the events that carry a term from a table's first position, and the revision
/// of the last one if the term is a stream. Most terms occur once, so that case takes no more room
/// than it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Postings {
    /// One event.
    One {
        /// Where it is.
        offset: u32,
        /// Its revision; 0 if the term is no stream.
        revision: Revision,
    },
    /// Several events.
    Many(Box<Many>),
}

/// See [`Postings`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Many {
    offsets: Vec<u32>,
    revision: Revision,
}

const _: () = assert!(size_of::<Postings>() == 16, "millions of them are in memory");

impl Postings {
    /// The list of an event at `offset`.
    pub(super) fn new(offset: u32, revision: Revision) -> Self {
        Self::One { offset, revision }
    }

    /// Adds an event behind all others; a repeated one is passed over.
    pub(super) fn push(&mut self, offset: u32, revision: Revision) {
        match self {
            Self::One { offset: first, .. } if *first < offset => {
                let offsets = vec![*first, offset];
                *self = Self::Many(Box::new(Many { offsets, revision }));
            }
            Self::One { .. } => {}
            Self::Many(many) => {
                if many.offsets.last() < Some(&offset) {
                    many.offsets.push(offset);
                    many.revision = revision;
                }
            }
        }
    }

    /// The offsets, rising; at least one.
    pub(super) fn offsets(&self) -> &[u32] {
        match self {
            Self::One { offset, .. } => std::slice::from_ref(offset),
            Self::Many(many) => &many.offsets,
        }
    }

    /// The revision of the last event; 0 if the term is no stream.
    pub(super) fn revision(&self) -> Revision {
        match self {
            Self::One { revision, .. } => *revision,
            Self::Many(many) => many.revision,
        }
    }
}

/// A list of offsets that is searched for positions. Every look-up is a binary search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offsets<'a> {
    /// The position that offsets are counted from.
    pub(super) base: Position,
    /// The offsets, rising.
    pub(super) offsets: &'a [u32],
}

impl List for Offsets<'_> {
    fn seek(
        &mut self,
        from: Position,
        direction: Direction,
    ) -> Result<Option<Position>, IndexError> {
        let position = |offset: &u32| self.base + u64::from(*offset);
        let found = match direction {
            Direction::Forwards => {
                self.offsets.get(self.offsets.partition_point(|it| position(it) < from))
            }
            Direction::Backwards => {
                let above = self.offsets.partition_point(|it| position(it) <= from);
                above.checked_sub(1).and_then(|last| self.offsets.get(last))
            }
        };
        Ok(found.map(position))
    }
}
