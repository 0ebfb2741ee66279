//! What is found in a file of the journal: every header of this store, and whether the frame under
//! it is whole.

use std::sync::Arc;

use super::{
    envelope::Decoded,
    header::{Header, PAGE, footprint},
    segment::Segment,
    slots::Slot,
};
use crate::{
    domain::event::Position,
    log::{
        frame::Frame,
        journal::{JournalError, Tip},
    },
};

/// A header that was found.
#[derive(Debug)]
pub(super) struct Sighting {
    /// The file.
    pub(super) segment: Arc<Segment>,
    /// Where in the file.
    pub(super) offset: u64,
    /// What it says.
    pub(super) header: Header,
    /// Position of the frame's last event, if the frame is whole.
    pub(super) last: Option<Position>,
}

impl Sighting {
    /// The tip after this frame, if it is whole.
    pub(super) fn tip(&self) -> Option<Tip> {
        let Header { index, check, .. } = self.header;
        self.last.map(|position| Tip { index, position, check })
    }

    /// The frame's place in the list, if it is whole.
    pub(super) fn slot(&self) -> Option<Slot> {
        let Header { length, check, .. } = self.header;
        let segment = Arc::clone(&self.segment);
        self.last.map(|last| Slot { segment, offset: self.offset, length, check, last })
    }

    /// Just behind the frame.
    pub(super) fn end(&self) -> Place {
        let pages = footprint(self.header.length).unwrap_or(PAGE);
        (Arc::clone(&self.segment), self.offset.saturating_add(pages))
    }

    /// Whether it is just there.
    pub(super) fn is_at(&self, (segment, offset): &Place) -> bool {
        self.offset == *offset && Arc::ptr_eq(&self.segment, segment)
    }
}

/// A file and a byte in it.
pub(super) type Place = (Arc<Segment>, u64);

/// Finds every header of this store in a file. What lies inside a whole frame is its body and is
/// passed over.
pub(super) fn survey(
    segment: &Arc<Segment>,
    store_id: [u8; 16],
    sightings: &mut Vec<Sighting>,
) -> Result<(), JournalError> {
    let mut offset = 0;
    while offset < segment.length {
        let header = match Header::decode(&segment.read_header(offset)?, store_id) {
            Decoded::Ours(header) => header,
            Decoded::Newer(version) => {
                return Err(JournalError::Newer { path: segment.path.clone(), version });
            }
            // Elsewhere it may be part of an event that a client made to look so.
            Decoded::Foreign if offset == 0 => {
                return Err(segment.damaged(0, "the frame here is of another store"));
            }
            Decoded::Foreign | Decoded::Nothing => {
                offset += PAGE;
                continue;
            }
        };
        let last = whole(segment, offset, &header)?;
        let segment = Arc::clone(segment);
        let sighting = Sighting { segment, offset, header, last };
        offset = if last.is_some() { sighting.end().1 } else { offset + PAGE };
        sightings.push(sighting);
    }
    Ok(())
}

/// The last position of the frame under a header, if the frame is whole.
fn whole(
    segment: &Segment,
    offset: u64,
    header: &Header,
) -> Result<Option<Position>, JournalError> {
    if !segment.fits(offset, header.length) {
        return Ok(None);
    }
    let body = segment.read_body(offset, header.length)?;
    let agrees = |frame: &Frame| {
        (frame.index(), frame.first_position()) == (header.index, header.first_position)
    };
    let frame = Frame::decode(header.previous, header.check, body).ok().filter(agrees);
    Ok(frame.map(|frame| frame.tip().position))
}
