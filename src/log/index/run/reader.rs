//! Reads a run.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use roaring::RoaringBitmap;

use super::{
    Malformed, PAGE,
    budget::KeyBudget,
    checksum,
    footer::{Footer, TRAILER, Trailer},
    group::{self, GroupPointer, Loaded},
    header::Header,
    leaf::{Entry, LeafPage},
    list::{self, Container, Directory, LongList},
    times::{self, Change},
};
use crate::{
    domain::event::{Micros, Position, Revision},
    log::{
        files::{FileHandle, Files},
        index::{
            error::{Blocking, IndexError},
            key::Key,
        },
    },
};

/// An open run.
#[derive(Debug)]
pub(in crate::log::index) struct Run {
    path: PathBuf,
    file: Arc<dyn FileHandle>,
    /// Bytes of the file.
    length: u64,
    pub(super) header: Header,
    salt: u32,
    groups: Vec<KeyGroup>,
    times_at: u64,
    times: Vec<Change>,
    /// The first damage that was met.
    damage: OnceLock<IndexError>,
}

#[derive(Debug)]
struct KeyGroup {
    pointer: GroupPointer,
    /// Its keys and filter, if the budget had room for them.
    loaded: OnceLock<Loaded>,
}

impl Run {
    /// Opens the run at `path`: reads its header and footer.
    pub(in crate::log::index) fn open(files: &dyn Files, path: &Path) -> Result<Self, IndexError> {
        let failed =
            |error: io::Error| IndexError::damaged(path, format!("it cannot be read: {error}"));
        let malformed = |error: Malformed| IndexError::damaged(path, error.0);
        let file = files.open(path, false).map_err(failed)?;
        let mut first_page = vec![0; PAGE];
        file.read_exact_at(&mut first_page, 0).map_err(failed)?;
        let (header, salt) = Header::decode(&first_page).map_err(malformed)?;
        let length = file.len().map_err(failed)?;
        let trailer_at = length.saturating_sub(TRAILER as u64);
        let mut trailer = [0; TRAILER];
        file.read_exact_at(&mut trailer, trailer_at).map_err(failed)?;
        let trailer = Trailer::decode(&trailer, trailer_at).map_err(malformed)?;
        let bytes = usize::try_from(trailer.footer_bytes).unwrap_or(usize::MAX);
        let mut footer = vec![0; bytes];
        file.read_exact_at(&mut footer, trailer.footer_at).map_err(failed)?;
        let footer = Footer::decode(&footer, salt, &trailer).map_err(malformed)?;
        let group =
            |pointer: &GroupPointer| KeyGroup { pointer: *pointer, loaded: OnceLock::new() };
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            header,
            salt,
            groups: footer.groups.iter().map(group).collect(),
            times_at: footer.times_at,
            times: footer.times,
            damage: OnceLock::new(),
        })
    }

    /// Where it is.
    pub(in crate::log::index) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of its file.
    pub(in crate::log::index) fn length(&self) -> u64 {
        self.length
    }

    /// What it covers.
    pub(in crate::log::index) fn header(&self) -> &Header {
        &self.header
    }

    /// The first damage that was met, if any was.
    pub(in crate::log::index) fn damage(&self) -> Option<&IndexError> {
        self.damage.get()
    }

    /// Takes keys and filters of its groups into memory as far as the budget has room.
    pub(in crate::log::index) fn load(&self, budget: &Arc<KeyBudget>) -> Result<(), IndexError> {
        for group in self.groups.iter().filter(|group| group.loaded.get().is_none()) {
            let Some(taken) = budget.take(group.pointer.memory()) else { return Ok(()) };
            let keys = self.keys_of(&group.pointer, Blocking::Allowed)?.into();
            let filter = self.filter_of(&group.pointer)?;
            // A reader that came first has loaded the same.
            let _ = group.loaded.set(Loaded { keys, filter, _reservation: taken });
        }
        Ok(())
    }

    /// The last revision of a stream and the number of its events here; `None`: it is not here.
    pub(in crate::log::index) fn revision(
        &self,
        key: Key,
        blocking: Blocking,
    ) -> Result<Option<(Revision, u64)>, IndexError> {
        self.find(key, blocking, |entry| Ok((entry.revision, entry.count)))
    }

    /// Position of the first event recorded at `time` or later.
    pub(in crate::log::index) fn first_since(
        &self,
        time: Micros,
        blocking: Blocking,
    ) -> Result<Option<Position>, IndexError> {
        let after = self.times.partition_point(|(first, _)| *first < time);
        if let Some(before) = after.checked_sub(1) {
            let changes = self.changes(before, blocking)?;
            let found = changes.iter().find(|(recorded, _)| *recorded >= time);
            if let Some((_, position)) = found {
                return Ok(Some(*position));
            }
        }
        Ok(self.times.get(after).map(|(_, position)| *position))
    }

    /// When the event at `position`, which is here, was recorded.
    pub(in crate::log::index) fn recorded_at(
        &self,
        position: Position,
        blocking: Blocking,
    ) -> Result<Option<Micros>, IndexError> {
        let after = self.times.partition_point(|(_, first)| *first <= position);
        let Some(page) = after.checked_sub(1) else { return Ok(None) };
        let changes = self.changes(page, blocking)?;
        let last = changes.iter().rfind(|(_, first)| *first <= position);
        Ok(last.map(|(time, _)| *time))
    }

    /// Place of the first page of times.
    pub(super) fn times_at(&self) -> u64 {
        self.times_at
    }

    /// Number of pages of times.
    pub(super) fn pages_of_times(&self) -> usize {
        self.times.len()
    }

    /// The changes of time on a page.
    pub(super) fn changes(
        &self,
        page: usize,
        blocking: Blocking,
    ) -> Result<Vec<Change>, IndexError> {
        let at = self.times_at + (page * PAGE) as u64;
        let bytes = self.read(at, PAGE, blocking)?;
        self.checked(times::decode(&bytes, self.salt, at))
    }

    /// Number of groups.
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Number of leaf pages of a group.
    pub(super) fn pages_of(&self, group: usize) -> usize {
        self.groups.get(group).map_or(0, |group| group.pointer.pages as usize)
    }

    /// Reads neighbouring leaf pages of a group, unchecked, and returns where they are.
    pub(super) fn leaf_pages(
        &self,
        group: usize,
        page: usize,
        pages: usize,
    ) -> Result<(Vec<u8>, u64), IndexError> {
        let at = self.groups.get(group).map_or(0, |group| group.pointer.page_at(page));
        Ok((self.read(at, pages * PAGE, Blocking::Allowed)?, at))
    }

    /// A leaf page that was read.
    pub(super) fn leaf<'p>(&self, page: &'p [u8], at: u64) -> Result<LeafPage<'p>, IndexError> {
        self.checked(LeafPage::open(page, self.salt, at))
    }

    /// The directory of a long list.
    pub(super) fn directory(
        &self,
        list: &LongList,
        blocking: Blocking,
    ) -> Result<Directory, IndexError> {
        let mut bytes = self.read(list.directory, list.directory_bytes(), blocking)?;
        let crc = bytes.split_off(bytes.len().saturating_sub(4));
        if crc != checksum(self.salt, list.directory, &bytes).to_be_bytes() {
            return Err(self.bad("the checksum of a list's directory is wrong"));
        }
        self.checked(Directory::new(list, bytes))
    }

    /// The bitmap of a container.
    pub(super) fn bitmap(
        &self,
        container: &Container,
        blocking: Blocking,
    ) -> Result<RoaringBitmap, IndexError> {
        let bytes = self.read(container.offset, container.bytes, blocking)?;
        if container.crc != checksum(self.salt, container.offset, &bytes) {
            return Err(self.bad("the checksum of a list is wrong"));
        }
        self.checked(list::decode_bitmap(&bytes))
    }

    /// Notes a damage. The run goes on answering what it can until another takes its place.
    pub(super) fn bad(&self, what: &str) -> IndexError {
        let error = IndexError::damaged(&self.path, what);
        // The first one is kept.
        let _ = self.damage.set(error.clone());
        error
    }

    /// What is wrong with well-checked bytes is noted like any damage.
    pub(super) fn checked<T>(&self, decoded: Result<T, Malformed>) -> Result<T, IndexError> {
        decoded.map_err(|error| self.bad(error.0))
    }

    pub(super) fn find<T>(
        &self,
        key: Key,
        blocking: Blocking,
        then: impl FnOnce(Entry<'_>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, IndexError> {
        let Some(at) = self.page_of(key, blocking)? else { return Ok(None) };
        let mut page = [0; PAGE];
        self.read_into(&mut page, at, blocking)?;
        let found = self.checked(self.leaf(&page, at)?.find(self.header.first, key))?;
        found.map(|entry| self.checked(then(entry))).transpose()
    }

    /// The place of the leaf page that has the key if the run has it.
    fn page_of(&self, key: Key, blocking: Blocking) -> Result<Option<u64>, IndexError> {
        let after = self.groups.partition_point(|group| group.pointer.first_key <= key);
        let Some(group) = after.checked_sub(1).and_then(|before| self.groups.get(before)) else {
            return Ok(None);
        };
        let page = match group.loaded.get() {
            Some(loaded) if !loaded.may_have(key) => None,
            Some(loaded) => group::page_of(&loaded.keys, key),
            None => group::page_of(&self.keys_of(&group.pointer, blocking)?, key),
        };
        Ok(page.map(|page| group.pointer.page_at(page)))
    }

    /// Where a group is.
    pub(super) fn pointer(&self, group: usize) -> Option<GroupPointer> {
        self.groups.get(group).map(|group| group.pointer)
    }

    /// The filter of a group; `None`: it has none.
    pub(super) fn filter_of(
        &self,
        group: &GroupPointer,
    ) -> Result<Option<xorf::BinaryFuse8>, IndexError> {
        let (at, bytes) = (group.filter_at(), group.filter_bytes as usize);
        if bytes == 0 {
            return Ok(None);
        }
        let filter = self.read(at, bytes, Blocking::Allowed)?;
        self.checked(group::decode_filter(&filter, self.salt, at)).map(Some)
    }

    pub(super) fn keys_of(
        &self,
        group: &GroupPointer,
        blocking: Blocking,
    ) -> Result<Vec<Key>, IndexError> {
        let at = group.keys_at();
        let bytes = self.read(at, group.keys_bytes(), blocking)?;
        self.checked(group::decode_keys(&bytes, self.salt, at))
    }

    pub(super) fn read(
        &self,
        at: u64,
        length: usize,
        blocking: Blocking,
    ) -> Result<Vec<u8>, IndexError> {
        let mut bytes = vec![0; length];
        self.read_into(&mut bytes, at, blocking)?;
        Ok(bytes)
    }

    fn read_into(&self, bytes: &mut [u8], at: u64, blocking: Blocking) -> Result<(), IndexError> {
        let read = match blocking {
            Blocking::Never => self.file.read_cached_at(bytes, at),
            Blocking::Allowed => self.file.read_exact_at(bytes, at),
        };
        read.map_err(|error| {
            if error.kind() == io::ErrorKind::WouldBlock {
                return IndexError::WouldBlock;
            }
            // What the disk does not give back is lost like what it gives back wrong.
            self.bad(&format!("it cannot be read: {error}"))
        })
    }
}
