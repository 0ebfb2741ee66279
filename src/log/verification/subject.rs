//! A store that is verified: where its parts are, and how they are read.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use super::{
    facts::{Checked, VolumeFacts},
    journal::Unsealed,
    walk::{Reading, Ways, walk},
};
use crate::{
    domain::{event::Position, history::History},
    log::{
        encoded_events::Chunk,
        error::LogError,
        files::{Files, read_whole},
        frame::AppendEntry,
        index::StoredIndex,
        store::{StoppedStore, name_in},
        volume::{Marker, Pieces, SealedVolume, VolumeByOffset, VolumeError},
        volumes::Volumes,
    },
};

/// A store that is verified.
#[derive(Debug)]
pub struct Verification {
    pub(super) files: Arc<dyn Files>,
    pub(super) store_id: [u8; 16],
    /// Absent: it cannot be read.
    pub(super) history: Option<History>,
    pub(super) volumes_dir: PathBuf,
    pub(super) tables_dir: PathBuf,
    pub(super) volumes: Vec<SealedVolume>,
    pub(super) index: StoredIndex,
    pub(super) unsealed: Unsealed,
    pub(super) head: Position,
    pub(super) sled: SledAccess,
    /// Holds the lock of a stopped store.
    pub(super) stopped: Option<StoppedStore>,
}

/// How volumes are read through sled: never where they lie.
#[derive(Debug)]
pub(super) enum SledAccess {
    /// On copies in this folder, one at a time.
    Copies(PathBuf, Mutex<()>),
    /// As the open store does.
    Pool(Arc<Volumes>),
}

impl Verification {
    /// Whether it is known where the record ends.
    pub fn is_end_known(&self) -> bool {
        !matches!(self.unsealed, Unsealed::Unknown)
    }

    /// The last position that is verified.
    pub fn head(&self) -> Position {
        self.head
    }

    /// The number of sealed volumes.
    pub fn volumes(&self) -> usize {
        self.volumes.len()
    }

    /// The name of the store with its history, as clients see it; `None`: the history cannot be
    /// read.
    pub fn name(&self) -> Option<String> {
        self.history.as_ref().map(|history| name_in(self.store_id, history.id()))
    }

    /// The store's id.
    pub fn store_id(&self) -> [u8; 16] {
        self.store_id
    }

    /// The folder of saved states, of a stopped store.
    pub fn projections(&self) -> Option<PathBuf> {
        self.stopped.as_ref().map(StoppedStore::projections)
    }

    /// What is named where an event is wrong that may be anywhere in the record.
    pub fn record_place(&self) -> PathBuf {
        self.volumes_dir.clone()
    }

    /// Whether a server may have begun to work on the stopped store meanwhile. Then what was found
    /// says nothing.
    pub fn was_opened(&self) -> bool {
        self.stopped.as_ref().is_some_and(StoppedStore::was_opened)
    }

    /// Reads the events of the volumes with wanted types, and of what is in no volume, in order. To
    /// be called after a check without a finding about the record.
    pub fn replay(
        &self,
        checked: &Checked,
        on_chunk: &mut dyn FnMut(&Chunk) -> bool,
    ) -> Result<(), LogError> {
        let mut replay = Replay { on_chunk, went_on: true };
        for (volume, facts) in self.wanted(checked) {
            self.read_volume(volume, facts, &mut replay)?;
            if !replay.went_on {
                return Ok(());
            }
        }
        if checked.unsealed_wanted {
            self.unsealed.read(&mut |chunk| replay.events(chunk))?;
        }
        Ok(())
    }

    /// Bytes of events that [`Self::replay`] reads.
    pub fn replay_bytes(&self, checked: &Checked) -> u64 {
        self.wanted(checked).map(|(volume, _)| volume.contents.bytes).sum()
    }

    fn wanted<'a>(
        &'a self,
        checked: &'a Checked,
    ) -> impl Iterator<Item = (&'a SealedVolume, &'a VolumeFacts)> {
        self.volumes.iter().zip(&checked.volumes).filter(|(_, facts)| facts.is_wanted)
    }

    fn read_volume(
        &self,
        volume: &SealedVolume,
        facts: &VolumeFacts,
        reading: &mut dyn Reading,
    ) -> Result<(), LogError> {
        if !facts.needs_sled
            && let Ok(Some(by_offset)) = self.by_offset(volume)?
        {
            walk(volume, Ways { by_offset: Some(&by_offset), sled: None }, reading)?;
            return Ok(());
        }
        let read = self.through_sled(volume, &mut |sled| {
            walk(volume, Ways { by_offset: None, sled: Some(sled) }, reading).map(drop)
        });
        Ok(read?)
    }

    /// The volume with its table of offsets; `None`: there is no table. The inner error says why
    /// that is no good.
    pub(super) fn by_offset(
        &self,
        volume: &SealedVolume,
    ) -> Result<Result<Option<VolumeByOffset>, String>, LogError> {
        let table = match read_whole(self.files.as_ref(), &self.table_path(volume)) {
            Ok(Some(table)) => table,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(format!("it cannot be read: {error}"))),
        };
        let marker = Marker::of(self.store_id);
        match volume.by_offset(&self.volumes_dir, marker, &table) {
            Ok(by_offset) => Ok(Ok(Some(by_offset))),
            Err(VolumeError::Damaged { what, .. }) => Ok(Err(what)),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn through_sled(
        &self,
        volume: &SealedVolume,
        work: &mut dyn FnMut(&dyn Pieces) -> Result<(), VolumeError>,
    ) -> Result<(), VolumeError> {
        match &self.sled {
            SledAccess::Pool(volumes) => volumes.through_sled(volume, work),
            SledAccess::Copies(dir, turn) => {
                let _turn = turn.lock();
                let marker = Marker::of(self.store_id);
                let sled = volume.through_sled_in(&self.volumes_dir, marker, dir)?;
                work(sled.pieces())
            }
        }
    }

    pub(super) fn path_of(&self, volume: &SealedVolume) -> PathBuf {
        self.volumes_dir.join(&volume.directory)
    }

    pub(super) fn table_path(&self, volume: &SealedVolume) -> PathBuf {
        self.tables_dir.join(&volume.directory)
    }
}

/// Hands on the events of volumes.
struct Replay<'a> {
    on_chunk: &'a mut dyn FnMut(&Chunk) -> bool,
    went_on: bool,
}

impl Reading for Replay<'_> {
    fn events(&mut self, chunk: &Chunk) -> bool {
        self.went_on = (self.on_chunk)(chunk);
        self.went_on
    }

    fn appends(&mut self, _: &[AppendEntry]) -> bool {
        true
    }
}
