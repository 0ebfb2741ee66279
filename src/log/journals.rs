//! The kinds of journals that a log can be opened on.

use std::{path::Path, sync::Arc};

use super::{
    file_journal::{FileJournal, JournalSettings},
    files::Files,
    journal::{Journal, JournalError, Tip},
    tail::Tail,
};

/// Where the journal of a store is.
#[derive(Clone, Debug)]
pub struct JournalPlace<'a> {
    /// The files that it may be kept in.
    pub files: &'a Arc<dyn Files>,
    /// The folder for them.
    pub dir: &'a Path,
    /// The store it belongs to: random, and given to backups alone.
    pub store_id: [u8; 16],
}

/// Makes and opens the journals of one kind.
pub trait JournalFactory {
    /// Makes an empty journal, before the store counts as made. What an earlier attempt left behind
    /// is made anew, but a journal that holds a frame is refused.
    fn create(&self, place: &JournalPlace<'_>) -> Result<(), JournalError>;

    /// Opens the journal with every acknowledged frame after `sealed`, the last one that sealed
    /// volumes vouch for. Frames up to `sealed` count as released. Frames that become durable from
    /// now on enter `tail`.
    fn open(
        &self,
        place: &JournalPlace<'_>,
        sealed: Tip,
        tail: Arc<Tail>,
    ) -> Result<Arc<dyn Journal>, JournalError>;
}

/// Journals in files of this size.
#[derive(Clone, Copy, Debug)]
pub struct FileJournals {
    /// Size of a file, in bytes; see [`JournalSettings`].
    pub file_bytes: u64,
}

impl FileJournals {
    fn settings(self, place: &JournalPlace<'_>) -> JournalSettings {
        JournalSettings { store_id: place.store_id, file_bytes: self.file_bytes }
    }
}

impl JournalFactory for FileJournals {
    fn create(&self, place: &JournalPlace<'_>) -> Result<(), JournalError> {
        FileJournal::create(Arc::clone(place.files), place.dir, &self.settings(place))
    }

    fn open(
        &self,
        place: &JournalPlace<'_>,
        sealed: Tip,
        tail: Arc<Tail>,
    ) -> Result<Arc<dyn Journal>, JournalError> {
        let files = Arc::clone(place.files);
        let journal = FileJournal::open(files, place.dir, self.settings(place), sealed)?;
        Ok(Arc::new(journal.with_tail(tail)))
    }
}
