//! Events that a group has read lately, so that most are read once from the log: what is given to
//! consumers soon after it was read comes from here, and what waits long is read again.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    domain::{
        event::Position,
        recorded::{Head, heads},
    },
    engine::ReadError,
};

/// Bytes that are kept for one group. A page has as much as a reader is given at once, and a group
/// without consumers keeps none.
const KEPT_BYTES: usize = 4 << 20;

/// The pages, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pages: VecDeque<Page>,
    bytes: usize,
}

#[derive(Debug)]
struct Page {
    run: Bytes,
    /// In the order of their positions.
    heads: Vec<Head>,
}

impl Page {
    fn get(&self, position: Position) -> Option<Bytes> {
        let place = self.heads.binary_search_by_key(&position, |head| head.position).ok()?;
        Some(self.run.slice(self.heads.get(place)?.span.clone()))
    }
}

impl Pages {
    /// Keeps a run that was read forwards, and lets the oldest go; returns what it holds.
    pub(super) fn keep(&mut self, run: Bytes) -> Result<&[Head], ReadError> {
        let heads =
            heads(&run).map_err(|error| ReadError::Undecodable(error.to_string().into()))?;
        self.bytes += run.len();
        self.pages.push_back(Page { run, heads });
        while self.bytes > KEPT_BYTES && self.pages.len() > 1 {
            let gone = self.pages.pop_front();
            self.bytes -= gone.map_or(0, |page| page.run.len());
        }
        Ok(self.pages.back().map_or(&[], |page| &page.heads))
    }

    /// The bytes of an event, as they stand in a run.
    pub(super) fn get(&self, position: Position) -> Option<Bytes> {
        self.pages.iter().rev().find_map(|page| page.get(position))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
