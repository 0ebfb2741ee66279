//! Volumes that are fetched into files: those that look into values read at any offset. One volume
//! at a time is kept, in the folder of the system for temporary files.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use super::prefix::Prefix;
use crate::log::backup::is_piece;

/// The pieces of one volume.
#[derive(Debug, Default)]
pub(super) struct Fetched(Option<Volume>);

#[derive(Debug)]
struct Volume {
    /// What the names of its pieces begin with, with a slash at the end.
    folder: String,
    dir: TempDir,
}

/// What the names of a volume's pieces begin with; absent: it is no file of a volume.
fn folder_of(name: &str) -> Option<&str> {
    let end = name.rfind('/')? + 1;
    let (folder, file) = name.split_at_checked(end)?;
    (is_piece(name) && folder.starts_with("volumes/") && file != "PIECES").then_some(folder)
}

impl Fetched {
    /// A file with the bytes of one piece; absent: it is of no volume. `NotFound`: there is none.
    pub(super) fn piece(&mut self, prefix: &Arc<Prefix>, name: &str) -> io::Result<Option<File>> {
        let Some(folder) = folder_of(name) else { return Ok(None) };
        let volume = self.volume(folder)?;
        File::open(volume.fetch(prefix, name)?).map(Some)
    }

    /// The path of a piece, beside the others of its volume.
    pub(super) fn beside_others(
        &mut self,
        prefix: &Arc<Prefix>,
        name: &str,
    ) -> io::Result<PathBuf> {
        let Some(folder) = folder_of(name) else {
            return Err(io::Error::other("it is no piece of a volume"));
        };
        let volume = self.volume(folder)?;
        for found in prefix.list(folder)?.iter().filter(|it| folder_of(&it.name).is_some()) {
            volume.fetch(prefix, &found.name)?;
        }
        Ok(volume.path(name))
    }

    /// Forgets the pieces of a volume, of which one becomes another.
    pub(super) fn forget(&mut self, name: &str) {
        if self.0.as_ref().is_some_and(|volume| folder_of(name) == Some(&volume.folder)) {
            self.0 = None;
        }
    }

    fn volume(&mut self, folder: &str) -> io::Result<&Volume> {
        if self.0.as_ref().is_none_or(|volume| volume.folder != folder) {
            // The other one goes first, so that there is room for this one.
            self.0 = None;
            let dir = tempfile::Builder::new().prefix("handover-fetched-").tempdir();
            let dir = dir.map_err(|error| in_folder(&std::env::temp_dir(), &error))?;
            let made = fs::create_dir_all(dir.path().join(folder));
            made.map_err(|error| in_folder(dir.path(), &error))?;
            self.0 = Some(Volume { folder: folder.to_owned(), dir });
        }
        self.0.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Volume {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Fetches a piece, unless it was fetched before.
    fn fetch(&self, prefix: &Arc<Prefix>, name: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        if path.exists() {
            return Ok(path);
        }
        let from = prefix.get(name)?;
        let part = path.with_extension("part");
        let mut file = File::create(&part).map_err(|error| in_folder(self.dir.path(), &error))?;
        from.pass(&mut |bytes| {
            let written = io::Write::write_all(&mut file, bytes);
            written.map_err(|error| in_folder(self.dir.path(), &error))
        })?;
        fs::rename(&part, &path).map_err(|error| in_folder(self.dir.path(), &error))?;
        Ok(path)
    }
}

/// The error of a folder of this machine, which is not that of the store.
fn in_folder(dir: &Path, error: &io::Error) -> io::Error {
    let what = format!(
        "it cannot be fetched into {}: {error}; TMPDIR names another folder, with room for the \
         largest volume",
        dir.display()
    );
    io::Error::other(what)
}
