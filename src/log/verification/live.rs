//! Takes an open store for a verification, at the head that it has then.

use std::sync::Arc;

use super::{
    finding::Findings,
    journal::Unsealed,
    named,
    subject::{SledAccess, Verification},
};
use crate::log::{Log, LogError, files::ReadOnlyFiles, index::StoredIndex, volume::SealedVolume};

impl Verification {
    /// Begins to verify an open store as far as it is durable now. What is appended meanwhile is
    /// left out. The files that lead to the record are checked first.
    pub fn live(log: &Arc<Log>, findings: &Findings) -> Result<Self, LogError> {
        // The volumes first: those that are sealed from now on may reach beyond the head.
        let volumes = log.fetcher.volumes.all();
        let volumes: Vec<_> = volumes.iter().map(|volume| SealedVolume::clone(volume)).collect();
        let head = log.tip()?.position;
        named::check(log, &volumes, findings)?;
        let sealed = volumes.last().map_or(0, |volume| volume.contents.last_position);
        Ok(Self {
            files: Arc::new(ReadOnlyFiles),
            store_id: log.store_id(),
            history: Some(log.history().clone()),
            volumes_dir: log.store.volumes(),
            tables_dir: log.store.offset_tables(),
            index: StoredIndex::of(&log.index, &volumes),
            volumes,
            unsealed: Unsealed::Open(Arc::clone(log), sealed, head),
            head,
            sled: SledAccess::Pool(Arc::clone(&log.fetcher.volumes)),
            stopped: None,
        })
    }
}
