//! A file system in memory that loses what was not synced.
//!
//! `lossy FOLDER` mounts it and says `mounted`. For each line `cut` on standard input the power
//! fails: it is unmounted, contents are as of the last sync of their file, names as of the last sync
//! of their folder, and it is mounted again. It ends with its standard input.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io::BufRead as _,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{
    FileAttr, FileType, Filesystem, MountOption, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
};
use libc::{EEXIST, EINVAL, ENOENT, ENOTEMPTY, EOPNOTSUPP};

const ROOT: u64 = 1;
const BLOCK: u32 = 4096;
/// Blocks that it says it has: 64 GiB.
const BLOCKS: u64 = 1 << 24;
/// The kernel keeps no attributes: they may change behind its back.
const TTL: Duration = Duration::ZERO;

#[derive(Debug, Default)]
struct Inode {
    folder: bool,
    contents: Vec<u8>,
    /// As of the last sync.
    durable: Vec<u8>,
}

/// Which file or folder has a name, by its folder.
type Names = BTreeMap<(u64, OsString), u64>;

#[derive(Debug, Default)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    names: Names,
    /// As of the last sync of each folder.
    durable: Names,
}

impl State {
    fn new() -> Self {
        let root = Inode { folder: true, ..Inode::default() };
        Self { inodes: [(ROOT, root)].into(), ..Self::default() }
    }

    /// The power fails.
    fn cut(&mut self) {
        self.names = self.durable.clone();
        for inode in self.inodes.values_mut() {
            inode.contents = inode.durable.clone();
        }
    }

    fn find(&self, parent: u64, name: &OsStr) -> Option<u64> {
        self.names.get(&(parent, name.to_owned())).copied()
    }

    fn children(names: &Names, parent: u64) -> impl Iterator<Item = (&OsString, u64)> {
        let from = (parent, OsString::new());
        let of = names.range(from..).take_while(move |((folder, _), _)| *folder == parent);
        of.map(|((_, name), inode)| (name, *inode))
    }

    fn attributes(&self, number: u64) -> Option<FileAttr> {
        let inode = self.inodes.get(&number)?;
        let size = inode.contents.len() as u64;
        let kind = if inode.folder { FileType::Directory } else { FileType::RegularFile };
        Some(FileAttr {
            ino: number,
            size,
            blocks: size.div_ceil(512),
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: if inode.folder { 0o755 } else { 0o644 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        })
    }

    fn make(&mut self, parent: u64, name: &OsStr, folder: bool) -> Result<FileAttr, i32> {
        if self.find(parent, name).is_some() {
            return Err(EEXIST);
        }
        let number = self.inodes.keys().last().map_or(ROOT, |last| last + 1);
        self.inodes.insert(number, Inode { folder, ..Inode::default() });
        self.names.insert((parent, name.to_owned()), number);
        self.attributes(number).ok_or(ENOENT)
    }

    fn remove(&mut self, parent: u64, name: &OsStr) -> Result<(), i32> {
        let number = self.find(parent, name).ok_or(ENOENT)?;
        if Self::children(&self.names, number).next().is_some() {
            return Err(ENOTEMPTY);
        }
        self.names.remove(&(parent, name.to_owned()));
        Ok(())
    }

    /// Makes the names in a folder durable.
    fn sync_names(&mut self, folder: u64) {
        self.durable.retain(|(parent, _), _| *parent != folder);
        let now: Vec<_> = Self::children(&self.names, folder)
            .map(|(name, number)| ((folder, name.clone()), number))
            .collect();
        self.durable.extend(now);
    }

    fn write(&mut self, number: u64, offset: i64, data: &[u8]) -> Result<(), i32> {
        let inode = self.inodes.get_mut(&number).ok_or(ENOENT)?;
        let offset = usize::try_from(offset).map_err(|_| EINVAL)?;
        let end = offset + data.len();
        if inode.contents.len() < end {
            inode.contents.resize(end, 0);
        }
        inode.contents[offset..end].copy_from_slice(data);
        Ok(())
    }
}

/// The file system, as often as it is mounted.
#[derive(Clone, Debug)]
struct Lossy(Arc<Mutex<State>>);

impl Lossy {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while the state is locked")
    }
}

fn entry(reply: ReplyEntry, found: Result<FileAttr, i32>) {
    match found {
        Ok(attributes) => reply.entry(&TTL, &attributes, 0),
        Err(error) => reply.error(error),
    }
}

fn done(reply: ReplyEmpty, result: Result<(), i32>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Lossy {
    fn lookup(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEntry) {
        let state = self.state();
        let found = state.find(parent, name).and_then(|number| state.attributes(number));
        entry(reply, found.ok_or(ENOENT));
    }

    fn getattr(&mut self, _: &Request<'_>, number: u64, _: Option<u64>, reply: ReplyAttr) {
        match self.state().attributes(number) {
            Some(attributes) => reply.attr(&TTL, &attributes),
            None => reply.error(ENOENT),
        }
    }

    fn setattr(
        &mut self,
        _: &Request<'_>,
        number: u64,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<u64>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<u32>,
        reply: ReplyAttr,
    ) {
        let mut state = self.state();
        if let (Some(size), Some(inode)) = (size, state.inodes.get_mut(&number)) {
            inode.contents.resize(size as usize, 0);
        }
        match state.attributes(number) {
            Some(attributes) => reply.attr(&TTL, &attributes),
            None => reply.error(ENOENT),
        }
    }

    fn mknod(
        &mut self,
        _: &Request<'_>,
        parent: u64,
        name: &OsStr,
        _: u32,
        _: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let made = self.state().make(parent, name, false);
        entry(reply, made);
    }

    fn mkdir(
        &mut self,
        _: &Request<'_>,
        parent: u64,
        name: &OsStr,
        _: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let made = self.state().make(parent, name, true);
        entry(reply, made);
    }

    fn unlink(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.state().remove(parent, name);
        done(reply, removed);
    }

    fn rmdir(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.state().remove(parent, name);
        done(reply, removed);
    }

    fn rename(
        &mut self,
        _: &Request<'_>,
        parent: u64,
        name: &OsStr,
        new_parent: u64,
        new_name: &OsStr,
        _: u32,
        reply: ReplyEmpty,
    ) {
        let mut state = self.state();
        let Some(number) = state.names.remove(&(parent, name.to_owned())) else {
            return reply.error(ENOENT);
        };
        state.names.insert((new_parent, new_name.to_owned()), number);
        reply.ok();
    }

    fn read(
        &mut self,
        _: &Request<'_>,
        number: u64,
        _: u64,
        offset: i64,
        size: u32,
        _: i32,
        _: Option<u64>,
        reply: ReplyData,
    ) {
        let state = self.state();
        let Some(inode) = state.inodes.get(&number) else { return reply.error(ENOENT) };
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(inode.contents.len());
        let end = (begin + size as usize).min(inode.contents.len());
        reply.data(&inode.contents[begin..end]);
    }

    fn write(
        &mut self,
        _: &Request<'_>,
        number: u64,
        _: u64,
        offset: i64,
        data: &[u8],
        _: u32,
        _: i32,
        _: Option<u64>,
        reply: ReplyWrite,
    ) {
        match self.state().write(number, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("a write is small")),
            Err(error) => reply.error(error),
        }
    }

    fn fallocate(
        &mut self,
        _: &Request<'_>,
        number: u64,
        _: u64,
        offset: i64,
        length: i64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(EOPNOTSUPP);
        }
        let written = self.state().write(number, offset + length, &[]);
        done(reply, written);
    }

    fn fsync(&mut self, _: &Request<'_>, number: u64, _: u64, _: bool, reply: ReplyEmpty) {
        if let Some(inode) = self.state().inodes.get_mut(&number) {
            inode.durable.clone_from(&inode.contents);
        }
        reply.ok();
    }

    fn fsyncdir(&mut self, _: &Request<'_>, number: u64, _: u64, _: bool, reply: ReplyEmpty) {
        self.state().sync_names(number);
        reply.ok();
    }

    fn readdir(
        &mut self,
        _: &Request<'_>,
        number: u64,
        _: u64,
        offset: i64,
        mut reply: ReplyDirectory,
    ) {
        let state = self.state();
        let own = [(OsString::from("."), number), (OsString::from(".."), ROOT)];
        let children = State::children(&state.names, number).map(|(name, at)| (name.clone(), at));
        let skip = usize::try_from(offset).unwrap_or(0);
        for (place, (name, number)) in own.into_iter().chain(children).enumerate().skip(skip) {
            let folder = state.inodes.get(&number).is_some_and(|inode| inode.folder);
            let kind = if folder { FileType::Directory } else { FileType::RegularFile };
            if reply.add(number, place as i64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&mut self, _: &Request<'_>, _: u64, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCK, 255, BLOCK);
    }
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).expect("usage: lossy FOLDER");
    let lossy = Lossy(Arc::new(Mutex::new(State::new())));
    let mut lines = std::io::stdin().lock().lines();
    loop {
        let options = [MountOption::FSName("lossy".to_owned())];
        let session = fuser::spawn_mount2(lossy.clone(), &folder, &options)?;
        println!("mounted");
        let line = lines.next().transpose()?;
        session.join();
        if line.as_deref() != Some("cut") {
            return Ok(());
        }
        lossy.state().cut();
    }
}
