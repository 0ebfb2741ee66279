//! Copies one piece from a source into a target.

use std::io::{self, Read, Write};

use super::{
    error::BackupError,
    pieces::{Piece, READ, Tallying},
    source::{Source, Wanted},
    target::Target,
};

/// What a copied piece must be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expected {
    /// Bytes; absent: as many as come.
    pub(super) length: Option<u64>,
    /// CRC-32C of the bytes; absent: any.
    pub(super) crc: Option<u32>,
}

/// Why a piece is not there after all.
enum Failed {
    /// The source could not be read.
    Source(BackupError),
    /// The source gave other bytes than its own manifest says.
    Other(String),
}

/// Copies what a source gives into a piece. `Err` inside: the source does not have it as expected.
pub(super) fn copy(
    (source, target): (&dyn Source, &dyn Target),
    wanted: &Wanted,
    name: &str,
    expected: Expected,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Result<Piece, String>, BackupError> {
    let mut from = source.open(wanted)?;
    let (mut made, mut failed) = (None, None);
    let put = target.put(name, &mut |to| {
        let mut tally = Tallying::new(to);
        match pass(&mut from, &mut tally, on_bytes)? {
            Err(error) => failed = Some(Failed::Source(error)),
            Ok(()) => match differs(&tally, expected) {
                Some(what) => failed = Some(Failed::Other(what)),
                None => made = Some(tally.finish(name)),
            },
        }
        // What is not as it should be never gets its name.
        if failed.is_some() { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    });
    match (failed, put, made) {
        (Some(Failed::Source(error)), ..) => Err(error),
        (Some(Failed::Other(what)), ..) => Ok(Err(what)),
        (None, Err(error), _) => Err(BackupError::target(&target, "write", name, error)),
        (None, Ok(()), Some(made)) => Ok(Ok(made)),
        (None, Ok(()), None) => Ok(Err("was not written".to_owned())),
    }
}

/// Passes bytes on to the end. The outer error is one of writing.
fn pass(
    from: &mut dyn Read,
    to: &mut dyn Write,
    on_bytes: &mut dyn FnMut(u64),
) -> io::Result<Result<(), BackupError>> {
    let mut buffer = vec![0; READ];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(Ok(())),
            Ok(read) => {
                to.write_all(buffer.get(..read).unwrap_or_default())?;
                on_bytes(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(BackupError::from_read(error))),
        }
    }
}

fn differs<W: Write>(tally: &Tallying<W>, expected: Expected) -> Option<String> {
    match expected {
        Expected { length: Some(length), .. } if tally.length() != length => {
            Some(format!("has {} bytes where it had {length}", tally.length()))
        }
        Expected { crc: Some(crc), .. } if tally.crc() != crc => {
            Some("has other bytes than it had".to_owned())
        }
        Expected { .. } => None,
    }
}
