//! Reads every value of one sealed volume, wherever its files lie, and compares all of it with what
//! its entry says. A copy in a backup is checked by this as the store's own volume is.

use std::path::Path;

use super::walk::{Reading, Walked, Ways, walk};
use crate::{
    domain::event::Position,
    log::{
        encoded_events::Chunk,
        frame::AppendEntry,
        volume::{ContentsTally, Marker, SealedVolume, VolumeByOffset, VolumeError},
    },
};

/// The files of a volume.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) struct VolumeFiles<'a> {
    /// The folder that the volume's own folder is in.
    pub(in crate::log) volumes: &'a Path,
    /// The volume, with the name that its folder has there.
    pub(in crate::log) volume: &'a SealedVolume,
    /// What its values begin with.
    pub(in crate::log) marker: Marker,
    /// Its table of offsets; absent: there is none.
    pub(in crate::log) table: Option<&'a [u8]>,
}

impl VolumeFiles<'_> {
    /// Reads all of it; an error names the first event that is lost. Says whether the table of
    /// offsets leads to every value. Without such a table, sled reads a copy of the volume.
    pub(in crate::log) fn check(&self, on_bytes: &mut dyn FnMut(u64)) -> Result<bool, VolumeError> {
        let by_offset = self.by_offset()?;
        let mut lost = None;
        if let Some(by_offset) = &by_offset {
            match self.read(Ways { by_offset: Some(by_offset), sled: None }, on_bytes) {
                Err(error @ VolumeError::Damaged { .. }) => lost = Some(error),
                read => return read.map(|misplaced| !misplaced),
            }
        }
        match self.through_sled(by_offset.as_ref(), on_bytes) {
            Ok(()) => Ok(false),
            // sled may lose all that lies behind a damage. The table names what is lost indeed.
            Err(error @ VolumeError::Damaged { .. }) => Err(lost.unwrap_or(error)),
            Err(error) => Err(error),
        }
    }

    fn by_offset(&self) -> Result<Option<VolumeByOffset>, VolumeError> {
        let Some(table) = self.table else { return Ok(None) };
        match self.volume.by_offset(self.volumes, self.marker, table) {
            Ok(by_offset) => Ok(Some(by_offset)),
            Err(VolumeError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn through_sled(
        &self,
        by_offset: Option<&VolumeByOffset>,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(), VolumeError> {
        let copies = tempfile::Builder::new().prefix("handover-volume-").tempdir();
        let copies = copies.map_err(|error| VolumeError::Io {
            volume: self.volumes.join(&self.volume.directory),
            action: "make a folder for a copy of",
            source: std::sync::Arc::new(error),
        })?;
        let sled = self.volume.through_sled_in(self.volumes, self.marker, copies.path())?;
        self.read(Ways { by_offset, sled: Some(sled.pieces()) }, on_bytes).map(drop)
    }

    /// Reads all of it in some way; whether something lay elsewhere than the table says.
    fn read(&self, ways: Ways<'_>, on_bytes: &mut dyn FnMut(u64)) -> Result<bool, VolumeError> {
        let tally = ContentsTally::new(self.volume.contents.first_position);
        let mut counting = Counting { tally, on_bytes };
        let walked = walk(self.volume, ways, &mut counting)?;
        self.refuse_lost(&walked)?;
        let (found, expected) = (counting.tally.finish(), &self.volume.contents);
        if found != *expected {
            return Err(self.damaged(None, expected.against(&found)));
        }
        Ok(walked.misplaced)
    }

    fn refuse_lost(&self, walked: &Walked) -> Result<(), VolumeError> {
        if let Some((positions, what)) = walked.bad.first() {
            let (first, last) = (*positions.start(), *positions.end());
            let more =
                if first == last { String::new() } else { format!(", and those up to {last}") };
            return Err(self.damaged(Some(first), format!("this event is lost{more}: {what}")));
        }
        if let Some((position, what)) = &walked.bad_appends {
            return Err(self.damaged(*position, what.clone()));
        }
        Ok(())
    }

    fn damaged(&self, position: Option<Position>, what: String) -> VolumeError {
        let volume = self.volumes.join(&self.volume.directory);
        VolumeError::Damaged { volume, position, what }
    }
}

/// Counts and hashes what is read.
struct Counting<'a> {
    tally: ContentsTally,
    on_bytes: &'a mut dyn FnMut(u64),
}

impl Reading for Counting<'_> {
    fn events(&mut self, chunk: &Chunk) -> bool {
        self.tally.events(chunk.events(), chunk.last() - chunk.first() + 1);
        (self.on_bytes)(chunk.events().len() as u64);
        true
    }

    fn appends(&mut self, entries: &[AppendEntry]) -> bool {
        for entry in entries {
            self.tally.append(entry);
        }
        true
    }
}
