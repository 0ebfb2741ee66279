//! Pieces: their names, their digests, and reads that compare both.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
};

use sha2::{Digest as _, Sha256};

use super::{error::BackupError, target::Target};

/// Bytes of one read.
pub(super) const READ: usize = 1 << 20;

/// A piece as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Piece {
    /// Its name in the target.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// Writes on, and keeps account of what it wrote.
pub(super) struct Tallying<W> {
    to: W,
    hash: Sha256,
    length: u64,
    crc: u32,
}

impl<W: Write> Tallying<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, hash: Sha256::new(), length: 0, crc: 0 }
    }

    /// CRC-32C of what it wrote.
    pub(super) fn crc(&self) -> u32 {
        self.crc
    }

    /// Bytes that it wrote.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What it wrote, as a piece of this name.
    pub(super) fn finish(self, name: &str) -> Piece {
        Piece { name: name.to_owned(), length: self.length, sha256: hex(&self.hash.finalize()) }
    }
}

impl<W: Write> Write for Tallying<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write_all(bytes)?;
        self.hash.update(bytes);
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a piece to its end into `to`, and says what is wrong if it is not the one that is listed.
pub(super) fn read(
    target: &dyn Target,
    piece: &Piece,
    to: &mut dyn Write,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Result<(), BackupError>, io::Error> {
    let mut from = match target.get(&piece.name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err(BackupError::piece(&target, &piece.name, "is missing")));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Ok(Err(BackupError::piece(&target, &piece.name, error.to_string())));
        }
        Err(error) => return Ok(Err(BackupError::target(&target, "open", &piece.name, error))),
        Ok(from) => from,
    };
    let mut tally = Tallying::new(to);
    let mut buffer = vec![0; READ];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(BackupError::target(&target, "read", &piece.name, error))),
        };
        tally.write_all(buffer.get(..read).unwrap_or_default())?;
        on_bytes(read as u64);
    }
    Ok(compare(target, piece, &tally.finish(&piece.name)))
}

/// Compares a piece with the one that is listed under its name.
fn compare(target: &dyn Target, listed: &Piece, found: &Piece) -> Result<(), BackupError> {
    check_length(target, listed, found.length)?;
    if found.sha256 != listed.sha256 && !planted!("piece-unchecked") {
        let what = "has other bytes than were put there".to_owned();
        return Err(BackupError::piece(&target, &listed.name, what));
    }
    Ok(())
}

/// Compares the length of a piece with the one that is listed.
pub(super) fn check_length(
    target: &dyn Target,
    listed: &Piece,
    length: u64,
) -> Result<(), BackupError> {
    if length != listed.length {
        let what = format!("has {length} bytes where {} were put", listed.length);
        return Err(BackupError::piece(&target, &listed.name, what));
    }
    Ok(())
}

/// Reads a piece through and compares it with the one that is listed.
pub(super) fn check(
    target: &dyn Target,
    piece: &Piece,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<(), BackupError> {
    read(target, piece, &mut io::sink(), on_bytes)
        .unwrap_or_else(|error| Err(BackupError::target(&target, "read", &piece.name, error)))
}

/// The bytes of a small piece, compared with the one that is listed.
pub(super) fn bytes(target: &dyn Target, piece: &Piece) -> Result<Vec<u8>, BackupError> {
    let mut bytes = Vec::new();
    read(target, piece, &mut bytes, &mut |_| {})
        .unwrap_or_else(|error| Err(BackupError::target(&target, "read", &piece.name, error)))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::log::{
        backup::target::DirectoryTarget,
        files::{Files, folder_of},
        recorder::RecordingFiles,
    };

    #[test]
    fn any_flipped_bit_cut_or_addition_of_a_piece_is_found_and_names_it() {
        let files = Arc::new(RecordingFiles::default());
        let dir = Path::new("/target");
        files.create_dir(folder_of(dir)).unwrap();
        let target = DirectoryTarget::on(files, dir);
        let whole: Vec<u8> = (0..40).collect();
        let put = |bytes: &[u8]| target.put("a/piece", &mut |to| to.write_all(bytes)).unwrap();
        let mut tally = Tallying::new(io::sink());
        tally.write_all(&whole).unwrap();
        let piece = tally.finish("a/piece");
        let found = |what: String| {
            let error = check(&target, &piece, &mut |_| {}).expect_err(&what);
            assert!(error.to_string().contains("a/piece"), "{error}");
        };
        found("it is not there".to_owned());
        put(&whole);
        check(&target, &piece, &mut |_| {}).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            put(&flipped);
            found(format!("bit {bit} is another"));
        }
        for length in 0..whole.len() {
            put(&whole[..length]);
            found(format!("it has {length} bytes"));
        }
        put(&[&whole[..], &[0]].concat());
        found("it has one byte more".to_owned());
    }
}
