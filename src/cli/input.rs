//! The files that a command is given; `-` is standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::Path,
};

use crate::cli::exit::{Exit, Failure};

/// What some editors put before UTF-8.
pub(super) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What messages call the input.
pub(super) fn name(path: &Path) -> String {
    if is_standard(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Opens an input to be read.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if is_standard(path) {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    Ok(Box::new(BufReader::new(open_file(path)?)))
}

/// An input that can be read from the beginning again.
pub(super) trait ReadTwice: BufRead + Seek {}

impl<T: BufRead + Seek> ReadTwice for T {}

/// Opens an input to be read twice; what cannot be is kept in memory.
pub(super) fn open_to_read_twice(path: &Path) -> Result<Box<dyn ReadTwice>, Failure> {
    let mut kept = Vec::new();
    if is_standard(path) {
        io::stdin().read_to_end(&mut kept)?;
        return Ok(Box::new(Cursor::new(kept)));
    }
    let mut file = open_file(path)?;
    if file.metadata()?.is_file() {
        return Ok(Box::new(BufReader::new(file)));
    }
    file.read_to_end(&mut kept)?;
    Ok(Box::new(Cursor::new(kept)))
}

/// Opens a file. That it is missing, or a folder, is a mistake in the command line.
pub(super) fn open_file(path: &Path) -> Result<File, Failure> {
    // A folder can be opened; only reading it fails, when it is too late for a clean refusal.
    let opened = File::open(path).and_then(|file| {
        let folder = file.metadata()?.is_dir();
        if folder { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
    });
    opened.map_err(|error| {
        let wrong = [io::ErrorKind::NotFound, io::ErrorKind::IsADirectory].contains(&error.kind());
        let exit = if wrong { Exit::Usage } else { Exit::Failed };
        Failure::new(exit, format!("cannot open {}: {error}", path.display()))
    })
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_a_folder_is_a_wrong_command_line() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().join("none"), dir.path().to_owned()] {
            let failure = open_file(&path).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains(&path.display().to_string()), "{failure}");
        }
    }
}
