//! The folder that a bench works in: refused if it holds something, removed at the end.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use handover::cli::exit::Failure;

/// Bytes of the blocks that `st_blocks` counts.
const BLOCK: u64 = 512;

/// A folder of the bench's own.
#[derive(Debug)]
pub(super) struct Workspace {
    path: PathBuf,
    /// It was not there before.
    made: bool,
    keep: bool,
}

impl Workspace {
    /// Takes an empty folder, or makes one.
    pub(super) fn take(path: &Path, keep: bool) -> Result<Self, Failure> {
        let named = |error: io::Error| {
            Failure::from(error).during(&format!("the folder {}", path.display()))
        };
        let made = !path.exists();
        fs::create_dir_all(path).map_err(named)?;
        let path = path.canonicalize().map_err(named)?;
        if fs::read_dir(&path).map_err(named)?.next().is_some() {
            return Err(Failure::usage(format!(
                "--dir: {} is not empty; give a folder that is empty or not there",
                path.display()
            )));
        }
        Ok(Self { path, made, keep })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a part of it, unless all is to be kept.
    pub(super) async fn remove(&self, part: PathBuf) -> Result<(), Failure> {
        if self.keep {
            return Ok(());
        }
        let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(part)).await;
        Ok(removed.unwrap_or_else(|error| Err(io::Error::other(error)))?)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // What cannot be removed now stays: a drop has no way to report it.
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        if self.made {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Bytes that a folder occupies on the disk: blocks, whatever the files' lengths are.
pub(super) fn disk_bytes(path: &Path) -> io::Result<u64> {
    let metadata = match fs::symlink_metadata(path) {
        // The server removes files while they are counted.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        metadata => metadata?,
    };
    let mut bytes = metadata.blocks() * BLOCK;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            bytes += disk_bytes(&entry?.path())?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_made_goes_and_one_that_was_there_is_emptied() {
        let dir = tempfile::tempdir().unwrap();
        let (made, there) = (dir.path().join("made"), dir.path().join("there"));
        fs::create_dir(&there).unwrap();
        for path in [&made, &there] {
            let workspace = Workspace::take(path, false).unwrap();
            fs::create_dir(workspace.path().join("data")).unwrap();
            fs::write(workspace.path().join("data/file"), "x").unwrap();
        }
        assert!(!made.exists());
        assert_eq!(fs::read_dir(&there).unwrap().count(), 0);

        let workspace = Workspace::take(&made, true).unwrap();
        drop(workspace);
        assert!(made.exists(), "it was to be kept");
    }

    #[test]
    fn a_folder_that_holds_something_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "x").unwrap();
        let failure = Workspace::take(dir.path(), false).unwrap_err();
        assert!(failure.message.contains("is not empty"), "{failure}");
        assert!(dir.path().join("mine").exists());
    }

    #[test]
    fn what_a_folder_occupies_is_counted_in_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let empty = disk_bytes(dir.path()).unwrap();
        fs::write(dir.path().join("file"), vec![1; 100_000]).unwrap();
        let sparse = fs::File::create(dir.path().join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        let more = disk_bytes(dir.path()).unwrap() - empty;
        assert!((100_000..200_000).contains(&more), "{more}");
    }
}
