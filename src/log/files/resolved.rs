//! Where a path leads, before anything is made of it.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use rustix::io::Errno;

/// The absolute path without links and `..`. Its last parts need not exist.
///
/// `InvalidInput` says why the path leads nowhere: it goes on behind a file, a link to nothing or a
/// loop of links, or goes back by `..` behind a folder that does not exist. Such a folder may be
/// made later, and the path would mean another place then than it does now.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut real = PathBuf::from("/");
    let mut is_missing = false;
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            Component::ParentDir if is_missing && !planted!("path-behind-nothing") => {
                return nowhere(format!(
                    "there is no {}, from which it goes back by `..`; name it without `..`",
                    real.display()
                ));
            }
            Component::ParentDir => {
                real.pop();
            }
            Component::Normal(name) => {
                real.push(name);
                is_missing = is_missing || !follow(&mut real)?;
            }
        }
    }
    Ok(real)
}

/// Replaces a path by where it leads; false: there is nothing.
fn follow(path: &mut PathBuf) -> io::Result<bool> {
    let error = match fs::canonicalize(&path) {
        Ok(found) => {
            *path = found;
            return Ok(true);
        }
        Err(error) => error,
    };
    let shown = path.display();
    if error.kind() == io::ErrorKind::NotFound {
        if fs::symlink_metadata(&path).is_ok() {
            return nowhere(format!("{shown} is a link to what does not exist; choose a folder"));
        }
        return Ok(false);
    }
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) => {
            nowhere(format!("{shown} is a link that leads to itself; choose a folder"))
        }
        Some(Errno::NOTDIR) => nowhere(format!("{shown} would lie in a file; choose a folder")),
        _ => Err(error),
    }
}

fn nowhere<T>(what: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_leads_to_one_place_whatever_is_made_later_or_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        fs::create_dir_all(home.join("a/b")).unwrap();
        fs::write(home.join("file"), "").unwrap();
        symlink(home.join("a/b"), home.join("link")).unwrap();
        symlink(home.join("gone"), home.join("dangling")).unwrap();
        symlink(home.join("loop"), home.join("loop")).unwrap();
        for (path, place) in [
            ("a/b", "a/b"),
            ("a/../a/./b/new/er", "a/b/new/er"),
            ("link", "a/b"),
            ("link/new", "a/b/new"),
            // Behind a link, `..` is above what it leads to.
            ("link/../c", "a/c"),
            ("new", "new"),
        ] {
            assert_eq!(resolved(&home.join(path)).unwrap(), home.join(place), "{path}");
        }
        for (path, why) in [
            ("missing/../a", "goes back by `..`"),
            ("a/missing/b/../../c", "goes back by `..`"),
            ("dangling", "a link to what does not exist"),
            ("dangling/new", "a link to what does not exist"),
            ("loop", "leads to itself"),
            ("file/new", "in a file"),
        ] {
            let error = resolved(&home.join(path)).expect_err(path);
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}: {error}");
            assert!(error.to_string().contains(why), "{path}: {error}");
        }
    }
}
