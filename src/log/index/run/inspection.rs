//! Reads all of a run: every checksum is compared, and what helps to find a term as well.

use super::{
    PAGE,
    group::{self, GroupPointer},
    header,
    leaf::{self, Entry, EntryList},
    list::LongList,
    reader::Run,
    times::Change,
};
use crate::{
    domain::event::{Position, Revision},
    log::index::{
        error::{Blocking, IndexError},
        key::Key,
    },
};

/// Leaf pages that are read at once.
const PAGES: usize = 64;

/// Takes what a run holds, in its order.
pub(in crate::log::index) trait Visitor {
    /// A term: the revision of its last event if it is a stream, else 0, and how many positions it
    /// has.
    fn term(&mut self, key: Key, revision: Revision, count: u64);

    /// Positions of that term, rising.
    fn positions(&mut self, key: Key, positions: &[Position]);

    /// Where the time of recording changes.
    fn change(&mut self, change: Change);

    /// Whether to go on, after so many bytes more were read.
    fn goes_on(&mut self, bytes: usize) -> bool;
}

/// A group that is read through.
struct GroupWalk<'a> {
    run: &'a Run,
    pointer: GroupPointer,
    first_keys: Vec<Key>,
    filter: Option<xorf::BinaryFuse8>,
    /// Where the lists of the group begin, and the bytes of those that were read.
    lists_at: u64,
    list_bytes: u64,
    last: Option<Key>,
    keys: u64,
    scratch: Vec<Position>,
}

impl Run {
    /// Reads all of it; false: the visitor has ended it. The first damage is an error.
    pub(in crate::log::index) fn inspect(
        &self,
        visitor: &mut dyn Visitor,
    ) -> Result<bool, IndexError> {
        let first_page = self.read(0, PAGE, Blocking::Allowed)?;
        if !header::is_padded(&first_page) {
            return Err(self.bad("there is something behind its header"));
        }
        let mut lists_at = PAGE as u64;
        let mut last = None;
        for number in 0..self.groups() {
            let Some(pointer) = self.pointer(number) else { break };
            let mut walk = GroupWalk::new(self, pointer, lists_at, last)?;
            if !walk.read(number, visitor)? {
                return Ok(false);
            }
            (lists_at, last) = (pointer.end(), walk.last);
        }
        if self.pages_of_times() > 0 {
            self.check_padding(lists_at, self.times_at())?;
        }
        for page in 0..self.pages_of_times() {
            for change in self.changes(page, Blocking::Allowed)? {
                visitor.change(change);
            }
            if !visitor.goes_on(PAGE) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Zeros up to a whole page are all that lies between two parts.
    fn check_padding(&self, end: u64, next: u64) -> Result<(), IndexError> {
        let padding = next.checked_sub(end).filter(|padding| *padding < PAGE as u64);
        let padding = padding.and_then(|padding| usize::try_from(padding).ok());
        let zeros =
            padding.map(|padding| self.read(end, padding, Blocking::Allowed)).transpose()?;
        if zeros.is_none_or(|zeros| zeros.iter().any(|byte| *byte != 0)) {
            return Err(self.bad("there is something between two of its parts"));
        }
        Ok(())
    }
}

impl<'a> GroupWalk<'a> {
    fn new(
        run: &'a Run,
        pointer: GroupPointer,
        lists_at: u64,
        last: Option<Key>,
    ) -> Result<Self, IndexError> {
        let first_keys = run.keys_of(&pointer, Blocking::Allowed)?;
        let filter = run.filter_of(&pointer)?;
        let scratch = Vec::new();
        Ok(Self {
            run,
            pointer,
            first_keys,
            filter,
            lists_at,
            list_bytes: 0,
            last,
            keys: 0,
            scratch,
        })
    }

    fn read(&mut self, number: usize, visitor: &mut dyn Visitor) -> Result<bool, IndexError> {
        let pages = self.pointer.pages as usize;
        for first in (0..pages).step_by(PAGES) {
            let count = PAGES.min(pages - first);
            let (bytes, at) = self.run.leaf_pages(number, first, count)?;
            for (place, page) in bytes.chunks(PAGE).enumerate() {
                let at = at + (place * PAGE) as u64;
                self.page(first + place, page, at, visitor)?;
            }
            if !visitor.goes_on(bytes.len()) {
                return Ok(false);
            }
        }
        let beside = self.pointer.memory() + usize::try_from(self.list_bytes).unwrap_or_default();
        if self.keys != u64::from(self.pointer.keys) {
            return Err(self.run.bad("a group has another number of keys than it says"));
        }
        // Lists fill what lies before the leaf pages.
        self.run.check_padding(self.lists_at + self.list_bytes, self.pointer.pages_at)?;
        Ok(visitor.goes_on(beside))
    }

    fn page(
        &mut self,
        number: usize,
        page: &[u8],
        at: u64,
        visitor: &mut dyn Visitor,
    ) -> Result<(), IndexError> {
        let (run, first) = (self.run, self.run.header.first);
        let leaf = run.leaf(page, at)?;
        for place in 0..leaf.len() {
            let (key, entry) = run.checked(leaf.entry(first, place))?;
            if place == 0 && self.first_keys.get(number) != Some(&key) {
                return Err(run.bad("a page does not begin with the key that leads to it"));
            }
            if self.last.is_some_and(|last| last >= key) {
                return Err(run.bad("its keys do not rise"));
            }
            if self.filter.as_ref().is_some_and(|filter| !group::may_have(filter, key)) {
                return Err(run.bad("a filter hides a key"));
            }
            self.last = Some(key);
            self.keys += 1;
            self.entry(key, &entry, visitor)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        key: Key,
        entry: &Entry<'_>,
        visitor: &mut dyn Visitor,
    ) -> Result<(), IndexError> {
        visitor.term(key, entry.revision, entry.count);
        match entry.list {
            EntryList::Short(bytes) => {
                let first = self.run.header.first;
                self.scratch.clear();
                let decoded = leaf::extend_short(first, entry.count, bytes, &mut self.scratch);
                self.run.checked(decoded)?;
                visitor.positions(key, &self.scratch);
                Ok(())
            }
            EntryList::Long(list) => self.long(key, entry.count, &list, visitor),
        }
    }

    fn long(
        &mut self,
        key: Key,
        count: u64,
        list: &LongList,
        visitor: &mut dyn Visitor,
    ) -> Result<(), IndexError> {
        let directory = self.run.directory(list, Blocking::Allowed)?;
        let (mut found, mut newest) = (0, 0);
        for container in (0..directory.len()).filter_map(|place| directory.get(place)) {
            let bitmap = self.run.bitmap(&container, Blocking::Allowed)?;
            self.scratch.clear();
            self.scratch.extend(bitmap.iter().map(|low| super::list::join(container.number, low)));
            found += bitmap.len();
            if found != container.through {
                return Err(self.run.bad("a list is not as long as its directory says"));
            }
            newest = self.scratch.last().copied().unwrap_or(newest);
            self.list_bytes += container.bytes as u64;
            visitor.positions(key, &self.scratch);
        }
        self.list_bytes += list.directory_bytes() as u64;
        if found != count || newest != list.last {
            return Err(self.run.bad("a list is not as long as its entry says"));
        }
        Ok(())
    }
}
