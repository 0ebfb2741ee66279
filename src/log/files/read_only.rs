//! Files that can only be read: what works through them changes nothing, whatever it does.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{FileHandle, Files, Kind, RealFiles, RealHandle};

/// The operating system's files, opened for reading. Everything else is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnlyFiles;

impl Files for ReadOnlyFiles {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn FileHandle>> {
        if create {
            return refused();
        }
        let file: File = OpenOptions::new().read(true).open(path)?;
        Ok(Arc::new(RealHandle(file)))
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn kind(&self, path: &Path) -> io::Result<Kind> {
        RealFiles.kind(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        RealFiles.length(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealFiles.list(dir)
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove_dir_all(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealFiles.free_bytes(dir)
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "it was opened to be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_changed_or_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("file"), dir.path().join("other"));
        std::fs::write(&path, "kept").unwrap();
        ReadOnlyFiles.open(&other, true).unwrap_err();
        let file = ReadOnlyFiles.open(&path, false).unwrap();
        file.write_all_at(b"lost", 0).unwrap_err();
        file.set_len(0).unwrap_err();
        ReadOnlyFiles.rename(&path, &other).unwrap_err();
        ReadOnlyFiles.remove(&path).unwrap_err();
        ReadOnlyFiles.create_dir(&other).unwrap_err();
        ReadOnlyFiles.remove_dir_all(dir.path()).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
        assert_eq!(ReadOnlyFiles.list(dir.path()).unwrap(), [path]);
    }
}
