//! Small text files with a checksum as their last line, replaced atomically.
//!
//! ```text
//! text, any number of lines
//! crc32c 1a2b3c4d
//! ```

use std::path::Path;

use crate::log::{
    error::LogError,
    files::{Files, read_whole, write_atomically},
};

const LABEL: &str = "crc32c ";

/// Replaces the file at `path`.
pub(super) fn write(files: &dyn Files, path: &Path, text: &str) -> Result<(), LogError> {
    write_atomically(files, path, sealed(text).as_bytes())
        .map_err(|error| LogError::io("write", path, error))
}

/// The text of the file at `path`; `None` if there is no file.
pub(super) fn read(files: &dyn Files, path: &Path) -> Result<Option<String>, LogError> {
    let bytes = read_whole(files, path).map_err(|error| LogError::io("read", path, error))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let text = unsealed(bytes).ok_or_else(|| LogError::damaged(path, "its checksum is wrong"))?;
    Ok(Some(text))
}

/// The text with its checksum.
pub(super) fn sealed(text: &str) -> String {
    let crc = crc32c::crc32c(text.as_bytes());
    format!("{text}{LABEL}{crc:08x}\n")
}

/// The text without its checksum; absent: it has not the right one.
pub(super) fn unsealed(bytes: Vec<u8>) -> Option<String> {
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
