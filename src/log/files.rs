//! The file seam: everything that the log writes by itself goes through here, so that tests can
//! record every write and cut it anywhere. sled keeps its own files and is not behind it.

mod read_only;
mod resolved;

use std::{
    fmt,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::io::{Errno, ReadWriteFlags};

pub use self::{read_only::ReadOnlyFiles, resolved::resolved};

/// A file system, as far as the log needs one.
///
/// What is written is durable only after a sync of the file, and a name (created, renamed,
/// removed) only after a sync of its directory.
pub trait Files: Send + Sync + fmt::Debug {
    /// Opens a file for reading and writing; with `create`, makes an empty one if there is none.
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn FileHandle>>;

    /// Opens a file that is only read, which may be on a medium that cannot be written.
    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        self.open(path, false)
    }

    /// Makes one folder; its parent must exist. Fine if it exists already.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// What a name stands for; no link is followed.
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        match self.list(path) {
            Ok(_) => Ok(Kind::Folder),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(Kind::File),
            Err(error) => Err(error),
        }
    }

    /// The length of a file, which may be one that cannot be opened. No link is followed.
    fn length(&self, path: &Path) -> io::Result<u64> {
        self.open_to_read(path)?.len()
    }

    /// What is in a folder: full paths, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;

    /// Gives a file or folder another name; a file of that name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and everything in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Bytes that may still be written to the file system that `dir` is on.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with bytes.
    File,
    /// A folder.
    Folder,
    /// A link to another name.
    Link,
    /// A pipe, a socket or a device: to open it may wait, or do something.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a link",
            Self::Other => "a pipe, a socket or a device",
        })
    }
}

/// An open file; may be used from several threads at once.
#[expect(clippy::len_without_is_empty, reason = "nobody asks whether a file is empty")]
pub trait FileHandle: Send + Sync + fmt::Debug {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Cuts the file off or extends it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Fills `buf` from `offset`; `UnexpectedEof` if the file ends before that.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// The same for tasks that must not wait: `WouldBlock` unless all of it is in memory. A file
    /// system that cannot tell always says so.
    fn read_cached_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `buf` at `offset`, extending the file if need be.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the contents durable, and the length if that is needed to read them.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes contents and attributes durable.
    fn sync_all(&self) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFiles;

impl Files for RealFiles {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn FileHandle>> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(create).truncate(false).open(path)?;
        Ok(Arc::new(RealHandle(file)))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn FileHandle>> {
        Ok(Arc::new(RealHandle(File::open(path)?)))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result,
        }
    }

    fn kind(&self, path: &Path) -> io::Result<Kind> {
        let found = std::fs::symlink_metadata(path)?.file_type();
        Ok(match () {
            () if found.is_file() => Kind::File,
            () if found.is_dir() => Kind::Folder,
            () if found.is_symlink() => Kind::Link,
            () => Kind::Other,
        })
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(std::fs::symlink_metadata(path)?.len())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(dir)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

#[derive(Debug)]
struct RealHandle(File);

impl FileHandle for RealHandle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn read_cached_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let length = buf.len();
        let mut into = [io::IoSliceMut::new(buf)];
        match rustix::io::preadv2(&self.0, &mut into, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) if read == length => Ok(()),
            // A short read: the rest is not in memory, or not in the file, which a read that
            // waits will tell.
            Ok(_) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// Puts `bytes` at `path` so that, whenever the power fails, either the old file or the whole new
/// one is found: a temporary file beside it (the name and `.new`), synced, renamed, and the folder
/// synced. A leftover of an earlier attempt is overwritten.
pub fn write_atomically(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let file = files.open(&temporary, true)?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)?;
    if !planted!("rename-before-sync") {
        file.sync_all()?;
    }
    files.rename(&temporary, path)?;
    files.sync_dir(folder_of(path))
}

/// The bytes of the file at `path`; absent: there is no such file.
pub fn read_whole(files: &dyn Files, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match files.open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}

/// The folder that a path lies in; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::recorder::{Random, RecordingFiles};

    fn text(files: &RecordingFiles, path: &Path) -> Vec<u8> {
        let file = files.open(path, false).unwrap();
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn wherever_it_is_cut_an_atomic_write_leaves_the_old_file_or_the_new() {
        let (dir, path) = (Path::new("/folder"), Path::new("/folder/note"));
        let (old, new) = (vec![b'o'; 700], vec![b'n'; 1500]);
        let files = RecordingFiles::default();
        files.create_dir(dir).unwrap();
        files.sync_dir(Path::new("/")).unwrap();
        write_atomically(&files, path, &old).unwrap();
        let mut disk = files.disk();
        let before = files.taken();
        write_atomically(&files, path, &new).unwrap();
        for step in &files.steps()[before..] {
            disk.apply(step);
            for (what, image) in disk.images(&mut Random(1)) {
                let found = text(&RecordingFiles::on(image), path);
                assert!(found == old || found == new, "after {step:?}, landed: {what}");
            }
        }
        assert_eq!(text(&RecordingFiles::on(disk.cut()), path), new);
    }

    #[test]
    fn a_file_written_atomically_replaces_the_old_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("note");
        for text in ["a long first version", "short"] {
            std::fs::write(dir.path().join("note.new"), "the leftover of a torn attempt").unwrap();
            write_atomically(&RealFiles, &path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(RealFiles.list(dir.path()).unwrap(), [path]);
    }

    #[test]
    fn a_cached_read_gives_the_bytes_or_says_that_it_would_block() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = RealFiles.open(&path, true).unwrap();
        file.write_all_at(&[7; 10_000], 0).unwrap();
        let mut bytes = [0; 100];
        // Whether the file system can tell depends on where the test runs.
        match file.read_cached_at(&mut bytes, 9_900) {
            Ok(()) => assert_eq!(bytes, [7; 100]),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
        }
        let beyond = file.read_cached_at(&mut bytes, 9_901).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::WouldBlock, "{beyond}");
        file.sync_all().unwrap();
        let real = File::open(&path).unwrap();
        rustix::fs::fadvise(&real, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        if let Err(error) = file.read_cached_at(&mut bytes, 0) {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        }
    }

    #[test]
    fn a_folder_may_exist_already_but_not_a_file_of_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder");
        RealFiles.create_dir(&path).unwrap();
        RealFiles.create_dir(&path).unwrap();
        RealFiles.open(&path.join("file"), true).unwrap();
        assert!(RealFiles.create_dir(&path.join("file")).is_err());
    }

    #[test]
    fn a_file_is_made_only_on_request_and_never_emptied() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(RealFiles.open(&path, false).unwrap_err().kind(), io::ErrorKind::NotFound);
        RealFiles.open(&path, true).unwrap().write_all_at(b"kept", 4).unwrap();
        let again = RealFiles.open(&path, true).unwrap();
        let mut bytes = [0; 8];
        again.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"\0\0\0\0kept");
        assert_eq!(
            again.read_exact_at(&mut bytes, 1).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
