//! The model of a disk: what is on it for certain, what may be, and what readers see.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::log::files::folder_of;

const SECTOR: usize = 512;

/// A small generator of pseudo-random numbers (`SplitMix64`), for tests that print their seed.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % (limit as u64)).unwrap()
    }
}

/// One step that changes something or makes it durable.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Something becomes of a file's contents.
    Change(usize, Change),
    /// The file's contents become durable.
    Sync(usize),
    /// Something becomes of a name.
    Name(Name),
    /// The names in a folder become durable.
    SyncDir(PathBuf),
}

/// A change of a file's contents.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Write(usize, Arc<[u8]>),
    SetLen(usize),
}

/// A change of names; a folder is a name without a file.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Create(PathBuf, Option<usize>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Name {
    fn folder(&self) -> &Path {
        match self {
            Self::Create(path, _) | Self::Rename(_, path) | Self::Remove(path) => folder_of(path),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Option<usize>>) {
        match self {
            Self::Create(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Remove(path) => names.retain(|name, _| !name.starts_with(path)),
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => land(contents, *offset, bytes),
            Self::SetLen(length) => contents.resize(*length, 0),
        }
    }

    /// Only the bytes of a write in `part` land.
    fn apply_part(&self, contents: &mut Vec<u8>, (from, to): (usize, usize)) {
        match self {
            Self::Write(offset, bytes) => {
                let part = from.min(bytes.len())..to.min(bytes.len());
                land(contents, offset + part.start, &bytes[part]);
            }
            Self::SetLen(_) => self.apply(contents),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Write(_, bytes) => bytes.len(),
            Self::SetLen(_) => 0,
        }
    }
}

fn land(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}

/// A disk and the page cache before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    names: BTreeMap<PathBuf, Option<usize>>,
    durable_names: BTreeMap<PathBuf, Option<usize>>,
    pending_names: Vec<Name>,
    files: Vec<FileState>,
}

#[derive(Clone, Debug, Default)]
struct FileState {
    /// What readers see.
    contents: Vec<u8>,
    /// What certainly survives.
    durable: Vec<u8>,
    /// What may survive, in part.
    pending: Vec<Change>,
}

/// What of the pending changes landed; each is known by its file and its number there.
#[derive(Clone, Debug)]
enum Landed {
    None,
    All,
    Only((usize, usize)),
    AllBut((usize, usize)),
    /// These parts of one write, from and to; and of the others all or none.
    Parts {
        torn: (usize, usize),
        parts: Vec<(usize, usize)>,
        others: bool,
    },
}

impl Landed {
    /// Does to a file's contents what landed of a change.
    fn land(&self, which: (usize, usize), change: &Change, contents: &mut Vec<u8>) {
        let whole = match self {
            Self::None => false,
            Self::All => true,
            Self::Only(only) => *only == which,
            Self::AllBut(but) => *but != which,
            Self::Parts { torn, parts, .. } if *torn == which => {
                for &part in parts {
                    change.apply_part(contents, part);
                }
                false
            }
            Self::Parts { others, .. } => *others,
        };
        if whole {
            change.apply(contents);
        }
    }
}

impl Disk {
    /// Takes a step.
    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Change(file, change) => {
                if self.files.len() <= *file {
                    self.files.resize_with(file + 1, FileState::default);
                }
                let file = &mut self.files[*file];
                change.apply(&mut file.contents);
                file.pending.push(change.clone());
            }
            Step::Sync(file) => {
                let Some(file) = self.files.get_mut(*file) else {
                    return;
                };
                for change in file.pending.drain(..) {
                    change.apply(&mut file.durable);
                }
            }
            Step::Name(name) => {
                if let Name::Create(_, Some(file)) = name {
                    let files = self.files.len().max(file + 1);
                    self.files.resize_with(files, FileState::default);
                }
                name.apply(&mut self.names);
                self.pending_names.push(name.clone());
            }
            Step::SyncDir(dir) => {
                let (durable, pending) =
                    self.pending_names.drain(..).partition(|name| name.folder() == dir);
                self.pending_names = pending;
                let durable: Vec<Name> = durable;
                for name in &durable {
                    name.apply(&mut self.durable_names);
                }
            }
        }
    }

    /// What has this name: a file, by its number, or a folder.
    pub(super) fn name(&self, path: &Path) -> Option<&Option<usize>> {
        self.names.get(path)
    }

    /// The names in a folder, sorted.
    pub(super) fn list(&self, dir: &Path) -> Vec<PathBuf> {
        let names = self.names.keys();
        names.filter(|path| folder_of(path) == dir).cloned().collect()
    }

    /// How many files there ever were: the number of the next.
    pub(super) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// What readers see of a file.
    pub(super) fn contents(&self, file: usize) -> &[u8] {
        &self.files[file].contents
    }

    /// What was not synced will never land.
    pub(super) fn forget_unsynced(&mut self, file: usize) {
        self.files[file].pending.clear();
    }

    /// The disk after the power failed with nothing landed that was not synced.
    pub(crate) fn cut(&self) -> Self {
        self.image(&Landed::None, &[])
    }

    /// What the disk may hold if the power fails now; each with a word on what it is.
    pub(crate) fn images(&self, random: &mut Random) -> Vec<(String, Self)> {
        let all: Vec<usize> = (0..self.pending_names.len()).collect();
        let mut images = Vec::new();
        for landed in self.landings(random) {
            images.push((format!("{landed:?}, all names"), self.image(&landed, &all)));
            if !all.is_empty() {
                images.push((format!("{landed:?}, no names"), self.image(&landed, &[])));
            }
        }
        if all.len() > 1 {
            for name in all {
                let what = format!("all, only {:?}", self.pending_names[name]);
                images.push((what, self.image(&Landed::All, &[name])));
            }
        }
        images
    }

    fn landings(&self, random: &mut Random) -> Vec<Landed> {
        let mut landings = vec![Landed::None];
        let numbered = |(file, state): (usize, &FileState)| {
            (0..state.pending.len()).map(move |change| (file, change)).collect::<Vec<_>>()
        };
        let pending: Vec<_> = self.files.iter().enumerate().flat_map(numbered).collect();
        if pending.is_empty() {
            return landings;
        }
        landings.push(Landed::All);
        if pending.len() > 1 {
            landings.extend(pending.iter().copied().map(Landed::Only));
            landings.extend(pending.iter().copied().map(Landed::AllBut));
        }
        for torn in pending {
            for parts in tears(self.files[torn.0].pending[torn.1].len(), random) {
                let others = random.below(2) == 0;
                landings.push(Landed::Parts { torn, parts, others });
            }
        }
        landings
    }

    fn image(&self, landed: &Landed, names: &[usize]) -> Self {
        let mut image = Self { durable_names: self.durable_names.clone(), ..Self::default() };
        for &name in names {
            self.pending_names[name].apply(&mut image.durable_names);
        }
        let known = image.durable_names.clone();
        let reachable = |path: &Path| {
            let folder = folder_of(path);
            folder == Path::new("/") || known.contains_key(folder)
        };
        image.durable_names.retain(|path, _| reachable(path));
        image.names = image.durable_names.clone();
        for (number, file) in self.files.iter().enumerate() {
            let mut contents = file.durable.clone();
            for (place, change) in file.pending.iter().enumerate() {
                landed.land((number, place), change, &mut contents);
            }
            image.files.push(FileState {
                contents: contents.clone(),
                durable: contents,
                pending: Vec::new(),
            });
        }
        image
    }
}

/// Ways in which a write of this length can be torn.
fn tears(length: usize, random: &mut Random) -> Vec<Vec<(usize, usize)>> {
    let mut tears = Vec::new();
    let sectors = length.div_ceil(SECTOR);
    // Every sector of a page; of a longer write its first page, its end and a few between.
    let mut chosen: Vec<usize> = (1..sectors.min(9)).collect();
    if sectors > 9 {
        chosen.extend([1 + random.below(sectors - 1), sectors - 1]);
    }
    for sector in chosen {
        let at = sector * SECTOR;
        tears.push(vec![(0, at)]);
        tears.push(vec![(at, length)]);
        tears.push(vec![(at, at + SECTOR)]);
        tears.push(vec![(0, at - 1 - random.below(SECTOR - 1))]);
        let scattered = (0..sectors).filter(|_| random.below(2) == 0);
        tears.push(scattered.map(|sector| (sector * SECTOR, (sector + 1) * SECTOR)).collect());
    }
    tears
}
