//! Writes a run: sequentially, with no more than a group in memory, under another name until all
//! of it is durable.

use std::path::{Path, PathBuf};

use super::{
    Sizes,
    footer::Footer,
    group::{self, GroupPointer},
    header::Header,
    leaf::{self, Entry, EntryList, LeafBuilder},
    list::{ListWriter, LongList},
    output::Output,
    times::{Change, TimesWriter},
};
use crate::{
    domain::event::{Position, Revision},
    log::{
        error::LogError,
        files::{Files, folder_of},
        index::{
            key::Key,
            write_error::{GoOn, WriteError},
        },
    },
};

/// What is to be written where.
#[derive(Clone, Copy, Debug)]
pub(in crate::log::index) struct Target<'a> {
    /// The file system.
    pub(in crate::log::index) files: &'a dyn Files,
    /// The run's file.
    pub(in crate::log::index) path: &'a Path,
    /// What the run covers.
    pub(in crate::log::index) header: Header,
    /// How it is laid out.
    pub(in crate::log::index) sizes: Sizes,
    /// Whether to go on.
    pub(in crate::log::index) go_on: GoOn<'a>,
}

/// See the module.
#[derive(Debug)]
pub(in crate::log::index) struct RunWriter<'a> {
    output: Output<'a>,
    sizes: Sizes,
    first: Position,
    leaf: LeafBuilder,
    /// The finished pages of the group, one after the other.
    pages: Vec<u8>,
    /// The first key of each page, the unfinished one's included.
    first_keys: Vec<Key>,
    /// The last bytes of all keys of the group.
    lows: Vec<u64>,
    times: TimesWriter,
    footer: Footer,
}

impl<'a> RunWriter<'a> {
    /// Writes a whole run, of which `add_all` adds everything, and makes it durable. Whatever goes
    /// wrong, no run is there.
    pub(in crate::log::index) fn write(
        target: &Target<'a>,
        add_all: impl FnOnce(&mut Self) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let temporary = temporary(target.path);
        let written = Self::write_to(target, &temporary, add_all);
        if written.is_err() {
            // If that fails too, it is removed when the index is opened.
            let _ = target.files.remove(&temporary);
        }
        written
    }

    fn write_to(
        target: &Target<'a>,
        temporary: &Path,
        add_all: impl FnOnce(&mut Self) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let failed =
            |action| move |error| WriteError::Failed(LogError::io(action, target.path, error));
        let file = target.files.open(temporary, true).map_err(failed("make"))?;
        file.set_len(0).map_err(failed("make"))?;
        let output = Output::new(file, temporary, target.header.encode(), target.go_on);
        let mut writer = Self {
            output: output.in_pieces_of(target.sizes.piece_bytes),
            sizes: target.sizes,
            first: target.header.first,
            leaf: LeafBuilder::new(),
            pages: Vec::new(),
            first_keys: Vec::new(),
            lows: Vec::new(),
            times: TimesWriter::default(),
            footer: Footer::default(),
        };
        add_all(&mut writer)?;
        writer.finish()?;
        target.files.rename(temporary, target.path).map_err(failed("rename"))?;
        target.files.sync_dir(folder_of(target.path)).map_err(failed("sync the folder of"))
    }

    /// Adds a term that occurs at these positions, rising; keys rise too. `revision` is the last
    /// one if the term is a stream, else 0.
    pub(in crate::log::index) fn add(
        &mut self,
        key: Key,
        revision: Revision,
        positions: impl ExactSizeIterator<Item = Position> + Clone,
    ) -> Result<(), WriteError> {
        // A position takes at least a byte.
        let most = self.sizes.inside_bytes;
        if positions.len() <= most
            && let Some((count, bytes)) = leaf::encode_short(self.first, positions.clone(), most)
        {
            let list = EntryList::Short(&bytes);
            return self.entry(key, &Entry { count, revision, list });
        }
        let mut list = self.list()?;
        positions.into_iter().try_for_each(|position| list.push(position))?;
        let list = list.finish()?;
        self.add_long(key, revision, list)
    }

    /// Begins the long list of the term that is added next.
    pub(super) fn list(&mut self) -> Result<ListWriter<'_, 'a>, WriteError> {
        // Lists stand before the pages of their group.
        self.close_full_group()?;
        Ok(ListWriter::new(&mut self.output))
    }

    /// Adds a term; its list was written just before.
    pub(super) fn add_long(
        &mut self,
        key: Key,
        revision: Revision,
        (count, list): (u64, LongList),
    ) -> Result<(), WriteError> {
        self.entry(key, &Entry { count, revision, list: EntryList::Long(list) })
    }

    /// Notes that from a position on another time is recorded, after all terms.
    pub(in crate::log::index) fn time(&mut self, change: Change) -> Result<(), WriteError> {
        if !self.lows.is_empty() {
            self.close_group()?;
        }
        if self.footer.times_at == 0 {
            self.output.pad()?;
            self.footer.times_at = self.output.offset();
        }
        self.times.push(&mut self.output, change)
    }

    fn entry(&mut self, key: Key, entry: &Entry<'_>) -> Result<(), WriteError> {
        self.close_full_group()?;
        if !self.leaf.push(self.first, key, entry) {
            self.close_page();
            assert!(self.leaf.push(self.first, key, entry), "an entry fits an empty page");
        }
        if self.first_keys.len() * super::PAGE == self.pages.len() {
            self.first_keys.push(key);
        }
        self.lows.push(key.low());
        Ok(())
    }

    fn close_full_group(&mut self) -> Result<(), WriteError> {
        if self.lows.len() < self.sizes.group_keys { Ok(()) } else { self.close_group() }
    }

    fn close_page(&mut self) {
        self.pages.append(&mut self.leaf.take());
    }

    fn close_group(&mut self) -> Result<(), WriteError> {
        if !self.leaf.is_empty() {
            self.close_page();
        }
        self.output.pad()?;
        let pages_at = self.output.offset();
        for page in self.pages.chunks_mut(super::PAGE) {
            leaf::seal(page, self.output.salt(), self.output.offset());
            self.output.put(page)?;
        }
        self.pages.clear();
        let (first_keys, lows) =
            (std::mem::take(&mut self.first_keys), std::mem::take(&mut self.lows));
        let Some(first_key) = first_keys.first().copied() else { return Ok(()) };
        let count = |length: usize| u32::try_from(length).expect("a group is small");
        let (pages, keys) = (count(first_keys.len()), count(lows.len()));
        let filter_bytes = group::write(&mut self.output, &first_keys, lows)?;
        self.footer.groups.push(GroupPointer { first_key, pages_at, pages, keys, filter_bytes });
        Ok(())
    }

    fn finish(mut self) -> Result<(), WriteError> {
        if !self.lows.is_empty() {
            self.close_group()?;
        }
        self.footer.times = self.times.finish(&mut self.output)?;
        self.footer.write(&mut self.output)?;
        self.output.finish()
    }
}

/// The name that a run has while it is written.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}
