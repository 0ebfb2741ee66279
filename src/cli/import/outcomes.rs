//! What has become of the lines that have an id, which later lines may name as their claim.

use std::collections::HashSet;

use super::kept::{self, Kept, Key};
use crate::{
    cli::exit::{Exit, Failure},
    domain::{event::Position, name::StreamName},
};

/// What has become of a line that has an id.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LineOutcome {
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

/// The outcomes of lines by their ids.
#[derive(Debug, Default)]
pub(super) struct LineOutcomes {
    /// At most as many as are under way at once.
    pending: HashSet<String>,
    settled: Kept,
}

impl LineOutcomes {
    /// The outcome of the line with this id, if there is one.
    pub(super) fn get(&self, id: &str) -> Result<Option<LineOutcome>, Failure> {
        if self.pending.contains(id) {
            return Ok(Some(LineOutcome::Pending));
        }
        self.settled.get(&kept::key(id))?.map(|bytes| decoded(&bytes)).transpose()
    }

    /// Notes the outcome of the line with this id.
    pub(super) fn set(&mut self, id: String, outcome: &LineOutcome) -> Result<(), Failure> {
        let bytes = match outcome {
            LineOutcome::Pending => {
                self.pending.insert(id);
                return Ok(());
            }
            LineOutcome::Recorded { position, stream, undone } => {
                let Gone { content, retracted } = undone.unwrap_or_default();
                let (retracted, stream) = (retracted.to_le_bytes(), stream.as_str().as_bytes());
                [&position.to_le_bytes()[..], &content, &retracted, stream].concat()
            }
            LineOutcome::NotRecorded => vec![0],
            LineOutcome::Refused => Vec::new(),
        };
        self.pending.remove(&id);
        self.settled.set(kept::key(&id), bytes)
    }
}

fn decoded(bytes: &[u8]) -> Result<LineOutcome, Failure> {
    let Some((position, rest)) = bytes.split_first_chunk() else {
        return Ok(if bytes.is_empty() { LineOutcome::Refused } else { LineOutcome::NotRecorded });
    };
    let (content, rest) = rest.split_first_chunk().unwrap_or((&[0; 16], rest));
    let (retracted, stream) = rest.split_first_chunk().unwrap_or((&[0; 8], rest));
    let stream = str::from_utf8(stream).ok().and_then(|stream| StreamName::parse(stream).ok());
    let damaged = || Failure::new(Exit::Failed, "the import's temporary file was changed");
    let stream = stream.ok_or_else(damaged)?;
    let gone = Gone { content: *content, retracted: u64::from_le_bytes(*retracted) };
    let undone = (gone != Gone::default()).then_some(gone);
    Ok(LineOutcome::Recorded { position: u64::from_le_bytes(*position), stream, undone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_the_last_one_that_was_noted() {
        let mut outcomes = LineOutcomes::default();
        let stream = StreamName::parse("demo/1").unwrap();
        let recorded =
            |undone| LineOutcome::Recorded { position: 7, stream: stream.clone(), undone };
        let recorded = [recorded(None), recorded(Some(Gone { content: [3; 16], retracted: 5 }))];
        let others = [LineOutcome::Pending, LineOutcome::NotRecorded, LineOutcome::Refused];
        for outcome in recorded.into_iter().chain(others) {
            assert_eq!(outcomes.get("b"), Ok(None));
            outcomes.set("a".to_owned(), &outcome).unwrap();
            assert_eq!(outcomes.get("a"), Ok(Some(outcome)));
        }
        outcomes.set("a".to_owned(), &LineOutcome::Pending).unwrap();
        outcomes.set("a".to_owned(), &LineOutcome::Refused).unwrap();
        assert!(outcomes.pending.is_empty());
    }
}
