//! What lies in the folder of a target: its pieces by their names, and nothing behind a link.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::lock::LOCK;
use crate::log::{
    backup::shape,
    files::{Files, Kind},
};

/// What may lie in a folder that is a file system of its own, and is no reason to refuse it.
pub(super) const IGNORED: &str = "lost+found";

/// A name below the folder, with slashes, its path, and what it stands for.
pub(super) type Found<'a> = dyn FnMut(&str, &Path, Kind) -> io::Result<()> + 'a;

/// Everything below a part of the folder (empty: all of it), but what is passed over. Only folders
/// of a target are looked into, and links are not followed.
pub(super) fn walk(
    files: &dyn Files,
    dir: &Path,
    part: &str,
    found: &mut Found<'_>,
) -> io::Result<()> {
    // All parts have to be folders, the last one too.
    let paths = match path_of(files, dir, &format!("{part}/")).and_then(|path| files.list(&path)) {
        // Also a part that is no folder: then nothing of a target is below it.
        Err(error) if is_nothing(&error) => return Ok(()),
        listed => listed?,
    };
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == IGNORED {
            continue;
        }
        let name = if part.is_empty() { name.into_owned() } else { format!("{part}/{name}") };
        match files.kind(&path) {
            Ok(Kind::Folder) if shape::is_folder(&name) => walk(files, dir, &name, found)?,
            Ok(Kind::Link) if shape::is_folder(&name) && planted!("target-follows-links") => {
                walk(files, dir, &name, found)?;
            }
            Ok(kind) => found(&name, &path, kind)?,
            // Gone meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotADirectory, NotFound};
    [InvalidData, NotADirectory, NotFound].contains(&error.kind())
}

/// The path of a name below the folder. `InvalidData`, as the end of a sentence about the name: it
/// leads through something else than folders.
pub(super) fn path_of(files: &dyn Files, dir: &Path, name: &str) -> io::Result<PathBuf> {
    let mut path = dir.to_owned();
    let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        path.push(plain(part)?);
        match files.kind(&path) {
            Ok(Kind::Folder) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(_) if planted!("target-follows-links") => {}
            Ok(kind) => return Err(invalid(format!("lies behind {kind}, {}", path.display()))),
            Err(error) => return Err(error),
        }
    }
    if !last.is_empty() {
        path.push(plain(last)?);
    }
    Ok(path)
}

/// The path of a piece, which need not be there. `InvalidData`: it is something else than a file.
pub(super) fn piece(files: &dyn Files, dir: &Path, name: &str) -> io::Result<PathBuf> {
    let path = path_of(files, dir, name)?;
    match files.kind(&path) {
        Ok(Kind::File) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        Ok(kind) => Err(invalid(format!("is {kind}, and no file"))),
        Err(error) => Err(error),
    }
}

/// A part of a name that leads to no other folder.
fn plain(part: &str) -> io::Result<&str> {
    match part {
        "." | ".." => Err(invalid("is no name of a piece".to_owned())),
        _ => Ok(part),
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Something in the folder that no backup has put there, and what to do.
pub(super) fn foreign(files: &dyn Files, dir: &Path) -> io::Result<Option<String>> {
    let mut foreign = None;
    walk(files, dir, "", &mut |name, _, kind| {
        let is_name = shape::is_piece(name) || shape::is_unfinished(name) || name == LOCK;
        if !(is_name && kind == Kind::File) {
            foreign.get_or_insert_with(|| (name.to_owned(), kind));
        }
        Ok(())
    })?;
    Ok(foreign.map(|(name, kind)| {
        format!("it has {name}, {kind} that no backup has put there; move that out of it")
    }))
}
