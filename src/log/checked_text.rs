//! Small text files with a checksum as their last line, replaced atomically.
//!
//! ```text
//! text, any number of lines
//! crc32c 1a2b3c4d
//! ```

use std::{io, path::Path};

use crate::log::{
    error::LogError,
    files::{Files, write_atomically},
};

const LABEL: &str = "crc32c ";

/// Replaces the file at `path`.
pub(super) fn write(files: &dyn Files, path: &Path, text: &str) -> Result<(), LogError> {
    let crc = crc32c::crc32c(text.as_bytes());
    let whole = format!("{text}{LABEL}{crc:08x}\n");
    write_atomically(files, path, whole.as_bytes())
        .map_err(|error| LogError::io("write", path, error))
}

/// The text of the file at `path`; `None` if there is no file.
pub(super) fn read(files: &dyn Files, path: &Path) -> Result<Option<String>, LogError> {
    let read = || -> io::Result<Vec<u8>> {
        let file = files.open(path, false)?;
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    let bytes = match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::io("read", path, error)),
        Ok(bytes) => bytes,
    };
    let text = check(bytes).ok_or_else(|| LogError::damaged(path, "its checksum is wrong"))?;
    Ok(Some(text))
}

fn check(bytes: Vec<u8>) -> Option<String> {
    let mut text = String::from_utf8(bytes).ok()?;
    let start = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let crc = text.get(start..)?.trim_end_matches('\n').strip_prefix(LABEL)?.to_owned();
    text.truncate(start);
    (crc == format!("{:08x}", crc32c::crc32c(text.as_bytes()))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::files::RealFiles;

    #[test]
    fn any_flipped_bit_or_cut_of_a_text_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text");
        assert_eq!(read(&RealFiles, &path).unwrap(), None);
        write(&RealFiles, &path, "one\ntwo\n").unwrap();
        assert_eq!(read(&RealFiles, &path).unwrap().unwrap(), "one\ntwo\n");
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, flipped).unwrap();
            assert!(matches!(read(&RealFiles, &path), Err(LogError::Damaged { .. })), "{bit}");
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read(&RealFiles, &path), Err(LogError::Damaged { .. })), "{length}");
        }
    }
}
