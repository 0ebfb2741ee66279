//! Where each frame of the journal is kept, in memory: decisions without any I/O.

use std::{collections::VecDeque, sync::Arc};

use super::segment::Segment;
use crate::{
    domain::event::Position,
    log::journal::{JournalError, Tip},
};

/// The place of one durable frame.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The file.
    pub(super) segment: Arc<Segment>,
    /// Where the header starts.
    pub(super) offset: u64,
    /// Bytes of the body.
    pub(super) length: u64,
    /// The frame's check.
    pub(super) check: u32,
    /// Position of its last event.
    pub(super) last: Position,
}

/// All durable frames that were not released, and the files to use next.
///
/// Invariants: the frames' indices run on from the floor's without gaps; the frames of one file
/// lie together; no spare holds a frame that is listed, and none is home.
#[derive(Debug)]
pub(super) struct Slots {
    /// Just before the first frame listed.
    floor: Tip,
    frames: VecDeque<Slot>,
    /// The last frame that was released; frames stay listed until their whole file is.
    released: u64,
    /// Bytes of the frames after it.
    unreleased: u64,
    /// The file of the last frame: never a spare, so that one durable frame is always found.
    home: Arc<Segment>,
    spares: VecDeque<Arc<Segment>>,
}

impl Slots {
    /// No frames yet above `floor`. The frame of `floor`, if it is kept at all, is in `home`.
    pub(super) fn new(floor: Tip, home: Arc<Segment>) -> Self {
        let (frames, spares) = (VecDeque::new(), VecDeque::new());
        Self { floor, frames, released: floor.index, unreleased: 0, home, spares }
    }

    /// The last frame.
    pub(super) fn tip(&self) -> Tip {
        self.tip_before(self.frames.len())
    }

    /// Lists the next frame. The file that was home becomes a spare if nothing in it is listed.
    pub(super) fn push(&mut self, slot: Slot) {
        let moved = !Arc::ptr_eq(&slot.segment, &self.home);
        let empty = !self.frames.back().is_some_and(|last| Arc::ptr_eq(&last.segment, &self.home));
        let old = std::mem::replace(&mut self.home, Arc::clone(&slot.segment));
        if moved && empty {
            self.spares.push_back(old);
        }
        self.unreleased += slot.length;
        self.frames.push_back(slot);
    }

    /// Adds a file that may be overwritten.
    pub(super) fn add_spare(&mut self, segment: Arc<Segment>) {
        self.spares.push_back(segment);
    }

    /// Whether there is a file to go on in that takes a frame with a body of `length` bytes.
    pub(super) fn has_spare(&self, length: u64) -> bool {
        self.spares.iter().any(|spare| spare.fits(0, length))
    }

    /// Whether a file should be made: none is free, and the one in use is half full.
    pub(super) fn is_low(&self) -> bool {
        let end = |slot: &Slot| slot.offset.saturating_add(slot.length);
        let here = |slot: &&Slot| Arc::ptr_eq(&slot.segment, &self.home);
        let used = self.frames.back().filter(here).map_or(0, end);
        self.spares.is_empty() && used > self.home.length / 2
    }

    /// Takes the file unused for longest in which a frame with a body of `length` bytes fits.
    pub(super) fn take_spare(&mut self, length: u64) -> Option<Arc<Segment>> {
        let fitting = self.spares.iter().position(|spare| spare.fits(0, length))?;
        self.spares.remove(fitting)
    }

    /// Bytes of all frames that were not released.
    pub(super) fn unreleased_bytes(&self) -> u64 {
        self.unreleased
    }

    /// Makes spares of the files in which every frame is at or below `up_to`.
    pub(super) fn release(&mut self, up_to: u64) {
        while self.released < up_to.min(self.tip().index) {
            self.released += 1;
            let place = self.released.checked_sub(self.floor.index + 1);
            let slot = place.and_then(|place| self.frames.get(usize::try_from(place).ok()?));
            self.unreleased -= slot.map_or(0, |slot| slot.length);
        }
        while let Some(first) = self.frames.front() {
            let segment = Arc::clone(&first.segment);
            let here = self.frames.iter().take_while(|slot| Arc::ptr_eq(&slot.segment, &segment));
            let count = here.count();
            let last = self.tip_before(count);
            if last.index > up_to || Arc::ptr_eq(&segment, &self.home) {
                return;
            }
            self.frames.drain(..count);
            self.floor = last;
            self.spares.push_back(segment);
        }
    }

    /// The frames after `after`, as many as fit into `max_bytes` (bodies only), but at least one;
    /// each with the check of the one before it.
    pub(super) fn after(
        &self,
        after: Tip,
        max_bytes: usize,
    ) -> Result<Vec<(u32, Slot)>, JournalError> {
        if after.index < self.floor.index {
            return Err(JournalError::Released { up_to: self.floor.index });
        }
        let Some(start) = self.place(after.index.saturating_add(1)) else {
            return Ok(Vec::new());
        };
        if self.tip_before(start) != after {
            let place = start.checked_sub(1).and_then(|place| self.frames.get(place));
            let (segment, offset) =
                place.map_or((&self.home, 0), |slot| (&slot.segment, slot.offset));
            let what = format!("frame {} is another than the reader knows", after.index);
            return Err(segment.damaged(offset, what));
        }
        let mut room = max_bytes as u64;
        let mut found = Vec::new();
        for (place, slot) in self.frames.iter().enumerate().skip(start) {
            if !found.is_empty() && slot.length > room {
                break;
            }
            room = room.saturating_sub(slot.length);
            found.push((self.tip_before(place).check, slot.clone()));
        }
        Ok(found)
    }

    /// The tip just before the frame that holds `position`, if that is listed.
    pub(super) fn locate(&self, position: Position) -> Option<Tip> {
        if position <= self.floor.position || position > self.tip().position {
            return None;
        }
        Some(self.tip_before(self.frames.partition_point(|slot| slot.last < position)))
    }

    /// The tip after the frame with this index, if it is listed or the floor.
    pub(super) fn tip_at(&self, index: u64) -> Option<Tip> {
        Some(self.tip_before(self.place(index.checked_add(1)?)?))
    }

    /// Whether the frame was released.
    pub(super) fn is_released(&self, index: u64) -> bool {
        index <= self.floor.index
    }

    /// The frame's place in the list, or that of the one after the last.
    fn place(&self, index: u64) -> Option<usize> {
        let place = index.checked_sub(self.floor.index)?.checked_sub(1)?;
        usize::try_from(place).ok().filter(|&place| place <= self.frames.len())
    }

    /// The tip just before the frame at `place`.
    fn tip_before(&self, place: usize) -> Tip {
        let Some(slot) = place.checked_sub(1).and_then(|before| self.frames.get(before)) else {
            return self.floor;
        };
        Tip { index: self.floor.index + place as u64, position: slot.last, check: slot.check }
    }
}
