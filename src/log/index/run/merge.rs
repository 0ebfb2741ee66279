//! Makes one run of several neighbours: in the order of keys, with little of each in memory.

use super::{
    PAGE,
    leaf::{self, EntryList, LeafPage},
    list::{ListWriter, LongList},
    reader::Run,
    writer::{RunWriter, Target},
};
use crate::{
    domain::event::{Position, Revision},
    log::index::{
        error::{Blocking, IndexError},
        key::Key,
        write_error::WriteError,
    },
};

/// Leaf pages that are read at once.
const PAGES: usize = 64;

/// Writes the run that `target` describes, of these, which follow each other.
pub(in crate::log::index) fn merge(target: &Target<'_>, runs: &[&Run]) -> Result<(), WriteError> {
    RunWriter::write(target, |writer| {
        let scans: Result<Vec<_>, _> = runs.iter().map(|run| Scan::new(run)).collect();
        let mut scans = scans?;
        while let Some(key) = scans.iter().filter_map(|scan| scan.key).min() {
            let parts = parts(&mut scans, key)?;
            add(writer, key, &parts)?;
        }
        for run in runs {
            for page in 0..run.pages_of_times() {
                let changes = run.changes(page, Blocking::Allowed)?;
                changes.into_iter().try_for_each(|change| writer.time(change))?;
            }
        }
        Ok(())
    })
}

/// What one of the runs has of a term.
struct Part<'a> {
    run: &'a Run,
    revision: Revision,
    list: PartList,
}

enum PartList {
    Short(Vec<Position>),
    Long(LongList),
}

/// Takes the entries of a key from all runs that have it, in the order of the runs.
fn parts<'a>(scans: &mut [Scan<'a>], key: Key) -> Result<Vec<Part<'a>>, WriteError> {
    let mut parts = Vec::with_capacity(scans.len());
    for scan in scans.iter_mut().filter(|scan| scan.key == Some(key)) {
        parts.push(scan.part()?);
        scan.advance()?;
    }
    Ok(parts)
}

fn add(writer: &mut RunWriter<'_>, key: Key, parts: &[Part<'_>]) -> Result<(), WriteError> {
    let revision = parts.last().map_or(0, |part| part.revision);
    let short = parts.iter().map(|part| match &part.list {
        PartList::Short(positions) => Some(positions.as_slice()),
        PartList::Long(_) => None,
    });
    if let Some(short) = short.collect::<Option<Vec<_>>>() {
        return writer.add(key, revision, short.concat().into_iter());
    }
    let mut list = writer.list()?;
    parts.iter().try_for_each(|part| copy(part, &mut list))?;
    let list = list.finish()?;
    writer.add_long(key, revision, list)
}

fn copy(part: &Part<'_>, list: &mut ListWriter<'_, '_>) -> Result<(), WriteError> {
    match &part.list {
        PartList::Short(positions) => positions.iter().try_for_each(|at| list.push(*at)),
        PartList::Long(long) => {
            let directory = part.run.directory(long, Blocking::Allowed)?;
            for container in (0..directory.len()).filter_map(|place| directory.get(place)) {
                list.container(container.number, part.run.bitmap(&container, Blocking::Allowed)?)?;
            }
            Ok(())
        }
    }
}

/// Reads the entries of a run one after the other.
struct Scan<'a> {
    run: &'a Run,
    group: usize,
    /// The first of the pages that are in memory, by its number in the group.
    page: usize,
    pages: Vec<u8>,
    /// Where they are in the file.
    at: u64,
    /// The page that is being read among them, and the entry on it.
    current: usize,
    entry: usize,
    /// The key of the entry; `None`: that was all.
    key: Option<Key>,
}

impl<'a> Scan<'a> {
    fn new(run: &'a Run) -> Result<Self, IndexError> {
        let mut scan = Self {
            run,
            group: 0,
            page: 0,
            pages: Vec::new(),
            at: 0,
            current: 0,
            entry: 0,
            key: None,
        };
        scan.settle()?;
        Ok(scan)
    }

    /// The entry where it stands.
    fn part(&self) -> Result<Part<'a>, IndexError> {
        let first = self.run.header().first;
        let (_, entry) = self.run.checked(self.leaf()?.entry(first, self.entry))?;
        let list = match entry.list {
            EntryList::Long(list) => PartList::Long(list),
            EntryList::Short(bytes) => {
                PartList::Short(self.run.checked(leaf::decode_short(first, entry.count, bytes))?)
            }
        };
        Ok(Part { run: self.run, revision: entry.revision, list })
    }

    fn advance(&mut self) -> Result<(), IndexError> {
        self.entry += 1;
        self.settle()
    }

    /// Goes to the next entry there is, if there is none where it stands.
    fn settle(&mut self) -> Result<(), IndexError> {
        loop {
            if self.current * PAGE < self.pages.len() {
                if self.entry == 0 {
                    self.check()?;
                }
                let leaf = self.leaf()?;
                if self.entry < leaf.len() {
                    let first = self.run.header().first;
                    self.key = Some(self.run.checked(leaf.entry(first, self.entry))?.0);
                    return Ok(());
                }
                (self.current, self.entry) = (self.current + 1, 0);
            } else if !self.fill()? {
                self.key = None;
                return Ok(());
            }
        }
    }

    /// Reads more pages; false if there are none.
    fn fill(&mut self) -> Result<bool, IndexError> {
        self.page += self.pages.len() / PAGE;
        if self.page >= self.run.pages_of(self.group) {
            if self.page > 0 {
                (self.group, self.page) = (self.group + 1, 0);
            }
            if self.group >= self.run.groups() {
                return Ok(false);
            }
        }
        let pages = PAGES.min(self.run.pages_of(self.group) - self.page);
        (self.pages, self.at) = self.run.leaf_pages(self.group, self.page, pages)?;
        self.current = 0;
        Ok(true)
    }

    fn page(&self) -> &[u8] {
        let start = self.current * PAGE;
        self.pages.get(start..start + PAGE).unwrap_or_default()
    }

    fn check(&self) -> Result<(), IndexError> {
        let at = self.at + (self.current * PAGE) as u64;
        self.run.leaf(self.page(), at).map(|_| ())
    }

    /// The page where it stands, which was checked when it was come to.
    fn leaf(&self) -> Result<LeafPage<'_>, IndexError> {
        self.run.checked(LeafPage::again(self.page()))
    }
}
