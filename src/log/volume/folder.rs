//! A volume's folder as the file system shows it: what sled leaves there, made durable by us.
//!
//! Seen by experiment with sled 0.34.7: opening a freshly written database extends `db` and writes
//! a snapshot, and so may the second opening; from then on opening, reading and closing change no
//! byte of any file, and a snapshot that was removed comes back the same. So a volume is sealed
//! once an opening has left all files as they were, and from then on sled only ever works on a
//! copy: where it finds what it does not expect, it rolls back and writes zeros over the rest, and
//! says nothing.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Advice, fadvise};

use super::{VolumeError, database};

/// A file of a sealed volume as it must be found for ever.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileRecord {
    /// Its name in the volume's folder.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// CRC-32C of its bytes; absent for the database itself: its blocks carry their own.
    pub crc: Option<u32>,
}

const SNAPSHOT: &str = "snap.";
/// Where sled would put values too large for its log.
const BLOBS: &str = "blobs";

/// Makes an empty folder for a new volume, whatever was there before.
pub(super) fn make(dir: &Path) -> Result<(), VolumeError> {
    remove(dir)?;
    fs::create_dir(dir).map_err(|error| VolumeError::io(dir, "create its folder", error))
}

/// Removes a folder and all that is in it; fine if there is none.
pub(super) fn remove(dir: &Path) -> Result<(), VolumeError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(VolumeError::io(dir, "remove its folder", error))
        }
        _ => Ok(()),
    }
}

/// Makes every file, and every name of one, durable.
pub(super) fn sync(dir: &Path) -> Result<(), VolumeError> {
    let sync = || {
        for path in paths(dir)? {
            File::open(path)?.sync_all()?;
        }
        File::open(dir)?.sync_all()?;
        dir.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    };
    sync().map_err(|error: io::Error| VolumeError::io(dir, "sync its files", error))
}

/// Asks the operating system to forget what it has in memory of these files, so that they are
/// read back from the disk, and to begin with that at once. Only synced bytes can be forgotten.
pub(super) fn forget(dir: &Path) -> Result<(), VolumeError> {
    let forget = || {
        for path in paths(dir)?.iter().filter(|path| path.is_file()) {
            let file = File::open(path)?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
            fadvise(&file, 0, None, Advice::WillNeed)?;
        }
        Ok(())
    };
    forget().map_err(|error: io::Error| VolumeError::io(dir, "drop its cached pages", error))
}

/// Refuses a volume of which sled has put values into files of their own: those are never synced,
/// and a missing one is passed over in silence.
pub(super) fn check_no_blobs(dir: &Path) -> Result<(), VolumeError> {
    let blobs = fs::read_dir(dir.join(BLOBS)).map(|mut entries| entries.next().is_some());
    match blobs {
        Ok(true) => Err(VolumeError::damaged(dir, None, "blobs/ is not empty")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(VolumeError::io(dir, "list blobs/ of", error))
        }
        _ => Ok(()),
    }
}

/// Notes how the files are.
pub(super) fn record(dir: &Path) -> Result<Vec<FileRecord>, VolumeError> {
    let record = || {
        let mut records = Vec::new();
        for path in paths(dir)?.iter().filter(|path| path.is_file()) {
            records.push(describe(path)?);
        }
        Ok(records)
    };
    record().map_err(|error: io::Error| VolumeError::io(dir, "describe its files", error))
}

/// Checks that the files of a sealed volume are as they were noted: another length is damage. A
/// `db` that has become longer is let pass: it hides nothing, as every value has its checksum. So
/// is a snapshot: sled makes it again.
pub(super) fn check(dir: &Path, recorded: &[FileRecord]) -> Result<(), VolumeError> {
    for file in recorded.iter().filter(|file| !file.name.starts_with(SNAPSHOT)) {
        let found = describe(&dir.join(&file.name)).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return VolumeError::damaged(dir, None, format!("{} is missing", file.name));
            }
            VolumeError::unreadable(dir, None, error)
        })?;
        if found.length < file.length || found.length > file.length && file.crc.is_some() {
            let what =
                format!("{} has {} bytes where it had {}", file.name, found.length, file.length);
            return Err(VolumeError::damaged(dir, None, what));
        }
        if found.crc != file.crc {
            let what = format!("{} has other bytes than it had", file.name);
            return Err(VolumeError::damaged(dir, None, what));
        }
    }
    check_no_blobs(dir)
}

/// The snapshots that are there and not as they were noted, and what is wrong, as the end of a
/// sentence.
pub(super) fn changed_snapshots(dir: &Path, recorded: &[FileRecord]) -> Vec<(PathBuf, String)> {
    let snapshots = recorded.iter().filter(|file| file.name.starts_with(SNAPSHOT));
    let changed = |file: &FileRecord| {
        let path = dir.join(&file.name);
        match describe(&path) {
            Ok(found) if found == *file => None,
            Ok(_) => Some((path, "has other bytes than it had".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some((path, format!("cannot be read: {error}"))),
        }
    };
    snapshots.filter_map(changed).collect()
}

/// Copies a sealed volume to a folder where sled may do to it what it likes. What is not as it was
/// noted stays behind, as does what does not belong to it: sled refuses a volume with a torn
/// snapshot, but makes one that is not there, and its `conf`, again.
pub(super) fn copy(dir: &Path, recorded: &[FileRecord], to: &Path) -> Result<(), VolumeError> {
    make(to)?;
    let copy = || {
        fs::copy(dir.join(database::FILE), to.join(database::FILE))?;
        for file in recorded.iter().filter(|file| file.name != database::FILE) {
            let from = dir.join(&file.name);
            if describe(&from).is_ok_and(|found| found == *file) {
                fs::copy(from, to.join(&file.name))?;
            }
        }
        Ok(())
    };
    copy().map_err(|error| VolumeError::unreadable(dir, None, error))
}

fn describe(path: &Path) -> io::Result<FileRecord> {
    let name = name_of(path);
    let length = fs::metadata(path)?.len();
    let crc = if name == database::FILE { None } else { Some(crc32c::crc32c(&fs::read(path)?)) };
    Ok(FileRecord { name, length, crc })
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn paths(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}
