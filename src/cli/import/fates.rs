//! What has become of the lines that have an id, which later lines may name as their claim.

use std::collections::HashSet;

use super::kept::{self, Kept};
use crate::{
    cli::exit::{Exit, Failure},
    domain::{event::Position, name::StreamName},
};

/// What has become of a line that has an id.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// Its answer is awaited.
    Pending,
    /// It is the event at this position.
    Recorded { position: Position, stream: StreamName },
    /// It is no event.
    Refused,
}

/// The fates of lines by their ids.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// At most as many as are under way at once.
    pending: HashSet<String>,
    settled: Kept,
}

impl Fates {
    /// The fate of the line with this id, if there is one.
    pub(super) fn get(&self, id: &str) -> Result<Option<Fate>, Failure> {
        if self.pending.contains(id) {
            return Ok(Some(Fate::Pending));
        }
        self.settled.get(&kept::key(id))?.map(|bytes| decoded(&bytes)).transpose()
    }

    /// Notes the fate of the line with this id.
    pub(super) fn set(&mut self, id: String, fate: &Fate) -> Result<(), Failure> {
        let bytes = match fate {
            Fate::Pending => {
                self.pending.insert(id);
                return Ok(());
            }
            Fate::Recorded { position, stream } => {
                [&position.to_le_bytes()[..], stream.as_str().as_bytes()].concat()
            }
            Fate::Refused => Vec::new(),
        };
        self.pending.remove(&id);
        self.settled.set(kept::key(&id), bytes)
    }
}

fn decoded(bytes: &[u8]) -> Result<Fate, Failure> {
    let Some((position, stream)) = bytes.split_first_chunk() else {
        return Ok(Fate::Refused);
    };
    let stream = str::from_utf8(stream).ok().and_then(|stream| StreamName::parse(stream).ok());
    let damaged = || Failure::new(Exit::Failed, "the import's temporary file was changed");
    let stream = stream.ok_or_else(damaged)?;
    Ok(Fate::Recorded { position: u64::from_le_bytes(*position), stream })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_the_last_one_that_was_noted() {
        let mut fates = Fates::default();
        let stream = StreamName::parse("demo/1").unwrap();
        let recorded = Fate::Recorded { position: 7, stream };
        for fate in [Fate::Pending, recorded, Fate::Refused] {
            assert_eq!(fates.get("b"), Ok(None));
            fates.set("a".to_owned(), &fate).unwrap();
            assert_eq!(fates.get("a"), Ok(Some(fate)));
        }
        assert!(fates.pending.is_empty());
    }
}
