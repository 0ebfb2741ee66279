//! The files that a command is given; `-` is standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    path::Path,
};

use tempfile::SpooledTempFile;

use crate::cli::exit::{Exit, Failure};

/// Bytes of an input that are kept in memory to be read twice.
const MEMORY_BYTES: usize = 1 << 20;
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

/// Opens an input to be read twice; what cannot be is kept, in a temporary file if it is large.
pub(super) fn open_to_read_twice(path: &Path) -> Result<Box<dyn ReadTwice>, Failure> {
    if is_standard(path) {
        return Ok(Box::new(kept(io::stdin())?));
    }
    let file = open_file(path)?;
    if file.metadata()?.is_file() {
        return Ok(Box::new(BufReader::new(file)));
    }
    Ok(Box::new(kept(file)?))
}

fn kept(mut input: impl Read) -> io::Result<BufReader<SpooledTempFile>> {
    let mut kept = SpooledTempFile::new(MEMORY_BYTES);
    io::copy(&mut input, &mut kept)?;
    kept.rewind()?;
    Ok(BufReader::new(kept))
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
    fn what_is_kept_to_be_read_twice_is_in_memory_only_while_it_is_small() {
        for (bytes, in_a_file) in [(MEMORY_BYTES, false), (MEMORY_BYTES + 1, true)] {
            let mut kept = kept(io::repeat(b'x').take(bytes as u64)).unwrap();
            assert_eq!(kept.get_ref().is_rolled(), in_a_file);
            for _ in 0..2 {
                let mut read = Vec::new();
                kept.read_to_end(&mut read).unwrap();
                assert_eq!(read.len(), bytes);
                kept.rewind().unwrap();
            }
        }
    }

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
