//! What has become of the lines that have an id, which later lines may name as their claim.

use std::collections::HashSet;

use super::kept::{self, Kept, Key};
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
    Recorded { position: Position, stream: StreamName, undone: Option<Gone> },
    /// It is in order, and a dry run did not find it in the record.
    NotRecorded,
    /// It is no event.
    Refused,
}

/// An event that has no effect any more.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Gone {
    /// Its content, which tells its other recordings.
    pub(super) content: Key,
    /// What retracted it; 0: its effect was taken away otherwise.
    pub(super) retracted: Position,
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
            Fate::Recorded { position, stream, undone } => {
                let Gone { content, retracted } = undone.unwrap_or_default();
                let (retracted, stream) = (retracted.to_le_bytes(), stream.as_str().as_bytes());
                [&position.to_le_bytes()[..], &content, &retracted, stream].concat()
            }
            Fate::NotRecorded => vec![0],
            Fate::Refused => Vec::new(),
        };
        self.pending.remove(&id);
        self.settled.set(kept::key(&id), bytes)
    }
}

fn decoded(bytes: &[u8]) -> Result<Fate, Failure> {
    let Some((position, rest)) = bytes.split_first_chunk() else {
        return Ok(if bytes.is_empty() { Fate::Refused } else { Fate::NotRecorded });
    };
    let (content, rest) = rest.split_first_chunk().unwrap_or((&[0; 16], rest));
    let (retracted, stream) = rest.split_first_chunk().unwrap_or((&[0; 8], rest));
    let stream = str::from_utf8(stream).ok().and_then(|stream| StreamName::parse(stream).ok());
    let damaged = || Failure::new(Exit::Failed, "the import's temporary file was changed");
    let stream = stream.ok_or_else(damaged)?;
    let gone = Gone { content: *content, retracted: u64::from_le_bytes(*retracted) };
    let undone = (gone != Gone::default()).then_some(gone);
    Ok(Fate::Recorded { position: u64::from_le_bytes(*position), stream, undone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_the_last_one_that_was_noted() {
        let mut fates = Fates::default();
        let stream = StreamName::parse("demo/1").unwrap();
        let recorded = |undone| Fate::Recorded { position: 7, stream: stream.clone(), undone };
        let recorded = [recorded(None), recorded(Some(Gone { content: [3; 16], retracted: 5 }))];
        let others = [Fate::Pending, Fate::NotRecorded, Fate::Refused];
        for fate in recorded.into_iter().chain(others) {
            assert_eq!(fates.get("b"), Ok(None));
            fates.set("a".to_owned(), &fate).unwrap();
            assert_eq!(fates.get("a"), Ok(Some(fate)));
        }
        fates.set("a".to_owned(), &Fate::Pending).unwrap();
        fates.set("a".to_owned(), &Fate::Refused).unwrap();
        assert!(fates.pending.is_empty());
    }
}
