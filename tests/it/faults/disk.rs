//! The model of a disk: what is on it for certain, what may be, and what readers see.
//!
//! The rules are the strict ones: what was written is durable after a sync of the file, a name
//! after a sync of its folder, and `sync_file_range` makes nothing durable. Until then any part
//! may have landed, in any order, a write in sectors of 512 bytes. After a sync that failed, what
//! it should have written stays readable and never lands.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
    sync::Arc,
};

use rand::{Rng, rngs::StdRng};

use super::steps::Step;

const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// Names below the root; a folder is a name without a file.
type Names = BTreeMap<String, Option<usize>>;

/// A disk and the page cache before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    names: Names,
    durable_names: Names,
    pending_names: Vec<Name>,
    files: Vec<File>,
    inodes: HashMap<u64, usize>,
}

#[derive(Clone, Debug, Default)]
struct File {
    /// What readers see.
    contents: Arc<Vec<u8>>,
    /// What certainly survives.
    durable: Arc<Vec<u8>>,
    /// What may survive, in part.
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Arc<[u8]>),
    Length(usize),
    AtLeast(usize),
}

#[derive(Clone, Debug)]
enum Name {
    Create(String, Option<usize>),
    Rename(String, String),
    Remove(String),
}

/// What of the pending changes lands when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    /// Nothing.
    None,
    /// All of it.
    All,
    /// All but one, which is drawn.
    AllButOne,
    /// One, which is drawn.
    One,
    /// Each with even chances, and of some writes only some sectors.
    Some,
}

impl Landed {
    /// Which of so many land.
    fn draw(self, count: usize, chance: &mut StdRng) -> Vec<bool> {
        let one = if count == 0 { 0 } else { chance.random_range(0..count) };
        let lands = |number| match self {
            Self::None => false,
            Self::All => true,
            Self::AllButOne => number != one,
            Self::One => number == one,
            Self::Some => chance.random(),
        };
        (0..count).map(lands).collect()
    }
}

/// A disk after the power has failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// Contents by path, shared with other images; a folder has none.
    entries: BTreeMap<String, Option<Arc<Vec<u8>>>>,
}

/// Checksums of contents that are shared, by where they are; holding them keeps them there.
#[derive(Debug, Default)]
pub(super) struct Digests(HashMap<*const Vec<u8>, (u32, Arc<Vec<u8>>)>);

impl Digests {
    fn of(&mut self, contents: &Arc<Vec<u8>>) -> u32 {
        let make = || (crc32c::crc32c(contents), Arc::clone(contents));
        self.0.entry(Arc::as_ptr(contents)).or_insert_with(make).0
    }
}

impl Disk {
    /// A disk on which all that is below `root` is durable.
    pub(super) fn of(root: &Path) -> Self {
        let mut disk = Self::default();
        for (path, contents) in Image::of(root).entries {
            let inode = fs::metadata(root.join(&path)).expect("it is there").ino();
            let file = contents.map(|contents| disk.add(inode, contents));
            disk.names.insert(path, file);
        }
        disk.durable_names = disk.names.clone();
        disk
    }

    /// Goes on below another `root`, where the same names stand for copies of the files.
    pub(super) fn adopt(&mut self, root: &Path) {
        let files = self.names.iter().filter_map(|(path, file)| Some((path, (*file)?)));
        let inode = |path| fs::metadata(root.join(path)).expect("it was copied").ino();
        self.inodes = files.map(|(path, file)| (inode(path), file)).collect();
    }

    fn add(&mut self, inode: u64, contents: Arc<Vec<u8>>) -> usize {
        self.inodes.insert(inode, self.files.len());
        self.files.push(File { durable: contents.clone(), contents, pending: Vec::new() });
        self.files.len() - 1
    }

    /// Takes a step.
    pub(super) fn apply(&mut self, step: &Step) {
        let path = || step.path.clone();
        match step.call.as_str() {
            "fsync" | "fdatasync" => self.sync(step),
            _ if step.failed => {}
            "write" | "pwrite" => self.change(step, Change::Write(step.offset, step.bytes.clone())),
            "truncate" => self.change(step, Change::Length(step.length)),
            "allocate" => self.change(step, Change::AtLeast(step.length)),
            "create" => {
                let file = self.add(step.inode, Arc::default());
                self.name(Name::Create(path(), Some(file)));
            }
            "mkdir" => self.name(Name::Create(path(), None)),
            "rename" => self.name(Name::Rename(path(), step.second.clone())),
            "unlink" | "rmdir" => self.name(Name::Remove(path())),
            "sync_file_range" | "struck" => {}
            other => panic!("the record holds a step that nobody knows: {other}"),
        }
    }

    fn change(&mut self, step: &Step, change: Change) {
        let file = self.inodes[&step.inode];
        change.apply(Arc::make_mut(&mut self.files[file].contents));
        self.files[file].pending.push(change);
    }

    fn name(&mut self, name: Name) {
        name.apply(&mut self.names);
        self.pending_names.push(name);
    }

    fn sync(&mut self, step: &Step) {
        let folder = step.path == "." || self.names.get(&step.path) == Some(&None);
        if folder && step.failed {
            return;
        }
        if folder {
            let pending = std::mem::take(&mut self.pending_names);
            let (durable, pending) =
                pending.into_iter().partition(|name: &Name| folder_of(name.path()) == step.path);
            self.pending_names = pending;
            let durable: Vec<Name> = durable;
            for name in &durable {
                name.apply(&mut self.durable_names);
            }
            return;
        }
        let file = &mut self.files[self.inodes[&step.inode]];
        for change in file.pending.drain(..).filter(|_| !step.failed) {
            change.apply(Arc::make_mut(&mut file.durable));
        }
    }

    /// What a process sees that is started while the power is on.
    pub(super) fn visible(&self) -> Image {
        show(&self.names, |file| self.files[file].contents.clone())
    }

    /// What may be there after the power has failed now.
    pub(super) fn image(&self, contents: Landed, names: Landed, chance: &mut StdRng) -> Image {
        let mut landed = self.durable_names.clone();
        let drawn = names.draw(self.pending_names.len(), chance);
        for (name, _) in self.pending_names.iter().zip(drawn).filter(|(_, lands)| *lands) {
            name.apply(&mut landed);
        }
        let known = landed.clone();
        landed.retain(|path, _| folders_of(path).all(|folder| known.get(folder) == Some(&None)));
        let count = self.files.iter().map(|file| file.pending.len()).sum();
        let mut drawn = contents.draw(count, chance).into_iter();
        let mut survivors = Vec::new();
        for file in &self.files {
            let mut survivor = None;
            for change in file.pending.iter().filter(|_| drawn.next() == Some(true)) {
                let torn = contents == Landed::Some && chance.random_range(0..4) == 0;
                let into = survivor.get_or_insert_with(|| Arc::clone(&file.durable));
                let into = Arc::make_mut(into);
                if torn { change.tear(into, chance) } else { change.apply(into) }
            }
            survivors.push(survivor);
        }
        show(&landed, |file| {
            survivors[file].clone().unwrap_or_else(|| self.files[file].durable.clone())
        })
    }
}

/// An image of these names and contents.
fn show(names: &Names, contents: impl Fn(usize) -> Arc<Vec<u8>>) -> Image {
    let show = |(path, file): (&String, &Option<usize>)| (path.clone(), file.map(&contents));
    Image { entries: names.iter().map(show).collect() }
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => land(contents, *offset, bytes),
            Self::Length(length) => contents.resize(*length, 0),
            Self::AtLeast(length) => contents.resize(contents.len().max(*length), 0),
        }
    }

    /// Only some sectors of a write land.
    fn tear(&self, contents: &mut Vec<u8>, chance: &mut StdRng) {
        let Self::Write(offset, bytes) = self else {
            return self.apply(contents);
        };
        for (sector, part) in bytes.chunks(SECTOR).enumerate() {
            if chance.random() {
                land(contents, offset + sector * SECTOR, part);
            }
        }
    }
}

impl Name {
    fn path(&self) -> &str {
        match self {
            Self::Create(path, _) | Self::Rename(_, path) | Self::Remove(path) => path,
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Self::Create(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to) => {
                let moved: Vec<String> =
                    names.keys().filter(|path| is_in(path, from)).cloned().collect();
                for path in moved {
                    let file = names.remove(&path).expect("it was listed");
                    names.insert(format!("{to}{}", &path[from.len()..]), file);
                }
            }
        }
    }
}

impl Image {
    /// What is below `root` now.
    pub(super) fn of(root: &Path) -> Self {
        let mut entries = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder can be listed") {
                let path = entry.expect("an entry").path();
                let name = path.strip_prefix(root).expect("it is below").display().to_string();
                let contents =
                    path.is_file().then(|| Arc::new(fs::read(&path).expect("a file can be read")));
                if contents.is_none() {
                    folders.push(path);
                }
                entries.insert(name, contents);
            }
        }
        Self { entries }
    }

    /// Puts it below `root`, which is empty.
    pub(super) fn write(&self, root: &Path) {
        for (path, contents) in &self.entries {
            let path = root.join(path);
            let Some(contents) = contents else {
                fs::create_dir(path).expect("a folder can be made");
                continue;
            };
            let file = fs::File::create(&path).expect("a file can be made");
            if path.ends_with("data/LOCK") {
                let contents = same_file(contents, &file);
                file.write_all_at(&contents, 0).expect("it can be written");
                continue;
            }
            file.set_len(contents.len() as u64).expect("it can be extended");
            for (page, bytes) in contents.chunks(PAGE).enumerate() {
                if bytes.iter().any(|byte| *byte != 0) {
                    file.write_all_at(bytes, (page * PAGE) as u64).expect("it can be written");
                }
            }
        }
    }

    /// A number by which equal images are known; `known` saves work among images that share files.
    pub(super) fn digest(&self, known: &mut Digests) -> u64 {
        let of = |(path, contents): (&String, &Option<Arc<Vec<u8>>>)| {
            let contents = contents.as_ref().map_or(1, |contents| known.of(contents));
            u64::from(crc32c::crc32c(path.as_bytes())) << 32 | u64::from(contents)
        };
        self.entries.iter().map(of).fold(0, |all, one| (all ^ one).wrapping_mul(0x100_0000_01B3))
    }

    /// Every file with its contents, by path.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.entries.iter();
        files.filter_map(|(path, contents)| Some((path.as_str(), contents.as_ref()?.as_slice())))
    }

    /// Fails unless all of it is still below `root`. The holder of the lock may have changed, and
    /// sled may have tried to mend the volume that it opened.
    pub(super) fn assert_unchanged(&self, root: &Path, opened: &str) {
        let opened = format!("data/volumes/{opened}/");
        let mut different = self.differences(&Self::of(root));
        different.retain(|path| !path.ends_with("/LOCK") && !path.starts_with(&opened));
        assert_eq!(different, Vec::<String>::new(), "a refusal changes nothing");
    }

    /// Paths at which two images differ.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths: Vec<_> = self.entries.keys().chain(other.entries.keys()).collect();
        paths.sort();
        paths.dedup();
        let differs = |path: &&String| self.entries.get(*path) != other.entries.get(*path);
        paths.into_iter().filter(differs).cloned().collect()
    }
}

/// The lock as it is on the same disk after a crash: it has its own number, and is no copy.
fn same_file(contents: &[u8], file: &fs::File) -> Vec<u8> {
    let number = file.metadata().expect("a number").ino();
    let text = String::from_utf8_lossy(contents);
    match text.split_once("\ninode ") {
        Some((before, _)) => format!("{before}\ninode {number}\n").into_bytes(),
        None => contents.to_vec(),
    }
}

fn land(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// The folders above a path, but not the root.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Whether a path is that of `folder` or lies below it.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
