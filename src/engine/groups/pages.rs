//! Events that a group has read lately, so that most are read once from the log: what is given to
//! consumers soon after it was read comes from here, and what waits long is read again.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

use crate::{
    domain::{
        event::Position,
        recorded::{EventHead, heads},
    },
    engine::ReadError,
};

/// Bytes that are kept for one group, unless all groups together hold too much: then it keeps the
/// last page alone. A page has as much as a reader is given at once, and a group without consumers
/// keeps none.
const KEPT_BYTES: usize = 4 << 20;

/// The pages, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pages: VecDeque<Page>,
    bytes: usize,
}

#[derive(Debug)]
struct Page {
    encoded: Bytes,
    /// Where each event stands, in the order of their positions.
    places: Vec<(Position, Range<u32>)>,
}

impl Page {
    fn get(&self, position: Position) -> Option<&[u8]> {
        let ((first, _), (last, _)) = (self.places.first()?, self.places.last()?);
        // Most pages do not have it, and show so by their ends.
        if !(*first..=*last).contains(&position) {
            return None;
        }
        let place = self.places.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        let Range { start, end } = &self.places.get(place)?.1;
        self.encoded.get(*start as usize..*end as usize)
    }
}

impl Pages {
    /// Keeps events that were read forwards, and lets the oldest go; returns what they are.
    pub(super) fn keep(
        &mut self,
        encoded: Bytes,
        short: bool,
    ) -> Result<Vec<EventHead>, ReadError> {
        let heads =
            heads(&encoded).map_err(|error| ReadError::Undecodable(error.to_string().into()))?;
        self.bytes += encoded.len();
        let places = heads.iter().map(place).collect();
        self.pages.push_back(Page { encoded, places });
        let most = if short { 0 } else { KEPT_BYTES };
        while self.bytes > most && self.pages.len() > 1 {
            let gone = self.pages.pop_front();
            self.bytes -= gone.map_or(0, |page| page.encoded.len());
        }
        Ok(heads)
    }

    /// The bytes of an event, as they are stored.
    pub(super) fn get(&self, position: Position) -> Option<&[u8]> {
        self.pages.iter().rev().find_map(|page| page.get(position))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn place(head: &EventHead) -> (Position, Range<u32>) {
    let at = |place: usize| u32::try_from(place).expect("a page is bounded, and so is an event");
    (head.position, at(head.span.start)..at(head.span.end))
}
